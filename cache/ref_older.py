"""How rows of references looked in the schemas 1 and 2.

It writes nothing; `values` gives the fields of `ref_layout.Ref`. The head had a fixed size, the URI
ended the row, and what a reference is found by stood in a table of its own (`terms_layout`). Schema
1 knew no sources: `next_check` and `interval` as doubles. Invariant: the fields say what the row
said, a time never earlier than it was.
"""

from __future__ import annotations

from math import ceil, isfinite
from struct import Struct
from typing import Any

_SCHEMA_2 = Struct(">BBBBH8s8sdddd16sIfffeeeeeeIH")
_SCHEMA_1 = Struct(">BBBBH8s8sdddddd16s")
_SECOND = 0x80  # in the first byte, beside the state
_LATEST = 0xFFFFFFFF
_HEAD = ("state", "cls", "verified_by", "flags", "failures", "type", "owner")
_FIELDS = (
    *(*_HEAD, "fetched_at", "verified_at", "updated", "published", "content_hash"),
    *("due", "interval", "changes", "exposure", "weight", "burst", "profile_x", "profile_y"),
    *("shortest", "longest", "not_before", "bucket"),
)
_FIRST_FIELDS = (
    *(*_HEAD, "fetched_at", "verified_at", "due", "interval"),
    *("updated", "published", "content_hash"),
)


def values(row: bytes) -> dict[str, Any]:
    """The fields of a row, and its URI."""
    if row[0] & _SECOND:
        found = dict(zip(_FIELDS, _SCHEMA_2.unpack_from(row), strict=True))
        found["state"] ^= _SECOND
    else:
        found = dict(zip(_FIRST_FIELDS, _SCHEMA_1.unpack_from(row), strict=True))
        planned = isfinite(found["due"]) and found["due"] > 0.0
        found["due"] = min(ceil(found["due"]), _LATEST) if planned else 0
        found["interval"] = found["interval"] if planned and isfinite(found["interval"]) else 0.0
    return {"uri": uri(row), **found}


def uri(row: bytes) -> str:
    size = _SCHEMA_2.size if row[0] & _SECOND else _SCHEMA_1.size
    return row[size:].decode("utf-8", "surrogatepass")
