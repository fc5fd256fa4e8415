"""What one follow leads to elsewhere takes its share of the hour's budget, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import PUBLIC
from minting import CONTEXT, HOUR, Life, World, actor, date
from pocket import START

from fedpull.cache.records import Politeness

LOUD = "https://loud.example/users/loud"
HOSTS = 430
HONEST = 10
HOURS = 6
POLITE = Politeness(concurrency=1, gap=2.0, pages=100, pages_window=900.0)


@dataclass
class Boosts(World):
    """Somebody boosts at all hosts there are, two hundred posts an hour, each by somebody else."""

    boosts: int = 0

    def document(self, url: str) -> dict[str, Any] | None:
        if url == LOUD:
            return actor(LOUD)
        if url.startswith(f"{LOUD}/outbox"):
            return self._outbox()
        if "/boosted/" in url:
            host, _, number = url.removeprefix("https://").partition("/boosted/")
            author = f"https://{host}/authors/{number}"
            post = {"id": url, "type": "Note", "attributedTo": author, "to": PUBLIC}
            up = f"https://h{(int(number) + 1) % HOSTS}.example/boosted/{int(number) + 1_000_000}"
            said = {"content": "boosted", "published": date(self.now), "inReplyTo": up}
            return {"@context": CONTEXT} | post | said
        return actor(url) if "/authors/" in url else super().document(url)

    def _outbox(self) -> dict[str, Any]:
        self.boosts += 20
        items = [
            {
                "id": f"{LOUD}/boosts/{n}",
                "type": "Announce",
                "actor": LOUD,
                "to": PUBLIC,
                "published": date(self.now),
                "object": f"https://h{n % HOSTS}.example/boosted/{n}",
            }
            for n in range(self.boosts, self.boosts - 200, -1)
        ]
        return {
            "@context": CONTEXT,
            "id": f"{LOUD}/outbox",
            "type": "OrderedCollection",
            "totalItems": self.boosts,
            "orderedItems": items,
        }


@dataclass
class Shared(Life):
    """A life that counts what was asked for whose sake."""

    led: int = 0
    lags: list[float] = field(default_factory=list)

    def live(self, requests: int, until: float = float("inf")) -> None:
        """Until that time has come, a few seconds at a time."""
        while self.clock.at < until:
            self.tick()
            while self.step():
                self.clock.at += 0.05
            self.clock.at += 30.0

    def answer(self, lease: Any) -> Any:
        self.led += "/boosted/" in lease.url or "/authors/" in lease.url
        return super().answer(lease)


def live(folder: Path, budget: float, hours: float, *, loud: bool) -> Shared:
    life = Shared(folder, politeness=POLITE, world=Boosts(), budget=budget)
    with life:

        def told(changes: Any) -> None:
            for one in changes:
                if one.kind == "created" and "good" in one.id and "/posts/" in one.id:
                    posted = float(one.id.rpartition("/")[2])
                    if posted > START + 2 * HOUR:
                        life.lags.append(one.at - posted)

        life.opened.store.on_change(told)
        for number in range(HONEST):
            life.follow(f"https://good{number}.example/users/alice")
        if loud:
            life.follow(LOUD, backfill="all", parents=4)
        life.live(1, START + hours * HOUR)
        life.sound()
    return life


@pytest.mark.parametrize(
    ("budget", "times"), [(150.0, 2.5), (600.0, 1.15)], ids=["scarce", "ample"]
)
def test_who_boosts_everywhere_delays_nobody(budget: float, times: float, tmp_path: Path) -> None:
    """Boosts at 430 hosts, with what they answer and their authors, beside honest accounts: these
    are read as soon as without them (where the budget is scarce, the loud outbox itself has a part
    of it, too); and where there is room, it is used. It was twelve times as late, or more."""
    alone = live(tmp_path / "alone", budget, HOURS, loud=False)
    beside = live(tmp_path / "beside", budget, HOURS, loud=True)
    lag, usual = (sum(one.lags) / len(one.lags) for one in (beside, alone))

    assert len(beside.lags) >= len(alone.lags) - 2
    assert lag < times * usual + 15.0
    assert beside.led > 0.8 * HOURS * budget / (HONEST + 1)
