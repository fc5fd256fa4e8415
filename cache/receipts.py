"""What came to the inbox, inside a transaction: kept once, remembered for a while, then dropped.

It does not authenticate and decides nothing about what a notification comes to. Invariants: what
was seen within its time is not kept again, and no more than MOST_WAITING notifications wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import StoreError
from . import outbound
from .environment import Tables, Txn
from .layout import U64, time_key
from .mail_layout import (
    NOTIFICATION_STATES,
    WAITING,
    MailCounters,
    age_of,
    digest,
    pack_key,
    pack_notification,
)
from .mail_records import Notification, Received

if TYPE_CHECKING:
    from ..crawler.protocol.keys import PublicKey
    from ..crawler.protocol.pushed import Pushed
    from .work import Work

MOST_WAITING = 10_000
MOST_KEYS = 100_000  # some 60 MB; a server of the size of mastodon.social has met a million actors

# A signature is good for 75 minutes (65 before now, 10 after), and remembered for twice as long at
# least. Its activity is remembered for a day at least: a server that got no answer signs it anew.
_SIGNATURE, _ACTIVITY = b"s", b"a"
_SPAN = {_SIGNATURE: 9_000, _ACTIVITY: 86_400}
_MOST_SEEN = 4_000_000  # rows; some 250 MB, which 50 pushes a second fill in half a day
_SPARE = 16  # how many more rows than come in may go out in one transaction


def receive(work: Work, received: Sequence[Received], now: float) -> list[int | None]:
    """Keep what was not seen before; the number of each that was kept."""
    if work.txn.stat(work.t.waiting)["entries"] + len(received) > MOST_WAITING:
        raise StoreError("", f"has {MOST_WAITING} notifications waiting", "them to be worked off")
    counters = MailCounters.read(work.txn, work.t)
    numbers = [_keep(work, counters, one, now) for one in received]
    for sender in {one.sender for one in received}:
        outbound.heard_from(work, sender, now)
    _forget(work, now, len(received))
    work.put(work.t.meta, b"mail", counters.pack())
    return numbers


def _keep(work: Work, counters: MailCounters, one: Received, now: float) -> int | None:
    if one.key is not None:
        _remember_key(work, counters, one.key, now)
    about = one.pushed
    memory = [(_SIGNATURE, one.fingerprint)]
    name, opposite = _named(about)
    if name:
        memory.append((_ACTIVITY, digest(f"{one.sender}\n{name}")))
    new = [not was_seen(work.txn, work.t, kind, value, now) for kind, value in memory]
    for (kind, value), fresh in zip(memory, new, strict=True):
        if fresh:
            work.put(work.t.seen, kind + _period(kind, now) + value, b"")
    if not all(new):
        return None
    if opposite:
        _unsee(work, _ACTIVITY, digest(f"{one.sender}\n{opposite}"), now)
    counters.notifications += 1
    number = counters.notifications
    notification = Notification(
        id=number,
        at=now,
        sender=one.sender,
        target=one.target,
        activity=about.activity,
        type=about.type,
        object=about.object,
        state=NOTIFICATION_STATES[WAITING],
        attempts=0,
        outcome="",
        due=now,
        forwarded=one.forwarded,
        pushed=about,
    )
    work.put(work.t.notification, U64.pack(number), pack_notification(notification))
    work.put(work.t.waiting, time_key(now) + U64.pack(number), b"")
    return number


def _named(about: Pushed) -> tuple[str, str]:
    """What an activity is remembered as, and what may be said once more after it.

    Misskey's Follow of somebody has one id however often it is undone and said again, and so has
    its Undo: each lets the other be heard anew.
    """
    undone = about.inner_id if about.inner else about.object
    if about.type == "Undo" and undone:
        return f"Undo {undone}", undone
    return about.activity, f"Undo {about.activity}" if about.activity else ""


def signature_seen(txn: Txn, t: Tables, fingerprint: bytes, now: float) -> bool:
    return was_seen(txn, t, _SIGNATURE, fingerprint, now)


def was_seen(txn: Txn, t: Tables, kind: bytes, value: bytes, now: float) -> bool:
    """Whether it was noted in this period, the one before, or, by a clock that was ahead, the next.

    Periods stand in the keys so that what is over lies together and goes without an index.
    """
    return any(txn.get(key, None, t.seen) is not None for key in _keys(kind, value, now))


def _unsee(work: Work, kind: bytes, value: bytes, now: float) -> None:
    for key in _keys(kind, value, now):
        work.delete(work.t.seen, key)


def _keys(kind: bytes, value: bytes, now: float) -> tuple[bytes, ...]:
    steps = (0, -_SPAN[kind], _SPAN[kind])
    return tuple(kind + _period(kind, now + step) + value for step in steps)


def _period(kind: bytes, at: float) -> bytes:
    return int(max(at, 0.0) // _SPAN[kind]).to_bytes(4, "big")


def _forget(work: Work, now: float, count: int) -> None:
    """Drop what is over, and beyond the limit the oldest, activities first: that costs a repeated
    hint, where a forgotten signature would let the same request in once more."""
    left = 2 * count + _SPARE
    excess = work.txn.stat(work.t.seen)["entries"] - _MOST_SEEN
    cursor = work.txn.cursor(work.t.seen)
    for kind in (_ACTIVITY, _SIGNATURE):
        floor = kind + _period(kind, now - _SPAN[kind])
        more = cursor.set_range(kind)
        while more and left and (key := cursor.key()).startswith(kind):
            if key >= floor and excess <= 0:
                break
            more = cursor.delete() and bool(cursor.key())
            left, excess = left - 1, excess - 1


def _remember_key(work: Work, counters: MailCounters, key: PublicKey, now: float) -> None:
    place = digest(key.id)
    drop_key(work, key.id)
    counters.keys += 1
    work.put(work.t.key, place, pack_key(key, counters.keys, now))
    work.put(work.t.key_age, U64.pack(counters.keys), place)
    if work.txn.stat(work.t.key)["entries"] > MOST_KEYS:
        cursor = work.txn.cursor(work.t.key_age)
        if cursor.first():
            age, oldest = cursor.item()
            work.delete(work.t.key, oldest)
            work.delete(work.t.key_age, age)


def drop_key(work: Work, id: str) -> None:
    place = digest(id)
    row = work.txn.get(place, None, work.t.key)
    if row is not None:
        work.delete(work.t.key_age, age_of(row))
        work.delete(work.t.key, place)
