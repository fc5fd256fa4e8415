"""What the tests of the store share: small documents with true stamps, and opened stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from fedpull.cache.open import Opened, open_store
from fedpull.cache.records import (
    Applied,
    Cause,
    CheckReport,
    Entry,
    Follow,
    HostReport,
    Kind,
    Lease,
    Members,
    Outcome,
    Politeness,
    Put,
    Terms,
    Want,
)
from fedpull.crawler.protocol import consent
from fedpull.crawler.protocol.times import rfc3339
from fedpull.crawler.protocol.version import Stamp, content_hash

NOW = 1_700_000_000.0
ALICE = "https://a.example/users/alice"
BOB = "https://b.example/users/bob"
FOLLOW = "@alice@a.example"
OUTBOX = "https://a.example/users/alice/outbox"
POLITE = Politeness(concurrency=1, gap=2.0, pages=3, pages_window=900.0)


def note(
    n: int | str,
    text: str = "hello",
    *,
    actor: str = ALICE,
    published: float | None = None,
    kind: str = "object",
    type: str = "Note",
    updated: float | None = None,
    at: float = NOW,
    by: str = "get",
    **more: Any,
) -> Put:
    """A document of `actor`; `more` goes into the Put, terms from `tags`, `reply` and `about`,
    `says` into the document, its `startTime` into the terms as well."""
    id = n if isinstance(n, str) else f"https://a.example/notes/{n}"
    document: dict[str, Any] = {"id": id, "type": type, "attributedTo": actor, "content": text}
    document["to"] = "as:Public"
    if kind == "actor":
        document = {"id": id, "type": type, "name": text, "inbox": f"{id}/inbox"}
    document |= more.pop("says", {})
    if updated is not None:
        document["updated"] = str(updated)
    when = published if published is not None else (NOW - 1000 + n if isinstance(n, int) else None)
    terms = Terms()
    if kind == "object":
        terms = Terms(
            actor=actor,
            types=(type,),
            tags=more.pop("tags", ()),
            in_reply_to=more.pop("reply", None),
            context=more.pop("about", None),
            published=when,
            starts=rfc3339(document.get("startTime")),
        )
    stamp = Stamp(content_hash(document), updated, actor, when, kind, type)
    return Put(
        id=id,
        body=json.dumps(document).encode(),
        stamp=stamp,
        terms=terms,
        fetched_at=at,
        verified_by=by,
        consent=consent.read(document, kind),
        **more,
    )


def want(uri: str = "https://a.example/notes/1", **more: Any) -> Want:
    values: dict[str, Any] = {"kind": Kind.DOCUMENT, "cause": Cause.NEW, "due": NOW, **more}
    return Want(uri, **values)


def page(*objects: int | str, follow: str = FOLLOW, **more: Any) -> Members:
    """One page of the outbox, of own notes by number; "!5" is an announced note 5."""
    entries = []
    for one in objects:
        number = str(one).removeprefix("!")
        uri = f"https://a.example/notes/{number}"
        entries.append(Entry(uri, f"{uri}/activity", str(one).startswith("!")))
    return Members(OUTBOX, tuple(entries), follow=follow, **more)


@contextmanager
def store_at(path: Path, **more: Any) -> Iterator[Opened]:
    values: dict[str, Any] = {"max_bytes": 64 << 20, "politeness": POLITE, **more}
    opened = open_store(path, **values)
    try:
        yield opened
    finally:
        opened.close()


Implementation = Callable[[Path], AbstractContextManager[Opened]]
# What the conformance suites test; another implementation of the ports joins here.
IMPLEMENTATIONS: dict[str, Implementation] = {"lmdb": store_at}


def apply(opened: Opened, at: float = NOW, **parts: Any) -> Applied:
    return opened.store.apply(Outcome(at=at, **parts)).result()


def read_authors(opened: Opened) -> None:
    """Alice and Bob are followed, so that every list shows what they write."""
    for key, actor in ((FOLLOW, ALICE), ("@bob@b.example", BOB)):
        opened.store.put_follow(Follow(key, actor=actor)).result()


def lease(opened: Opened, now: float = NOW, limit: int = 10, seconds: float = 60.0) -> list[Lease]:
    return opened.frontier.lease(now, limit, seconds).result()


def done(opened: Opened, taken: Lease, at: float = NOW, status: int = 200, **parts: Any) -> Applied:
    """Give a lease back after an answer."""
    report = HostReport(taken.host, ok=True, status=status)
    return apply(opened, at, lease=taken, hosts=(report,), **parts)


def failed(opened: Opened, taken: Lease, at: float, wants: tuple[Want, ...] = ()) -> Applied:
    """Give a lease back after no answer."""
    report = HostReport(taken.host, ok=False, error="connect")
    return apply(opened, at, lease=taken, hosts=(report,), wants=wants)


def clean(opened: Opened) -> CheckReport:
    """The audit, which must find nothing."""
    report = opened.query.check()
    assert report.findings == (), report.findings[:5]
    return report


def uri(host: str, n: int = 1) -> str:
    return f"https://{host}.example/notes/{n}"


def queue(opened: Opened, *wants: Want) -> None:
    opened.frontier.want(wants).result()


def leased(opened: Opened, now: float = NOW, limit: int = 10) -> list[str]:
    return [one.want.uri for one in lease(opened, now, limit)]


def drain(opened: Opened, now: float = NOW, rounds: int = 50) -> list[str]:
    """What is asked, one after the other, each answered at once."""
    asked: list[str] = []
    for step in range(rounds):
        for taken in lease(opened, now + step, 1):
            asked.append(taken.want.uri)
            done(opened, taken, now + step)
    return asked
