"""The audit of what is counted for quotas; a continuation of `check` under the same rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ..crawler.protocol.quotas import Usage
from .environment import MIGRATING, Tables, Txn
from .layout import BODY, VERSION
from .quota_rows import BESIDE, DOMAIN, FOLLOW, HELD, MENTIONED, place_of, unpack
from .records import Finding
from .ref_layout import Ref


def check(txn: Txn, t: Tables) -> Iterator[Finding]:
    """Compare minted with the references that there are, and quota with both."""
    if txn.get(MIGRATING, None, t.meta) is not None:
        return  # what is held of an older version is being counted
    earlier: defaultdict[bytes, int] = defaultdict(int)
    for key, row in txn.cursor(t.history):
        earlier[key[:8]] += len(row) - VERSION.size + BESIDE
    found: defaultdict[bytes, Usage] = defaultdict(Usage)
    minted = 0
    for id, row in txn.cursor(t.ref):
        ref = Ref.unpack(row)
        place = place_of(ref.uri)
        if place is None:
            continue
        counts = [txn.get(place.key + kind + id, None, t.minted) for kind in (MENTIONED, HELD)]
        mentioned, held = (count is not None for count in counts)
        minted += mentioned + held
        if (mentioned and held) or held > ref.has_body or (not ref.has_body and not mentioned):
            yield Finding("minted", ref.uri, "is counted as what it is not")
        body = txn.get(id, b"", t.body) if ref.has_body else b""
        size = (len(body) - BODY.size + BESIDE if body else 0) + earlier[id]
        for party in (found[place.host], found[place.domain]):
            party.references += mentioned + held
            party.documents += held
            party.bytes += size * held
            party.own_bytes += size * (not held)
    if txn.stat(t.minted)["entries"] != minted:
        rows = txn.stat(t.minted)["entries"]
        yield Finding("minted", "", f"{rows} rows, {minted} are called for")
    for key, row in txn.cursor(t.quota):
        kept, counted = unpack(row), found.pop(key, Usage())
        if key[:1] != FOLLOW:
            yield from _compare(key, kept, counted)
    for key, counted in found.items():
        yield from _compare(key, Usage(), counted)


def _compare(key: bytes, kept: Usage, counted: Usage) -> Iterator[Finding]:
    whose = "domain" if key[:1] == DOMAIN else "host"
    for name in ("documents", "bytes", "references", "own_bytes"):
        said, there = getattr(kept, name), getattr(counted, name)
        if said != there:
            yield Finding("quota", f"{whose} {key[1:].hex()}", f"says {said} {name}, not {there}")
