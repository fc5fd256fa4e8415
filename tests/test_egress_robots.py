"""robots.txt at the door: what is asked of hosts, at whose pace, and what is never sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from wire_server import (
    Door,
    Judge,
    Replies,
    Reply,
    Seen,
    WireServer,
    door_to,
    drip,
    hold,
    redirect,
    response,
    slam,
    wire_server,
)

from fedpull.crawler.answer import Ask, FetchFailed
from fedpull.crawler.egress_robots import Gate
from fedpull.crawler.host_reports import reports
from fedpull.crawler.protocol.robots_memory import DAY, Robots

NOW = 1_790_000_000.0
URL = "http://a.example/users/1"
DISALLOW = b"User-agent: *\nDisallow: /users/\n"


def robots(body: bytes = DISALLOW, **more: Any) -> bytes:
    return response(body, kind="text/plain", **more)


@dataclass
class Memory:
    """What a store would keep, and a clock that is set."""

    now: float = NOW
    rows: dict[str, Robots] = field(default_factory=dict)

    def monotonic(self) -> float:
        return self.now

    def gate(self, *exempt: str) -> Gate:
        return Gate(self.rows.get, self.rows.__setitem__, lambda: self.now, exempt)


@asynccontextmanager
async def door(
    replies: Replies, memory: Memory | None = None, *exempt: str, **rules: Any
) -> AsyncIterator[tuple[WireServer, Door]]:
    memory = memory or Memory()
    async with (
        wire_server(replies) as wire,
        door_to(wire, robots=memory.gate(*exempt), **rules) as opened,
    ):
        yield wire, opened


async def outcome(opened: Door, ask: Ask) -> int | FetchFailed:
    try:
        return (await opened.egress.fetch(ask)).status
    except FetchFailed as failed:
        return failed


# What /robots.txt gives, and what becomes of a document that it would bind
VERDICTS: dict[str, tuple[Reply, int]] = {
    "it is allowed": (robots(b"User-agent: *\nDisallow: /api/\n"), 200),
    "it is disallowed for everybody": (robots(), 403),
    "it is disallowed for us": (robots(b"User-agent: Fedpull\nDisallow: /\n"), 403),
    "it is disallowed for another": (robots(b"User-agent: GPTBot\nDisallow: /\n"), 200),
    "404": (response(b"", status="404 Not Found", kind=None), 200),
    "410": (response(b"", status="410 Gone", kind=None), 200),
    "401": (response(b"", status="401 Unauthorized", kind=None), 403),
    "403": (response(b"", status="403 Forbidden", kind=None), 403),
    "429": (response(b"", status="429 Too Many Requests", kind=None), 403),
    "500": (response(b"", status="500 Oops", kind=None), 403),
    "503": (response(b"", status="503 Later", kind=None), 403),
    "HTML": (response(b"<!doctype html><p>Not found", kind="text/html"), 200),
    "HTML that holds rules": (response(b"<pre>\n" + DISALLOW, kind="text/html"), 403),
    "no content type": (response(DISALLOW, kind=None), 403),
    "nothing": (robots(b""), 200),
    "10 MB, the rule first": (robots(DISALLOW + b"#" * 10_000_000), 403),
    "10 MB, the rule last": (robots(b"#" * 10_000_000 + b"\n" + DISALLOW), 200),
    "a body without end": (drip(robots(DISALLOW, length=False), b"# more\n" * 1000), 403),
    "silence": (hold, 504),
    "a closed connection": (slam, 502),
    "a coding that was not offered": (robots(b"\x1b\x00", Content_Encoding="br"), 502),
    "a redirect to nowhere": (response(b"", status="302 Found", kind=None), 502),
    "a redirect to where nobody goes": (redirect("http://127.0.0.1/robots.txt"), 502),
}


@pytest.mark.parametrize("case", VERDICTS)
async def test_what_robots_txt_gives_decides(case: str) -> None:
    """The file goes first; where the answer is no, or there is none, the document is not asked."""
    reply, expected = VERDICTS[case]
    replies = {"a.example/robots.txt": reply, "a.example/users/1": response()}
    async with door(replies, timeout=1.0) as (wire, opened):
        found = await outcome(opened, Ask(URL))

    status = found if isinstance(found, int) else found.http_status
    asked = ["a.example/robots.txt", "a.example/users/1"]
    assert status == expected
    assert list(dict.fromkeys(wire.urls)) == (asked if expected == 200 else asked[:1])


async def test_a_refusal_names_its_line_and_its_end() -> None:
    """A typed one: policy, 403 for an API and 4 for a command."""
    async with door({"a.example/robots.txt": robots()}) as (_, opened):
        found = await outcome(opened, Ask(URL))

    assert isinstance(found, FetchFailed)
    assert (found.kind, found.http_status, found.exit_code, found.problem) == (
        "refused",
        403,
        4,
        "refused",
    )
    assert found.reason == ("robots: robots.txt of a.example: Disallow: /users/ (User-agent: *)")
    assert found.again == NOW + DAY


async def test_robots_txt_is_asked_as_anybody_and_under_our_name() -> None:
    """The product token of the rules is the one of the User-Agent."""
    async with door({"a.example/robots.txt": robots()}) as (wire, opened):
        await outcome(opened, Ask(URL, etag='"x"'))

    headers = wire.requests[0].headers
    assert headers["user-agent"].startswith("Fedpull/")
    assert headers["accept"].startswith("text/plain")
    assert not {"signature", "if-none-match"} & headers.keys()


EXEMPT: dict[str, tuple[Ask, tuple[str, ...]]] = {
    "what is exempt": (Ask(URL, robots="exempt"), ()),
    "what is somebody's own": (Ask(URL, robots="own"), ()),
    "a host that the operator exempts": (Ask(URL), ("a.example",)),
}


@pytest.mark.parametrize("case", EXEMPT)
async def test_no_robots_txt_is_asked_for_what_needs_no_verdict(case: str) -> None:
    """Following somebody costs his server one request, not two."""
    ask, exempt = EXEMPT[case]
    async with door(response(), None, *exempt) as (wire, opened):
        await opened.egress.fetch(ask)

    assert wire.urls == ["a.example/users/1"]


async def test_a_redirect_away_from_what_is_own_is_bound() -> None:
    """What a followed actor's server leads to elsewhere is not his own; nothing is sent there."""
    replies = {
        "a.example/users/1": redirect("http://b.example/users/1"),
        "b.example/robots.txt": robots(),
    }
    async with door(replies) as (wire, opened):
        found = await outcome(opened, Ask(URL, robots="own"))

    assert isinstance(found, FetchFailed)
    assert found.kind == "refused"
    assert wire.urls == ["a.example/users/1", "b.example/robots.txt"]
    assert [(hop.host, hop.status) for hop in found.hops] == [
        ("a.example:80", 302),
        ("b.example:80", 200),
    ]


