"""Carries the operator's policy out on what a store holds: finds what is refused, has it purged.

    in force: nothing more comes in -> hosts -> references -> what names them -> mail -> done

It decides nothing: `policy` says who, `purge` and `purge_mail` what goes, and `slices` sees to it
that nobody waits for a domain of a million documents. Invariant: that a policy is carried out is
written down only at the end, so what was interrupted is done again at the next start.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.forgotten import PREFIX
from ..crawler.protocol.handle import parse_handle
from ..crawler.protocol.policy import WORDS, Policy, Verdict
from ..crawler.protocol.webfinger import finger_url
from ..errors import BadInput
from . import hosts, purge, purge_mail, reactions, walks
from .environment import Environment, Tables, Txn
from .intern import uri_of, word_text
from .layout import CLASS_NUMBER, NONE, STATE_NUMBER, short_hash
from .mail_layout import DeliveryRow
from .queue_layout import KINDS, HostRow
from .records import State
from .ref_layout import Ref
from .slices import BATCH, Slices, StoppedError

if TYPE_CHECKING:
    from .work import Work
    from .writer import Writer

_DONE = b"policy"  # in `meta`: which policy was carried out last
_ACTOR = CLASS_NUMBER["actor"]
_REFUSED = STATE_NUMBER[State.REFUSED]
_REDIRECTED = STATE_NUMBER[State.REDIRECTED]
_UNKNOWN = STATE_NUMBER[State.UNKNOWN]
_MOST_KNOWN = 100_000
_URIS = re.compile(rb'https?://[^\s"\\<>]+')
_BLOCKED = b'"blocked"'

Change = tuple[Callable[["Work", bytes], object], bytes]


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep came to: documents that were purged, and the keys of follows that it touched."""

    purged: int
    follows: tuple[str, ...]


def is_done(environment: Environment, policy: Policy) -> bool:
    """Whether the store holds nothing that this policy refuses, nor hides what it does not."""
    return _done(environment) == _mark(policy)


def has_forgotten(environment: Environment, policy: Policy) -> bool:
    """The same for what is forgotten alone: that has to be so before anything is served."""
    return _done(environment)[1] == _mark(policy)[1]


def _done(environment: Environment) -> list[str]:
    stored = environment.read(lambda txn, t: txn.get(_DONE, None, t.meta))
    found: list[str] = _mark(Policy()) if stored is None else orjson.loads(stored)
    return found


def sweep(
    environment: Environment,
    writer: Writer,
    policy: Policy,
    now: float,
    stopped: Callable[[], bool],
) -> Swept | None:
    """Purge what `policy`, which is in force, refuses; None: it was stopped on the way."""
    run = _Sweep(Slices(environment, writer, now, stopped), policy, now)
    try:
        run.hosts()
        run.references()
        run.mentions()
        run.follows()
        run.mail()
    except StoppedError:
        return None
    done = orjson.dumps(_mark(policy))
    writer.submit(lambda work: work.put(work.t.meta, _DONE, done)).result()
    return Swept(run.purged, tuple(run.touched))


def tidy(environment: Environment, writer: Writer, now: float, stopped: Callable[[], bool]) -> None:
    """Drop names of what was forgotten that have been told for long enough."""
    slices = Slices(environment, writer, now, stopped)

    def over(txn: Txn, t: Tables, id: bytes, row: bytes) -> bytes | None:
        return id if purge.told(row, now) else None

    try:
        slices.each(
            slices.find("farewell", over), lambda work, id: work.delete(work.t.farewell, id)
        )
    except StoppedError:
        return


def _mark(policy: Policy) -> list[str]:
    return [policy.blocks.digest, policy.forgotten.digest]


