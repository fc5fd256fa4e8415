"""A page of 50 from every kind of list, on stores of ten thousand to a million posts.

    .venv/bin/python benchmarks/listing.py [--posts 10000,100000,1000000] [--page 50]

What a page costs should not depend on how much is held: each figure is the median of many pages,
in milliseconds of this thread. The posts are those of 2,000 authors who may all be listed; what
they are about follows from their number, so that each list is known to have entries, many or few,
or to have none in common with another one (`disjoint`, which ends when its steps are used up).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from fedpull.cache.open import Opened, open_store
from fedpull.cache.records import Entry, Follow, Members, ObjectFilter, Outcome, Put
from fedpull.crawler.describe import put, stamp_of

AUTHORS = 2_000
GOAL = 20.0
_BATCH = 500
_ROUNDS = 40
_NOW = 1_780_000_000.0
_PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
_FOLLOW = "@u7@h7.example"
_THREAD = 300  # posts of the one long conversation


def author(number: int) -> str:
    return f"https://h{number % AUTHORS}.example/users/u{number % AUTHORS}"


def post_id(number: int) -> str:
    return f"https://h{number % AUTHORS}.example/notes/{number}"


def post(number: int) -> dict[str, Any]:
    """A Note; of a hundred two are Events, five Images, three Articles."""
    of_hundred = number * 37 % 100
    kind = "Note"
    if of_hundred < 10:
        kind = "Event" if of_hundred < 2 else "Image" if of_hundred < 7 else "Article"
    at = _NOW - 60.0 * (number * 7919 % 1_000_003)
    tags = ["daily"] if number % 10 == 0 and kind != "Article" else []
    tags += [f"topic{number % 997}"] if number % 4 == 0 else []
    value: dict[str, Any] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": post_id(number),
        "type": kind,
        "attributedTo": author(number),
        "to": [_PUBLIC],
        "content": f"<p>Post {number}, about as long as what people write on a train.</p>",
        "published": _stamp(at),
        "context": f"tag:h.example,2026:{number // 12}",
        "tag": [{"type": "Hashtag", "name": f"#{tag}"} for tag in tags],
    }
    if number <= _THREAD:
        value["inReplyTo"] = post_id(number // 3) if number > 1 else None
        value["context"] = "tag:h.example,2026:long"
    elif number % 3 == 0:
        value["inReplyTo"] = post_id(number - number % 12 + 1)
    if kind == "Event":
        value["startTime"] = _stamp(_NOW + 3600.0 * (number * 31 % 20_000 - 10_000))
    return value


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def cases(posts: int) -> dict[str, dict[str, Any]]:
    """What is asked for. A post in the middle has the middle of every list."""
    some = posts // 2 // 12 * 12
    a_week, ago = 7 * 86_400.0, _NOW - 300 * 86_400.0
    return {
        "all": {},
        "all, of a week a year ago": {"since": ago, "until": ago + a_week},
        "actor": {"actor": author(7)},
        "actor and type": {"actor": author(7), "type": "Note"},
        "follow": {"follow": _FOLLOW},
        "follow and type": {"follow": _FOLLOW, "type": "Note"},
        "type": {"type": "Event"},
        "hashtag of every tenth": {"tag": "daily"},
        "hashtag of few": {"tag": "topic12"},
        "hashtag and type": {"tag": "daily", "type": "Note"},
        "hashtag and rare type": {"tag": "daily", "type": "Event"},
        "hashtag and actor": {"tag": "daily", "actor": author(20)},
        "hashtag, actor, type, span": {
            "tag": "daily",
            "actor": author(20),
            "type": "Note",
            "since": ago,
        },
        "answers": {"in_reply_to": post_id(some + 1)},
        "answers of a type": {"in_reply_to": post_id(some + 1), "type": "Note"},
        "conversation": {"context": f"tag:h.example,2026:{some // 12}"},
        "conversation and hashtag": {"context": f"tag:h.example,2026:{some // 12}", "tag": "daily"},
        "disjoint: hashtag and type": {"tag": "daily", "type": "Article"},
        "events from now on": {"type": "Event", "starts_since": _NOW},
        "events with a hashtag": {"type": "Event", "tag": "daily", "starts_since": _NOW},
        "events of an actor": {"actor": author(100), "order": "start"},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", default="10000,100000,1000000")
    parser.add_argument("--page", type=int, default=50)
    parser.add_argument("--dir", help="where to work: the disk that the store is on")
    options = parser.parse_args(arguments)
    sizes = [int(size) for size in options.posts.split(",")]
    measured = [_measured(size, options.page, options.dir) for size in sizes]
    print(f"{'milliseconds for a page':34}" + "".join(f"{size:>12,}" for size in sizes))
    for name in measured[0]:
        print(f"{name:34}" + "".join(f"{one[name]:12.3f}" for one in measured))
    worst = max(max(one.values()) for one in measured)
    print(f"the slowest page: {worst:.1f} ms (goal {GOAL:.0f})")
    return 0 if worst <= GOAL else 1


def _measured(posts: int, page: int, folder: str | None) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as store:
        opened = fill(Path(store) / "data", posts)
        try:
            return dict(figures(opened, posts, page))
        finally:
            opened.close()


def fill(store: Path, posts: int) -> Opened:
    """Authors who allow to be listed, their posts, and one of them followed."""
    opened = open_store(store, max_bytes=16 << 30)
    opened.store.put_follow(Follow(_FOLLOW, actor=author(7))).result()
    puts = _puts(posts)
    pending = []
    while batch := tuple(islice(puts, _BATCH)):
        pending.append(opened.store.apply(Outcome(at=_NOW, puts=batch)))
        if len(pending) >= 20:
            pending.pop(0).result()
    for future in pending:
        future.result()
    own = [post_id(number) for number in range(7, posts, AUTHORS)]
    entries = tuple(Entry(id) for id in own)
    members = Members(f"{author(7)}/outbox", entries, first=True, follow=_FOLLOW)
    opened.store.apply(Outcome(at=_NOW, members=members)).result()
    return opened


def _puts(posts: int) -> Iterator[Put]:
    for number in range(AUTHORS):
        id = author(number)
        actor = {"id": id, "type": "Person", "inbox": f"{id}/inbox", "indexable": True}
        yield _put(actor)
    for number in range(1, posts + 1):
        yield _put(post(number))


def _put(document: dict[str, Any]) -> Put:
    stamp = stamp_of(document, _NOW)
    return put(document["id"], json.dumps(document).encode(), document, stamp, at=_NOW)


def figures(opened: Opened, posts: int, page: int) -> Iterator[tuple[str, float]]:
    """Each list and what a page of it costs: its first, and those that follow."""
    for name, wanted in cases(posts).items():
        filter = ObjectFilter(**wanted)
        cursors: list[str | None] = [None]
        for _ in range(5):
            _, cursor = opened.query.objects(filter, page, cursors[-1])
            if cursor is None:
                break
            cursors.append(cursor)
        times = []
        for turn in range(_ROUNDS):
            cursor = cursors[turn % len(cursors)]
            times.append(_timed(lambda: opened.query.objects(filter, page, cursor)))  # noqa: B023
        yield name, median(times)
    thread = [_timed(lambda: opened.query.thread(post_id(_THREAD))) for _ in range(_ROUNDS)]
    yield f"the thread of {_THREAD} posts", median(thread)


def _timed(action: Callable[[], Any]) -> float:
    """Milliseconds of this thread, so that what else the machine does is not counted."""
    started = time.thread_time()
    action()
    return (time.thread_time() - started) * 1e3


if __name__ == "__main__":
    sys.exit(main())
