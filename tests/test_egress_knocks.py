"""Reading what wants a signature: what a host is asked, in which form, how often, and what of it
is remembered."""

from __future__ import annotations

import asyncio

import pytest
from knocking import Gate, Identity, form_of
from wire_server import (
    Judge,
    RealClock,
    Reply,
    Seen,
    door_to,
    hold,
    redirect,
    response,
    wire_server,
)

from fedpull.cache.records import HostReport
from fedpull.crawler.answer import Accept, Ask, FetchFailed
from fedpull.crawler.host_reports import reports
from fedpull.crawler.protocol.knock import BELIEVED, LADDER, LEFT_ALONE, NOTHING, Form, Known

URL = "http://a.example/x"
PAGE = "http://a.example/x?cursor=start"
HOST = "a.example:80"
# Without a query the two forms of cavage are one.
PLAIN: list[Form] = ["unsigned", "cavage", "rfc9421"]

GATES: dict[str, tuple[str, tuple[Form, ...], str, list[Form], int]] = {
    # URL, what the host reads, its refusal; what it is asked, and what is answered in the end
    "open": (URL, LADDER, "401 U", ["unsigned"], 200),
    "GoToSocial": (PAGE, ("cavage", "cavage-bare"), "401 U", ["unsigned", "cavage"], 200),
    "strict Fedify, a page": (PAGE, ("cavage-bare", "rfc9421"), "401 U", [*LADDER[:3]], 200),
    "RFC 9421 alone": (URL, ("rfc9421",), "401 U", [*PLAIN], 200),
    "RFC 9421 alone, a page": (PAGE, ("rfc9421",), "401 U", [*LADDER], 200),
    "it forbids": (URL, ("cavage",), "403 F", ["unsigned", "cavage"], 200),
    "it lets nobody in": (URL, (), "401 U", [*PLAIN], 401),
    "it lets nobody in, a page": (PAGE, (), "401 U", [*LADDER], 401),
    "it has no such thing": (URL, (), "404 N", ["unsigned"], 404),
    "it is broken": (URL, (), "500 I", ["unsigned"], 500),
}


@pytest.mark.parametrize("case", GATES)
async def test_a_first_contact(case: str) -> None:
    """Each form is tried once, from the cheapest upwards; only a refusal goes on to the next."""
    url, reads, refusal, asked, status = GATES[case]
    gate = Gate(reads, refusal)
    async with wire_server(gate.judge) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(Ask(url))

    assert gate.asked == asked
    assert (answer.status, answer.signs) == (status, True)
    assert answer.form == (asked[-1] if status == 200 else "unsigned")
    assert len(answer.hops) == len(asked)
    assert door.turns == [(HOST, False, True)] * (len(asked) - 1)


async def test_what_worked_is_asked_first_the_next_time() -> None:
    """For every URL of that host."""
    gate = Gate(("cavage",))
    async with wire_server(gate.judge) as wire, door_to(wire, signer=Identity()) as door:
        for path in "xyz":
            await door.egress.fetch(Ask(f"http://a.example/{path}", page=True))

    assert gate.asked == ["unsigned", "cavage", "cavage", "cavage"]


async def test_a_ladder_that_led_nowhere_is_not_climbed_for_each_url() -> None:
    """Every other URL is asked once, unsigned."""
    gate = Gate(())
    async with wire_server(gate.judge) as wire, door_to(wire, signer=Identity()) as door:
        statuses = [
            (await door.egress.fetch(Ask(f"http://a.example/{path}"))).status for path in "xyz"
        ]

    assert gate.asked == [*PLAIN, "unsigned", "unsigned"]
    assert statuses == [401] * 3


async def test_what_a_host_reads_survives_a_restart() -> None:
    """It stands in the hop that taught it, and another door begins with it."""
    gate = Gate(("cavage-bare",))
    async with wire_server(gate.judge) as wire:
        async with door_to(wire, signer=Identity()) as door:
            answer = await door.egress.fetch(Ask(PAGE))
        known = {hop.host: hop.knock for hop in answer.hops}
        async with door_to(wire, signer=Identity(), known=known.get) as door:
            await door.egress.fetch(Ask(PAGE))

    assert gate.asked == ["unsigned", "cavage", "cavage-bare", "cavage-bare"]
    told = known[HOST]
    assert told is not None
    assert (told.form, told.failed) == ("cavage-bare", ("unsigned", "cavage"))


