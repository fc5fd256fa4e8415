"""Servers that want signed requests are read in full, and hardly notice that we had to learn how.

Each of them verifies with code of its own and fetches our actor to do so.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from public_station import ACTOR, QUICK, PublicStation, holds
from station import Station, eventually

from fedpull.crawler.protocol.knock import LADDER
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.families.gotosocial import GoToSocial
from fedpull.tests.fediverse.families.strict import (
    OldMastodon,
    OnlyEd25519,
    OnlyRfc9421,
    Unwelcoming,
)
from fedpull.tests.fediverse.log import Request
from fedpull.tests.fediverse.model import Account
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.world import Fediverse

FAILED = (400, 401, 403, 500)
# What each of them answers: the first rung of the ladder that leads to all of it.
FORMS = {
    "gotosocial.example": "cavage",
    "ghost.example": "cavage-bare",
    "mastodon.example": "cavage",
    "misskey.example": "cavage-bare",
    "bovine.example": "cavage",
    "old-mastodon.example": "cavage",
    "ed25519.example": "rfc9421",
    "rfc9421.example": "rfc9421",
    "onepage.example": "unsigned",
    "activitypub-bot.example": "unsigned",
    "nodebb.example": "unsigned",
}


@dataclass
class Read:
    """A daemon that read everybody, was stopped, and ran again after each of them had posted."""

    station: PublicStation
    accounts: dict[str, Account]
    kept: dict[str, set[str]]
    shown: dict[str, str]
    first: Sequence[Request]
    second: Sequence[Request]


def complete(station: PublicStation, account: Account) -> bool:
    return account.server.public_objects(account) <= holds(station, account)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    strict = ("gotosocial", "ghost", "mastodon", "misskey", "bovine")
    servers: list[Server] = [BY_NAME[name](authorized_fetch=True) for name in strict]
    servers += [OldMastodon(authorized_fetch=True), OnlyRfc9421(authorized_fetch=True)]
    servers.append(OnlyEd25519())
    servers += [BY_NAME[name]() for name in ("onepage", "activitypub-bot", "nodebb")]
    with Fediverse(servers) as world:
        accounts = {one.host: one.add_account("alice", posts=45) for one in servers}
        follow = [
            {"actor": one.handle, "backfill": "all", "every": QUICK} for one in accounts.values()
        ]
        station = PublicStation(tmp_path_factory.mktemp("signed"), world, follow=follow)
        with station.daemon():
            for host, account in accounts.items():
                eventually(lambda a=account: complete(station, a), f"all of {host}")  # type: ignore[misc]
            kept = {host: holds(station, account) for host, account in accounts.items()}
            shown = {one["host"]: one["signature"] for one in station.json("hosts")["items"]}
        first, mark = world.log.since(0), world.log.mark()
        for account in accounts.values():
            account.post("after the restart")
        with station.daemon():
            for host, account in accounts.items():
                eventually(lambda a=account: complete(station, a), f"what is new of {host}")  # type: ignore[misc]
        yield Read(station, accounts, kept, shown, first, world.log.since(mark))


def failed(requests: Sequence[Request], host: str) -> list[tuple[str, int]]:
    return [
        (one.target, one.status) for one in requests if one.host == host and one.status in FAILED
    ]


@pytest.mark.parametrize("host", FORMS)
def test_everything_that_the_host_offers_is_kept(read: Read, host: str) -> None:
    """Its actor, the root of its outbox, the pages, and the posts that pages only name."""
    account = read.accounts[host]
    boosted = account.server.offered_boosts(account)
    offered = account.server.public_objects(account)

    assert read.kept[host] - boosted <= offered
    assert len(offered - read.kept[host]) == 1  # the one that came after


@pytest.mark.parametrize("host", FORMS)
def test_failed_knocks_are_no_more_than_the_rungs_of_the_ladder(read: Read, host: str) -> None:
    """Per host and day, over a restart; after it none at all, for what worked is remembered."""
    assert len(failed(read.first, host)) < len(LADDER)
    assert failed(read.second, host) == []


@pytest.mark.parametrize("host", [host for host, form in FORMS.items() if form == "unsigned"])
def test_who_does_not_ask_for_signatures_gets_none(read: Read, host: str) -> None:
    """Some that are open refuse a signature of a form that they dislike."""
    signed = [one for one in read.first if one.host == host and "signature" in one.headers]

    assert signed == []


def test_discovery_is_never_signed(read: Read) -> None:
    """WebFinger and NodeInfo are open to everybody, and cached by many."""
    discovery = [one for one in read.first if one.path.startswith(("/.well-known", "/nodeinfo"))]

    assert discovery
    assert [one.target for one in discovery if "signature" in one.headers] == []


@pytest.mark.parametrize("host", FORMS)
def test_the_form_that_works_is_shown(read: Read, host: str) -> None:
    """`fedpull hosts` names it."""
    assert read.shown[f"{host}:443"] == FORMS[host]


def test_a_host_that_refuses_strangers_is_left_alone(tmp_path: Path) -> None:
    """Each form is tried once, by whichever URL; then it is asked nothing signed for a day, also
    after a restart, and the other hosts are read as ever. For an actor's URL, which has no query,
    the two forms of draft-cavage are one.
    """
    closed, mastodon = Unwelcoming(authorized_fetch=True), BY_NAME["mastodon"]()
    with Fediverse([closed, mastodon]) as world:
        accounts = [closed.add_account(f"user{n}", posts=3) for n in range(4)]
        alice = mastodon.add_account("alice", posts=3)
        follow = [{"actor": one.handle, "every": QUICK} for one in (*accounts, alice)]
        station = PublicStation(tmp_path, world, follow=follow)

        def signed() -> Counter[str]:
            forms = (one.headers["signature"] for one in world.log.entries if is_signed(one))
            return Counter(text.partition("=")[0] for text in forms)

        def is_signed(one: Request) -> bool:
            return one.host == closed.host and "signature" in one.headers

        with station.daemon():
            eventually(lambda: complete(station, alice), "the open host was read")
            eventually(lambda: signed().total() == 2, "the ladder was tried")
        with station.daemon():
            new = alice.post("after the restart")
            eventually(lambda: new.id in holds(station, alice), "the open host was read again")
            explained = station.json("explain", accounts[0].actor_id)

        assert signed().total() == 2
        assert explained["state"] in ("failed", "refused", "unknown")
        assert "401" in explained["why"] or "refus" in explained["why"]


def test_without_an_identity_nothing_is_signed(tmp_path: Path) -> None:
    """A host that wants signatures is not read, and the reason is told."""
    server = BY_NAME["gotosocial"](authorized_fetch=True)
    with Fediverse([server]) as world:
        account = server.add_account("alice", posts=3)
        station = Station(tmp_path, world, follow=[account.handle])
        told = station.run("pull")
        explained = station.json("explain", account.actor_id)

        assert told.code == 5
        assert all("signature" not in one.headers for one in world.log.entries)
        assert "`identity`" in explained["why"]


def test_our_actor_is_what_they_verify_with(read: Read) -> None:
    """All that the hosts asked of us is our actor, and they got it unsigned and signed alike."""
    asked = {(one.url, one.status) for one in read.station.world.reached.carried}

    assert (ACTOR, 200) in asked
    assert {status for _, status in asked} == {200}


@pytest.mark.slow
def test_a_stub_at_the_first_contact_is_looked_at_again(tmp_path: Path) -> None:
    """GoToSocial answers without pages while it fetches our key: a minute later it has them."""
    server = GoToSocial(authorized_fetch=True)
    server.stubs = 1
    with Fediverse([server]) as world:
        account = server.add_account("alice", posts=3)
        follow = [{"actor": account.handle, "every": {"min": "1h", "max": "7d"}}]
        station = PublicStation(tmp_path, world, follow=follow)
        with station.daemon():
            eventually(lambda: complete(station, account), "all of it", [0.1] * 1_000)


def test_a_single_command_serves_our_actor_while_it_asks(tmp_path: Path) -> None:
    """Without a daemon, whoever verifies finds our actor all the same."""
    server = BY_NAME["mastodon"](authorized_fetch=True)
    with Fediverse([server]) as world:
        account = server.add_account("alice", posts=3)
        station = PublicStation(tmp_path, world, follow=[account.handle])
        station.pull()

        assert complete(station, account)


def test_a_single_command_that_cannot_serve_our_actor_signs_nothing(tmp_path: Path) -> None:
    """Another process has the port: no rung of the ladder is lost to hosts that cannot verify, so
    that the next one which can is let in.
    """
    server = BY_NAME["mastodon"](authorized_fetch=True)
    with Fediverse([server]) as world:
        account = server.add_account("alice", posts=3)
        station = PublicStation(tmp_path, world, follow=[account.handle])
        with socket.create_server(("127.0.0.1", station.port)):
            assert station.run("pull").code == 5
        assert all("signature" not in one.headers for one in world.log.entries)
        station.pull()

        assert complete(station, account)
