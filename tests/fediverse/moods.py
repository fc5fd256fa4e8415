"""How inboxes fail: by status, by silence, by nonsense, for a while or for good.

A mood says what a host answers to its nth POST instead of looking at it; `FINE` means that it looks
after all, as its family does. It knows no sender and expects nothing: what a sender should make of
it stands in the tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum

from .wire import Answer, Incoming, Raw, Reply


class Fine(Enum):
    """The mood has nothing against it."""

    FINE = "fine"


FINE = Fine.FINE
HOUR, DAY = 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Visit:
    """The `nth` POST to this inbox, from 1; `age` seconds after the first one to its host."""

    asked: Incoming
    nth: int
    age: float


Mood = Callable[[Visit], Answer | Fine]


def always(status: int, headers: Mapping[str, str] | None = None) -> Mood:
    """Never anything else."""
    return lambda visit: Reply(status, headers or {}, b"no")


def at_first(times: int, status: int, headers: Mapping[str, str] | None = None) -> Mood:
    """So often, then as it should be."""
    return lambda visit: Reply(status, headers or {}, b"no") if visit.nth <= times else FINE


def waits(header: Callable[[float], str], status: int = 429) -> Mood:
    """Once with a `Retry-After` that is made from the time."""
    return lambda visit: (
        Reply(status, {"Retry-After": header(visit.asked.at)}, b"slowly")
        if visit.nth == 1
        else FINE
    )


def twice_told(visit: Visit) -> Answer | Fine:
    """Two `Retry-After`, which say different things."""
    if visit.nth > 1:
        return FINE
    head = b"HTTP/1.1 429 Slow\r\nRetry-After: 60\r\nRetry-After: 7200\r\nContent-Length: 0\r\n\r\n"
    return Raw((head,), status=429)


def failing(seconds: float, status: int) -> Mood:
    """For so long after the first POST."""
    return lambda visit: Reply(status, {}, b"no") if visit.age < seconds else FINE


def away(seconds: float) -> Mood:
    """Connections are closed without an answer, for so long."""
    return lambda visit: None if visit.age < seconds else FINE


def gone(user: str) -> Mood:
    """One of the host's inboxes; the others are as they should be."""
    return lambda visit: Reply(410, {}, b"gone") if f"/{user}/" in visit.asked.target else FINE


def _babble(visit: Visit) -> Answer:
    return Raw((b"SSH-2.0-OpenSSH_9.6\r\n",), status=0)


def _half(visit: Visit) -> Answer:
    return Raw((b"HTTP/1.1 202 Accep",), status=0)


def _endless(visit: Visit) -> Answer:
    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
        yield from itertools.repeat(b"thanks " * 1024)

    return Raw(pieces(), status=200)


def _longer_than_said(visit: Visit) -> Answer:
    return Raw((b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n", b"{}" * 500), status=202)


def _informs(visit: Visit) -> Answer:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    head = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    return Raw((*itertools.repeat(early, 3), head), status=202)


def _bomb(visit: Visit) -> Answer:
    head = b"HTTP/1.1 202 Accepted\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n"
    return Raw((head, b"not gzip!"), status=202)


def by_another_clock(visit: Visit) -> Answer:
    """Refuses every signature, and shows why: its clock is three hours behind."""
    date = formatdate(visit.asked.at - 3 * HOUR, usegmt=True)
    return Raw(
        (f"HTTP/1.1 401 No\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode(),), status=401
    )


def until_it_is_set(seconds: float) -> Mood:
    """Somebody sets that clock."""
    return lambda visit: by_another_clock(visit) if visit.age < seconds else FINE


# By what they do. The statuses are those of RFC 9110 that senders meet.
FOR_GOOD: dict[str, Mood] = {
    **{
        f"leads elsewhere with {status}": always(status, {"Location": "https://else.example/inbox"})
        for status in (301, 302, 303, 307, 308)
    },
    **{f"answers {status}": always(status) for status in (400, 401, 403, 404, 405, 410, 413, 422)},
    **{f"answers {status} always": always(status) for status in (408, 429, 500, 501, 502, 503)},
    "answers 401 by another clock": by_another_clock,
    "closes the connection": away(float("inf")),
    "speaks another protocol": _babble,
    "stops in the middle of a line": _half,
}
FOR_A_WHILE: dict[str, Mood] = {
    "answers 404 twice": at_first(2, 404),
    "answers 408 twice": at_first(2, 408),
    "answers 401 while it cannot reach us": at_first(4, 401),
    "answers 401 by another clock for a day": until_it_is_set(DAY),
    "answers 500 for an hour": failing(HOUR, 500),
    "answers 502 for half a day": failing(DAY / 2, 502),
    "answers 503 for a day": failing(DAY, 503),
    "is away for three hours": away(3 * HOUR),
    "is away for five days": away(5 * DAY),
    "wants to be left alone for two minutes": waits(lambda at: "120"),
    "wants to be left alone until a time": waits(lambda at: formatdate(at + HOUR, usegmt=True)),
    "wants to be left alone until yesterday": waits(lambda at: formatdate(at - DAY, usegmt=True)),
    "wants to be left alone for less than nothing": waits(lambda at: "-5"),
    "wants to be left alone for thirty years": waits(lambda at: "1000000000"),
    "wants to be left alone, without a word": waits(lambda at: ""),
    "wants to be left alone for soon": waits(lambda at: "soon", 503),
    "wants to be left alone for two times": twice_told,
}
# Whatever comes with it, the status says that it was taken.
TAKEN: dict[str, Mood] = {
    **{f"answers {status}": always(status) for status in (200, 201, 204)},
    "thanks without an end": _endless,
    "says more than it announced": _longer_than_said,
    "hints before it answers": _informs,
    "thanks in a coding that is none": _bomb,
}
