"""From a publication to its deliveries, inside a transaction: one for each inbox, in batches.

It sends nothing, and looks for nobody: an actor that is neither a follower nor held waits in
`seeking` until its inbox is known.

    begin -> fanout: followers, then who is named -> outbound.send
                          unknown -> seeking -> found -> outbound.send, or a delivery that says why

Invariants: a batch writes its deliveries and how far it has come together; no inbox gets an
activity twice, however many share it; publications are taken in their order, and what waits for an
actor is queued in its order, so a Delete never overtakes its Create; whoever is addressed ends in a
delivery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.addressing import PROPERTIES
from ..crawler.protocol.inboxes import Inboxes, inboxes_of
from ..crawler.protocol.policy import WORDS
from ..crawler.protocol.shapes import addresses_of
from ..crawler.protocol.uri import UrlRules, check_url, same_origin
from ..errors import BadInput, Refused
from . import held, outbound, reading
from .intern import find_id
from .layout import U64, time_key
from .mail_layout import digest, keys_under, unpack_follower
from .mail_records import Follower, Send
from .publication_records import Found, Publication
from .publication_rows import Fanout, Seeking, pack_publication, unpack_publication

if TYPE_CHECKING:
    from .work import Work

# Followers in one transaction: some 20 ms of the writer's time, for which others can wait.
BATCH = 500
_NAMED = 50  # for each a document may have to be unpacked and parsed
_CLEARED = 2_000
_UNHEARD = "was not found in time"


@dataclass(slots=True)
class _Batch:
    """What one transaction queues of one publication."""

    work: Work
    one: Publication
    rules: UrlRules
    now: float
    sends: list[Send] = field(default_factory=list)
    _shown: frozenset[str] | None = None

    def name(self, actor: str, inboxes: Inboxes) -> None:
        """Queue it for somebody who is named: at their own inbox if that is all that says so."""
        self.add(actor, inboxes, alone=self._hides(actor))

    def add(self, actor: str, inboxes: Inboxes, *, alone: bool = False) -> None:
        """Queue it for an actor, at the inbox that it shares with others where all may read it."""
        one, inbox = self.one, inboxes.own
        wide, shared = (one.public or one.followers) and not alone, inboxes.shared
        if wide and shared and shared.startswith("https:") and same_origin(shared, actor):
            inbox = shared
        verdict = self.work.policy.verdict(actor) or self.work.policy.verdict(inbox)
        if verdict is not None:
            self.refuse(actor, WORDS[verdict])
            return
        try:
            check_url(inbox, self.rules)
        except (BadInput, Refused) as error:
            self.refuse(inbox, f"its inbox {error.reason}")
            return
        if self._first(inbox):
            self.sends.append(Send(one.activity, inbox, one.body, one.followers, actor))

    def refuse(self, whom: str, error: str, state: outbound.Unsent = "given_up") -> None:
        """Say in a delivery why there is none. Of what is forgotten nothing is said."""
        if self.work.policy.verdict(whom) != "forgotten" and self._first(whom):
            self.flush()  # in its order
            outbound.refuse(self.work, self.one.activity, whom, error, self.now, state)

    def _hides(self, actor: str) -> bool:
        """Whether it was for them by `bto` or `bcc` alone, which are not in it any more: a shared
        inbox could not tell whom it is for."""
        if self._shown is None:
            activity = orjson.loads(self.one.body)
            named = (addresses_of(activity.get(name)) for name in PROPERTIES)
            self._shown = frozenset(one for several in named for one in several)
        if actor in self._shown or actor not in self.one.audience:
            return False
        follower = _follower(self.work, actor) if self.one.followers else None
        return follower is None or follower.state != "accepted"

    def flush(self) -> None:
        outbound.send(self.work, self.sends, self.now)
        self.sends.clear()

    def _first(self, inbox: str) -> bool:
        place = digest(self.one.activity) + digest(inbox)
        if self.work.txn.get(place, None, self.work.t.addressed) is not None:
            return False
        self.work.put(self.work.t.addressed, place, b"")
        return True


def begin(work: Work, one: Publication) -> None:
    """Have it fanned out."""
    row = Fanout(one.activity, b"" if one.followers else None, list(one.audience))
    work.put(work.t.fanout, U64.pack(one.number), row.pack())


def step(work: Work, rules: UrlRules, now: float) -> bool:
    """Go on with the oldest publication; whether there is more to do."""
    cursor = work.txn.cursor(work.t.fanout)
    if not cursor.first():
        return False
    key, row = cursor.key(), Fanout.unpack(cursor.value())
    one, sought = _publication(work, row.activity)
    batch, done = _Batch(work, one, rules, now), False
    if row.cursor is not None:
        row.cursor = _followers(batch, row.cursor)
    elif row.named:
        named, row.named = row.named[:_NAMED], row.named[_NAMED:]
        sought += sum([_name(batch, actor) for actor in named])
        work.put(work.t.publication, digest(one.activity), pack_publication(one, sought))
    else:
        # While somebody is looked for, it stays known who has got it.
        done = sought > 0 or _clear(work, one)
    batch.flush()
    if done:
        work.delete(work.t.fanout, key)
    else:
        work.put(work.t.fanout, key, row.pack())
    return work.txn.stat(work.t.fanout)["entries"] > 0


def found(work: Work, results: Sequence[Found], rules: UrlRules, now: float, ttl: float) -> None:
    """Write what became of looking for actors."""
    for result in results:
        stored = work.txn.get(digest(result.actor), None, work.t.seeking)
        if stored is None:
            continue
        row = Seeking.unpack(stored)
        work.delete(work.t.sought, time_key(row.due) + digest(row.actor))
        row.tries, row.due, row.error = row.tries + 1, result.due, result.error or row.error
        left = []
        for activity in row.activities:
            one, sought = _publication(work, activity)
            batch = _Batch(work, one, rules, now)
            if result.fate == "wait" and one.at + ttl > now:
                left.append(activity)
                continue
            held.let_go(work, activity, row.actor)
            _conclude(batch, row, result)
            batch.flush()
            work.put(work.t.publication, digest(activity), pack_publication(one, sought - 1))
            if sought == 1:
                _go_on(work, one, [])
        row.activities = left
        if left:
            held.not_found(work, row.actor, row.error, row.due)
            _save(work, row)
        else:
            work.delete(work.t.seeking, digest(row.actor))


def call_off(work: Work, key: bytes, now: float) -> None:
    """Look no more for somebody with whom the operator wants nothing to do."""
    stored = work.txn.get(key, None, work.t.seeking)
    actor = "" if stored is None else Seeking.unpack(stored).actor
    verdict = work.policy.verdict(actor) if actor else None
    if verdict is not None:
        result = Found(actor, "given_up", error=WORDS[verdict])
        found(work, [result], UrlRules(), now, 0.0)


def _conclude(batch: _Batch, row: Seeking, result: Found) -> None:
    """What comes of one activity that has waited for an actor."""
    if result.fate == "found":
        batch.name(result.actor, Inboxes(result.inbox, result.shared))
    elif result.fate == "members":
        _go_on(batch.work, batch.one, list(result.members))
    elif result.fate == "given_up":
        batch.refuse(row.actor, row.error)
    else:
        batch.refuse(row.actor, row.error or _UNHEARD, "expired")


def _go_on(work: Work, one: Publication, named: list[str]) -> None:
    """Take a publication up again: for more actors, or to be done with it."""
    key = U64.pack(one.number)
    stored = work.txn.get(key, None, work.t.fanout)
    row = Fanout(one.activity, None) if stored is None else Fanout.unpack(stored)
    row.named += named
    work.put(work.t.fanout, key, row.pack())


def _followers(batch: _Batch, after: bytes) -> bytes | None:
    """Queue it for the next followers; behind which one to go on, None: these were the last."""
    cursor = batch.work.txn.cursor(batch.work.t.follower)
    more = cursor.set_range(after + b"\0") if after else cursor.first()
    for _ in range(BATCH):
        if not more:
            return None
        after, one = cursor.key(), unpack_follower(cursor.value())
        if one.state == "accepted":
            batch.add(one.actor, Inboxes(one.inbox, one.shared_inbox))
        more = cursor.next()
    return after


def _name(batch: _Batch, actor: str) -> bool:
    """Queue it for somebody who is named; whether it has to be looked for."""
    work = batch.work
    stored = work.txn.get(digest(actor), None, work.t.seeking)
    if stored is None:
        inboxes = _inboxes(work, actor)
        if inboxes is not None:
            batch.name(actor, inboxes)
            return False
    row = Seeking(actor, batch.now) if stored is None else Seeking.unpack(stored)
    if batch.one.activity in row.activities:
        return False
    row.activities.append(batch.one.activity)
    held.hold(work, batch.one.activity, actor, batch.one.body, batch.now)
    _save(work, row)
    return True


def _inboxes(work: Work, actor: str) -> Inboxes | None:
    """Where its mail goes, if it follows us or its document is held."""
    if (follower := _follower(work, actor)) is not None:
        return Inboxes(follower.inbox, follower.shared_inbox)
    id = find_id(work.txn, work.t, actor)
    document = None if id is None else reading.document(work.txn, work.t, id)
    return None if document is None else inboxes_of(document.json)


def _follower(work: Work, actor: str) -> Follower | None:
    stored = work.txn.get(digest(actor), None, work.t.follower)
    found = None if stored is None else unpack_follower(stored)
    return found if found is not None and found.actor == actor else None


def _save(work: Work, row: Seeking) -> None:
    key = digest(row.actor)
    work.put(work.t.seeking, key, row.pack())
    work.put(work.t.sought, time_key(row.due) + key, b"")


def _clear(work: Work, one: Publication) -> bool:
    """Forget who has got it; whether that is all forgotten."""
    keys = _some(keys_under(work.txn.cursor(work.t.addressed), digest(one.activity)))
    for key in keys:
        work.delete(work.t.addressed, key)
    return len(keys) < _CLEARED


def _some(keys: Iterator[bytes]) -> list[bytes]:
    return [key for key, _ in zip(keys, range(_CLEARED), strict=False)]


def _publication(work: Work, activity: str) -> tuple[Publication, int]:
    row = work.txn.get(digest(activity), None, work.t.publication)
    if row is None:
        raise LookupError(activity)
    return unpack_publication(row)
