"""Followers by their origin: the part that FEP-8fcf speaks of, and the digest kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import NOW, clean, store_at

from fedpull.cache import follower_parts
from fedpull.cache.mail_records import Follower, FollowerState
from fedpull.cache.open import Opened
from fedpull.crawler.protocol.part_digest import NOBODY, digest_of

BIG, SMALL, NONE = "https://big.example", "https://small.example:8443", "https://none.example"
ORIGINS = (BIG, SMALL)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path) as opened:
        yield opened


def follower(origin: str, n: int, state: FollowerState = "accepted") -> Follower:
    actor = f"{origin}/users/{n}"
    return Follower(actor, f"{actor}/inbox", None, state, f"{origin}/follows/{n}", NOW)


def put(opened: Opened, *followers: Follower) -> None:
    for one in followers:
        opened.mailbox.put_follower(one, (), NOW).result()


def test_who_counts(opened: Opened) -> None:
    """Accepted ones of that scheme, host and port; who only asked, or was rejected, does not."""
    put(opened, *(follower(BIG, n) for n in (1, 2)), follower(BIG, 3, "pending"))
    put(opened, follower(SMALL, 1), follower("https://small.example", 1))
    put(opened, follower(BIG, 2, "rejected"), follower(BIG, 3))

    mailbox = opened.mailbox
    assert set(mailbox.part(BIG, 9)) == {f"{BIG}/users/1", f"{BIG}/users/3"}
    assert mailbox.part_digest(BIG) == digest_of((f"{BIG}/users/1", f"{BIG}/users/3"))
    assert (mailbox.part_size(BIG), mailbox.part_size(SMALL)) == (2, 1)
    assert mailbox.part(SMALL, 9) == [f"{SMALL}/users/1"]
    assert (mailbox.part(NONE, 9), mailbox.part_digest(NONE)) == ([], NOBODY)


def test_a_part_is_read_in_pieces(opened: Opened) -> None:
    """Each one once, whatever else lies beside it."""
    put(opened, *(follower(origin, n) for n in range(7) for origin in ORIGINS))

    first = opened.mailbox.part(BIG, 4)
    rest = opened.mailbox.part(BIG, 4, first[-1])

    assert {*first, *rest} == {f"{BIG}/users/{n}" for n in range(7)}
    assert (len(first), len(rest), opened.mailbox.part(BIG, 4, rest[-1])) == (4, 3, [])


def test_a_store_that_had_no_parts(opened: Opened) -> None:
    """They are made from the followers, as often as one likes."""
    put(opened, *(follower(origin, n) for n in range(3) for origin in ORIGINS))
    was = opened.mailbox.part_digest(BIG), opened.mailbox.part(BIG, 9)
    writer = opened.store._writer

    for _ in range(2):
        writer.submit(lambda work: work.txn.drop(work.t.part_digest, delete=False)).result()
        writer.submit(follower_parts.build).result()

    assert (opened.mailbox.part_digest(BIG), opened.mailbox.part(BIG, 9)) == was
    clean(opened)


STATES = st.sampled_from(("pending", "accepted", "rejected"))
MOVES = st.lists(st.tuples(st.sampled_from(ORIGINS), st.integers(0, 3), STATES), max_size=20)


@settings(max_examples=25, deadline=None)
@given(moves=MOVES)
def test_whatever_they_do_the_digest_is_that_of_who_follows(
    moves: list[tuple[str, int, FollowerState]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Kept step by step, it stays what it would be if it were computed."""
    accepted: dict[str, str] = {}
    with store_at(tmp_path_factory.mktemp("store")) as opened:
        for origin, n, state in moves:
            one = follower(origin, n, state)
            put(opened, replace(one, at=NOW + n))
            accepted.pop(one.actor, None)
            if state == "accepted":
                accepted[one.actor] = origin

        for origin in ORIGINS:
            there = {actor for actor, home in accepted.items() if home == origin}
            assert set(opened.mailbox.part(origin, 99)) == there
            assert opened.mailbox.part_digest(origin) == digest_of(there)
        clean(opened)