@dataclass(slots=True)
class _Sweep:
    slices: Slices
    policy: Policy
    now: float
    purged: int = 0
    touched: list[str] = field(default_factory=list)
    _known: dict[bytes, Verdict | None] = field(default_factory=dict)
    _actors: set[bytes] = field(default_factory=set)  # forgotten ones, as reactions name them

    def hosts(self) -> None:
        """Nothing of a refused host is leased from now on, and what no longer is, is."""

        def wrong(txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
            host = HostRow.unpack(row)
            return key if host.blocked != (self.policy.host(host.name) is not None) else None

        def set_right(work: Work, key: bytes) -> None:
            host = hosts.get(work, key)
            host.blocked = self.policy.host(host.name) is not None
            if host.blocked:
                host.last_error = ""
                work.delete(work.t.robots, key)
            work.unsettled.add(key)

        self.slices.each(self.slices.find("host", wrong), set_right)

    def references(self) -> None:
        found = self.slices.find("ref", self._of_reference)
        self.purged = self.slices.each(found, lambda work, one: one[0](work, one[1]))

    def _of_reference(self, txn: Txn, t: Tables, id: bytes, row: bytes) -> Change | None:
        ref = Ref.unpack(row)
        if ref.uri.startswith(PREFIX):
            return None
        verdict = self.policy.verdict(ref.uri) or self._verdict(txn, t, ref.owner)
        if verdict == "forgotten":
            if ref.cls == _ACTOR:
                self._actors.add(short_hash(ref.uri))
            return self._forget, id
        if verdict == "blocked":
            queued = any(txn.get(id + bytes((kind,)), None, t.want) for kind in KINDS)
            walked = txn.get(id, None, t.walk) is not None
            return (self._block, id) if ref.has_body or ref.is_source or queued or walked else None
        if ref.state == _REFUSED and _BLOCKED in (txn.get(id, b"", t.extra) or b""):
            return purge.lift, id
        return None

    def _forget(self, work: Work, id: bytes) -> bool:
        return purge.forget(work, id, self.now)

    def _block(self, work: Work, id: bytes) -> bool:
        return purge.block(work, id, self.now)

    def _verdict(self, txn: Txn, t: Tables, id: bytes) -> Verdict | None:
        """The verdict on what an id stands for."""
        if id not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[id] = self.policy.verdict(uri_of(txn, t, id) or "")
        return self._known[id]

    def mentions(self) -> None:
        """Rows that lead to what is refused, or name what is forgotten."""
        self._known.clear()
        find, each = self.slices.find, self.slices.each
        each(find("member", self._of_member), lambda work, one: purge.members(work, [one]))
        each(find("thread", self._of_thread), purge.thread)
        each(find("collection", self._refused), lambda work, id: work.delete(work.t.collection, id))
        if self.policy.forgotten:
            each(find("walk", self._naming), walks.drop)
            each(find("extra", self._naming), self._scrub)

    def _of_member(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> tuple[bytes, bytes] | None:
        gone = self._verdict(txn, t, row[:8]) == "forgotten"
        return (key, row) if gone or self._verdict(txn, t, key[:8]) is not None else None

    def _of_thread(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        parts = [part for part in (key[8:16], key[16:24]) if part and part != NONE]
        return key if any(self._verdict(txn, t, part) for part in parts) else None

    def _refused(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return key if self._verdict(txn, t, key) is not None else None

    def _naming(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return key if self._names(row) == "forgotten" else None

    def _names(self, row: bytes) -> Verdict | None:
        """The verdict on what a row names; what is forgotten counts for more."""
        uris = (uri.decode("utf-8", "replace") for uri in _URIS.findall(row))
        verdicts = {verdict for uri in uris if (verdict := self.policy.verdict(uri)) is not None}
        return "forgotten" if "forgotten" in verdicts else next(iter(verdicts), None)

    def _scrub(self, work: Work, id: bytes) -> None:
        """Take the texts out of what is rarely needed of a reference."""
        extra, ref = work.extra(id), work.ref(id)
        for name in ("log", "last_error"):
            extra.pop(name, None)
        if self.policy.verdict(extra.get("target", "")) == "forgotten":
            del extra["target"]
            extra.pop("reason", None)
            ref.state = _UNKNOWN if ref.state == _REDIRECTED else ref.state

    def follows(self) -> None:
        """A forgotten actor is not followed any more, one on a blocked host is told to be so."""
        for word in list(self.slices.find("word", self._of_word)):
            while self.slices.each([word], _drop):
                pass
            self.touched.append(word[1][1:])
        found = list(self.slices.find("follow", self._of_follow))
        self.slices.each(found, lambda work, one: _say_blocked(work, one[0]))
        self.touched += [key for _, key in found]

    def _of_word(self, txn: Txn, t: Tables, id: bytes, row: bytes) -> tuple[bytes, str] | None:
        text = row.decode("utf-8", "surrogatepass")
        if text[:1] != "f":
            return None
        stored = txn.get(id, None, t.follow)
        actor = orjson.loads(stored).get("actor") if stored is not None else None
        named = (_uri_of_key(text[1:]), actor or "")
        return (id, text) if "forgotten" in map(self.policy.verdict, named) else None

    def _of_follow(self, txn: Txn, t: Tables, id: bytes, row: bytes) -> tuple[bytes, str] | None:
        about, key = orjson.loads(row), word_text(txn, t, id)
        named = (_uri_of_key(key), about.get("actor") or "")
        blocked = any(map(self.policy.verdict, named))
        said = about.get("last_error") == WORDS["blocked"]
        return (id, key) if blocked and not said else None

    def mail(self) -> None:
        find, each = self.slices.find, self.slices.each
        each(find("notification", self._named), purge_mail.notification)
        each(find("follower", self._named), purge_mail.follower)
        each(find("key", self._named), purge_mail.public_key)
        each(find("delivery", self._of_delivery), lambda work, one: one[0](work, one[1], self.now))
        each(find("reaction", self._of_reaction), reactions.take_back)

    def _named(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return key if self._names(row) is not None else None

    def _of_delivery(
        self, txn: Txn, t: Tables, key: bytes, row: bytes
    ) -> tuple[Callable[[Work, bytes, float], None], bytes] | None:
        if self._names(row) == "forgotten":
            return purge_mail.delivery, key
        refused = self.policy.verdict(DeliveryRow.unpack(row).inbox) is not None
        return (purge_mail.call_off, key) if refused and purge_mail.waits(row) else None

    def _of_reaction(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return key if key[9:17] in self._actors else None


def _drop(work: Work, word: tuple[bytes, str]) -> bool:
    return purge.follow(work, *word, BATCH)


def _say_blocked(work: Work, id: bytes) -> None:
    stored = work.txn.get(id, None, work.t.follow)
    if stored is not None:
        row = orjson.loads(stored) | {"last_error": WORDS["blocked"]}
        work.put(work.t.follow, id, orjson.dumps(row))


def _uri_of_key(key: str) -> str:
    """What the key of a follow is asked at."""
    try:
        return finger_url(parse_handle(key)) if key.startswith("@") else key
    except BadInput:
        return key
