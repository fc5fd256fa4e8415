"""Bringing the rows of an older schema up to date, a batch at a time while the store is in use.

Every row says which of both formats it has, so readers and the writer need not wait for it, and a
kill costs nothing: how far it has come stands in `meta` and is written with each batch. It plans
nothing: what was never a source of change is made one by the sweep. Before schema 4 nobody had
looked whether what is held may be listed: that is read from the bodies. Invariant: when the mark in
`meta` is gone, no row of the older format is left.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import orjson

from ..crawler.protocol import consent, listable
from ..crawler.protocol.strictjson import parse_object
from . import quota, relisting
from .codec import unpack
from .documents import stored_body, versions
from .environment import MIGRATING
from .layout import BODY, CLASSES, NONE
from .ref_layout import is_older
from .work import Work

# A commit of some 50 ms, which other jobs can wait for.
BATCH = 500


def step(work: Work, most: int = BATCH) -> bool:
    """Rewrite the next rows; whether there are more of them."""
    done = work.txn.get(MIGRATING, None, work.t.meta)
    if done is None:
        return False
    if not done:
        for _, follow in work.txn.cursor(work.t.follow):
            relisting.followed(work, relisting.reads(orjson.loads(follow)), True)
    cursor = work.txn.cursor(work.t.ref)
    more = cursor.set_range(done or NONE)
    for _ in range(most):
        if not more:
            work.delete(work.t.meta, MIGRATING)
            return False
        done, row = cursor.item()
        if is_older(row):
            work.ref(done)  # loaded to be changed, so it is written back as rows are written now
        _read_consent(work, done)
        _count(work, done)
        more = cursor.next()
    work.put(work.t.meta, MIGRATING, done)
    return True


def _count(work: Work, id: bytes) -> None:
    """What is held of its host's quota. The row is loaded; the mark is still before it."""
    size = quota.size_of(work, id, stored_body(work, id), versions(work, id))
    quota.count_stored(work, id, size)


def _read_consent(work: Work, id: bytes) -> None:
    """What the header and the activity that came with it said then is known when it comes again;
    of what has come since, the header's word stands there already."""
    ref = work.ref(id, change=False)
    kind = CLASSES[ref.cls]
    if not ref.has_body or kind not in ("actor", "object"):
        return
    row = stored_body(work, id)
    document = parse_object(unpack(row[0], row[BODY.size :])) if row is not None else {}
    flags = consent.read(document, kind) | ref.consent & listable.ROBOTS
    if flags != ref.consent & ~listable.STANDING:
        relisting.take(work, id, work.ref(id), flags)
    relisting.judge(work, id)


def go_on(submit: Callable[[Callable[[Work], bool]], Future[bool]]) -> None:
    """Migrate what is left, between the writer's other jobs; without any, one look."""

    def again(future: Future[bool]) -> None:
        # A failure or a closed writer ends it here; the next opening goes on from the mark.
        if not future.cancelled() and future.exception() is None and future.result():
            go_on(submit)

    submit(step).add_done_callback(again)