async def test_each_host_of_a_chain_has_its_own() -> None:
    """And each is asked once a day, whatever is asked of it then."""
    replies = {
        "a.example/robots.txt": robots(b""),
        "a.example/users/1": redirect("http://b.example/users/1"),
        "b.example/robots.txt": robots(b""),
        "b.example/users/1": response(),
        "b.example/users/2": response(),
    }
    async with door(replies) as (wire, opened):
        await opened.egress.fetch(Ask(URL))
        await opened.egress.fetch(Ask("http://b.example/users/2"))

    assert wire.urls == list(replies)
    assert opened.turns == [
        ("a.example:80", False, True),
        ("b.example:80", False, False),
        ("b.example:80", False, True),
    ]


async def test_what_is_known_to_be_disallowed_takes_no_turn() -> None:
    """A slot that is taken and not used would keep its host waiting."""
    memory = Memory()
    replies = {
        "a.example/robots.txt": robots(b""),
        "a.example/users/1": redirect("http://b.example/users/1"),
        "b.example/robots.txt": robots(),
    }
    async with door(replies, memory) as (wire, opened):
        await outcome(opened, Ask("http://b.example/users/1"))
        opened.turns.clear()
        await outcome(opened, Ask(URL))

    assert opened.turns == [("a.example:80", False, True)]
    assert wire.urls[1:] == ["a.example/robots.txt", "a.example/users/1"]


