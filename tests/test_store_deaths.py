"""Before and after every commit on the way from a push to a kept document, the process dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dying_process import DIED, work_through
from store_cases import ALICE, OUTBOX, apply, clean, note, store_at

from fedpull.cache.records import ObjectFilter

PROCESS = Path(__file__).with_name("dying_process.py")


@pytest.mark.parametrize("when", ["before", "after"])
def test_whoever_goes_on_loses_nothing_and_does_nothing_twice(tmp_path: Path, when: str) -> None:
    """The same steps once more bring it to its end: one hint, one document, no half of either."""
    ends: list[int] = []
    while not ends or ends[-1] == DIED:
        path = tmp_path / str(len(ends))
        command = [sys.executable, str(PROCESS), str(path), str(len(ends) + 1), when]
        ends.append(subprocess.run(command, check=False).returncode)
        with store_at(path) as opened:
            clean(opened)
            work_through(opened)
            report = clean(opened)
            assert [one.state for one in opened.query.notifications(10)] == ["done"]
            assert opened.query.totals().in_flight == 0
            assert opened.query.known_members(OUTBOX, [note(1).id]) == {note(1).id}
            listed, _ = opened.query.objects(ObjectFilter(actor=ALICE, tag="one"), 10)
            assert [one.id for one in listed] == [note(1).id]
            changes = [one.kind for one in opened.query.changes(None, 10)]
            assert (changes, report.documents) == (["created"], 1)

    assert ends[-1] == 0
    assert len(ends) > 7


LONG = "https://a.example/" + "x" * 1_900
NAMES = {
    "longer than a key may be": [LONG, LONG + "y", LONG + "z"],
    "one the beginning of the other": ["https://a.example/1", "https://a.example/1/"],
    "with what keys are made of": [f"https://a.example/{n}" for n in ("%00", "\xff", "\x7f", "\0")],
    "with half of a pair": ["https://a.example/\ud800", "https://a.example/\udfff"],
}


@pytest.mark.parametrize("ids", NAMES.values(), ids=NAMES)
def test_ids_of_any_length_and_of_any_bytes_are_told_apart(tmp_path: Path, ids: list[str]) -> None:
    """A key is a hash, and the id is compared: no id is cut, mixed up, or breaks out of a key."""
    from dataclasses import replace

    with store_at(tmp_path) as opened:
        puts = [replace(note(f"https://a.example/{n}", str(n)), id=id) for n, id in enumerate(ids)]
        apply(opened, puts=tuple(puts))
        found = [opened.query.document(id) for id in ids]

        assert [one.id for one in found if one is not None] == ids
        assert len({one.body for one in found if one is not None}) == len(ids)
        assert clean(opened).documents == len(ids)


def test_what_was_read_outlives_its_transaction(tmp_path: Path) -> None:
    """No view into the map is handed out: pages change, and the file may be closed."""
    with store_at(tmp_path) as opened:
        apply(opened, puts=(note(1),))
        found = opened.query.document(note(1).id)
        for n in range(2, 60):
            apply(opened, puts=(note(1, "x" * n, updated=float(n)),))
    assert found is not None

    assert type(found.body) is bytes
    assert found.body == note(1).body
