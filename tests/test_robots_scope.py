"""Whom robots.txt binds, and what follows from its no: tables of values, without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ingest_cases import ALICE, HOST, NOW, OUTBOX, lease, want
from pocket import Pocket

from fedpull.cache.records import Cause, Follow, Kind, Want
from fedpull.config.load import load
from fedpull.crawler.answer import FetchFailed, Obedience
from fedpull.crawler.clock import SystemClock
from fedpull.crawler.ingest_failure import failure
from fedpull.crawler.open import open_works
from fedpull.crawler.protocol.handle import Handle
from fedpull.crawler.robots_scope import Mode, RobotsScope
from fedpull.errors import Refused, StoreError
from fedpull.spiders.reference import ReferenceSpider

KEY = "@alice@social.example"
FINGER = f"{HOST}/.well-known/webfinger?resource=acct:"
NEW = Follow(KEY)
KNOWN = Follow(KEY, actor=ALICE, outbox=OUTBOX, outbox_kind="ok")
NOTE, PAGED = f"{ALICE}/statuses/1", f"{OUTBOX}?page=2"
ELSEWHERE = "https://other.example/notes/1"
NOT_HERS = f"{HOST}/objects/7"
HERS = f"{HOST}/objects/8"
OWNERS = {NOT_HERS: f"{HOST}/users/bob", HERS: ALICE, ELSEWHERE: ALICE}


def scope(mode: Mode = "crawl", follow: Follow = KNOWN, known: bool = False) -> RobotsScope:
    def follows(actor: str | Handle) -> bool:
        return str(actor) in (KEY, ALICE)

    return RobotsScope(mode, lambda key: follow, follows, OWNERS.get, lambda url: known)


def asked(uri: str, relation: str, *, stranger: bool = False) -> Want:
    return want(uri, relation=relation, follow="" if stranger else KEY)


PAGE = Kind.PAGE
# the want, the URL that is asked for it, the follow as it stands, and whether it is bound
CASES: dict[str, tuple[Want, str, Follow, Obedience]] = {
    "a followed handle": (
        want(f"{FINGER}{KEY[1:]}", Kind.FINGER, relation="handle"),
        "",
        NEW,
        "exempt",
    ),
    "a followed handle, on demand": (
        want(f"{FINGER}{KEY[1:]}", Kind.FINGER, relation="asked", follow=""),
        *("", NEW, "exempt"),
    ),
    "another handle, on demand": (
        want(f"{FINGER}bob@social.example", Kind.FINGER, relation="asked", follow=""),
        *("", KNOWN, "obey"),
    ),
    "the first look at an actor": (asked(ALICE, "actor"), "", NEW, "exempt"),
    "another look at an actor": (asked(ALICE, "actor"), "", KNOWN, "own"),
    "an outbox": (want(OUTBOX, PAGE, relation="outbox"), PAGED, KNOWN, "own"),
    "an outbox on another origin": (
        want(ELSEWHERE, PAGE, relation="outbox"),
        *(ELSEWHERE, KNOWN, "obey"),
    ),
    "a post of hers": (asked(NOTE, "item"), "", KNOWN, "own"),
    "a post of hers on another origin": (asked(ELSEWHERE, "item"), "", KNOWN, "obey"),
    "a boost": (asked(ELSEWHERE, "boost"), "", KNOWN, "obey"),
    "a boost of a neighbour": (asked(NOT_HERS, "boost"), "", KNOWN, "obey"),
    "a boost of her own": (asked(HERS, "boost"), "", KNOWN, "own"),
    "what a post answers": (asked(NOT_HERS, "parent"), "", KNOWN, "obey"),
    "a reply": (asked(ELSEWHERE, "reply"), "", KNOWN, "obey"),
    "the author of something": (asked(f"{HOST}/users/bob", "author"), "", KNOWN, "obey"),
    "where she has moved to": (asked("https://new.example/alice", "moved"), "", KNOWN, "obey"),
    "the replies to a post of hers": (
        want(f"{NOTE}/replies", PAGE, relation="replies", root=NOTE),
        *("", KNOWN, "own"),
    ),
    "the replies to somebody's reply": (
        want(f"{NOT_HERS}/replies", PAGE, relation="replies", root=NOTE),
        *("", KNOWN, "obey"),
    ),
    "the replies to another post whose id begins like hers": (
        want(f"{HERS}9/replies", PAGE, relation="replies", root=HERS),
        *("", KNOWN, "obey"),
    ),
    "a check of what is held of hers": (asked(HERS, "check", stranger=True), "", KNOWN, "own"),
    "a check of what is held of others": (
        asked(NOT_HERS, "check", stranger=True),
        "",
        KNOWN,
        "obey",
    ),
    "what stands under her id, on demand": (asked(NOTE, "asked", stranger=True), "", KNOWN, "own"),
    "what begins like her id, on demand": (
        asked(f"{ALICE}2", "asked", stranger=True),
        "",
        KNOWN,
        "obey",
    ),
    "hers by its own word, on another origin": (
        asked(ELSEWHERE, "asked", stranger=True),
        *("", KNOWN, "obey"),
    ),
    "what a stranger's push names": (
        want(NOT_HERS, relation="check", follow="", cause=Cause.PUSH),
        *("", KNOWN, "obey"),
    ),
    "a whole server": (asked(HOST, "asked", stranger=True), "", KNOWN, "obey"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_her_own_is_free(case: str) -> None:
    """Her own, and on her own origin; everything else is bound."""
    one, url, follow, expected = CASES[case]

    assert scope(follow=follow).of(lease(one, url or one.uri)) == expected


@pytest.mark.parametrize("case", CASES)
def test_strict_binds_everything_and_off_nothing(case: str) -> None:
    """The operator's choice."""
    one, url, follow, _ = CASES[case]
    given = lease(one, url or one.uri)

    assert scope("strict", follow).of(given) == "obey"
    assert scope("off", follow).of(given) == "exempt"