async def test_redirects_of_robots_txt_are_followed_five_times() -> None:
    """RFC 9309 section 2.3.1.2; the rules at the end are those of the host that was asked."""
    replies: dict[str, Reply] = {
        f"{host}.example/robots.txt": redirect(f"http://{after}.example/robots.txt")
        for host, after in zip("abcde", "bcdef", strict=True)
    }
    replies["f.example/robots.txt"] = robots()
    memory = Memory()
    async with door(replies, memory) as (wire, opened):
        found = await outcome(opened, Ask(URL))

    assert isinstance(found, FetchFailed)
    assert found.kind == "refused"
    assert len(wire.urls) == 6
    assert list(memory.rows) == ["a.example:80"]
    given_back = [report.host for report in reports(found, NOW) if report.slot]
    assert given_back == [f"{host}.example:80" for host in "bcdef"]


async def test_a_sixth_redirect_is_as_no_robots_txt() -> None:
    """It is not followed, and the document is asked for."""

    def reply(seen: Seen) -> Reply:
        return redirect("/robots.txt?again") if "robots" in seen.line else response()

    async with door(Judge(reply)) as (wire, opened):
        status = await outcome(opened, Ask(URL))

    assert status == 200
    assert [url.partition("?")[0] for url in wire.urls] == [
        *["a.example/robots.txt"] * 6,
        "a.example/users/1",
    ]


async def test_a_file_that_does_not_come_after_five_redirects_is_not_had() -> None:
    """Hop by hop that is as far as a redirect too many leads, but the last had no answer."""

    def reply(seen: Seen) -> Reply:
        last = seen.line.count("again") == 5
        return slam if last else redirect(f"{seen.line.split()[1]}?again")

    memory = Memory()
    async with door(Judge(reply), memory) as (wire, opened):
        found = await outcome(opened, Ask(URL))

    assert isinstance(found, FetchFailed)
    assert all(url.startswith("a.example/robots.txt") for url in wire.urls)
    assert memory.rows["a.example:80"].state == "closed"


async def test_robots_txt_that_leads_back_needs_no_second_slot() -> None:
    """The chain that waits for it holds one of that host: with one connection a host, a second one
    would never come."""
    replies = {
        "a.example/robots.txt": robots(b""),
        "a.example/users/1": redirect("http://b.example/users/1"),
        "b.example/robots.txt": redirect("http://a.example/robots.txt"),
        "b.example/users/1": response(),
    }
    async with door(replies) as (_, opened):
        answer = await opened.egress.fetch(Ask(URL))

    assert ("a.example:80", False, False) not in opened.turns
    assert [report.host for report in reports(answer, NOW) if report.slot] == ["b.example:80"]


async def test_a_day_later_it_is_asked_again() -> None:
    """What was forbidden may be allowed by then, and the other way round."""
    memory = Memory()
    replies: list[Reply] = [robots(), robots(b""), response()]
    async with door(replies, memory) as (wire, opened):
        first = await outcome(opened, Ask(URL))
        memory.now += DAY - 1
        second = await outcome(opened, Ask(URL))
        memory.now += 1
        third = await outcome(opened, Ask(URL))

    assert [isinstance(one, FetchFailed) for one in (first, second, third)] == [True, True, False]
    assert [url.rpartition("/")[2] for url in wire.urls] == ["robots.txt", "robots.txt", "1"]


async def test_what_cannot_be_had_is_asked_for_after_growing_pauses() -> None:
    """Fifteen minutes, an hour, four; nothing else is asked in between."""
    memory = Memory()
    begun, times = memory.now, []
    async with door(response(b"", status="503 Later", kind=None), memory) as (wire, opened):
        while memory.now < begun + 6 * 3_600:
            before = len(wire.urls)
            found = await outcome(opened, Ask(URL))
            assert isinstance(found, FetchFailed)
            if len(wire.urls) > before:
                times.append((memory.now - begun) / 60)
            memory.now += 60

    assert times == [0, 15, 75, 315]
    assert set(wire.urls) == {"a.example/robots.txt"}


