"""The JSON shapes of blocklists and of what was forgotten; a continuation of `shapes`."""

from __future__ import annotations

from typing import Any

from ..crawler.protocol.blocklist import Blocklist, Row
from ..crawler.protocol.blocks import Difference
from ..crawler.protocol.forgotten import Entry

Json = dict[str, Any]


def difference(found: Difference) -> Json:
    """What came into force, or would."""
    return {
        "added": [{"domain": domain, "severity": now} for domain, now in found.added],
        "removed": [{"domain": domain, "severity": was} for domain, was in found.removed],
        "changed": [
            {"domain": domain, "was": was, "severity": now} for domain, was, now in found.changed
        ],
    }


def blocklist(one: Blocklist) -> Json:
    """How a list was read: how many rules it has, and the rows that became none."""
    return {
        "name": one.name,
        "rules": len(one.blocks.rules),
        "noop": one.noop,
        "repeated": one.repeated,
        "obfuscated": [_row(row) for row in one.obfuscated],
        "invalid": [_row(row) for row in one.invalid],
    }


def _row(row: Row) -> Json:
    return {"line": row.line, "text": row.text, "reason": row.reason}


def entry(one: Entry) -> Json:
    """A wish in force. An id has no name any more: what is told is the hash of it."""
    return {"at": one.at, "kind": one.kind, "name": one.names[0]}
