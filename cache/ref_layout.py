"""How the row of a reference looks: its hot fields at a fixed size, then its URI.

A continuation of `layout` under the same rules. The row holds the reference's state as a source of
change (`protocol.source`) as well, in half and single precision where no more is known than that.
Rows of schema 1 have another head, which the first byte tells apart, so that a store may be read
while it is being migrated. Invariant: what `pack` writes, `unpack` reads back equal but for that
precision; a bound is never rounded outwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan, nan
from struct import Struct

from .layout import NO_HASH, NONE

_REF = Struct(">BBBBH8s8sdddd16sIfffeeeeeeIH")
_SCHEMA_1 = Struct(">BBBBH8s8sdddddd16s")
_NEW = 0x80  # in the first byte, beside the state

# Flags
HAS_BODY = 1
IS_SOURCE = 2  # it is asked again by itself; `kind` is what kind of source it is
PLACED = 4  # it stands in `agenda`
VOUCHED = 8  # its audience was stated by the verified activity around it, not by itself
KIND = 16  # two bits: protocol.source.Kind
BOUND = 64  # two bits: what decided the interval

_LARGEST_HALF = 65_504.0
_LATEST = 0xFFFFFFFF  # whole seconds until 2106


@dataclass(slots=True)
class Ref:
    """The fixed part of a reference; mutable, because a transaction works on it."""

    uri: str
    state: int = 0
    cls: int = 0
    verified_by: int = 0
    flags: int = 0
    failures: int = 0
    type: bytes = NONE
    owner: bytes = NONE
    fetched_at: float = nan
    verified_at: float = nan  # when it was last known to be current: the answer's time minus Age
    updated: float = nan
    published: float = nan  # as stated: identity rules compare it; lists use Terms.when
    content_hash: bytes = NO_HASH
    due: int = 0  # whole seconds; 0: nothing is planned
    interval: float = 0.0  # seconds that `due` was planned with
    changes: float = 0.0
    exposure: float = 0.0
    weight: float = 1.0
    burst: float = 0.0
    profile_x: float = 0.0
    profile_y: float = 0.0
    shortest: float = 0.0  # minutes, in which half precision holds a second and a month
    longest: float = 0.0
    not_before: int = 0  # whole seconds
    bucket: int = 0  # where the agenda's histogram counts it

    def pack(self) -> bytes:
        return _REF.pack(
            self.state | _NEW,
            self.cls,
            self.verified_by,
            self.flags,
            min(self.failures, 65535),
            self.type,
            self.owner,
            self.fetched_at,
            self.verified_at,
            self.updated,
            self.published,
            self.content_hash,
            self.due,
            self.interval,
            self.changes,
            self.exposure,
            self.weight,
            self.burst,
            self.profile_x,
            self.profile_y,
            self.shortest,
            self.longest,
            self.not_before,
            self.bucket,
        ) + self.uri.encode("utf-8", "surrogatepass")

    @classmethod
    def unpack(cls, row: bytes) -> Ref:
        if not row[0] & _NEW:
            return _of_schema_1(row)
        ref = cls(ref_uri(row), *_REF.unpack_from(row))
        ref.state ^= _NEW
        return ref

    @property
    def has_body(self) -> bool:
        return bool(self.flags & HAS_BODY)

    @property
    def is_source(self) -> bool:
        return bool(self.flags & IS_SOURCE)

    @property
    def placed(self) -> bool:
        return bool(self.flags & PLACED)

    @property
    def kind(self) -> int:
        return self.flags // KIND & 3

    @property
    def bound(self) -> int:
        return self.flags // BOUND & 3

    @property
    def vouched(self) -> bool:
        return bool(self.flags & VOUCHED)

    def vouch(self, vouched: bool) -> None:
        self.flags = self.flags | VOUCHED if vouched else self.flags & ~VOUCHED

    @property
    def next_check(self) -> float | None:
        return float(self.due) if self.due else None

    def set_source(self, kind: int, bound: int, *, placed: bool) -> None:
        """Say that it is a source, and of what kind."""
        kept = self.flags & (HAS_BODY | VOUCHED)
        self.flags = kept | IS_SOURCE | PLACED * placed | (kind & 3) * KIND | (bound & 3) * BOUND

    def no_source(self) -> None:
        """Nothing asks for it again by itself."""
        self.flags &= HAS_BODY | VOUCHED
        self.due, self.interval = 0, 0.0


def _of_schema_1(row: bytes) -> Ref:
    """A row as it was before references were sources: `next_check` and `interval` as doubles."""
    values = _SCHEMA_1.unpack_from(row)
    *_, next_check, interval, updated, published, content_hash = values
    ref = Ref(row[_SCHEMA_1.size :].decode("utf-8", "surrogatepass"), *values[:9])
    ref.updated, ref.published, ref.content_hash = updated, published, content_hash
    if not isnan(next_check):
        ref.due, ref.interval = whole_seconds(next_check), single(interval)
    return ref


def is_schema_1(row: bytes) -> bool:
    return not row[0] & _NEW


def ref_state(row: bytes) -> int:
    """The number of the state: the row's first byte, for who needs no more of it."""
    return row[0] & ~_NEW


def ref_uri(row: bytes) -> str:
    size = _REF.size if row[0] & _NEW else _SCHEMA_1.size
    return row[size:].decode("utf-8", "surrogatepass")


def whole_seconds(at: float) -> int:
    """Rounded up, so that nothing is asked before its time."""
    if not 0.0 < at < _LATEST:
        return _LATEST if at >= _LATEST else 0
    return -int(-at // 1)


def single(value: float) -> float:
    """What single precision holds of it."""
    return min(max(value, -3e38), 3e38) if isfinite(value) else 0.0


def half(value: float) -> float:
    """What half precision holds of it."""
    return min(max(value, -_LARGEST_HALF), _LARGEST_HALF) if isfinite(value) else 0.0


_HALF = Struct(">e")


def minutes_within(shortest: float, longest: float) -> tuple[float, float]:
    """Bounds in seconds as minutes in half precision: rounded inwards, and never crossing."""
    low, high = half(shortest / 60.0), half(max(longest, shortest) / 60.0)
    up, down = _rounded(low), _rounded(high)
    if up < low:
        up = _next_half(up, 1)
    if down > high:
        down = _next_half(down, -1)
    return up, max(up, down)


def _rounded(value: float) -> float:
    rounded: float = _HALF.unpack(_HALF.pack(value))[0]
    return rounded


def _next_half(value: float, step: int) -> float:
    # The bits of positive floats sort as their values do.
    bits = int.from_bytes(_HALF.pack(value), "big") + step
    following: float = _HALF.unpack(bits.to_bytes(2, "big"))[0]
    return following