async def test_a_ladder_that_was_interrupted_by_a_restart_goes_on() -> None:
    """No rung is tried twice on one day."""
    gate = Gate(())
    known = Known(failed=LADDER[:2], since=RealClock().now() - 60)
    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), known=lambda host: known) as door,
    ):
        await door.egress.fetch(Ask(PAGE))

    assert gate.asked == ["cavage-bare", "rfc9421"]


async def test_after_its_time_it_is_asked_unsigned_again() -> None:
    """A host may want no signature any more."""
    gate = Gate(LADDER)
    now = RealClock().now()
    old = Known("cavage", now - 1, ("unsigned",), now - BELIEVED)
    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), known=lambda host: old) as door,
    ):
        answer = await door.egress.fetch(Ask(URL))

    assert gate.asked == ["unsigned"]
    knock = answer.hops[0].knock
    assert knock is not None
    assert knock.form == "unsigned"


async def test_a_refusal_is_forgotten_after_a_day() -> None:
    """The ladder is climbed once more."""
    gate = Gate(("cavage",))
    shut = Known(failed=LADDER, since=RealClock().now() - LEFT_ALONE - 1)
    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), known=lambda host: shut) as door,
    ):
        answer = await door.egress.fetch(Ask(URL))

    assert (answer.status, gate.asked) == (200, ["unsigned", "cavage"])


@pytest.mark.parametrize("status", ["403 F", "500 I"])
async def test_a_refusal_of_what_is_known_to_work_is_final(status: str) -> None:
    """It is about the document: no other form gets around it."""
    gate = Gate((), status)
    known = Known("cavage", RealClock().now() + 60)
    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), known=lambda host: known) as door,
    ):
        answer = await door.egress.fetch(Ask(URL))

    assert (answer.status, gate.asked) == (int(status[:3]), ["cavage"])


async def test_without_an_identity_everything_is_unsigned() -> None:
    """A refusal stands, and is said to be for want of an identity."""
    gate = Gate(("cavage",))
    async with wire_server(gate.judge) as wire, door_to(wire) as door:
        answer = await door.egress.fetch(Ask(URL))

    assert (answer.status, answer.signs, gate.asked) == (401, False, ["unsigned"])
    assert answer.hops[0].knock is None


@pytest.mark.parametrize("accept", ["jrd", "json"])
async def test_webfinger_and_nodeinfo_are_asked_unsigned(accept: Accept) -> None:
    """Whatever is known of the host."""
    gate = Gate(())
    known = Known("cavage", RealClock().now() + 60)
    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), known=lambda host: known) as door,
    ):
        await door.egress.fetch(Ask(URL, accept=accept))

    assert gate.asked == ["unsigned"]


async def test_of_four_at_once_one_climbs() -> None:
    """The others wait for what it finds: a host that allows four connections sees one ladder."""
    gate = Gate(("cavage-bare",))
    async with wire_server(gate.judge) as wire, door_to(wire, signer=Identity()) as door:
        urls = [f"{PAGE}&n={n}" for n in range(4)]
        answers = await asyncio.gather(*(door.egress.fetch(Ask(url)) for url in urls))

    assert [answer.status for answer in answers] == [200] * 4
    assert gate.asked == ["unsigned", "cavage", *["cavage-bare"] * 4]


async def test_of_four_that_find_a_host_closed_one_climbs() -> None:
    """It was open before, so all four had asked it unsigned."""
    gate = Gate(("cavage-bare",))
    known = Known("unsigned", RealClock().now() + 60)
    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), known=lambda host: known) as door,
    ):
        urls = [f"{PAGE}&n={n}" for n in range(4)]
        answers = await asyncio.gather(*(door.egress.fetch(Ask(url)) for url in urls))

    assert [answer.status for answer in answers] == [200] * 4
    assert sorted(gate.asked) == sorted(["unsigned"] * 4 + ["cavage"] + ["cavage-bare"] * 4)


async def test_who_waits_for_anothers_ladder_loses_no_time() -> None:
    """The first one never gets an answer; the second has its full time from then on."""
    replies: dict[str, Reply] = {"a.example/slow": hold, "a.example/x": response()}
    async with (
        wire_server(replies) as wire,
        door_to(wire, signer=Identity(), timeout=0.2) as door,
    ):
        slow = asyncio.ensure_future(door.egress.fetch(Ask("http://a.example/slow")))
        await wire.asked.wait()
        answer = await door.egress.fetch(Ask(URL))

    assert answer.status == 200
    assert isinstance(slow.exception(), FetchFailed)


