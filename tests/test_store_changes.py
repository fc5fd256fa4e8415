"""The change log: what one commit has changed lies together and is read one by one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from store_cases import NOW, apply, clean, note, store_at

from fedpull.cache.records import Mark, State
from fedpull.errors import TooOld

POSTS = tuple(note(n) for n in range(1, 131))  # of more rows than one
REFUSED = tuple(
    Mark(f"https://a.example/notes/{n}", State.REFUSED, reason) for n, reason in
    ((201, "audience"), (202, "audience"), (203, "ü" * 600), (204, "blocked"))
)  # fmt: skip


def test_changes_are_read_one_by_one(tmp_path: Path) -> None:
    """From any number on, as many as are asked for, in their order and with their own reasons."""
    with store_at(tmp_path) as opened:
        heard: list[int] = []
        opened.store.on_change(lambda changes: heard.extend(one.seq for one in changes))
        apply(opened, puts=POSTS[:1])
        apply(opened, puts=POSTS[1:], marks=REFUSED)
        apply(opened, NOW + 9, puts=(note(1, "edited", at=NOW + 9),))
        whole = opened.query.changes(0, 1_000)
        clean(opened)

        assert [one.seq for one in whole] == heard == list(range(1, 136))
        assert [one.id for one in whole[:130]] == [put.id for put in POSTS]
        assert {(one.kind, one.type, one.at) for one in whole[:130]} == {("created", "Note", NOW)}
        assert {one.actor for one in whole[:130]} == {POSTS[0].stamp.owner}
        reasons = [one.reason for one in whole[130:134]]
        assert reasons[:2] == ["audience"] * 2
        assert (reasons[2] or "").strip("ü") == ""
        assert reasons[3] == "blocked"
        assert (whole[134].kind, whole[134].at, whole[134].reason) == ("updated", NOW + 9, None)
        for since in (0, 1, 2, 47, 48, 49, 50, 97, 129, 134, 135, 999):
            assert opened.query.changes(since, 60) == whole[since : since + 60]
        assert opened.query.changes(5, 0) == []
        assert opened.query.changes(-3, 1) == whole[:1]


def test_the_log_keeps_its_last_entries(tmp_path: Path) -> None:
    """Of a long log the last entries stay, and who asks for others is told where it begins."""
    with store_at(tmp_path, log_kept=100) as opened:
        for start in range(1, 600, 7):
            apply(opened, puts=tuple(note(n) for n in range(start, start + 7)))
        kept = opened.query.changes(None, 1_000)
        clean(opened)

        assert kept[-1].seq == 602
        assert 100 <= len(kept) <= 107
        oldest = kept[0].seq
        assert opened.query.changes(oldest - 1, 1_000) == kept
        assert opened.query.changes(602) == opened.query.changes(9_999) == []
        for since in (oldest - 2, 1, 0, -3):
            with pytest.raises(TooOld, match=f"the log begins at {oldest}") as told:
                opened.query.changes(since)
            assert told.value.oldest == oldest


def test_a_log_that_is_too_long_becomes_shorter_than_it_grows(tmp_path: Path) -> None:
    """What an older version kept without bound is dropped a few rows at a time."""
    with store_at(tmp_path) as opened:
        for n in range(1, 301):
            apply(opened, puts=(note(n),))
    with store_at(tmp_path, log_kept=10) as opened:
        lengths = []
        for n in range(301, 401):
            apply(opened, puts=(note(n),))
            lengths.append(len(opened.query.changes(None, 1_000)))
        clean(opened)

        assert lengths[0] == 297
        assert max(before - after for before, after in pairwise(lengths)) <= 4
        assert lengths[-1] == 10


def test_a_log_without_entries_has_none_that_are_too_old(tmp_path: Path) -> None:
    """Nothing was dropped of a log that was never written to."""
    with store_at(tmp_path) as opened:
        assert (
            opened.query.changes(None) == opened.query.changes(0) == opened.query.changes(7) == []
        )
