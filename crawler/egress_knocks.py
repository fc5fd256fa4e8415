"""How a host is asked in the form of signature that it reads: known, or found by knocking.

It decides no form (`protocol.knock` does), signs nothing and opens nothing: whoever asks gives it
the way to make one request. Invariants: one ladder at a time climbs at a host, and where nothing is
known of a host one request goes first; what was learnt stands in the hop that taught it, and so
reaches the store with the outcome of that answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

from .egress_chain import Chain, Reply
from .egress_response import ResponseReader
from .one_each import OneEach
from .protocol import knock
from .protocol.knock import Form, Known
from .protocol.uri import Uri

# Beside the store's rows, which are slower to read and some commits behind: 300 bytes each.
_HELD = 20_000


Fields = tuple[tuple[str, str], ...]  # of a header, in their order


class Signer(Protocol):
    """Our identity, as the door needs it."""

    def sign(
        self,
        form: Form,
        method: str,
        uri: Uri,
        body: bytes | None,
        content_type: str | None,
        now: float,
        challenge: str = "",
        extra: Fields = (),
    ) -> Fields:
        """The headers that sign a request; `challenge` is an Accept-Signature to answer, `extra`
        are headers that go along and are signed."""

    def understands(self, challenge: str) -> bool:
        """Whether an Accept-Signature asks for nothing but what we would sign anyway."""


Once = Callable[[Form, str], Awaitable[ResponseReader]]
Wait = Callable[[], Awaitable[bool]]


class Knocks:
    """`remembered` is the store's memory of a host ("host:port"), `now` the wall clock."""

    def __init__(
        self,
        signer: Signer,
        remembered: Callable[[str], Known | None],
        now: Callable[[], float],
    ) -> None:
        self._signer = signer
        self._remembered = remembered
        self._now = now
        self._known: dict[str, Known] = {}
        self._climbing = OneEach()

    def settled(self, host: str) -> Known | None:
        """What is known of a host, if that says how to ask it; else one request goes alone."""
        known = self._recall(host)
        return known if knock.settled(known) else None

    def ends(self, host: str, chain: Chain, reply: Reply, known: Known) -> bool:
        """Whether the first reply, in the form that was `known`, is the answer: nothing else is
        worth knocking with."""
        if reply.reader.status == 200 and reply.form == known.form:
            return True  # as nearly always: nothing is to be learnt
        return self._learn(host, chain, reply).next is None

    async def get(
        self, host: str, chain: Chain, first: Reply | None, once: Once, wait: Wait
    ) -> Reply:
        """The response to a GET whose first reply was a refusal, or for which it is not known how
        to ask. `wait`: for the host's next turn; False when that is too late."""
        async with self._alone(host, chain):
            if first is not None or self.settled(host) is None:
                return await self._climb(host, chain, first, once, wait)
        # Another one has found out meanwhile.
        first = await self._begin(host, once)
        if self._learn(host, chain, first).next is None:
            return first
        async with self._alone(host, chain):
            return await self._climb(host, chain, first, once, wait)

    async def post(self, host: str, chain: Chain, once: Once) -> Reply:
        """The response to a delivery: of a refusal that is about the form, one second knock's."""
        known = self._recall(host)
        form = knock.opening_post(known)
        first = Reply(await once(form, known.challenge), form)
        if not knock.knocks_again(first.reader.status):
            return first
        challenge = self._challenge(first.reader)
        form = "rfc9421" if challenge else knock.other_scheme(form)
        chain.knock_failed()
        second = Reply(await once(form, challenge), form)
        if knock.is_refused(second.reader.status):
            chain.knock_failed()
            return first
        learnt = knock.posted(known, form, second.reader.status, self._now())
        if learnt is not None:
            self._keep(host, chain, learnt)
        return second

    async def _climb(
        self, host: str, chain: Chain, first: Reply | None, once: Once, wait: Wait
    ) -> Reply:
        """Knock until the answer is no refusal of the form, or nothing is left to try."""
        reply = first or await self._begin(host, once)
        first = reply
        while True:
            # Of an answer that came before this ladder's turn, another one's may have taught more.
            step = self._learn(host, chain, reply)
            if not step.refused:
                return reply
            if step.next is None:
                if reply is not first:
                    chain.knock_failed()
                return first
            chain.knock_failed()
            if not await wait():
                self._keep(host, chain, knock.interrupted(self._recall(host)))
                return replace(first, interrupted=True)
            reply = Reply(await once(step.next, self._recall(host).challenge), step.next)

    async def _begin(self, host: str, once: Once) -> Reply:
        known = self._recall(host)
        form = knock.opening(known)
        return Reply(await once(form, known.challenge), form)

    def _learn(self, host: str, chain: Chain, reply: Reply) -> knock.Step:
        known, reader, now = self._recall(host), reply.reader, self._now()
        challenge = self._challenge(reader) if "accept-signature" in reader.headers else ""
        step = knock.after(known, reply.form, reader.status, now, challenge, query=chain.query)
        if step.known is not None:
            self._keep(host, chain, step.known)
        return step

    def _challenge(self, reader: ResponseReader) -> str:
        text = reader.headers.get("accept-signature", "")
        short = 0 < len(text) <= knock.LONGEST_CHALLENGE
        return text if short and self._signer.understands(text) else ""

    def _recall(self, host: str) -> Known:
        known = self._known.get(host)
        if known is None:
            known = self._remembered(host) or knock.NOTHING
            while len(self._known) >= _HELD:
                del self._known[next(iter(self._known))]
            self._known[host] = known
        return knock.fresh(known, self._now())

    def _keep(self, host: str, chain: Chain, known: Known) -> None:
        self._known[host] = known
        chain.learnt(known)

    @asynccontextmanager
    async def _alone(self, host: str, chain: Chain) -> AsyncIterator[None]:
        """One at a time; whoever waits before it has asked anything loses none of its time."""
        chain.pause()
        async with self._climbing.alone(host):
            chain.go_on()
            yield
