"""A host that mints pages, posts, actors and sub-domains without end, beside honest ones.

The short life runs in the suite; with `FEDPULL_MINTING=full` it goes on for a million requests to
the mint, which takes hours (`python minting.py 1000000 64` prints what it came to).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from minting import MINT, live

from fedpull.crawler.protocol.quotas import Limits

FULL = os.environ.get("FEDPULL_MINTING") == "full"
MEBIBYTES = 64 if FULL else 8
REQUESTS = 1_000_000 if FULL else 2_400


@pytest.mark.timeout(36_000 if FULL else 120)
def test_a_mint_costs_bounded_room_and_nothing_of_the_others(tmp_path: Path) -> None:
    """Disk stays within the shares of one domain, ten hosts of it are met a day, the store is
    sound, and the honest hosts' posts are found as soon as if the mint were not there."""
    told = live(tmp_path / "with", REQUESTS, MEBIBYTES)
    alone = live(
        tmp_path / "without", 0, MEBIBYTES, mint=False, seconds=max(told["simulated"], 8 * 3_600.0)
    )
    limits = Limits.of(MEBIBYTES << 20)
    size, references, documents, _ = told["sizes"][-1]

    assert told["findings"] == []
    assert told["requests"][MINT] >= REQUESTS
    assert told["hosts"] <= 1 + limits.hosts * (int(told["days"]) + 2)
    assert size < MEBIBYTES << 20
    assert told["ended"]["quota hosts"] > 0
    assert told["ended"]["quota references"] > 0
    grown = (size - told["sizes"][len(told["sizes"]) // 2][0]) / (REQUESTS / 2)
    assert grown < 16_384
    assert documents <= references
    assert min(told["posts"], alone["posts"]) >= 10
    assert told["lag"] < (1.5 if told["posts"] >= 50 else 2) * alone["lag"]
    print(told, alone, file=sys.stderr)