async def test_where_no_time_is_left_the_next_try_goes_on() -> None:
    """A host whose turn does not come in time: what was learnt stands, and nothing is repeated."""
    gate = Gate(("cavage-bare",))

    async def never(host: str, page: bool, held: bool) -> None:
        await asyncio.Event().wait()

    async with (
        wire_server(gate.judge) as wire,
        door_to(wire, signer=Identity(), turn=never, timeout=0.3) as door,
    ):
        answers = [await door.egress.fetch(Ask(PAGE)) for _ in range(3)]

    assert [(answer.status, answer.interrupted) for answer in answers] == [
        (401, True),
        (401, True),
        (200, False),
    ]
    assert gate.asked == ["unsigned", "cavage", "cavage-bare"]


async def test_each_hop_is_signed_for_its_own_host_in_the_form_that_it_reads() -> None:
    """Nothing of a signature is sent on to where a redirect leads."""
    replies = {
        "a.example/x": redirect("http://b.example/y"),
        "b.example/y": redirect("http://c.example/z"),
        "c.example/z": response(),
    }
    now = RealClock().now()
    known = {HOST: Known("cavage", now + 60), "b.example:80": Known("rfc9421", now + 60)}
    async with (
        wire_server(replies) as wire,
        door_to(wire, signer=Identity(), known=known.get) as door,
    ):
        answer = await door.egress.fetch(Ask(URL))

    assert [form_of(seen) for seen in wire.requests] == ["cavage", "rfc9421", "unsigned"]
    assert {"signature", "signature-input", "date", "digest"}.isdisjoint(wire.requests[2].headers)
    assert answer.form == "unsigned"


async def test_redirects_and_knocks_are_counted_apart() -> None:
    """Three redirects are allowed, however many knocks the hosts on the way wanted."""
    gate = Gate(("cavage",))

    def reply(seen: Seen) -> bytes:
        path = seen.line.split(" ")[1]
        turn = gate.judge.reply(seen)
        assert isinstance(turn, bytes)
        nth = int(path[2:])
        return redirect(f"/x{nth + 1}") if turn == response() and nth < 3 else turn

    async with wire_server(Judge(reply)) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(Ask("http://a.example/x0"))

    assert (answer.status, answer.final_url) == (200, "http://a.example/x3")
    assert gate.asked == ["unsigned", *["cavage"] * 4]


VALIDATORS: dict[str, tuple[Form, Form, bool]] = {
    # the form under which they came, the one that the host reads now, and whether they are sent
    "unsigned as before": ("unsigned", "unsigned", True),
    "signed as before": ("cavage", "cavage", True),
    "it opened": ("cavage", "unsigned", False),
    "it closed": ("unsigned", "cavage", False),
    "it reads another form": ("cavage", "rfc9421", False),
}


@pytest.mark.parametrize("case", VALIDATORS)
async def test_validators_go_only_with_the_form_that_they_came_under(case: str) -> None:
    """What one may read signed and unsigned are two variants."""
    came, reads, sent = VALIDATORS[case]
    known = Known(reads, RealClock().now() + 60)
    async with (
        wire_server(response()) as wire,
        door_to(wire, signer=Identity(), known=lambda host: known) as door,
    ):
        await door.egress.fetch(Ask(URL, etag='"1"', form=came))

    assert ("if-none-match" in wire.requests[0].headers) is sent


async def test_on_a_ladder_validators_wait_for_their_form() -> None:
    """A 304 to another form would be one that was not asked for."""
    gate = Gate(("cavage",))
    async with wire_server(gate.judge) as wire, door_to(wire, signer=Identity()) as door:
        await door.egress.fetch(Ask(URL, etag='"1"', form="cavage"))

    assert ["if-none-match" in seen.headers for seen in wire.requests] == [False, True]


CHALLENGES: dict[str, tuple[str, list[Form]]] = {
    "it asks for what we sign": ('sig1=("@method" "@target-uri")', ["unsigned", "rfc9421"]),
    "and for a plain header": (
        'sig1=("@method" "host");alg="rsa-v1_5-sha256"',
        ["unsigned", "rfc9421"],
    ),
    "it asks for a header of ours": ('sig1=("x-secret")', PLAIN),
    "it asks for an algorithm that we have not": ('sig1=();alg="hmac-sha256"', PLAIN),
    "it is none": ("sig1=(", PLAIN),
    "it is endless": ('sig1=("@method" ' + '"host" ' * 200 + ")", PLAIN),
}


