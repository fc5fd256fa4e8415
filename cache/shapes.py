"""The JSON shapes that the HTTP API answers and the commands print, made of the store's records.

It reads no store and asks no clock: whether a copy is fresh is a function of its record and `now`.
Invariant: a document stands in its shape as the bytes that the origin served, never re-encoded,
and every field that was promised is there, null where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson

from ..crawler.protocol.listable import Verdict
from . import pace
from .document import Document
from .records import (
    Attempt,
    Change,
    CheckReport,
    CollectionView,
    Follow,
    Host,
    HostDelivery,
    HostKept,
    HostWindow,
    Reads,
    Reference,
    State,
    Thread,
    Totals,
    Version,
)
from .verbs import Pulled, Running
from .why import why

Json = dict[str, Any]

# strictjson drops a byte order mark before it parses; the stored bytes still have it.
_BOM = b"\xef\xbb\xbf"
# datetime ends with the year 9999; what a server claims beyond that is shown as its last second.
_LAST = 253_402_300_799.0


def dumps(value: object) -> bytes:
    """One JSON text; shapes hold documents as fragments, which only this encoder knows."""
    return orjson.dumps(value)


def time(seconds: float | None) -> str | None:
    """RFC 3339 in UTC; fractions only where there are any."""
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(min(max(seconds, 0.0), _LAST), UTC)
    text = moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def held(reference: Reference | None) -> bool:
    """Whether a body stands in the store: what is gone or refused keeps only its record."""
    return (
        reference is not None
        and reference.state in (State.RESOLVED, State.FAILED)
        and reference.fetched_at is not None
    )


def freshness(reference: Reference | None, now: float) -> str | None:
    """`fresh` until the next check is due, `stale` from then on, and from an attempt on that has
    failed; None where nothing is held."""
    if reference is None or not held(reference):
        return None
    due = pace.fresh_until(reference)
    return "fresh" if due is not None and now < due else "stale"


def body_fragment(body: bytes) -> orjson.Fragment:
    return orjson.Fragment(body.removeprefix(_BOM))


def item(document: Document, reference: Reference | None, now: float) -> Json:
    """An entry of a list."""
    return {
        "id": document.id,
        "type": list(document.types),
        "actor": document.actor,
        "published": time(document.published),
        "updated": time(document.updated),
        "fetched_at": time(document.fetched_at),
        "verified_at": time(reference.verified_at if reference else document.verified_at),
        "verified_by": reference.verified_by if reference else document.verified_by,
        "freshness": freshness(reference, now) or "stale",
        "state": str(document.state),
        "document": body_fragment(document.body),
    }


def items(
    documents: Iterable[Document], references: Mapping[str, Reference], now: float
) -> list[Json]:
    return [item(document, references.get(document.id), now) for document in documents]


def listing(entries: Iterable[Json], next: str | None = None) -> Json:
    """Any list: `next` is the URL of its next page."""
    return {"items": list(entries), "next": next}


def reference(known: Reference, now: float, reads: Reads | None = None) -> Json:
    """The freshness record; `reads`: how a collection is read."""
    changes, overdue = pace.changes_a_day(known, now), pace.overdue(known, now)
    return {
        "id": known.id,
        "state": str(known.state),
        "class": known.cls,
        "type": known.type,
        "owner": known.owner,
        "published": time(known.published),
        "fetched_at": time(known.fetched_at),
        "verified_at": time(known.verified_at),
        "next_check": time(known.next_check),
        "interval": known.interval,
        "etag": known.etag,
        "last_modified": known.last_modified,
        "updated": time(known.updated),
        "content_hash": known.content_hash.hex() if known.content_hash else None,
        "verified_by": known.verified_by,
        "freshness": freshness(known, now),
        "failures": known.failures,
        "last_error": known.last_error,
        "target": known.target,
        "reason": known.reason,
        "enclosing": known.enclosing,
        "signature": known.form,
        "robots": _robots(known),
        "consent": _consent(known.consent),
        "source": known.kind,
        "rate": None if changes is None else float(f"{changes:.3g}"),
        "bound": known.bound,
        "weight": known.weight,
        "not_before": time(known.not_before),
        "priority": None if overdue is None else round(overdue, 3),
        "reads": None if reads is None else _reads(reads),
        "threads": [_thread(one) for one in known.threads],
        "counts": None if known.counts is None else asdict(known.counts),
        "why": why(known, now),
        "log": [attempt(line) for line in known.log],
    }


def _consent(found: Verdict | None) -> Json:
    if found is None:
        return {"verdict": None, "evidence": None}
    return {"verdict": found.word, "evidence": found.evidence}


def _robots(known: Reference) -> Json:
    """What is known of its host's robots.txt for it, and what came with what is held."""
    found = known.robots
    return {
        "verdict": None if found is None else found.verdict,
        "evidence": None if found is None else found.evidence,
        "until": None if found is None else time(found.until),
        "tag": known.robots_tag,
    }


def _reads(found: Reads) -> Json:
    return {
        "begins": found.begins,
        "url": found.url,
        "newest_first": found.newest_first,
        "scattered": found.scattered,
        "read_whole_at": time(found.read_whole_at),
    }


