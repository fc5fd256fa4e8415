"""Takes deliveries from the mailbox, sends them through the door, and writes what came of each.

    mailbox.errands -> door: POST, signed as it is sent -> protocol.delivering -> mailbox.sent

It decides nothing: which origin may be asked is the mailbox's to say, what an answer means the
decider's. Invariants: an origin has one request of ours at a time; what was sent and not written
down, because the process died, is sent again with the same activity id.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..cache.mail_records import Errand, Sent
from ..cache.ports import Frontier, Mailbox
from ..cache.records import HostReport
from ..errors import FedpullError
from .answer import Answer, Ask, FetchFailed, Stopped
from .clock import Clock
from .delivery_tally import DeliveryTally
from .protocol import delivering
from .protocol.delivering import Past, Reply, Schedule
from .protocol.following import CONTENT_TYPE
from .protocol.rate_limits import announced
from .protocol.signing import Headers
from .waking import LONGEST, Waking

log = logging.getLogger(__name__)

# Origins that are asked at once. A delivery takes 10 s at most, most of them 0.2 s; one that has
# failed before is likely to take the 10 s, so that these have places of their own.
PLACES = 32
PROBES = 32
# Longer than the slowest exchange with its second knock; a process that died gives leases back when
# it starts again.
LEASE_SECONDS = 120.0


def _no_headers(errand: Errand) -> Headers:
    return ()


def _as_queued(activity: str, body: bytes) -> bytes:
    return body


def _nobody(_: object) -> None:
    pass


@dataclass(slots=True)
class Delivery:
    """Runs from `start` to `stop`, on the loop's thread. `chance` gives numbers from 0 to 1.

    `body` gives what is sent of an activity, `headers` what goes along signed, `heard` is told
    every answer; `lost` is told that some deliveries have failed for good, `moved` the actor whose
    inbox is gone or has moved.
    """

    mailbox: Mailbox
    frontier: Frontier
    fetch: Callable[[Ask], Awaitable[Answer]]
    clock: Clock
    schedule: Schedule
    chance: Callable[[], float] = random.random
    body: Callable[[str, bytes], bytes] = _as_queued
    headers: Callable[[Errand], Headers] = _no_headers
    heard: Callable[[Answer], None] = _nobody
    lost: Callable[[], None] = lambda: None
    moved: Callable[[str], None] = _nobody
    tally: DeliveryTally = field(default_factory=DeliveryTally)
    _waking: Waking = field(init=False)
    _out: set[asyncio.Task[None]] = field(default_factory=set)
    _probing: int = 0
    _loop: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._waking = Waking(self.clock)

    @property
    def in_flight(self) -> int:
        return len(self._out)

    async def start(self) -> None:
        """Give back what a dead process had leased, and begin to deliver."""
        await asyncio.wrap_future(self.mailbox.recover())
        self._loop = asyncio.ensure_future(self._run())

    def poke(self, *_: object) -> None:
        """Something was queued, or may go sooner."""
        self._waking.poke()

    async def drain(self) -> None:
        """Return when nothing is due now and nothing is on its way; also where `start` was not
        called, as for a single command. What failed waits for its time, and is not waited for."""
        if self._loop is None:
            await asyncio.wrap_future(self.mailbox.recover())
        while True:
            begun = await self._begin()
            if self._out:
                await asyncio.wait(self._out, return_when=asyncio.FIRST_COMPLETED)
            elif not begun:
                return

    async def expire(self) -> None:
        """End what is too old, also where its server is not to be asked for days."""
        expired = self._expired()
        after: bytes | None = b""
        while after is not None:
            ended = self.mailbox.expire(after, self.clock.now(), self.schedule.ttl)
            after = await asyncio.wrap_future(ended)
        if self._expired() != expired:
            self.lost()

    async def stop(self) -> None:
        """Begin nothing more, and let what is on its way end; the door, once closed, cuts it."""
        if self._loop is None:
            return
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        self._loop = None
        if self._out:
            await asyncio.wait(self._out)

    async def _run(self) -> None:
        while True:
            self._waking.listen()
            begun = 0
            try:
                begun = await self._begin()
            except FedpullError as error:
                log.error("nothing can be delivered: %s", error)
                await self._waking.sleep(LONGEST)
            if not begun:
                # With every place of its kind taken, the end of one of them wakes us.
                await self._waking.until(self.mailbox.next_errand(), busy=bool(self._out))

    async def _begin(self) -> int:
        """Lease what may go, and send it; how much that was."""
        free, probes = PLACES - len(self._out) + self._probing, PROBES - self._probing
        due = self.mailbox.next_errand()
        if due is None or due > self.clock.now() or (free <= 0 and probes <= 0):
            return 0
        now, ttl = self.clock.now(), self.schedule.ttl
        expired = self._expired()
        leased = self.mailbox.errands(now, max(free, 0), LEASE_SECONDS, ttl, max(probes, 0))
        errands = await asyncio.wrap_future(leased)
        for errand in errands:
            self._probing += errand.health.failures > 0
            task = asyncio.ensure_future(self._deliver(errand))
            self._out.add(task)
            task.add_done_callback(self._ended)
        if self._expired() != expired:
            self.lost()
        return len(errands)

    def _expired(self) -> int:
        return self.mailbox.ended().get(("delivery", "expired"), 0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._out.discard(task)
        self._waking.poke()

    async def _deliver(self, errand: Errand) -> None:
        """One request, and what it came to. Never raises: what fails here is tried again."""
        begun = self.clock.monotonic()
        try:
            reply = await self._post(errand)
            seconds = max(self.clock.monotonic() - begun, 0.0)
            self.tally.took(seconds, delivering.kind_of(reply))
            sent = self._sent(errand, reply, seconds)
            await asyncio.wrap_future(self.mailbox.sent([sent], self.clock.now()))
            if sent.state == "given_up" and not errand.followers:
                self.lost()
        except Stopped:
            pass  # its lease is given back at the next start
        except FedpullError as error:
            log.error("what became of delivery %d is not written: %s", errand.delivery.id, error)
        finally:
            self._probing -= errand.health.failures > 0

    async def _post(self, errand: Errand) -> Reply:
        inbox = errand.delivery.inbox
        try:
            headers = self.headers(errand)
            answer = await self.fetch(
                Ask(
                    inbox,
                    method="POST",
                    body=self.body(errand.delivery.activity, errand.body),
                    content_type=CONTENT_TYPE,
                    headers=headers,
                )
            )
        except FetchFailed as failed:
            return Reply(None, failed.headers, failed.kind, failed.reason)
        except (Stopped, asyncio.CancelledError):
            raise
        except Exception as error:  # one delivery must not take the others along
            log.exception("delivery %d failed; this is a bug", errand.delivery.id)
            return Reply(None, {}, "connect", type(error).__name__)
        self._learn(answer)
        return Reply(answer.status, answer.headers)

    def _learn(self, answer: Answer) -> None:
        """The form of signature that the host reads, and the rate limits that it announces. That
        its inbox refused says nothing of what it lets be read, so no more than that is told."""
        self.heard(answer)
        now = self.clock.now()
        told = [(hop, announced(hop.headers, now)) for hop in answer.hops]
        found = [
            HostReport(hop.host, ok=True, sent=hop.sent, knock=hop.knock, limits=limits)
            for hop, limits in told
            if hop.knock is not None or limits
        ]
        if found:
            self.frontier.report(found, now)

    def _sent(self, errand: Errand, reply: Reply, seconds: float) -> Sent:
        one, host = errand.delivery, errand.health
        not_found = delivering.in_a_row([attempt.status for attempt in one.log])
        past = Past(one.attempts, not_found, one.created, host.failures, host.days, host.since)
        now = self.clock.now()
        verdict = delivering.judge(reply, past, self.schedule, now, self.chance())
        if verdict.state != "delivered":
            log.info("%s to %s: %s (%s)", one.activity, one.inbox, verdict.error, verdict.state)
        if verdict.moved and one.recipient:
            self._look(one.recipient)
        return Sent(
            id=one.id,
            state=verdict.state,
            counted=verdict.counted,
            status=reply.status,
            error=verdict.error,
            retry_at=verdict.retry_at,
            host_until=verdict.host_until,
            inbox_gone=verdict.inbox_gone,
            seconds=seconds,
            rest_until=verdict.rest_until,
        )

    def _look(self, actor: str) -> None:
        """Have an actor looked at anew, if that may be."""
        try:
            self.moved(actor)
        except FedpullError as error:
            log.info("%s is not looked at: %s", actor, error)
