"""Simulated days: the real composition, from the configuration to the bytes on the wire, and a
Fediverse that goes on, on one stepping clock.

The short ones run in the suite; with `FEDPULL_SIMULATED=full` there are ten days of 200 actors on
40 hosts of all families as well, which take a quarter of an hour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
FULL = os.environ.get("FEDPULL_SIMULATED") == "full"
GROUPS = ("often", "daily", "weekly", "rare")
# Ways to page, to embed and to delete: cursors, numbers, one list; whole objects, ids, activities.
EIGHT = (
    *("mastodon", "misskey", "gotosocial", "lemmy"),
    *("wordpress", "ghost", "writefreely", "pleroma"),
)


def live(folder: Path, timeout: float = 110.0, **scenario: Any) -> dict[str, Any]:
    """What a scenario came to."""
    done = subprocess.run(
        [sys.executable, HERE / "simulated_days.py", folder, json.dumps(scenario)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    told: dict[str, Any] = json.loads(done.stdout)
    print(json.dumps(told))
    return told


def polite(told: dict[str, Any]) -> None:
    """In every hour, the first included, the budget held, and each host's politeness; and the
    store is sound."""
    scenario = told["scenario"]
    assert max(told["by_hour"]) <= scenario["budget"]
    assert told["gaps"] == []
    assert told["busiest_window"] <= scenario["pages"]
    assert told["findings"] == []


def lost_posts(told: dict[str, Any], *, until: float) -> list[Any]:
    """Posts made before that hour that were not found."""
    return [one for one in told["missing"] if one["verb"] == "post" and one["at"] < until]


def test_a_day_and_a_half_of_24_actors(tmp_path: Path) -> None:
    """New posts are found, and who posts more often is read more often."""
    told = live(tmp_path, actors=24, hosts=8, families=EIGHT, days=1.5, budget=40)
    polite(told)

    assert lost_posts(told, until=28) == []
    reads = [told["reads"][name] for name in GROUPS]
    assert all(more > fewer for more, fewer in pairwise(reads)), reads


def test_a_backlog_of_30_days_is_worked_off_without_a_burst(tmp_path: Path) -> None:
    """The daemon was down; within its budget it finds all that happened meanwhile."""
    told = live(tmp_path, actors=12, hosts=6, days=31.2, budget=40, down=[[0.5, 30.0]])
    polite(told)

    assert lost_posts(told, until=30.5 * 24) == []


@pytest.mark.parametrize("days", [365.0, -365.0], ids=["a year ahead", "a year back"])
def test_a_clock_that_is_set_neither_storms_nor_freezes(tmp_path: Path, days: float) -> None:
    """Requests stay within the budget, and within half a day all is asked as before."""
    told = live(tmp_path, actors=12, hosts=6, days=1.75, budget=40, jumps=[[0.5, days]])
    polite(told)

    assert min(told["by_hour"][24:42]) > 0
    assert lost_posts(told, until=28) == []


def test_a_host_that_fails_is_left_alone_and_comes_back(tmp_path: Path) -> None:
    """Half a day without answers costs a handful of probes; afterwards nothing is lost."""
    told = live(tmp_path, actors=12, hosts=3, days=1.5, budget=40, outages=[[0.25, 0.5, 0]])
    polite(told)

    assert told["by_status"]["0"] < 20
    assert lost_posts(told, until=30) == []


@pytest.mark.skipif(not FULL, reason="FEDPULL_SIMULATED=full runs it")
@pytest.mark.timeout(3_600)
def test_ten_days_of_200_actors_on_40_hosts(tmp_path: Path) -> None:
    """Every post, edit and deletion is found, soonest where most happens."""
    told = live(tmp_path, 3_500, actors=200, hosts=40, days=10, linger=30, budget=160)
    polite(told)

    assert told["missing"] == []
    # The median: a few come late, because their server shows the newest posts anywhere.
    lags = [told["lags"]["post"][name]["median"] for name in GROUPS]
    assert all(sooner < later for sooner, later in pairwise(lags)), lags
    reads = [told["reads"][name] for name in GROUPS]
    assert all(more > fewer for more, fewer in pairwise(reads)), reads
