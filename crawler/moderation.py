"""Blocklists and the forgotten while a process runs: read, changed, and carried out on the store.

    file -> policy -> in force at the door, the desk, the inbox and the store -> swept out of it

It decides nothing: what a row says is `blocklist`'s, whom a policy refuses `policy`'s, what goes
`sweep`'s. Invariants: what is forgotten is written down before anybody is told that it was; while a
list cannot be read, those that were read before stay in force; one sweep at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..cache.open import Opened, open_reader, open_store
from ..cache.ports import Moderator, Query
from ..cache.search import discard
from ..cache.verbs import Reloaded, Swept
from ..config.blocklist_files import read_blocklists
from ..config.forgotten_file import append, load_forgotten
from ..config.load import Loaded
from ..config.model import Follow
from ..errors import NotFound, Refused, StoreError
from . import wishes
from .clock import Clock
from .protocol.blocklist import Blocklist, together
from .protocol.blocks import difference
from .protocol.forgotten import Forgotten, hashed
from .protocol.handle import Handle, parse_actor
from .protocol.policy import Policy, Verdict
from .protocol.uri import split
from .protocol.webfinger import finger_url
from .wishes import Wish

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the files say, as it was read last."""

    lists: tuple[Blocklist, ...] = ()
    policy: Policy = Policy()  # noqa: RUF009 (frozen)


def read_rules(loaded: Loaded) -> Rules:
    """Read all of it; ConfigError, BadInput or StoreError where one file cannot be read."""
    lists = read_blocklists(loaded.config.blocklists)
    blocks = together(lists, _our_host(loaded))
    return Rules(lists, Policy(blocks, load_forgotten(loaded.forgotten_path)))


def _our_host(loaded: Loaded) -> str:
    identity = loaded.config.identity
    return split(identity.url).host if identity is not None else ""


