"""Rows that only wait to be brought forward: they hold their follow's place and nobody up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_cases import FOLLOW, NOW, OUTBOX, clean, done, lease, leased, note, queue, store_at, want

from fedpull.cache.open import Opened
from fedpull.cache.records import PARKED, Cause, Follow, Kind

PARKED_OUTBOX = want(
    OUTBOX, kind=Kind.PAGE, due=PARKED, follow=FOLLOW, relation="outbox", scheduled=True
)
YEAR = 365 * 86_400.0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        yield store
        clean(store)


def test_a_parked_row_is_never_due_by_itself(opened: Opened) -> None:
    """It counts for its follow, and neither as due nor as pending work."""
    queue(opened, PARKED_OUTBOX)

    assert leased(opened, NOW + YEAR) == []
    assert opened.frontier.next_due(NOW) is None
    assert opened.frontier.waits(FOLLOW)
    assert opened.frontier.pending(FOLLOW) == 0
    assert opened.frontier.stalled_until(FOLLOW, NOW) is None
    assert opened.query.totals().due == 0


def test_a_parked_row_does_not_hide_what_waits_behind_it(opened: Opened) -> None:
    """Its host is asked for everything else as if it were not there."""
    queue(opened, PARKED_OUTBOX, want(note(1).id, kind=Kind.PAGE, cause=Cause.BACKFILL))

    assert leased(opened, NOW) == [note(1).id]


def test_whoever_wants_a_parked_row_gets_it(opened: Opened) -> None:
    """Asked for by anybody, it is due, and can be parked again after its answer."""
    queue(opened, PARKED_OUTBOX)
    queue(opened, want(OUTBOX, kind=Kind.PAGE, cause=Cause.ON_DEMAND, follow=FOLLOW))
    [taken] = lease(opened)
    assert (taken.want.uri, taken.want.cause) == (OUTBOX, Cause.ON_DEMAND)
    done(opened, taken, wants=(PARKED_OUTBOX,))

    assert leased(opened, NOW + YEAR) == []
    assert opened.frontier.waits(FOLLOW)


def test_parked_rows_go_with_their_follow(opened: Opened) -> None:
    """A follow that is dropped leaves none behind."""
    opened.store.put_follow(Follow(FOLLOW)).result()
    queue(opened, PARKED_OUTBOX)
    opened.store.drop_follow(FOLLOW, NOW).result()

    assert not opened.frontier.waits(FOLLOW)


def test_a_clock_that_is_set_back_leaves_parked_rows_parked(opened: Opened) -> None:
    """Bringing future times within reach does not wake what has no time."""
    queue(opened, PARKED_OUTBOX, want(note(1).id, due=NOW + YEAR))
    assert leased(opened, NOW + YEAR) == [note(1).id]
    lease(opened, NOW)

    assert leased(opened, NOW + 40 * 86_400.0) == [note(1).id]
    assert opened.query.totals().due == 0
