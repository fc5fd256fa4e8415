"""The table of hosts is bounded, and nobody is asked more because he was forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from store_cases import NOW, apply, clean, lease, queue, store_at, want

from fedpull.cache.open import Opened
from fedpull.cache.records import HostReport, Kind
from fedpull.crawler.protocol.quotas import Limits
from fedpull.crawler.protocol.rate_limits import Announced

ROOM = 4
FEW = replace(Limits.of(64 << 20), host_rows=ROOM)


def met(opened: Opened, name: str, at: float, kind: Kind = Kind.DOCUMENT, **report: Any) -> None:
    """One request of a host, of whom nothing else is wanted."""
    queue(opened, want(f"https://{name}.example/1", kind=kind, due=at - 1))
    (taken,) = lease(opened, at)
    values: dict[str, Any] = {"ok": True, "status": 200, "sent": at} | report
    apply(opened, at, lease=taken, hosts=(HostReport(taken.host, **values),))


BINDING: dict[str, tuple[Kind, dict[str, Any]]] = {
    "it is paused": (Kind.DOCUMENT, {"status": 429, "pause": NOW + 800}),
    "it gets half the pace": (Kind.DOCUMENT, {"status": 429, "pause": NOW + 1}),
    "it has a limit": (Kind.DOCUMENT, {"limits": (Announced("a", 9, 0, 800.0),)}),
    "it served a page": (Kind.PAGE, {}),
    "it refuses": (Kind.DOCUMENT, {"status": 403, "refused": True, "pause": NOW + 800}),
}


@pytest.mark.parametrize(("kind", "report"), BINDING.values(), ids=BINDING)
def test_who_still_binds_us_stays(tmp_path: Path, kind: Kind, report: dict[str, Any]) -> None:
    """Whatever comes after it, until its limits, pauses and windows are over."""
    with store_at(tmp_path, limits=FEW) as opened:
        met(opened, "binding", NOW, kind, **report)
        for n in range(20):
            met(opened, f"h{n}", NOW + 10 + 3 * n)
        known = {host.host for host in opened.query.hosts(NOW + 100)}
        clean(opened)

    assert "binding.example:443" in known
    assert len(known) <= ROOM + 2


def test_who_binds_us_no_more_makes_room(tmp_path: Path) -> None:
    """An hour later the one that was asked longest ago goes."""
    with store_at(tmp_path, limits=FEW) as opened:
        met(opened, "early", NOW, Kind.PAGE, limits=(Announced("a", 9, 0, 800.0),))
        for n in range(8):
            met(opened, f"h{n}", NOW + 3_600 + 3 * n)
        known = {host.host for host in opened.query.hosts(NOW + 4_000)}
        clean(opened)

    assert "early.example:443" not in known
    assert len(known) <= ROOM