async def test_a_restart_asks_nothing_again() -> None:
    """What the store remembers counts."""
    memory = Memory()
    async with door({"a.example/robots.txt": robots()}, memory) as (_, opened):
        await outcome(opened, Ask(URL))
    async with door({}, memory) as (wire, opened):
        found = await outcome(opened, Ask(URL))

    assert isinstance(found, FetchFailed)
    assert found.kind == "refused"
    assert wire.urls == []


async def test_one_robots_txt_of_a_host_at_a_time() -> None:
    """Who comes meanwhile waits for its verdict, and then for a turn of its own."""
    replies = {"a.example/robots.txt": robots(b"")} | {
        f"a.example/users/{number}": response() for number in range(8)
    }
    async with door(replies) as (wire, opened):
        asks = [Ask(f"http://a.example/users/{number}") for number in range(8)]
        answers = await asyncio.gather(*map(opened.egress.fetch, asks))

    assert [answer.status for answer in answers] == [200] * 8
    assert wire.urls[0] == "a.example/robots.txt"
    assert wire.urls.count("a.example/robots.txt") == 1
    assert opened.turns == [("a.example:80", False, True)] * 8


async def test_waiting_for_robots_txt_takes_no_time_of_the_document() -> None:
    """Its host's pace may be slower than a chain's limit."""

    async def slow(host: str, page: bool, held: bool) -> None:
        await asyncio.sleep(0.6)

    replies = {"a.example/robots.txt": robots(b""), "a.example/users/1": response()}
    async with door(replies, timeout=0.5, turn=slow) as (_, opened):
        answer = await opened.egress.fetch(Ask(URL))

    assert answer.status == 200


async def test_no_fetch_waits_for_ever_for_what_is_found_out_for_it() -> None:
    """It ends before its lease does: else its host would be asked by two at once."""
    never = asyncio.Event()

    async def stuck(host: str, page: bool, held: bool) -> None:
        await never.wait()

    replies = {"a.example/robots.txt": robots(b""), "a.example/users/1": response()}
    async with door(replies, timeout=0.1, waiting=0.2, turn=stuck) as (wire, opened):
        found = await outcome(opened, Ask(URL))

    assert isinstance(found, FetchFailed)
    assert (found.kind, found.timed_out) == ("timeout", True)
    assert wire.urls == ["a.example/robots.txt"]


async def test_a_locked_robots_txt_is_no_refusal_by_the_host() -> None:
    """It counts as asked; that the host wants nobody is not said by it."""
    async with door({"a.example/robots.txt": robots(b"", status="403 Forbidden")}) as (_, opened):
        found = await outcome(opened, Ask(URL))

    assert isinstance(found, FetchFailed)
    (report,) = reports(found, NOW)
    assert (report.ok, report.refused, report.error) == (True, False, "")


async def test_a_door_that_closes_learns_nothing() -> None:
    """What was on its way says nothing of the host."""
    memory = Memory()
    async with door({"a.example/robots.txt": hold}, memory) as (wire, opened):
        asked = asyncio.ensure_future(outcome(opened, Ask(URL)))
        await wire.asked.wait()
        await opened.egress.close()
        found = (await asyncio.gather(asked, return_exceptions=True))[0]

    assert type(found).__name__ == "Stopped"
    assert memory.rows == {}


async def test_memory_is_bounded() -> None:
    """Neither hosts without end nor rules without end stay beside the store's."""
    memory = Memory()
    gate = memory.gate()
    lines = b"".join(b"Disallow: /%d\n" % number for number in range(4_000))
    async with door(Judge(lambda _: robots(b"User-agent: *\n" + lines)), memory) as (wire, opened):
        opened.egress._gate = gate
        for number in range(30):
            await outcome(opened, Ask(f"http://h{number}.example/x"))

    assert len(gate._known) == 25
    assert len(wire.urls) == 60
