"""What callers may wait for, and what one fetch on demand may lead to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from store_cases import NOW, apply, clean, note, store_at

from fedpull.cache.api_demand import MAX_ALL, MAX_DOMAIN, MAX_HOST, OnDemand
from fedpull.cache.api_http import Busy
from fedpull.cache.records import Cause, Kind, Want
from fedpull.crawler.key_budget import HOST as KEYS_OF_HOST
from fedpull.crawler.key_budget import KeyBudget
from fedpull.crawler.notified_memory import Shares
from fedpull.crawler.protocol.budgets import ON_DEMAND


@dataclass
class Waiting:
    """Verbs whose fetch does not end; what was asked of them."""

    asked: list[str] = field(default_factory=list)

    async def fetch(self, id: str, **more: Any) -> None:
        self.asked.append(id)
        await asyncio.Event().wait()


async def crowd(demand: OnDemand, ids: list[str]) -> tuple[int, list[asyncio.Task[Any]]]:
    """How many of these are refused, and the tasks that wait."""
    tasks = [asyncio.ensure_future(demand.fetch(id)) for id in ids]
    for _ in range(5):
        await asyncio.sleep(0)
    refused = [task for task in tasks if task.done()]
    assert all(isinstance(task.exception(), Busy) for task in refused)
    return len(refused), [task for task in tasks if not task.done()]


@pytest.mark.parametrize(
    ("ids", "admitted"),
    [
        pytest.param([f"https://a.example/{n}" for n in range(300)], MAX_HOST, id="of one host"),
        pytest.param(
            [f"https://h{n}.a.example/{n}" for n in range(300)], MAX_DOMAIN, id="of one domain"
        ),
        pytest.param([f"https://h{n}.example/" for n in range(300)], 300, id="of many domains"),
    ],
)
async def test_names_under_one_domain_share_what_callers_may_wait_for(
    tmp_path: Path, ids: list[str], admitted: int
) -> None:
    """Distinct ids of one host, or of what is one owner's, are refused beyond their number; they
    are not asked for, and what has ended makes room."""
    assert admitted < MAX_ALL
    with store_at(tmp_path) as opened:
        verbs: Any = Waiting()
        demand = OnDemand(opened.query, verbs, lambda: NOW)
        refused, waiting = await crowd(demand, ids)

        assert len(verbs.asked) == admitted
        assert refused == len(ids) - admitted
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        refused, waiting = await crowd(demand, ids[-50:])
        assert refused == 0
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def asked(n: int, root: str, at: float) -> Want:
    uri = f"https://b.example/p/{n}"
    return Want(uri, Kind.DOCUMENT, Cause.ON_DEMAND, at, relation="asked", depth=3, root=root)


@pytest.mark.parametrize(
    ("after", "size", "queued"),
    [
        pytest.param(299.0, 100, 1, id="within five minutes"),
        pytest.param(300.0, 100, 0, id="after five minutes"),
        pytest.param(10.0, ON_DEMAND.bytes, 0, id="after 32 MiB"),
    ],
)
def test_what_is_asked_on_demand_comes_to_an_end(
    tmp_path: Path, after: float, size: int, queued: int
) -> None:
    """One request begins it; when time or bytes are used up nothing more is queued for it."""
    root = note(1)
    with store_at(tmp_path, max_bytes=1 << 30) as opened:
        apply(opened, puts=(root,), wants=(asked(1, root.id, NOW),))
        (lease,) = opened.frontier.lease(NOW, 10, 60.0).result()
        put = note(lease.want.uri, "x" * size)
        apply(opened, at=NOW + 1.0, lease=lease, puts=(put,))
        before = opened.query.totals().due
        apply(opened, at=NOW + after, wants=(asked(2, root.id, NOW + after),))

        assert opened.query.totals().due - before == queued
        clean(opened)


def test_a_wildcard_has_one_share_of_keys_and_of_what_pushes_cause() -> None:
    """Whichever of its names a forged request comes from, the domain's bucket is emptied."""
    keys, shares = KeyBudget(), Shares(per_host=30)
    taken = [keys.take(NOW, f"h{n}.mint.example", f"c{n}", known=False) for n in range(60)]
    for n in range(30):
        shares.take(f"s{n}", f"h{n}.mint.example:443", NOW)

    assert taken.count(0.0) == int(KEYS_OF_HOST.burst)
    assert keys.take(NOW, "honest.example", "c", known=False) == 0.0
    assert not shares.room("s99", "h99.mint.example:443", NOW)
    assert shares.room("s99", "honest.example:443", NOW)
