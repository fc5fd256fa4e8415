"""A store that is nearly full lets go of what nobody follows, the oldest first, and goes on."""

from __future__ import annotations

import os
from pathlib import Path

from store_cases import ALICE, FOLLOW, NOW, apply, clean, note, page, read_authors, store_at

from fedpull.cache.open import Opened
from fedpull.cache.records import Follow, Mark, Outcome, State
from fedpull.cache.work import NO_LIMITS
from fedpull.errors import StoreError

STRANGER = "https://c.example/users/carol"
ROOM = 2 << 20


def post(n: int) -> str:
    return f"https://c.example/notes/{n}"


def fill(opened: Opened, first: int, actor: str = STRANGER) -> int:
    """Keep posts of an actor until there is no room; how many were kept."""
    number = first
    while True:
        put = note(
            post(number), os.urandom(6000).hex(), actor=actor, published=NOW - 9_000 + number
        )
        if opened.store.apply(Outcome(NOW, puts=(put,))).exception() is not None:
            return number - first
        number += 1


def make_room(opened: Opened, now: float = NOW) -> int:
    apply(opened, now, marks=(Mark(ALICE, State.FAILED, error="a write measures the store"),))
    return opened.moderator.make_room(now, lambda: False)


def test_the_oldest_that_nobody_follows_go_and_the_store_goes_on(tmp_path: Path) -> None:
    """Down to nine tenths; what went is told in the change log, and may be fetched anew."""
    with store_at(tmp_path, max_bytes=ROOM, limits=NO_LIMITS) as opened:
        read_authors(opened)
        apply(opened, puts=tuple(note(n, "x" * 900, follow=FOLLOW) for n in range(50)))
        kept = fill(opened, 0)
        assert kept > 100
        assert opened.query.totals().read_only
        before = opened.query.totals().last_seq
        gone = make_room(opened)

        assert 10 < gone < kept / 2
        assert opened.query.totals().bytes <= 0.9 * ROOM
        assert not any(opened.query.document(post(n)) for n in range(gone))
        assert all(opened.query.document(post(n)) for n in range(gone, kept))
        assert all(opened.query.document(note(n).id) for n in range(50))
        told = opened.query.changes(before, 10_000)
        assert [(one.id, one.kind, one.reason) for one in told] == [
            (post(n), "deleted", "evicted") for n in range(gone)
        ]
        reference = opened.query.reference(post(0))
        assert reference is not None
        assert reference.state == "unknown"
        assert apply(opened, puts=(note(post(0), "again", actor=STRANGER),)).changes
        assert not opened.query.totals().read_only
        clean(opened)


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """Filled again and again, those that came next go next; nothing that is followed ever does."""
    with store_at(tmp_path, max_bytes=ROOM, limits=NO_LIMITS) as opened:
        read_authors(opened)
        apply(opened, puts=tuple(note(n, "x" * 900, follow=FOLLOW) for n in range(50)))
        number, gone = fill(opened, 0), 0
        for _ in range(4):
            gone += make_room(opened)
            number += fill(opened, number)
        held = [n for n in range(number) if opened.query.document(post(n)) is not None]

        assert held == list(range(gone, number))
        assert all(opened.query.document(note(n).id) for n in range(50))
        clean(opened)


def test_what_a_list_shows_stays_and_then_the_store_says_that_it_is_full(tmp_path: Path) -> None:
    """Everything in it is followed: nothing goes, and nothing is looked for again for an hour."""
    with store_at(tmp_path, max_bytes=ROOM, limits=NO_LIMITS) as opened:
        opened.store.put_follow(Follow("@carol@c.example", actor=STRANGER)).result()
        kept = fill(opened, 0)
        assert make_room(opened) == 0
        assert opened.query.totals().read_only
        assert all(opened.query.document(post(n)) for n in range(kept))
        opened.store.drop_follow("@carol@c.example", NOW).result()
        fill(opened, kept)
        assert make_room(opened, NOW + 60) == 0

        assert make_room(opened, NOW + 4_000) > 10
        assert not opened.query.document(post(0))
        clean(opened)


def test_what_was_announced_by_somebody_who_is_followed_stays(tmp_path: Path) -> None:
    """Whoever wrote it; until nobody is followed any more whose list shows it."""
    with store_at(tmp_path, max_bytes=ROOM, limits=NO_LIMITS) as opened:
        read_authors(opened)
        apply(opened, members=page("!1"), puts=(note(1, "x" * 900, actor=STRANGER),))
        fill(opened, 2)
        assert make_room(opened) > 10
        assert opened.query.document(note(1).id) is not None
        opened.store.drop_follow(FOLLOW, NOW).result()
        fill(opened, 10_000)
        make_room(opened, NOW + 60)
        assert opened.query.document(note(1).id) is not None
        fill(opened, 20_000)
        make_room(opened, NOW + 4_000)

        assert opened.query.document(note(1).id) is None
        clean(opened)


def test_while_there_is_room_nothing_goes(tmp_path: Path) -> None:
    """Nor is anything looked for."""
    with store_at(tmp_path, max_bytes=ROOM, limits=NO_LIMITS) as opened:
        apply(opened, puts=tuple(note(post(n), "x", actor=STRANGER) for n in range(20)))

        assert make_room(opened) == 0
        assert opened.query.totals().documents == 20


def test_being_stopped_leaves_it_as_far_as_it_came(tmp_path: Path) -> None:
    """The next run goes on."""
    with store_at(tmp_path, max_bytes=ROOM, limits=NO_LIMITS) as opened:
        kept = fill(opened, 0)
        apply(opened, marks=(Mark(ALICE, State.FAILED, error="a write measures the store"),))
        assert opened.moderator.make_room(NOW, lambda: True) == 0
        assert make_room(opened) > 10
        assert opened.query.totals().documents < kept
        clean(opened)


def test_without_it_a_full_store_refuses(tmp_path: Path) -> None:
    """So that the room that is promised is never passed."""
    with store_at(tmp_path, max_bytes=ROOM, limits=NO_LIMITS) as opened:
        fill(opened, 0)
        failure = opened.store.apply(Outcome(NOW, puts=(note(1),))).exception()

        assert isinstance(failure, StoreError)
        assert opened.query.totals().bytes < ROOM * 1.1