@pytest.mark.parametrize("case", CHALLENGES)
async def test_a_challenge_is_answered_if_it_asks_for_nothing_else(case: str) -> None:
    """It saves the rungs between; one that would have us sign their words is not heard."""
    text, asked = CHALLENGES[case]
    seen: list[Form] = []

    def reply(request: Seen) -> bytes:
        form: Form = "rfc9421" if "signature-input" in request.headers else form_of(request)
        seen.append(form)
        assert "x-secret" not in request.headers.get("signature-input", "")
        if form == "rfc9421":
            return response()
        return response(b"", status="401 U", Accept_Signature=text)

    async with wire_server(Judge(reply)) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(Ask(URL))

    assert (answer.status, seen) == (200, asked)


async def test_who_asks_for_ed25519_gets_it_from_then_on() -> None:
    """Its challenge is remembered with the form."""
    text = 'sig1=("@method" "@target-uri");alg="ed25519"'

    def reply(seen: Seen) -> bytes:
        if 'alg="ed25519"' in seen.headers.get("signature-input", ""):
            return response()
        return response(b"", status="401 U", Accept_Signature=text)

    async with wire_server(Judge(reply)) as wire, door_to(wire, signer=Identity()) as door:
        first = await door.egress.fetch(Ask(URL))
        await door.egress.fetch(Ask("http://a.example/y"))

    assert first.status == 200
    assert len(wire.requests) == 3


BOOKS: dict[str, tuple[tuple[Form, ...], str, list[tuple[bool, int | None, bool]]]] = {
    # what the host reads and its refusal; of each report: ok, status, refused
    "a ladder that ends well": (
        ("cavage-bare",),
        "401 U",
        [(True, None, False), (True, None, False), (True, 200, False)],
    ),
    "one that is forbidden": ((), "403 F", [(True, None, False)] * 3 + [(True, 403, True)]),
    "one that leads nowhere": ((), "401 U", [(True, None, False)] * 3 + [(True, 401, True)]),
}


@pytest.mark.parametrize("case", BOOKS)
async def test_a_ladder_is_one_refusal_at_most(case: str) -> None:
    """The knocks on the way are no refusals of the host, and no failures of it."""
    reads, refusal, expected = BOOKS[case]
    gate = Gate(reads, refusal)
    async with wire_server(gate.judge) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(Ask(PAGE))

    told = reports(answer, answer.at)
    assert [(one.ok, one.status, one.refused) for one in told] == expected
    assert all(isinstance(one, HostReport) and one.sent for one in told)


async def test_500_to_a_knock_is_no_failure_of_the_host() -> None:
    """activitypub-bot answers so to a signature that it cannot read; nobody is let in here."""

    def reply(seen: Seen) -> bytes:
        status = "401 U" if form_of(seen) == "unsigned" else "500 I"
        return response(b"", status=status)

    async with wire_server(Judge(reply)) as wire, door_to(wire, signer=Identity()) as door:
        answer = await door.egress.fetch(Ask(URL))

    told = reports(answer, answer.at)
    assert (answer.status, len(wire.requests)) == (401, 3)
    assert [(one.ok, one.refused) for one in told] == [(True, False)] * 2 + [(True, True)]


async def test_an_interrupted_ladder_says_nothing_of_the_host() -> None:
    """Whether it lets us in is not known yet."""

    async def never(host: str, page: bool, held: bool) -> None:
        await asyncio.Event().wait()

    async with (
        wire_server(Gate(()).judge) as wire,
        door_to(wire, signer=Identity(), turn=never, timeout=0.3) as door,
    ):
        answer = await door.egress.fetch(Ask(URL))

    (told,) = reports(answer, answer.at)
    assert (told.ok, told.status, told.refused) == (True, None, False)
    assert told.knock is not None
    assert told.knock != NOTHING


async def test_a_connection_that_breaks_on_the_way_keeps_what_was_learnt() -> None:
    """The failure is of that request; the refusal before it stands."""

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    def reply(seen: Seen) -> Reply:
        return response(b"", status="401 U") if form_of(seen) == "unsigned" else broken

    async with wire_server(Judge(reply)) as wire, door_to(wire, signer=Identity()) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(URL))

    first, second = failed.value.hops
    assert first.knock is not None
    assert (first.knock.failed, first.failed) == (("unsigned",), True)
    assert second.error == "protocol"
