"""Everything that the product does, killed at any moment and compared with what it acknowledged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from crash_oracle import run

# Some of each kind in a minute; FEDPULL_CRASH_ROUNDS=500 for a night.
ROUNDS = int(os.environ.get("FEDPULL_CRASH_ROUNDS", "4"))


@pytest.mark.timeout(240 + 30 * ROUNDS)
def test_nothing_that_was_acknowledged_is_lost_whenever_it_is_killed(tmp_path: Path) -> None:
    """Posts, pushes, publications, deliveries, follows, what was forgotten and the change log."""
    summary = run(tmp_path, ROUNDS, seed=1, tell=print)

    assert summary["lost"] == []
    assert summary["acknowledged"]["publications"] > 0
    assert summary["acknowledged"]["pushes"] > 0
