"""A host that mints: pages, posts, actors, sub-domains without end, beside honest hosts. The real
store and the real rules; the network is a function from URL to document, the clock steps.

`python minting.py REQUESTS MEBIBYTES` lives through one such life and prints what it came to.
"""

from __future__ import annotations

import itertools
import json
import random
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest_cases import PUBLIC, answer
from pocket import START, Pocket

from fedpull.cache.records import Lease, Politeness
from fedpull.crawler.answer import Answer

CONTEXT = "https://www.w3.org/ns/activitystreams"
MINT = "mint.example"
TRAP = f"https://{MINT}/users/trap"
HOUR = 3_600.0
HONEST = 20
_PAGE = 20


def date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@dataclass
class World:
    """What a URL leads to. Everything that the mint says is new, whenever it is asked."""

    now: float = START
    minted: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def document(self, url: str) -> dict[str, Any] | None:
        host, _, path = url.removeprefix("https://").partition("/")
        if host.endswith(MINT):
            return self._mint(host, path, url)
        return self._honest(host, path) if host.startswith("good") else None

    # The mint

    def _new(self) -> int:
        self.minted += 1
        return self.minted

    def _far(self, kind: str = "p") -> str:
        number = self._new()
        return f"https://h{number}.{MINT}/{kind}/{number}"

    def _mint(self, host: str, path: str, url: str) -> dict[str, Any] | None:
        if path == "users/trap":
            return actor(TRAP)
        if path.startswith("users/trap/outbox"):
            return self._endless(url, [self._item() for _ in range(_PAGE)])
        if path[:2] == "u/":
            return actor(url)
        if path[:2] == "r/":
            return self._endless(url, [self._far() for _ in range(_PAGE)])
        return self._post(f"https://{host}", url) if path[:2] in ("p/", "l/") else None

    def _endless(self, url: str, items: list[Any]) -> dict[str, Any]:
        """A page of a collection without end."""
        base = url.partition("?")[0]
        if "?" not in url:
            first = f"{base}?page={self._new()}"
            return {"@context": CONTEXT, "id": url, "type": "OrderedCollection", "first": first}
        return {
            "@context": CONTEXT,
            "id": url,
            "type": "OrderedCollectionPage",
            "partOf": base,
            "orderedItems": items,
            "next": f"{base}?page={self._new()}",
        }

    def _item(self) -> Any:
        number = self._new()
        if number % 5 < 2:
            note = self._post(f"https://{MINT}", f"https://{MINT}/p/{number}", TRAP)
            return {"type": "Create", "actor": TRAP, "to": PUBLIC, "object": note}
        if number % 5 < 4:
            id = f"https://{MINT}/b/{number}"
            return {
                "id": id,
                "type": "Announce",
                "actor": TRAP,
                "to": PUBLIC,
                "object": self._far(),
            }
        return f"https://{MINT}/l/{number}"

    def _post(self, base: str, url: str, author: str = "") -> dict[str, Any]:
        number = self._new()
        return {
            "@context": CONTEXT,
            "id": url,
            "type": ["Note", f"https://{MINT}/type/{number}"],
            "attributedTo": author or f"{base}/u/{number}",
            "to": PUBLIC,
            "content": f"minted {self.rng.randbytes(400).hex()}",
            "published": date(self.now),
            "inReplyTo": self._far(),
            "replies": f"{base}/r/{number}",
            "tag": [{"type": "Hashtag", "name": f"#mint{number}"}],
        }

    # Honest hosts

    def _honest(self, host: str, path: str) -> dict[str, Any] | None:
        me = f"https://{host}/users/alice"
        if path == "users/alice":
            return actor(me)
        if path == "users/alice/outbox":
            posts = posts_of(host, self.now)[-_PAGE:]
            items = [
                {"type": "Create", "actor": me, "to": PUBLIC, "object": honest(me, at)}
                for at in reversed(posts)
            ]
            return {
                "@context": CONTEXT,
                "id": f"{me}/outbox",
                "type": "OrderedCollection",
                "totalItems": len(items),
                "orderedItems": items,
            }
        if path.startswith("users/alice/posts/"):
            return {"@context": CONTEXT, **honest(me, float(path.rpartition("/")[2]))}
        return None


def actor(id: str) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "id": id,
        "type": "Person",
        "preferredUsername": id.rpartition("/")[2],
        "inbox": f"{id}/inbox",
        "outbox": f"{id}/outbox",
    }


