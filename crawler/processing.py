"""The shell that works off what came to the inbox: looks up, has it decided, settles it, goes on.

It decides nothing (`notified` does) and answers nobody; what it is given is on disk already.
Invariants: the notifications of one sender are settled in the order in which they came; one that
cannot be settled holds up its own sender only, and is given up after five tries with the reason;
nothing is lost while the store cannot be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..cache.mail_records import Notification, Settlement
from ..cache.ports import Mailbox, Query
from ..cache.records import Lease, Outcome, Reference
from ..errors import StoreError
from .clock import Clock
from .follows import Follows
from .notified import brings_back, decide, hides
from .notified_case import Ours, again, behind, crowded
from .notified_lookups import NotifiedLookups
from .notified_memory import (
    ANSWERS_PER_HOST,
    ANSWERS_PER_SENDER,
    REMEMBERED,
    Ahead,
    Deleted,
    PutOff,
    Shares,
)
from .protocol.uri import host_port
from .waking import Waking

log = logging.getLogger(__name__)

# Some 20 ms of the loop's thread; a document that has to be looked into may have a MiB, so what
# takes longer than that is left to the next batch.
_BATCH, _BATCH_SECONDS = 256, 0.02
_STORE_AGAIN = (1.0, 60.0)  # doubling, while the store cannot be written
_SHORTEST_SLEEP, _LONGEST_SLEEP = 0.05, 60.0
_MOST_AWAITED = 1_000


@dataclass(slots=True)
class Processing:
    """Runs from `start` to `stop`, on the loop's thread."""

    mailbox: Mailbox
    query: Query
    follows: Follows
    clock: Clock
    ours: Ours
    wanted: Callable[[], None]  # something was queued for the crawler
    sending: Callable[[], None]  # something was queued for delivery
    shares: Shares = field(default_factory=Shares)
    answers: Shares = field(default_factory=lambda: Shares(ANSWERS_PER_SENDER, ANSWERS_PER_HOST))
    put_off: PutOff = field(default_factory=PutOff)
    _deleted: Deleted = field(default_factory=Deleted)
    # By actor: whose Follow waits for its document.
    _awaited: dict[str, int] = field(default_factory=dict)
    _come: list[int] = field(default_factory=list)  # need not wait until they are due
    _waking: Waking = field(init=False)
    _task: asyncio.Task[None] | None = None
    _failures: int = 0  # of the store, in a row

    def __post_init__(self) -> None:
        self._waking = Waking(self.clock)

    def start(self) -> None:
        """Go on where the last process stopped."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Finish nothing: what waits is on disk."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def poke(self) -> None:
        """Something came in."""
        self._waking.poke()

    def settled(self, lease: Lease, outcome: Outcome) -> None:
        """An outcome is on disk: who waited for it goes on at once, and what a visit found that
        should have been pushed is told."""
        if (number := self._awaited.pop(lease.want.uri, None)) is not None:
            self._come.append(number)
            self.poke()
        for poll in outcome.polls:
            follow = outcome.follow
            if poll.untold and not poll.first and follow is not None and follow.subscribed == "yes":
                log.info("%s: %d new items that no push had told of", follow.key, poll.untold)

    async def flush_counts(self) -> None:
        """Have the counts that have moved told by the change log, and forget who was purged; to be
        called now and then."""
        now = self.clock.now()
        self.put_off.forget(now)
        await asyncio.wrap_future(self.mailbox.flush_counts(now))

    async def work(self) -> int:
        """Settle what is due, up to a batch; how many that was. Raises StoreError where nothing
        can be written."""
        now = self.clock.now()
        come = {number: note for number in self._come if (note := self._waiting(number))}
        self._come = []
        due = {note.id: note for note in self.mailbox.waiting(now, _BATCH)}
        notes = [note for _, note in sorted((come | due).items())]
        settlements = self._decided(notes, now)
        self._come += [note.id for note in notes[len(settlements) :] if note.id in come]
        if settlements:
            await self._settle(notes[: len(settlements)], settlements, now)
        return len(settlements)

    async def _remember(self) -> None:
        """What was known before a restart, from what is kept; others get their turn meanwhile."""
        now, found, before = self.clock.now(), list[Notification](), None
        while page := self.query.notifications(_BATCH, before):
            found += [note for note in page if hides(note) or note.attempts]
            before = page[-1].id
            if page[-1].at < now - REMEMBERED:
                break
            await asyncio.sleep(0)
        for note in reversed(found):
            if note.state == "waiting" and note.attempts:
                self.put_off.add(note.sender, note.id, note.due)
            followed = self.follows.of_actor(note.pushed.actor) is not None
            if hides(note) and followed and now - note.at < REMEMBERED:
                self._deleted.add(note.object, note.at)

    async def _run(self) -> None:
        try:
            await self._remember()
        except StoreError as error:
            log.warning("what earlier notifications came to is not known: %s", error)
        while True:
            self._waking.listen()
            wait = await self._turn()
            if wait > 0.0:
                await self._waking.sleep(wait)

    async def _turn(self) -> float:
        """One batch; in how many seconds there may be another."""
        try:
            worked = await self.work()
        except StoreError as error:
            log.warning("notifications wait: %s", error)
            shortest, longest = _STORE_AGAIN
            self._failures = min(self._failures + 1, 16)
            await self._rest(min(shortest * 2.0 ** (self._failures - 1), longest))
            return 0.0
        self._failures = 0
        if worked:
            return 0.0
        due = self.mailbox.next_waiting()
        wait = _LONGEST_SLEEP if due is None else due - self.clock.now()
        return min(max(wait, _SHORTEST_SLEEP), _LONGEST_SLEEP)

    async def _rest(self, seconds: float) -> None:
        """Whatever comes in meanwhile."""
        over = asyncio.Event()
        timer = self.clock.call_later(seconds, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()

    def _decided(self, notes: Sequence[Notification], now: float) -> list[Settlement]:
        lookups = NotifiedLookups(self.query, self.mailbox, self.follows, self.ours)
        records, ahead = lookups.records(notes), Ahead()
        settlements: list[Settlement] = []
        enough = self.clock.monotonic() + _BATCH_SECONDS
        for note in notes:
            if settlements and self.clock.monotonic() > enough:
                break
            due = self._behind(note, now)
            if due is not None:
                settlements.append(self._noted(note, behind(note, due, now)))
                continue
            try:
                settled = self._decide(note, lookups, records, ahead, now)
            except StoreError:
                raise
            except Exception as error:
                log.exception("notification %d could not be processed: this is a bug", note.id)
                settled = again(note, f"could not be processed: {type(error).__name__}", now)
            settled = self._noted(note, settled)
            if settled.state == "waiting" and settled.wants:
                self._await(note)
            settlements.append(settled)
        return settlements

    def _behind(self, note: Notification, now: float) -> float | None:
        """Until when it waits for an earlier one of its sender; None: it does not."""
        first = self.put_off.before(note.sender, note.id)
        if first is None:
            return None
        number, due = first
        if due <= now and self._waiting(number) is None:  # it was settled, or forgotten, by others
            self._come += self.put_off.end(note.sender, number)
            return None
        return max(due, now)

    def _waiting(self, number: int) -> Notification | None:
        for found in self.query.notifications(1, before=number + 1):
            if found.id == number and found.state == "waiting":
                return found
        return None

    def _await(self, note: Notification) -> None:
        """It was put off for its actor's document, and need not wait longer than for that."""
        if len(self._awaited) >= _MOST_AWAITED:
            self._awaited.clear()  # they are due in seconds anyway
        self._awaited[note.pushed.actor] = note.id

    def _decide(
        self,
        note: Notification,
        lookups: NotifiedLookups,
        records: Mapping[str, Reference],
        ahead: Ahead,
        now: float,
    ) -> Settlement:
        note, known = lookups.known(note, records)
        known = ahead.seen(note, known)
        asked = note.pushed.actor if note.type == "Follow" else note.object
        host = host_port(asked) if asked else ""
        known = replace(
            known,
            deleted=self._deleted.holds(note.object, now),
            room=self.shares.room(note.sender, host, now),
            answerable=self.answers.room(note.sender, host, now),
        )
        settled = decide(note, known, now)
        ahead.add(known, settled)
        if settled.wants and known.room:
            self.shares.take(note.sender, host, now)
        if settled.sends:
            self.answers.take(note.sender, host, now)
        if hides(note) and known.follow is not None:
            self._deleted.add(note.object, note.at)
        if brings_back(note):
            self._deleted.drop(note.object)
        return settled

    def _noted(self, note: Notification, settled: Settlement) -> Settlement:
        """Whether the sender's others have to wait for it; it fails where too much waits."""
        if settled.state != "waiting":
            self._come += self.put_off.end(note.sender, note.id)
        elif not self.put_off.add(note.sender, note.id, settled.due or 0.0):
            return crowded(note, now=settled.at)
        return settled

    async def _settle(
        self, notes: Sequence[Notification], settlements: Sequence[Settlement], now: float
    ) -> None:
        try:
            await asyncio.wrap_future(self.mailbox.settle(settlements, now))
        except StoreError:
            if self.query.totals().read_only:
                raise
            settlements = await self._settle_each(notes, settlements, now)
        await self._follow_up(settlements)

    async def _settle_each(
        self, notes: Sequence[Notification], settlements: Sequence[Settlement], now: float
    ) -> list[Settlement]:
        """One after the other, since one of them spoils the transaction for all."""
        settled, put_off = [], dict[str, float]()
        for note, one in zip(notes, settlements, strict=True):
            due = put_off.get(note.sender)
            done = await self._settle_one(note, one if due is None else behind(note, due, now), now)
            settled.append(done)
            if done is not one and done.due is not None:
                put_off[note.sender] = done.due
        return settled

    async def _settle_one(self, note: Notification, settled: Settlement, now: float) -> Settlement:
        try:
            await asyncio.wrap_future(self.mailbox.settle([settled], now))
        except StoreError as error:
            log.warning("notification %d cannot be settled: %s", note.id, error)
            settled = self._noted(note, again(note, f"could not be written: {error}", now))
            await asyncio.wrap_future(self.mailbox.settle([settled], now))
        return settled

    async def _follow_up(self, settlements: Sequence[Settlement]) -> None:
        """What is written now is told to those whose work it is."""
        for settled in settlements:
            if settled.subscription is not None:
                self.follows.forget_state(settled.subscription[0])
            if settled.block is not None:
                self.follows.forget_state(settled.block[0])
        if any(settled.wants for settled in settlements):
            self.wanted()
        if any(settled.sends for settled in settlements):
            self.sending()
        if any(settled.block is not None and settled.block[1] is None for settled in settlements):
            await self.follows.mend()
