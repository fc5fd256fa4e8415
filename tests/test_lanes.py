"""What a host bears that announces less than is stated: the refresh loop wants no more of it."""

from __future__ import annotations

import pytest

from fedpull.cache.lanes import USABLE, Lanes
from fedpull.cache.records import Politeness
from fedpull.cache.refresh import host_cap
from fedpull.crawler.protocol.source import Kind

HOST, OTHER = b"host-a..", b"host-b.."


def admitted(lanes: Lanes, host: bytes, kind: Kind, hours: float = 1.0) -> int:
    return sum(lanes.admit(host, kind, 1e9 + second) for second in range(int(hours * 3_600)))


@pytest.mark.parametrize("kind", list(Kind))
def test_a_host_that_bears_less_is_promised_less(kind: Kind) -> None:
    """One request a minute, pages and documents together; others go on as before."""
    lanes = Lanes(host_cap(Politeness()))
    stated = admitted(lanes, OTHER, kind)
    lanes.slow_down(HOST, 60.0)
    slow = admitted(lanes, HOST, kind)
    lanes.slow_down(HOST, 0.0)

    assert slow == pytest.approx(30 * USABLE, abs=1.5)
    assert stated > 300
    assert lanes.lane(HOST, kind).rate == lanes.lane(OTHER, kind).rate  # type: ignore[union-attr]


def test_a_lane_that_exists_changes_its_rate() -> None:
    """Its sources and what they want stay counted; so does the price that follows."""
    lanes = Lanes(host_cap(Politeness()))
    lane = lanes.lane(HOST, Kind.POST)
    assert lane is not None
    lane.move(0.0, 1_000.0, swept=True)
    before = lane.price
    lanes.slow_down(HOST, 60.0)

    assert lanes.lane(HOST, Kind.POST) is lane
    assert lane.price > before


def test_without_a_gap_only_who_announces_limits_has_a_lane_for_documents() -> None:
    """It ends with what was announced."""
    lanes = Lanes(host_cap(Politeness(gap=0.0)))
    lanes.slow_down(HOST, 30.0)
    slow = lanes.lane(HOST, Kind.POST)
    lanes.slow_down(HOST, 0.0)

    assert slow is not None
    assert lanes.lane(HOST, Kind.POST) is None
    assert lanes.lane(OTHER, Kind.POST) is None


def test_small_changes_of_a_pace_change_nothing() -> None:
    """Each answer moves it a little; a reserve that is waited out is no pace."""
    lanes = Lanes(host_cap(Politeness()))
    lanes.slow_down(HOST, 10.0)
    lane = lanes.lane(HOST, Kind.POST)
    assert lane is not None
    rates = [lane.rate]
    for gap in (10.5, 11.9, 20.0, 9_000.0):
        lanes.slow_down(HOST, gap)
        rates.append(lane.rate)

    assert rates[0] == rates[1] == rates[2]
    assert rates[3] == pytest.approx(rates[0] / 2)
    assert rates[4] == pytest.approx(rates[0] / 12)
