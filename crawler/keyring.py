"""The keys of others: remembered, read from documents that are held, or from where their origin
serves them.

It does not know what was signed, but for the claim that a key is to confirm. Invariants: a key is
its owner's because the owner's own origin says so; nobody's document can put a key in another's
place; a key of our own is looked up here and never asked for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from ..cache.ports import Mailbox, Query
from ..errors import BadInput, Refused
from .clock import Clock
from .key_source import KeySource, NoKey, Source
from .protocol.identity import claimed_id
from .protocol.key_documents import OwnerWanted, confirm_key, find_key, key_url, keys_of
from .protocol.keys import PublicKey
from .protocol.signatures import Claim, confirms
from .protocol.uri import UrlRules, check_url, same_origin

__all__ = ["Found", "Keyring", "NoKey"]

# A key in memory is looked up anew so often, for what the store has learnt of its owner meanwhile.
_HELD = 3_600.0
_MOST = 20_000  # some 20 MB
# What a document lists is read so seldom: one of a MiB takes 10 ms, and a forged request nothing.
_READ = 60.0
_MOST_READ = 2_000


class Found(NamedTuple):
    """A key; `new`: the store does not have it."""

    key: PublicKey
    new: bool = False


class Keyring:
    """On the loop's thread. `origin` is our public one, `own` gives the key of ours by its id."""

    def __init__(
        self,
        query: Query,
        mailbox: Mailbox,
        source: KeySource,
        clock: Clock,
        rules: UrlRules,
        origin: str,
        own: Callable[[str], PublicKey | None],
    ) -> None:
        self.source = source
        self._query = query
        self._mailbox = mailbox
        self._clock = clock
        self._rules = rules
        self._origin = origin
        self._own = own
        self._held: OrderedDict[tuple[str, str], tuple[Found, float]] = OrderedDict()
        self._read: OrderedDict[str, tuple[tuple[PublicKey, ...], float]] = OrderedDict()

    def at_hand(self, key_id: str, actor: str) -> Found | NoKey | None:
        """The key as far as it is known without asking anybody; None: its origin must be asked.

        `actor` is who the request says it is from: a key that it lists may lie elsewhere.
        """
        held = self._held.get((key_id, actor))
        if held is not None and self._clock.monotonic() < held[1]:
            return self._current(held[0])
        url = key_url(key_id)
        if url is None:
            return NoKey("none")
        if same_origin(url, self._origin):
            own = self._own(key_id)
            return NoKey("none") if own is None else Found(own)
        if not self._allowed(url):
            return NoKey("none")
        known = self._listed(key_id, url, actor) or self._mailbox.key(key_id, self._clock.now())
        return None if known is None else self._current(self._hold(Found(known)))

    async def ask(self, key_id: str, client: str, *, known: bool) -> Found | NoKey:
        """The key as its origin gives it now, unless that was asked a moment ago; only for an id
        that `at_hand` has not refused. `client` and `known` as for `KeySource.get`."""
        url = key_url(key_id)
        if url is None or same_origin(url, self._origin):
            return NoKey("none")
        source = await self.source.get(url, client, known=known)
        if isinstance(source, NoKey):
            return source
        self._learn(url, source)
        found = find_key(source.document, key_id, source.final_url)
        if isinstance(found, OwnerWanted):
            confirmed = await self._confirmed(found, client, known)
            if isinstance(confirmed, NoKey):
                return confirmed
            found = confirmed
        if found is None:
            await self._forget(key_id)
            return NoKey("none")
        return self._current(self._hold(Found(found, new=True))) or NoKey("none")

    async def confirmed(
        self, claim: Claim, key_id: str, client: str, found: Found | NoKey | None, *, known: bool
    ) -> Found | NoKey:
        """The key that has made a signature: `found` is what was at hand, the rest as for `ask`.
        One that does not fit may have been replaced since; a key that came just now was not."""
        asked = found is None
        if found is None:
            found = await self.ask(key_id, client, known=known)
        if isinstance(found, NoKey) or self._made(claim, found):
            return found
        if asked:
            return NoKey("none")
        found = await self.ask(key_id, client, known=True)
        return found if isinstance(found, NoKey) or self._made(claim, found) else NoKey("none")

    def _made(self, claim: Claim, found: Found) -> bool:
        return confirms(claim, found.key, self._clock.now())

    def kept(self, key: PublicKey) -> None:
        """The store has this key now."""
        self._hold(Found(key))

    def _listed(self, key_id: str, url: str, actor: str) -> PublicKey | None:
        """The key as a document that we hold lists it: who is refreshed keeps it fresh."""
        for id in dict.fromkeys((url, actor)):
            for key in self._keys_in(id):
                if key.id == key_id:
                    return key
        return None

    def _keys_in(self, id: str) -> tuple[PublicKey, ...]:
        now = self._clock.monotonic()
        read = self._read.get(id)
        if read is not None and now < read[1]:
            return read[0]
        document = self._query.document(id)
        if document is None:
            return ()
        keys = keys_of(document.json)
        self._read[id] = (keys, now + _READ)
        self._read.move_to_end(id)
        if len(self._read) > _MOST_READ:
            self._read.popitem(last=False)
        return keys

    async def _confirmed(
        self, wanted: OwnerWanted, client: str, known: bool
    ) -> PublicKey | NoKey | None:
        if not self._allowed(wanted.owner):
            return None
        held = self._query.document(wanted.owner)
        if held is not None and wanted.stated is not None:
            key = confirm_key(wanted, held.json, held.id)
            # One that says otherwise is older: GoToSocial puts a new key under the id of the old.
            if key is not None and key.der == wanted.stated.der:
                return key
        source = await self.source.get(wanted.owner, client, known=known)
        if isinstance(source, NoKey):
            return source
        self._learn(wanted.owner, source)
        return confirm_key(wanted, source.document, source.final_url)

    def _learn(self, url: str, source: Source) -> None:
        """Hold all keys of an actor's own document, which is not asked for again at once: who asks
        for a key that is not there must not keep the others out. One that lies elsewhere is not
        `new`: where it lies it was not seen."""
        own = claimed_id(source.document) in (url, source.final_url)
        if own and same_origin(url, source.final_url):
            for key in keys_of(source.document):
                self._hold(Found(key, new=key_url(key.id) == url))

    def _hold(self, found: Found) -> Found:
        name = (found.key.id, found.key.owner)
        self._held[name] = (found, self._clock.monotonic() + _HELD)
        self._held.move_to_end(name)
        if len(self._held) > _MOST:
            self._held.popitem(last=False)
        return found

    async def _forget(self, key_id: str) -> None:
        """Its origin does not list it any more."""
        if self._mailbox.key(key_id, self._clock.now()) is not None:
            await asyncio.wrap_future(self._mailbox.drop_key(key_id))
        for name in [name for name in self._held if name[0] == key_id]:
            del self._held[name]

    def _allowed(self, url: str) -> bool:
        try:
            check_url(url, self._rules)
        except (BadInput, Refused):
            return False
        return True

    def _current(self, found: Found) -> Found | None:
        """None for a key that is over, as far as we know: its owner may have put that off."""
        return found if found.key.valid(self._clock.now()) else None
