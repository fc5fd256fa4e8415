"""Every reader of what strangers send, under hypothesis.

Some hundred inputs each, or for as long as `FEDPULL_FUZZ_SECONDS` says. Longer and guided by
coverage: `./run.sh fuzz` (docs/security.md).
"""

from __future__ import annotations

import os
import time

import pytest
from fuzz_targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FEDPULL_FUZZ_SECONDS", "0"))


@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_strangers_send_makes_a_reader_fail(name: str) -> None:
    """It is read or refused, within the time of a test, whatever it is."""
    check = TARGETS[name]

    @settings(
        max_examples=10_000 if SECONDS else 150,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.binary(max_size=1_500))
    def fuzz(data: bytes) -> None:
        check(data)

    until = time.monotonic() + SECONDS
    fuzz()
    while time.monotonic() < until:
        fuzz()
