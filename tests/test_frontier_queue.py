"""The queue: what is leased, in which order, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from store_cases import (
    FOLLOW,
    NOW,
    OUTBOX,
    apply,
    clean,
    done,
    drain,
    failed,
    lease,
    leased,
    note,
    queue,
    store_at,
    uri,
    want,
)

from fedpull.cache.open import Opened
from fedpull.cache.records import Cause, Kind, Mark, Politeness, State, Want

FINGER = "https://a.example/.well-known/webfinger?resource=acct:alice@a.example"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        yield store
        clean(store)


def test_a_lease_carries_its_want(opened: Opened) -> None:
    """Every field of a want survives the queue."""
    wanted = want(
        uri("a") + "#part",
        follow=FOLLOW,
        relation="parent",
        depth=3,
        attempts=2,
        refetch=True,
        scheduled=True,
    )
    queue(opened, wanted)
    (taken,) = lease(opened)

    assert taken.want == wanted
    assert (taken.url, taken.host) == (uri("a"), "a.example:443")
    assert taken.until == NOW + 60


ORDER: list[tuple[str, list[Want], list[str]]] = [
    (
        "the more urgent cause goes first",
        [
            want(uri("a", 1), cause=Cause.BACKFILL),
            want(uri("a", 2), cause=Cause.REFRESH),
            want(uri("a", 3), cause=Cause.NEW),
            want(uri("a", 4), cause=Cause.PUSH),
            want(uri("a", 5), cause=Cause.ON_DEMAND),
        ],
        [uri("a", 5), uri("a", 4), uri("a", 3), uri("a", 2), uri("a", 1)],
    ),
    (
        "the longest due goes first within a cause",
        [want(uri("a", 1), due=NOW - 1), want(uri("a", 2), due=NOW - 9)],
        [uri("a", 2), uri("a", 1)],
    ),
    (
        "a WebFinger answer goes before documents, and those before pages",
        [
            want(OUTBOX, kind=Kind.PAGE, due=NOW - 9),
            want(uri("a"), due=NOW - 5),
            want(FINGER, kind=Kind.FINGER),
        ],
        [FINGER, uri("a"), OUTBOX],
    ),
    (
        "an urgent want goes before the other hosts' backlog",
        [
            want(uri("a"), cause=Cause.BACKFILL, due=NOW - 99),
            want(uri("b"), cause=Cause.ON_DEMAND),
        ],
        [uri("b"), uri("a")],
    ),
    ("what is not due yet waits", [want(uri("a"), due=NOW + 999)], []),
]


@pytest.mark.parametrize(("wants", "expected"), [r[1:] for r in ORDER], ids=[r[0] for r in ORDER])
def test_the_order_of_leases(opened: Opened, wants: list[Want], expected: list[str]) -> None:
    """Cause, then kind, then time."""
    queue(opened, *wants)

    assert drain(opened) == expected


@pytest.mark.parametrize("gap", [0.0, 2.0])
def test_each_host_in_turn(tmp_path: Path, gap: float) -> None:
    """A host with much to ask does not keep the others waiting."""
    with store_at(tmp_path, politeness=Politeness(gap=gap)) as opened:
        queue(opened, *(want(uri(host, n)) for host in "abc" for n in range(3)))
        hosts = [one.split("/")[2][0] for one in drain(opened)]

        assert [sorted(hosts[at : at + 3]) for at in (0, 3, 6)] == [["a", "b", "c"]] * 3


MERGES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "the more urgent cause and the earlier time win",
        {"cause": Cause.REFRESH, "due": NOW - 5},
        {"cause": Cause.NEW, "due": NOW},
        {"cause": Cause.NEW, "due": NOW - 5},
    ),
    ("the larger depth wins", {"depth": 4}, {"depth": 1}, {"depth": 4}),
    (
        "a row without a follow is taken over",
        {"relation": "reply"},
        {"follow": FOLLOW, "relation": "item"},
        {"follow": FOLLOW, "relation": "item"},
    ),
    (
        "a follow keeps its row from an equal one",
        {"follow": FOLLOW, "relation": "item"},
        {"follow": "@bob@b.example", "relation": "boost"},
        {"follow": FOLLOW, "relation": "item"},
    ),
    (
        "a more urgent follow takes the row over",
        {"follow": FOLLOW, "cause": Cause.REFRESH},
        {"follow": "@bob@b.example", "cause": Cause.PUSH, "relation": "item"},
        {"follow": "@bob@b.example", "cause": Cause.PUSH, "relation": "item"},
    ),
    (
        "a periodic row becomes pending work",
        {"follow": FOLLOW, "scheduled": True},
        {"follow": FOLLOW},
        {"follow": FOLLOW, "scheduled": False},
    ),
    ("a refetch stays one", {"refetch": True}, {}, {"refetch": True}),
]


@pytest.mark.parametrize(
    ("first", "second", "expected"), [row[1:] for row in MERGES], ids=[row[0] for row in MERGES]
)
def test_wanting_twice_is_one_row(
    opened: Opened, first: dict[str, Any], second: dict[str, Any], expected: dict[str, Any]
) -> None:
    """The row that stands for both keeps the more urgent of each."""
    queue(opened, want(uri("a"), **first), want(uri("a"), **second))
    (taken,) = lease(opened)

    assert taken.want == want(uri("a"), **{**first, **expected})
    assert opened.query.totals().due == 0


def test_a_failed_row_is_not_hurried_by_a_page(opened: Opened) -> None:
    """What waits after a failure is brought forward by a person or a push only."""
    queue(opened, want(uri("a"), due=NOW + 500, attempts=2))
    queue(opened, want(uri("a")))
    before = leased(opened)
    queue(opened, want(uri("a"), cause=Cause.ON_DEMAND))

    assert before == []
    assert leased(opened) == [uri("a")]


def test_an_outcome_removes_its_row_or_plans_it_again(opened: Opened) -> None:
    """What was answered is done, unless the outcome wants it again."""
    queue(opened, want(uri("a", 1)), want(uri("b", 1)))
    for taken in lease(opened):
        again = (want(taken.want.uri, due=NOW + 50),) if "b." in taken.want.uri else ()
        done(opened, taken, wants=again)

    assert leased(opened, NOW + 10) == []
    assert leased(opened, NOW + 50) == [uri("b", 1)]


def test_a_lease_that_ends_is_given_back(opened: Opened) -> None:
    """Without an outcome the row and the host's slot are free again when the lease ends."""
    queue(opened, want(uri("a")))
    lease(opened, seconds=60)

    assert leased(opened, NOW + 59) == []
    assert leased(opened, NOW + 60) == [uri("a")]