def refused(uri: str, until: float = NOW + 86_400.0) -> FetchFailed:
    reason = "robots: robots.txt of other.example: Disallow: / (User-agent: *)"
    cause = Refused(uri, reason)
    return FetchFailed(uri, reason, kind="refused", cause=cause, again=until)


def run_refused(pocket: Pocket, until: float) -> list[str]:
    """Everything that is due is refused; what that was."""
    found = []
    for one in pocket.lease(16):
        found.append(one.url)
        prior = pocket._ingestor.lookups.prior(one, None, pocket.clock.at)
        pocket.settle(one, failure(one, refused(one.url, until), prior, pocket.clock.at))
    return found


@pytest.mark.parametrize("mode", ["crawl", "strict"])
def test_whom_something_is_delivered_to_is_free(mode: Mode) -> None:
    """To find out where their mail goes is no crawling; the same look for its own sake is."""
    bob, eve = f"{HOST}/users/bob", f"{HOST}/users/eve"
    stranger = replace(scope(mode), is_recipient={bob}.__contains__)
    looks = [lease(want(uri, relation="asked", follow="")) for uri in (bob, eve)]

    assert [stranger.of(one) for one in looks] == ["exempt", "obey"]


def test_a_refusal_is_looked_up_again_when_it_ends(tmp_path: Path) -> None:
    """Four times, a day apart; it is no work that a pull waits for, and one change."""
    with Pocket(tmp_path) as pocket:
        pocket.opened.store.put_follow(Follow(KEY)).result()
        pocket.want(Want(ELSEWHERE, Kind.DOCUMENT, Cause.NEW, pocket.clock.at, KEY, "boost"))
        days = []
        for day in range(10):
            if run_refused(pocket, pocket.clock.at + 86_400.0):
                days.append(day)
            assert pocket.opened.frontier.pending(KEY) == 0
            pocket.clock.at += 86_401.0
        record = pocket.opened.query.reference(ELSEWHERE)
        changes = pocket.opened.query.changes(0)

    assert record is not None
    assert (str(record.state), record.reason) == ("refused", "robots")
    assert days[0] == 0
    assert len(days) == 4
    assert [(one.kind, one.reason) for one in changes] == [("refused", "robots")]


def test_what_leads_a_follow_on_is_looked_up_again_for_ever(tmp_path: Path) -> None:
    """With `strict`: the follow says why, and goes on once it may."""
    with Pocket(tmp_path) as pocket:
        pocket.follow(ALICE)
        times = 0
        for _ in range(12):
            times += len(run_refused(pocket, pocket.clock.at + 3_600.0))
            pocket.clock.at += 90_000.0
        follow = pocket.opened.query.follow(ALICE)

    assert times == 12
    assert follow is not None
    assert "robots.txt" in (follow.last_error or "")


def test_a_spider_outlives_that_it_cannot_be_looked_up(tmp_path: Path) -> None:
    """A spider whose start raises is closed for good, so one lease is given up instead."""

    def unreadable(uri: str) -> str | None:
        raise StoreError("data", "has no reader left")

    works = open_works(load(None, environ={}, data_home=tmp_path), SystemClock())
    works.scope = replace(works.scope, owner=unreadable)
    spider = ReferenceSpider()
    spider.works = works
    spider.crawl(lease(asked(NOTE, "check", stranger=True)))
    works.opened.close()

    assert works.dispatcher.in_flight == -1
