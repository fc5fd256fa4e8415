"""The contenders: how each is told the plan, started, and asked what it kept.

Invariant: all get the same documents from the same server, with the same number of requests at
once, and each runs as a process of its own.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contenders.plan import Plan
from corpus import Corpus

_HERE = Path(__file__).parent / "contenders"
STOCK = "Scrapy + SQLite, a commit per item"
OURS = "Fedpull"
# Nobody asks a proxy for 127.0.0.1, whatever the machine's environment says.
ENVIRON = {"NO_PROXY": "*", "no_proxy": "*"}


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contender; what it holds at the end of a run is compared with what is there."""

    name: str

    def command(self, plan: Plan, folder: Path) -> list[str]:
        """What to run for `plan`; files that it needs are written into `folder`."""
        raise NotImplementedError

    def kept(self, folder: Path, output: str) -> int:
        """How many documents it holds after the run."""
        raise NotImplementedError

    def there(self, plan: Plan, corpus: Corpus) -> int:
        """How many it must hold."""
        return corpus.documents


@dataclass(frozen=True, slots=True)
class StockScrapy(Entrant):
    per_commit: int = 1
    journal: str = "delete"

    def command(self, plan: Plan, folder: Path) -> list[str]:
        plan.save(folder / "plan.json")
        script, plan_file = str(_HERE / "stock_scrapy.py"), str(folder / "plan.json")
        return [sys.executable, script, plan_file, str(self.per_commit), self.journal]

    def kept(self, folder: Path, output: str) -> int:
        with sqlite3.connect(folder / "scrapy.sqlite") as db:
            return int(db.execute("SELECT count(*) FROM documents").fetchone()[0])


@dataclass(frozen=True, slots=True)
class BareAiohttp(Entrant):
    def command(self, plan: Plan, folder: Path) -> list[str]:
        plan.save(folder / "plan.json")
        return [sys.executable, str(_HERE / "bare_aiohttp.py"), str(folder / "plan.json")]

    def kept(self, folder: Path, output: str) -> int:
        return int(output)

    def there(self, plan: Plan, corpus: Corpus) -> int:
        """It counts what it saw: on a second visit not the actors."""
        return corpus.documents - len(plan.outboxes)


@dataclass(frozen=True, slots=True)
class Fedpull(Entrant):
    """Through its command line, with politeness as one may set it for machines of one's own."""

    def command(self, plan: Plan, folder: Path) -> list[str]:
        # JSON is YAML.
        (folder / "fedpull.yaml").write_text(json.dumps(configuration(plan)), "utf-8")
        return [*_fedpull(folder), "pull", "--json"]

    def kept(self, folder: Path, output: str) -> int:
        told = subprocess.run(
            [*_fedpull(folder), "status", "--json"], capture_output=True, check=True
        )
        return int(json.loads(told.stdout)["documents"])


def _fedpull(folder: Path) -> list[str]:
    return [sys.executable, "-m", "fedpull", "-c", str(folder / "fedpull.yaml")]


def configuration(plan: Plan) -> dict[str, Any]:
    target = f"127.0.0.1:{plan.port}"
    rules = {"backfill": "all", "boosts": False, "parents": 0}
    return {
        "contact": "https://bench.example/about",
        "store": {"path": "data", "max_bytes": "4GiB"},
        "politeness": {
            # For one host, which allows 64; the dispatcher bounds how many are asked at once.
            "concurrency": min(plan.concurrency, 64),
            "gap": "0s",
            "pages": "1000000/1s",
            "robots": "off",
        },
        "network": {
            "http": True,
            "ports": [80, 443],
            "connect_to": {"*:80": target, "*:443": target},
            "ca_file": plan.ca_file,
        },
        "follow": [{"actor": actor, **rules} for actor in plan.actors],
    }


ENTRANTS: tuple[Entrant, ...] = (
    StockScrapy(STOCK),
    StockScrapy("Scrapy + SQLite (WAL), a commit per item", journal="wal"),
    StockScrapy("Scrapy + SQLite, a commit per 100 items", per_commit=100),
    BareAiohttp("aiohttp, nothing stored"),
    Fedpull(OURS),
)