def test_an_outcome_that_comes_late_counts_once(opened: Opened) -> None:
    """A lease that ended is not given back twice, and the new one stays good."""
    queue(opened, want(uri("a")))
    (late,) = lease(opened, seconds=60)
    (new,) = lease(opened, NOW + 61)
    done(opened, late, NOW + 62)
    clean(opened)

    assert opened.query.totals().in_flight == 1
    done(opened, new, NOW + 63)
    assert opened.query.totals().in_flight == 0


def test_leases_survive_a_restart_until_recovered(tmp_path: Path) -> None:
    """After a crash `recover` gives back what was leased, once; queue and gap are as they were."""
    with store_at(tmp_path) as opened:
        queue(opened, want(uri("a", 1), due=NOW - 1), want(uri("a", 2)))
        assert leased(opened) == [uri("a", 1)]
        assert opened.frontier.turn("b.example:443", NOW, False).result() is None
    with store_at(tmp_path) as opened:
        assert leased(opened, NOW + 5) == []
        assert opened.frontier.recover(NOW + 5).result() == 1
        assert opened.query.totals().in_flight == 0
        assert leased(opened, NOW + 5) == [uri("a", 1)]
        assert opened.frontier.recover(NOW + 5).result() == 1
        clean(opened)


def test_walks_are_kept_with_their_next_url(opened: Opened) -> None:
    """A page lease carries the walk as stored and asks for its next URL, at that URL's host."""
    queue(opened, want(OUTBOX, kind=Kind.PAGE))
    (first,) = lease(opened)
    after = f"{OUTBOX}?max_id=5"
    again = (want(OUTBOX, kind=Kind.PAGE),)
    done(opened, first, walk=b"state 1", walk_url=after, wants=again)
    (second,) = lease(opened, NOW + 10)
    done(opened, second, NOW + 10, walk_done=True, wants=again)
    (third,) = lease(opened, NOW + 20)

    assert (first.url, first.walk) == (OUTBOX, None)
    assert (second.url, second.walk) == (after, b"state 1")
    assert (third.url, third.walk) == (OUTBOX, None)


def test_validators_go_with_the_lease_while_a_body_is_held(opened: Opened) -> None:
    """Conditional requests are made only for what could be answered by 304."""
    apply(opened, puts=(note(1, etag='"x"', last_modified="then"),))
    queue(opened, want(note(1).id))
    (held,) = lease(opened)
    gone = Mark(note(1).id, State.GONE, "gone", purge=True)
    done(opened, held, marks=(gone,), wants=(want(note(1).id),))
    (bare,) = lease(opened, NOW + 10)

    assert (held.etag, held.last_modified) == ('"x"', "then")
    assert (bare.etag, bare.last_modified) == (None, None)


def test_pending_counts_what_was_not_tried_in_vain(opened: Opened) -> None:
    """Queued and leased rows count; failed and periodic ones do not."""
    queue(
        opened,
        want(uri("a", 1), follow=FOLLOW),
        want(uri("a", 2), follow=FOLLOW),
        want(uri("a", 3), follow=FOLLOW, attempts=1),
        want(uri("a", 4), follow=FOLLOW, scheduled=True),
        want(uri("a", 5), follow="@bob@b.example"),
    )
    (taken,) = lease(opened)
    counted = [opened.frontier.pending(FOLLOW)]
    failed(opened, taken, NOW, wants=(want(taken.want.uri, follow=FOLLOW, attempts=1),))
    counted.append(opened.frontier.pending(FOLLOW))

    assert counted == [2, 1]
    assert opened.frontier.pending("@nobody@a.example") == 0


def test_stalled_until_says_when_a_follow_can_go_on(opened: Opened) -> None:
    """Now while something is under way, else when the earliest row's host may be asked."""
    assert opened.frontier.stalled_until(FOLLOW, NOW) is None
    queue(opened, want(uri("a", 1), follow=FOLLOW), want(uri("a", 2), follow=FOLLOW))
    (taken,) = lease(opened)
    under_way = opened.frontier.stalled_until(FOLLOW, NOW)
    done(opened, taken, status=429)

    assert under_way == NOW
    assert 300 <= (opened.frontier.stalled_until(FOLLOW, NOW) or 0) - NOW <= 315


def test_a_want_that_is_no_uri_writes_nothing(opened: Opened) -> None:
    """One bad want refuses the call, whole."""
    future = opened.frontier.want([want(uri("a")), want("no uri")])

    assert future.exception() is not None
    assert leased(opened) == []


def test_nothing_due_is_none(opened: Opened) -> None:
    """An empty frontier has no next time."""
    assert opened.frontier.next_due(NOW) is None
    assert lease(opened) == []