def honest(me: str, at: float) -> dict[str, Any]:
    return {
        "id": f"{me}/posts/{int(at)}",
        "type": "Note",
        "attributedTo": me,
        "to": PUBLIC,
        "content": f"It is {date(at)}.",
        "published": date(at),
    }


def posts_of(host: str, now: float) -> list[float]:
    """When an honest account has posted: each at its own pace."""
    number = int(host.removeprefix("good").partition(".")[0])
    every = (2 + number % 5) * HOUR
    first = START - 5 * every + number * 137.0
    return [float(int(first + n * every)) for n in range(int((now - first) // every) + 1)]


@dataclass
class Life(Pocket):
    """A Pocket in that world, with the politeness that holds by default."""

    world: World = field(default_factory=World)
    requests: dict[str, int] = field(default_factory=dict)

    def answer(self, lease: Lease) -> Answer:
        self.asked.clear()  # a million of them are not to be remembered
        self.world.now = self.clock.at
        whose = MINT if lease.host.removesuffix(":443").endswith(MINT) else "honest"
        self.requests[whose] = self.requests.get(whose, 0) + 1
        document = self.world.document(lease.url)
        if document is None:
            return answer(lease.url, {}, status=404)
        return answer(lease.url, document)

    def live(self, requests: int, until: float = float("inf")) -> None:
        """Until so many requests were made of the mint, or that time has come."""
        ticked = looked = 0.0
        while self.requests.get(MINT, 0) < requests and self.clock.at < until:
            if self.clock.at - ticked >= 60.0:
                self.tick()
                self.opened.moderator.make_room(self.clock.at, lambda: False)
                ticked = self.clock.at
            if self.clock.at - looked >= HOUR:
                self.opened.moderator.collect(self.clock.at, lambda: False)
                looked = self.clock.at
            if not self.step():
                due = self.opened.frontier.next_due(self.clock.at)
                soon = self.clock.at + 60.0
                self.clock.at = min(max(due or soon, self.clock.at + 0.05), soon)


def live(
    folder: Path, requests: int, mebibytes: int, *, mint: bool = True, seconds: float = 0.0
) -> dict[str, Any]:
    """What a life came to; without the mint it goes on for so many (simulated) seconds."""
    lags: list[float] = []
    began = time.monotonic()
    polite = Politeness(concurrency=1, gap=2.0, pages=100, pages_window=900.0)
    with Life(folder, politeness=polite, max_bytes=mebibytes << 20) as life:

        def told(changes: Any) -> None:
            for one in changes:
                if one.kind == "created" and "/posts/" in one.id and "good" in one.id:
                    posted = float(one.id.rpartition("/")[2])
                    if posted > START + HOUR:
                        lags.append(one.at - posted)

        life.opened.store.on_change(told)
        for number in range(HONEST):
            life.follow(f"https://good{number}.example/users/alice")
        if mint:
            life.follow(TRAP, backfill="all", replies=3, parents=4)
        sizes: list[tuple[int, int, int, int]] = []
        for part in itertools.count(1):
            end = START + seconds if not mint else float("inf")
            life.live(requests * part // 10 if mint else 1, end)
            totals = life.opened.query.totals()
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            sizes.append((totals.bytes, totals.references, totals.documents, memory))
            if mint:
                print(part, life.requests, sizes[-1], file=sys.stderr, flush=True)
            if not mint or part == 10:
                break
        hosts = sum(host.host.endswith(f"{MINT}:443") for host in life.opened.query.hosts())
        findings = life.opened.query.check().findings
        return {
            "requests": life.requests,
            "days": (life.clock.at - START) / 86_400,
            "simulated": life.clock.at - START,
            "sizes": sizes,
            "hosts": hosts,
            "posts": len(lags),
            "lag": sum(lags) / len(lags) if lags else None,
            "worst": max(lags, default=None),
            "ended": {" ".join(key): count for key, count in life.opened.mailbox.ended().items()},
            "findings": [str(one) for one in findings[:10]],
            "seconds": round(time.monotonic() - began, 1),
        }


def main() -> None:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    requests, mebibytes = int(sys.argv[1]), int(sys.argv[2])
    try:
        told = live(folder / "with", requests, mebibytes)
        alone = live(folder / "without", 0, mebibytes, mint=False, seconds=told["simulated"])
        print(json.dumps({"with": told, "without": alone}, indent=1))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
