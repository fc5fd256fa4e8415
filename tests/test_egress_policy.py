"""The operator's word at the door: of what is blocked or forgotten nothing is asked, at any hop."""

from __future__ import annotations

from typing import Any

import pytest
from wire_server import Reply, door_to, redirect, response, wire_server

from fedpull.crawler.answer import Ask, FetchFailed
from fedpull.crawler.protocol.blocks import Blocks
from fedpull.crawler.protocol.forgotten import first_line, hashed, line, parse_forgotten
from fedpull.crawler.protocol.policy import Policy

SALT = bytes(16)
GONE = "http://h.example/users/bob"
FILE = first_line(SALT) + line("2026-01-31T12:00:00Z", "id", [hashed(SALT, GONE)])
POLICY = Policy(Blocks({"spam.example": "suspend"}), parse_forgotten("forgotten", FILE))


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(Ask("http://spam.example/1"), id="a document"),
        pytest.param(Ask("http://www.spam.example/1"), id="of a host below it"),
        pytest.param(Ask("http://spam.example/1", page=True), id="a page"),
        pytest.param(
            Ask("http://spam.example/.well-known/webfinger?resource=acct:x", accept="jrd"),
            id="WebFinger",
        ),
        pytest.param(Ask("http://spam.example/robots.txt", accept="robots"), id="robots.txt"),
        pytest.param(Ask("http://spam.example/key", robots="exempt"), id="a key"),
        pytest.param(Ask(GONE), id="somebody forgotten"),
        pytest.param(Ask(f"{GONE}/outbox?page=1", page=True), id="what is named below"),
    ],
)
async def test_nothing_is_asked_of_what_is_refused(ask: Ask) -> None:
    """No connection, no turn; a typed refusal."""
    async with wire_server(response()) as wire, door_to(wire, policy=POLICY.refusal) as door:
        with pytest.raises(FetchFailed) as raised:
            await door.egress.fetch(ask)

    assert wire.urls == []
    assert door.turns == []
    failed = raised.value
    assert (failed.kind, failed.http_status, failed.exit_code) == ("refused", 403, 4)
    assert failed.hops == ()


async def test_nothing_is_delivered_to_what_is_blocked() -> None:
    """Whatever was queued before it was."""

    class Signs:
        def sign(self, *args: Any) -> tuple[tuple[str, str], ...]:
            return (("Signature", "x"),)

        def understands(self, challenge: str) -> bool:
            return False

    ask = Ask("http://spam.example/inbox", method="POST", body=b"{}", content_type="application/x")
    async with (
        wire_server(response()) as wire,
        door_to(wire, policy=POLICY.refusal, signer=Signs()) as door,
    ):
        with pytest.raises(FetchFailed):
            await door.egress.fetch(ask)

    assert wire.urls == []


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("http://spam.example/2", id="blocked"),
        pytest.param("http://a.www.spam.example/2", id="below what is blocked"),
        pytest.param(GONE, id="forgotten"),
    ],
)
async def test_no_redirect_leads_there(target: str) -> None:
    """The last hop that may be asked is the last one that is."""
    replies: dict[str, Reply] = {
        "a.example/1": redirect("http://b.example/1"),
        "b.example/1": redirect(target),
    }
    async with wire_server(replies) as wire, door_to(wire, policy=POLICY.refusal) as door:
        with pytest.raises(FetchFailed) as raised:
            await door.egress.fetch(Ask("http://a.example/1"))

    assert wire.urls == ["a.example/1", "b.example/1"]
    assert [host for host, _, _ in door.turns] == ["b.example:80"]
    failed = raised.value
    assert (failed.kind, failed.http_status) == ("refused", 403)
    assert [hop.host for hop in failed.hops] == ["a.example:80", "b.example:80"]
