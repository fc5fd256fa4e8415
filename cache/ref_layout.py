"""How the row of a reference looks: state and URI, the parts that there are, and its terms.

A continuation of `layout` under the same rules. The row holds the reference's state as a source of
change (`protocol.source`) as well, in half and single precision where no more is known than that,
and at its end what it is found by (`terms_layout`). What is not known takes no room: of most URIs
little more is known than that something mentions them. Rows of older schemas are read by
`ref_older`, which the first byte tells, so that a store may be read while it is being migrated.
Invariant: what `pack` writes, `unpack` reads back equal but for that precision; a bound is never
rounded outwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from struct import Struct

from . import ref_older
from .layout import NO_HASH, NONE

_FORM = 0xC0  # in the first byte, beside the state
_HEAD = Struct(">BBBBH")  # form and state, class and proof, parts, flags, length of the URI
_URI = _HEAD.size

# Parts, in their order; each bit says that the part is there.
_HAS_HELD = 1
_HAS_VERIFIED = 2  # else it was verified when it was fetched
_HAS_UPDATED = 4
_HAS_FAILURES = 8
_HAS_PLAN = 16
_HAS_PROFILE = 32
_HAS_NOT_BEFORE = 64
_HAS_CONSENT = 128
_HELD = Struct(">8s8sdd16s")
_TIME = Struct(">d")
_FAILURES = Struct(">H")
_PLAN = Struct(">IfffeeeH")
_PROFILE = Struct(">eee")
_NOT_BEFORE = Struct(">I")
_CONSENT = Struct(">H")

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
    consent: int = 0  # flags of `protocol.listable`
    terms: bytes = b""  # as stored; see `terms_layout`

    def pack(self) -> bytes:
        uri = self.uri.encode("utf-8", "surrogatepass")
        parts, fetched, verified = 0, self.fetched_at, self.verified_at
        rows = [b"", uri]
        if (
            fetched == fetched
            or self.type != NONE
            or self.owner != NONE
            or self.content_hash != NO_HASH
            or self.published == self.published
        ):
            parts = _HAS_HELD
            rows.append(
                _HELD.pack(self.type, self.owner, fetched, self.published, self.content_hash)
            )
        if verified != fetched and (verified == verified or fetched == fetched):  # NaN is no time
            parts |= _HAS_VERIFIED
            rows.append(_TIME.pack(verified))
        if self.updated == self.updated:
            parts |= _HAS_UPDATED
            rows.append(_TIME.pack(self.updated))
        if self.failures:
            parts |= _HAS_FAILURES
            rows.append(_FAILURES.pack(min(self.failures, 65535)))
        if self.flags & IS_SOURCE or self.due or self.interval or self._was_source():
            parts |= _HAS_PLAN
            rows.append(
                _PLAN.pack(
                    self.due,
                    self.interval,
                    self.changes,
                    self.exposure,
                    self.weight,
                    self.shortest,
                    self.longest,
                    self.bucket,
                )
            )
        if self.burst or self.profile_x or self.profile_y:
            parts |= _HAS_PROFILE
            rows.append(_PROFILE.pack(self.burst, self.profile_x, self.profile_y))
        if self.not_before:
            parts |= _HAS_NOT_BEFORE
            rows.append(_NOT_BEFORE.pack(self.not_before))
        if self.consent:
            parts |= _HAS_CONSENT
            rows.append(_CONSENT.pack(self.consent))
        state, proof = self.state | _FORM, self.cls | self.verified_by << 4
        rows[0] = _HEAD.pack(state, proof, parts, self.flags, len(uri))
        rows.append(self.terms)
        return b"".join(rows)

    def _was_source(self) -> bool:
        """What was learnt of it stays, should it become one again."""
        learnt = self.changes or self.exposure or self.shortest or self.longest or self.bucket
        return bool(learnt) or self.weight != 1.0

    @classmethod
    def unpack(cls, row: bytes) -> Ref:
        form = row[0]
        if form < _FORM:
            return cls(**ref_older.values(row))
        proof, parts = row[1], row[2]
        at = _URI + (row[4] << 8 | row[5])
        uri = row[_URI:at].decode("utf-8", "surrogatepass")
        ref = cls(uri, form ^ _FORM, proof & 15, proof >> 4, row[3])
        if parts & _HAS_HELD:
            (ref.type, ref.owner, ref.fetched_at, ref.published, ref.content_hash) = (
                _HELD.unpack_from(row, at)
            )
            ref.verified_at = ref.fetched_at
            at += _HELD.size
        if parts & _HAS_VERIFIED:
            (ref.verified_at,) = _TIME.unpack_from(row, at)
            at += _TIME.size
        if parts & _HAS_UPDATED:
            (ref.updated,) = _TIME.unpack_from(row, at)
            at += _TIME.size
        if parts & _HAS_FAILURES:
            (ref.failures,) = _FAILURES.unpack_from(row, at)
            at += _FAILURES.size
        if parts & _HAS_PLAN:
            (
                ref.due,
                ref.interval,
                ref.changes,
                ref.exposure,
                ref.weight,
                ref.shortest,
                ref.longest,
                ref.bucket,
            ) = _PLAN.unpack_from(row, at)
            at += _PLAN.size
        if parts & _HAS_PROFILE:
            ref.burst, ref.profile_x, ref.profile_y = _PROFILE.unpack_from(row, at)
            at += _PROFILE.size
        if parts & _HAS_NOT_BEFORE:
            (ref.not_before,) = _NOT_BEFORE.unpack_from(row, at)
            at += _NOT_BEFORE.size
        if parts & _HAS_CONSENT:
            (ref.consent,) = _CONSENT.unpack_from(row, at)
            at += _CONSENT.size
        ref.terms = row[at:]
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


def is_older(row: bytes) -> bool:
    """Whether it is of an older schema: then its terms stand in a table of their own."""
    return row[0] < _FORM


def ref_state(row: bytes) -> int:
    """The number of the state: in the row's first byte, for who needs no more of it."""
    return row[0] & ~_FORM


def ref_uri(row: bytes) -> str:
    if row[0] < _FORM:
        return ref_older.uri(row)
    return row[_URI : _URI + (row[4] << 8 | row[5])].decode("utf-8", "surrogatepass")


def whole_seconds(at: float) -> int:
    """Rounded up, so that nothing is asked before its time."""
    if not 0.0 < at < _LATEST:
        return _LATEST if at >= _LATEST else 0
    return -int(-at // 1)


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
