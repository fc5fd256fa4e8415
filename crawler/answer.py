"""What goes through the door and what comes out of it: Ask, Hop, Answer, FetchFailed.

Values only; it opens nothing and judges nothing about the content. An Answer is one complete HTTP
response with a final status, whatever that status is; a FetchFailed means that there is no
response to read anything from, and says at which step it was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from ..errors import FedpullError, Unreachable
from .protocol.knock import Form, Known
from .protocol.record import record

Method = Literal["GET", "POST"]
Accept = Literal["activity", "jrd", "json", "robots"]
# Whom robots.txt binds: every hop, those that leave the origin that is asked, none.
Obedience = Literal["obey", "own", "exempt"]

FailureKind = Literal[
    "name",  # the name does not resolve
    "address",  # it resolves, but to nothing that may be contacted
    "connect",
    "tls",
    "timeout",
    "protocol",  # not HTTP/1.1 as we read it, or cut short
    "size",
    "type",  # 200, but not a content type that counts here
    "status",  # a success that is not 200, a 304 that was not asked for
    "redirect",
    "encoding",  # a content coding that was not offered, or one that does not decode
    "url",  # the URL itself may not be asked for
    "refused",  # by the operator's word or the host's robots.txt: nothing was sent for it
]


@record(frozen=True, slots=True)
class Ask:
    """One request to be made. `accept` says which content types count as an answer with status 200.

    A POST is one delivery: it is always signed, follows nothing, and its status is the answer.
    """

    url: str
    accept: Accept = "activity"
    etag: str | None = None
    last_modified: str | None = None
    # A page that a verified actor names may be plain JSON (BookWyrm, static sites).
    page: bool = False
    deadline: float | None = None  # monotonic, of the clock that the Egress was given
    method: Method = "GET"
    body: bytes | None = None
    content_type: str | None = None  # of the body
    form: Form = "unsigned"  # under which the validators came; they are sent under no other
    robots: Obedience = "obey"  # no delivery is bound
    number: str = field(default="", compare=False)  # of the fetch, for the log
    headers: tuple[tuple[str, str], ...] = ()  # of a delivery: sent as they are, and signed

    @property
    def conditional(self) -> bool:
        """Whether a 304 would be an answer to this."""
        return self.etag is not None or self.last_modified is not None


@record(frozen=True, slots=True)
class Hop:
    """One request that was sent or tried, for the books on hosts. `host` is "host:port"; `sent` is
    the time of the request itself, after name, connection and TLS, or of its failure. `knock` is
    what the host is now known to read; a knock that `failed` says nothing else about the host.
    `headers` are those of the response, as far as one came."""

    host: str
    status: int | None = None
    error: str = ""
    sent: float = field(default=0.0, compare=False)
    knock: Known | None = field(default=None, compare=False)
    failed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@record(frozen=True, slots=True)
class Answer:
    """A complete response: decoded body, lower-case header names, every hop that led here.

    `form` is the one that the final URL was asked in. Of a ladder that led nowhere it is the first
    refusal; `interrupted`: there was no time for all of its rungs, and the next try goes on.
    `signs`: there is an identity to sign with.
    """

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    content_type: str | None
    at: float
    hops: tuple[Hop, ...]
    form: Form = "unsigned"
    signs: bool = False
    interrupted: bool = False

    @property
    def not_modified(self) -> bool:
        return self.status == 304


class Lost(Exception):
    """A step of one request failed; the door adds the URL and the hops, and raises FetchFailed."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind: FailureKind = kind
        self.reason = reason
        # What is known of the response that was lost.
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}


class FetchFailed(Unreachable):
    """There is no usable response, and `kind` says what stood in the way.

    To callers all kinds but two look alike (the mapping in `errors.py`): a time-out is 504, and a
    URL that was refused before anything was sent keeps the class of its cause.
    """

    def __init__(
        self,
        subject: str,
        reason: str,
        *,
        kind: FailureKind,
        status: int | None = None,
        hops: tuple[Hop, ...] = (),
        headers: Mapping[str, str] | None = None,
        cause: FedpullError | None = None,
        again: float | None = None,
    ) -> None:
        super().__init__(subject, reason)
        self.again = again  # refused by robots.txt: until then
        self.kind: FailureKind = kind
        self.status = status
        self.hops = hops
        self.headers: Mapping[str, str] = headers or {}
        self.timed_out = kind == "timeout"
        if self.timed_out:
            self.http_status = 504
        elif kind in ("url", "refused"):
            self.retry = False
            if cause is not None:
                self.http_status = cause.http_status
                self.exit_code = cause.exit_code
                self.problem = cause.problem


class Stopped(Unreachable):
    """The door was closed while this was on its way: nothing was learnt about the host."""

    http_status = 503
    problem = "stopped"