@dataclass(slots=True)
class Moderation:
    """On the loop's thread; `swept` is told the keys of the follows that a sweep has touched."""

    loaded: Loaded
    rules: Rules
    moderator: Moderator
    query: Query
    clock: Clock
    swept: Callable[[tuple[str, ...]], None] = lambda keys: None
    struck: tuple[str, ...] = ()  # follows that are configured, and forgotten
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one wish after the other
    _urgent: int = 0  # sweeps that somebody waits for
    _closing: bool = False
    _behind: asyncio.Task[None] | None = None

    @property
    def policy(self) -> Policy:
        return self.rules.policy

    def verdict(self, uri: str) -> Verdict | None:
        return self.rules.policy.verdict(uri)

    def refusal(self, uri: str) -> Refused | None:
        return self.rules.policy.refusal(uri)

    def refuses(self, uri: str) -> bool:
        return self.rules.policy.verdict(uri) is not None

    def refuse(self, actor: Handle | str) -> None:
        """Raise Refused for a URI, or a handle, that nothing is to be had to do with."""
        self.rules.policy.refuse_actor(actor)

    async def start(self) -> None:
        """Before anything is asked or served: a store that was restored from a backup holds again
        what was forgotten. What is blocked is never asked for, and is purged behind the start."""
        if not self.moderator.has_forgotten(self.policy):
            await self._carry_out(urgent=True)
        self._sweep_behind()

    async def stop(self) -> None:
        """A sweep that is under way ends with its batch, and is begun again at the next start."""
        self._closing = True
        if self._behind is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._behind
        async with self._lock:
            return

    async def reload(self) -> Reloaded:
        """Read the blocklists anew, and put them in force; what they block is purged behind that.

        Raises ConfigError when one cannot be read: then nothing changes."""
        lists = await asyncio.to_thread(read_blocklists, self.loaded.config.blocklists)
        async with self._writing:
            blocks = together(lists, _our_host(self.loaded))
            found = difference(self.policy.blocks, blocks)
            await self._enforce(Rules(lists, Policy(blocks, self.policy.forgotten)))
        log.info(
            "blocklists: %d rules; %d are new, %d are gone, %d have changed",
            *(len(blocks.rules), len(found.added), len(found.removed), len(found.changed)),
        )
        self._sweep_behind()
        return Reloaded(found, lists)

    async def forget(self, name: str) -> int:
        """Have something forgotten, for good; how many documents were purged."""
        identity = self.loaded.config.identity
        wish = wishes.wish(self.query, name, identity.url if identity is not None else None)
        await self._write(wish)
        log.info("something was forgotten, as the operator wanted it")
        swept = await self._carry_out(urgent=True)
        if swept is None:
            raise StoreError("", "is going down; what is left is purged at the next start")
        return swept.purged

    async def undo(self, name: str) -> None:
        """Take back a wish. What was purged is gone; it may be fetched anew."""
        wish = wishes.undone(name)
        check_undo(self.policy, wish, name)
        await self._write(wish, undo=True)
        self._sweep_behind()

    def _has_forgotten(self, actor: str) -> bool:
        """Whether a follow's actor, as it is configured, is to be forgotten."""
        asked = parse_actor(actor)
        uri = finger_url(asked) if isinstance(asked, Handle) else asked
        return self.verdict(uri) == "forgotten"

    def strike(self, configured: Iterable[Follow]) -> list[Follow]:
        """The follows without those of whom is forgotten."""
        configured = list(configured)
        self.struck = tuple(one.actor for one in configured if self._has_forgotten(one.actor))
        return [one for one in configured if one.actor not in self.struck]

    def doubts(self) -> list[str]:
        """What is configured and has no effect, one line each."""
        found = [
            f"blocklists: {one.name}: {said}" for one in self.rules.lists for said in one.doubts()
        ]
        if not self.policy.forgotten.salt and self.moderator.had_forgotten():
            said = "is not there, but was: what was forgotten may come back; put it back"
            found.append(f"forgotten: {self.loaded.forgotten_path} {said}")
        struck = self.struck
        return found + [f"follow: {name} was forgotten, so it is not followed" for name in struck]

    async def tidy(self) -> None:
        """Drop names of what was forgotten that have been told for long enough."""
        async with self._lock:
            if self.moderator.tells():
                now = self.clock.now()
                await asyncio.to_thread(self.moderator.tidy, now, lambda: self._closing)

    async def collect(self) -> None:
        """Let go of ids that nothing points at any more, where there are too many of them."""
        async with self._lock:
            now = self.clock.now()
            gone = await asyncio.to_thread(self.moderator.collect, now, lambda: self._closing)
        if gone:
            log.info("%d ids that nothing named any more were let go", gone)

    async def make_room(self) -> None:
        """Let documents go that nobody follows, where the store is nearly full."""
        async with self._lock:
            now = self.clock.now()
            gone = await asyncio.to_thread(self.moderator.make_room, now, lambda: self._closing)
        if gone:
            log.info("the store was nearly full: %d documents that nobody follows went", gone)

    async def _write(self, wish: Wish, *, undo: bool = False) -> None:
        now = self.clock.now()
        async with self._writing:
            forgotten = await asyncio.to_thread(write_down, self.loaded, wish, now, undo=undo)
            await self._enforce(Rules(self.rules.lists, Policy(self.policy.blocks, forgotten)))

    async def _enforce(self, rules: Rules) -> None:
        self.rules = rules
        await asyncio.wrap_future(self.moderator.enforce(rules.policy))

    def _sweep_behind(self) -> None:
        if self._behind is None or self._behind.done():
            self._behind = asyncio.ensure_future(self._catch_up())

    async def _catch_up(self) -> None:
        """Until what is in force is carried out, whatever comes into force meanwhile."""
        try:
            while not self._closing and not self.moderator.is_done(self.policy):
                await self._carry_out(urgent=False)
        except StoreError as error:
            log.error("what is blocked was not purged: %s; it is tried at the next start", error)

    async def _carry_out(self, *, urgent: bool) -> Swept | None:
        """Purge what the policy refuses; what nobody waits for makes way. None: it was stopped."""
        self._urgent += urgent
        try:
            async with self._lock:
                found = await asyncio.to_thread(
                    self.moderator.sweep,
                    self.policy,
                    self.clock.now(),
                    lambda: self._closing or (self._urgent > 0 and not urgent),
                )
        finally:
            self._urgent -= urgent
        if found is not None:
            self.swept(found.follows)
            if found.purged:
                log.info("%d documents were purged", found.purged)
        return found


def write_down(loaded: Loaded, wish: Wish, now: float, *, undo: bool = False) -> Forgotten:
    """Add a wish to the file; all that is forgotten from then on."""
    return append(loaded.forgotten_path, lambda salt: wish.line(salt, now, undo=undo))


def check_undo(policy: Policy, wish: Wish, name: str) -> None:
    """NotFound where nothing of that name is forgotten."""
    there = policy.forgotten
    if wish.domain not in there.domains and not any(
        hashed(there.salt, uri) in there.hashes for uri in wish.uris
    ):
        raise NotFound(name, "is not among what was forgotten", "what `forget` was called with")


@contextmanager
def open_for(loaded: Loaded, policy: Policy) -> Iterator[Opened]:
    """The store, for a command that changes what is in force: StoreLocked beside another writer."""
    store = loaded.config.store
    opened = open_store(
        loaded.store_path,
        max_bytes=store.max_bytes,
        history=store.history,
        group=store.group,
        policy=policy,
    )
    try:
        yield opened
    finally:
        opened.close()


def carry_out(loaded: Loaded, policy: Policy, now: float) -> None:
    """See to it, before a command shows anything, that nothing is left of what is forgotten."""
    reader = open_reader(loaded.store_path)
    try:
        if reader.query.has_forgotten(policy):
            return
    finally:
        reader.close()
    with open_for(loaded, policy) as opened:
        opened.moderator.sweep(policy, now, lambda: False)
    forget_words(loaded)


def forget_words(loaded: Loaded) -> None:
    """A running daemon takes what goes out of the search index; where none runs, it is made anew
    at the next start."""
    discard(loaded.store_path)
