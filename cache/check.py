"""The audit of a store: that tables which say the same thing agree, both ways. It repairs nothing.

Both ways without remembering a hundred million entries: every entry that a row calls for is looked
up, and as many entries are counted as were called for. Invariant: a store that only this package
has written has no findings, whenever its writer was killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..crawler.protocol.strictjson import parse_object
from ..crawler.protocol.times import rfc3339
from ..crawler.protocol.version import content_hash
from ..errors import FedpullError
from . import (
    check_consent,
    check_mail,
    check_publications,
    check_queue,
    check_quota,
    check_threads,
    index,
    shared,
)
from .changes import count_in
from .codec import unpack
from .counters import Counters
from .environment import MIGRATING, Tables, Txn
from .intern import uri_of
from .layout import BODY, CLASSES, NONE, U64, VERSION, time_key, uri_key
from .records import CheckReport, Finding
from .ref_layout import HAS_BODY, Ref, is_older
from .terms_layout import terms_in
from .unsorted import Unsorted

_MOST = 1_000  # findings reported; one broken table can break millions of rows


def check(txn: Txn, t: Tables) -> CheckReport:
    """Compare everything; all in one read transaction, so a store may be checked while it works."""
    audit = _Audit(txn, t)
    findings: list[Finding] = []
    for finding in audit.run():
        if len(findings) >= _MOST:
            break
        findings.append(finding)
    return CheckReport(audit.references, audit.documents, audit.entries, tuple(findings))


class _Audit:
    def __init__(self, txn: Txn, t: Tables) -> None:
        self.txn = txn
        self.t = t
        self.references = 0
        self.documents = 0
        self.entries = 0
        self._uses: Counter[bytes] = Counter()

    def run(self) -> Iterator[Finding]:
        txn, t = self.txn, self.t
        for about, part in (
            ("ref", self._references()),
            ("body", self._bodies()),
            ("shared", self._shared()),
            ("index", self._index()),
            ("member", self._members()),
            ("change", self._changes()),
            ("consent", check_consent.check(txn, t)),
            ("queue", check_queue.check(txn, t)),
            ("agenda", check_queue.check_agenda(txn, t)),
            ("thread", check_threads.check(txn, t)),
            ("mail", check_mail.check(txn, t)),
            ("publication", check_publications.check(txn, t)),
            ("quota", check_quota.check(txn, t)),
            ("meta", self._counters()),
        ):
            yield from _told(about, part)

    def _counters(self) -> Iterator[Finding]:
        counters = Counters.read(self.txn, self.t)
        for name, kept, counted in (
            ("references", counters.references, self.references),
            ("documents", counters.documents, self.documents),
        ):
            if kept != counted:
                yield Finding("meta", name, f"the counter says {kept}, there are {counted}")

    def _rows(self, name: str) -> int:
        return self.txn.stat(getattr(self.t, name))["entries"]

    def _references(self) -> Iterator[Finding]:
        for id, row in self.txn.cursor(self.t.ref):
            self.references += 1
            ref = Ref.unpack(row)
            if self.txn.get(uri_key(ref.uri), None, self.t.uri) != id:
                yield Finding("uri", ref.uri, "does not lead to its reference")
            if ref.flags & HAS_BODY and self.txn.get(id, None, self.t.body) is None:
                yield Finding("ref", ref.uri, "says that there is a body, and there is none")
        words = self._rows("word")
        if self._rows("uri") != self.references + words:
            problem = f"{self._rows('uri')} rows for {self.references} references, {words} words"
            yield Finding("uri", "", problem)
        for id in self.txn.cursor(self.t.terms).iternext(values=False):
            stored = self.txn.get(id, None, self.t.ref)
            if stored is None or not is_older(stored):
                yield Finding("terms", id.hex(), "belongs to no reference of its age")
        for name in ("extra", "walk", "collection"):
            for id in self.txn.cursor(getattr(self.t, name)).iternext(values=False):
                if self.txn.get(id, None, self.t.ref) is None:
                    yield Finding(name, id.hex(), "belongs to no reference")

    def _bodies(self) -> Iterator[Finding]:
        for id, row in self.txn.cursor(self.t.body):
            self.documents += 1
            self._uses.update(key for key in BODY.unpack_from(row)[1:] if key != NONE)
            stored = self.txn.get(id, None, self.t.ref)
            if stored is None or not (ref := Ref.unpack(stored)).has_body:
                yield Finding("body", id.hex(), "belongs to no reference")
                continue
            try:
                document = parse_object(unpack(row[0], row[BODY.size :]))
            except FedpullError as error:
                yield Finding("body", ref.uri, error.reason)
                continue
            if content_hash(document) != ref.content_hash:
                yield Finding("body", ref.uri, "is not what its content hash was made from")
            live = terms_in(self.txn, self.t, id, stored).live
            if live != (CLASSES[ref.cls] == "object"):
                yield Finding("ref", ref.uri, "is indexed and should not be, or the reverse")
            yield from check_consent.flags(self.txn, self.t, ref, document)
            if live and self.txn.get(MIGRATING, None, self.t.meta) is None:
                yield from self._start(id, stored, ref, document)
        for key, row in self.txn.cursor(self.t.history):
            if self.txn.get(key[:8], None, self.t.body) is None:
                yield Finding("history", key[:8].hex(), "has earlier versions of no document")
            try:
                unpack(VERSION.unpack_from(row)[2], row[VERSION.size :])
            except FedpullError as error:
                yield Finding("history", key[:8].hex(), error.reason)

    def _start(
        self, id: bytes, stored: bytes, ref: Ref, document: dict[str, Any]
    ) -> Iterator[Finding]:
        """Of the terms what its document alone decides, and nothing that came before it."""
        start = rfc3339(document.get("startTime"))
        if terms_in(self.txn, self.t, id, stored).start != (
            NONE if start is None else time_key(start)
        ):
            yield Finding("ref", ref.uri, "does not begin when its document says")

    def _shared(self) -> Iterator[Finding]:
        for key, row in self.txn.cursor(self.t.shared):
            uses = self._uses.pop(key, 0)
            if shared.count_of(row) != uses:
                problem = f"the counter says {shared.count_of(row)}, {uses} bodies use it"
                yield Finding("shared", key.hex(), problem)
        for key in self._uses:
            yield Finding("shared", key.hex(), "is used and not there")

    def _index(self) -> Iterator[Finding]:
        cursor = self.txn.cursor(self.t.index)
        unsorted = list(Unsorted(self.txn, self.t).entries())
        waiting = frozenset(unsorted)
        called_for = 0
        for id, row in self.txn.cursor(self.t.ref):
            terms = terms_in(self.txn, self.t, id, row)
            if terms.live and self.txn.get(id, None, self.t.body) is None:
                yield Finding("ref", uri_of(self.txn, self.t, id) or "", "index without a body")
            for entry in index.entries_of(terms, id):
                called_for += 1
                if entry not in waiting and not cursor.set_key_dup(*entry):
                    subject, kind = uri_of(self.txn, self.t, id) or "", entry[0][:1].decode()
                    yield Finding("index", subject, f"is not listed under {kind}")
        log = self.txn.cursor(self.t.unsorted)
        counted = U64.unpack(log.key())[0] if log.last() else 0
        if counted != len(unsorted):
            yield Finding("unsorted", "", f"says {counted} entries, there are {len(unsorted)}")
        self.entries = self._rows("index") + len(unsorted)
        if self.entries != called_for:
            yield Finding("index", "", f"{self.entries} entries, {called_for} are called for")

    def _members(self) -> Iterator[Finding]:
        for key, row in self.txn.cursor(self.t.member):
            flag = bytes((row[8] & 1,))
            if self.txn.get(key[:8] + row[:8] + flag, None, self.t.member_of) != key[8:]:
                subject = uri_of(self.txn, self.t, row[:8]) or ""
                yield Finding("member", subject, "is a member that does not know its place")
        if self._rows("member") != self._rows("member_of"):
            problem = f"{self._rows('member')} members, {self._rows('member_of')} know their place"
            yield Finding("member_of", "", problem)

    def _changes(self) -> Iterator[Finding]:
        last = Counters.read(self.txn, self.t).last_seq
        latest: int | None = None
        for key, row in self.txn.cursor(self.t.change):
            before, latest = latest, U64.unpack(key)[0]
            if before is not None and latest - count_in(row) != before:
                yield Finding("change", str(latest), f"does not follow on {before}")
        if (latest or 0) != last:
            yield Finding("change", "", f"the log ends at {latest}, the counter says {last}")


def _told(about: str, part: Iterator[Finding]) -> Iterator[Finding]:
    """Findings of a part, the last of them that it met a row which nothing can be made of."""
    try:
        yield from part
    except Exception as error:  # noqa: BLE001 - whatever a row of garbage leads to
        yield Finding(about, "", f"cannot be read: {type(error).__name__}: {error}")