def _thread(known: Thread) -> Json:
    """What one follow has had fetched of the thread of a post; `over`: why it is left alone."""
    return {
        "follow": known.follow or None,
        "started": time(known.started),
        "read": time(known.read),
        "fetched": known.fetched,
        "over": known.over or None,
    }


def fetched(known: Reference, document: Document | None, now: float) -> Json:
    """What a fetch answers: the reference with its document, null while there is none."""
    body = body_fragment(document.body) if document is not None else None
    return {**reference(known, now), "document": body}


def attempt(line: Attempt) -> Json:
    return {
        "at": time(line.at),
        "cause": line.cause,
        "status": line.status,
        "outcome": line.outcome,
    }


def collection(view: CollectionView, next: str | None = None) -> Json:
    return {
        "id": view.id,
        "items": list(view.items),
        "next": next,
        "complete": view.complete,
        "total_items": view.total_items,
        "kind": view.kind,
    }


def change(entry: Change) -> Json:
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "id": entry.id,
        "actor": entry.actor,
        "type": entry.type,
        "at": time(entry.at),
        "reason": entry.reason,
    }


def version(earlier: Version) -> Json:
    return {
        "fetched_at": time(earlier.fetched_at),
        "updated": time(earlier.updated),
        "content_hash": earlier.content_hash.hex(),
        "document": body_fragment(earlier.body),
    }


def follow(state: Follow) -> Json:
    """`follow` is the actor as it was configured; `actor` and `handle` are what it led to."""
    return {
        "follow": state.key,
        "actor": state.actor,
        "handle": state.handle,
        "name": state.name,
        "outbox": state.outbox,
        "outbox_kind": state.outbox_kind,
        "objects": state.objects,
        "thread_fetches": state.thread_fetches,
        "complete": state.complete,
        "last_success": time(state.last_success),
        "last_error": state.last_error,
        "next_check": time(state.next_check),
        "interval": state.interval,
        "subscribed": state.subscribed,
        "subscription": state.subscription,
    }


def host(known: Host) -> Json:
    return {
        "host": known.host,
        "state": known.state,
        "until": time(known.until),
        "failures": known.failures,
        "last_error": known.last_error,
        "software": None,
        "signature": known.knock.form,
        "signature_until": time(known.knock.until or None),
        "signature_failed": list(known.knock.failed),
        "crawl_delay": known.delay,
        "why": known.why,
        "gap": None if known.gap is None else round(known.gap, 3),
        "pace": round(known.pace, 3),
        "windows": [host_window(one) for one in known.windows],
        "kept": host_kept(known.kept),
        "delivery": None if known.delivery is None else host_delivery(known.delivery),
        "requests": known.requests,
        "in_flight": known.in_flight,
        "due": known.due,
        "backlog": known.backlog,
        "lag": known.lag,
    }


def host_delivery(known: HostDelivery) -> Json:
    return {
        "state": known.state,
        "until": time(known.until),
        "failures": known.failures,
        "since": time(known.since),
        "days": known.days,
        "waiting": known.waiting,
        "last_error": known.last_error,
    }


def host_kept(kept: HostKept) -> Json:
    return {
        "references": kept.references,
        "documents": kept.documents,
        "bytes": kept.bytes,
        "own_bytes": kept.own_bytes,
        "refused": kept.refused,
        "evicted": kept.evicted,
        "reason": kept.reason,
        "refused_at": time(kept.refused_at),
    }


def host_window(window: HostWindow) -> Json:
    return {
        "name": window.name,
        "quota": window.quota or None,
        "seconds": window.seconds or None,
        "remaining": window.remaining,
        "resets": time(window.resets),
    }


def status(totals: Totals, running: Running, *, up: bool = True) -> Json:
    """`up`: a daemon is running; without one `uptime` is null."""
    return {
        "version": running.version,
        "uptime": round(running.uptime, 3) if up else None,
        "ready": running.ready,
        "reasons": list(running.reasons),
        "references": totals.references,
        "documents": totals.documents,
        "follows": totals.follows,
        "due": totals.due,
        "in_flight": running.in_flight,
        "last_seq": totals.last_seq,
        "store": {
            "bytes": totals.bytes,
            "max_bytes": totals.max_bytes,
            "read_only": totals.read_only,
        },
        "sources": totals.sources,
        "backlog": totals.backlog,
        "lag": totals.lag,
        "price": totals.price,
        "scarce": totals.price is not None and not totals.floor,
        "budget": {"limit": running.budget_limit, "used": totals.budget_used},
    }


def pulled(results: Iterable[Pulled]) -> Json:
    """What `pull` prints at its end."""
    return {
        "actors": [
            {
                "actor": result.actor,
                "new": result.new,
                "updated": result.updated,
                "deleted": result.deleted,
                "requests": result.requests,
                "complete": result.complete,
                "error": result.error,
                "outbox_kind": result.outbox_kind,
            }
            for result in results
        ]
    }


def check(report: CheckReport) -> Json:
    return {
        "references": report.references,
        "documents": report.documents,
        "index_entries": report.index_entries,
        "findings": [
            {"table": found.table, "subject": found.subject, "problem": found.problem}
            for found in report.findings
        ],
    }
