"""Carries the operator's policy out on what a store holds: finds what is refused, has it purged.

    in force: nothing more comes in -> hosts -> follows -> reactions -> references
        -> what names them -> mail

It decides nothing: `policy` says who, `purge` and `purge_mail` what goes, and `slices` sees to it
that nobody waits for a domain of a million documents. Invariant: that a policy is carried out is
written down only at the end, so what was interrupted is done again at the next start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from ..crawler.protocol.forgotten import PREFIX
from ..crawler.protocol.handle import parse_handle
from ..crawler.protocol.listable import SILENCED
from ..crawler.protocol.policy import WORDS, Policy, Verdict
from ..crawler.protocol.webfinger import finger_url
from ..errors import BadInput
from . import fanouts, hosts, policy_rows, purge, purge_mail, reactions, walks
from .environment import Environment, Tables, Txn
from .intern import uri_of, word_text
from .layout import CLASS_NUMBER, NONE, STATE_NUMBER, short_hash
from .outbound_layout import DeliveryRow
from .queue_layout import KINDS, HostRow
from .records import State
from .ref_layout import Ref
from .relisting import judge
from .slices import BATCH, Slices, StoppedError
from .verbs import Swept

if TYPE_CHECKING:
    from .work import Work
    from .writer import Writer

_ACTOR, _OBJECT = CLASS_NUMBER["actor"], CLASS_NUMBER["object"]
_REFUSED = STATE_NUMBER[State.REFUSED]
_REDIRECTED = STATE_NUMBER[State.REDIRECTED]
_UNKNOWN = STATE_NUMBER[State.UNKNOWN]
_MOST_KNOWN = 100_000
_BLOCKED = b'"blocked"'

Change = tuple[Callable[["Work", bytes], object], bytes]


def is_done(environment: Environment, policy: Policy) -> bool:
    """Whether the store holds nothing that this policy refuses, nor hides what it does not."""
    return environment.read(policy_rows.done) == policy_rows.digests(policy)


def has_forgotten(environment: Environment, policy: Policy) -> bool:
    """The same for what is forgotten alone: that has to be so before anything is served."""
    return environment.read(policy_rows.done)[1] == policy_rows.digests(policy)[1]


def sweep(
    environment: Environment,
    writer: Writer,
    policy: Policy,
    now: float,
    stopped: Callable[[], bool],
) -> Swept | None:
    """Purge what `policy`, which is in force, refuses; None: it was stopped on the way."""
    run = _Sweep(Slices(environment, writer, now, stopped), policy, now)
    writer.submit(policy_rows.begin).result()
    try:
        run.hosts()
        run.follows()
        run.reactions()
        run.references()
        run.mentions()
        run.mail()
    except StoppedError:
        return None
    writer.submit(lambda work: policy_rows.put(work, policy)).result()
    return Swept(run.purged, tuple(run.touched))


def tells(environment: Environment) -> bool:
    """Whether the change log still tells names of what was forgotten."""
    return environment.read(lambda txn, t: bool(txn.stat(t.farewell)["entries"]))


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


@dataclass(slots=True)
class _Sweep:
    slices: Slices
    policy: Policy
    now: float
    purged: int = 0
    touched: list[str] = field(default_factory=list)
    _known: dict[bytes, Verdict | None] = field(default_factory=dict)

    def hosts(self) -> None:
        """Nothing of a refused host is leased from now on, and what no longer is, is."""

        def wrong(txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
            host = HostRow.unpack(row)
            if host.blocked != (self.policy.host(host.name) is not None):
                return key
            return key if self.policy.names(host.last_error) == "forgotten" else None

        def set_right(work: Work, key: bytes) -> None:
            host = hosts.get(work, key)
            host.blocked = self.policy.host(host.name) is not None
            if host.blocked or self.policy.names(host.last_error) == "forgotten":
                host.last_error = ""
            if host.blocked:
                work.delete(work.t.robots, key)
            work.unsettled.add(key)

        self.slices.each(self.slices.find("host", wrong), set_right)

    def reactions(self) -> None:
        """Before the references: by their names alone is known whose reactions are whose, and a
        sweep that was stopped on the way does not meet them again."""
        if not self.policy.forgotten:
            return
        actors = set(self.slices.find("ref", self._of_actor))

        def theirs(txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
            return key if key[9:17] in actors else None

        if actors:
            self.slices.each(self.slices.find("reaction", theirs), reactions.take_back)

    def _of_actor(self, txn: Txn, t: Tables, id: bytes, row: bytes) -> bytes | None:
        """How reactions name a forgotten actor."""
        ref = Ref.unpack(row)
        if ref.cls != _ACTOR or ref.uri.startswith(PREFIX):
            return None
        return short_hash(ref.uri) if self.policy.verdict(ref.uri) == "forgotten" else None

    def references(self) -> None:
        found = self.slices.find("ref", self._of_reference)
        self.purged = self.slices.each(found, lambda work, one: one[0](work, one[1]))

    def _of_reference(self, txn: Txn, t: Tables, id: bytes, row: bytes) -> Change | None:
        ref = Ref.unpack(row)
        if ref.uri.startswith(PREFIX):
            return None
        verdict = self.policy.verdict(ref.uri) or self._verdict(txn, t, ref.owner)
        if verdict == "forgotten":
            return self._forget, id
        if verdict == "blocked":
            queued = any(txn.get(id + bytes((kind,)), None, t.want) for kind in KINDS)
            walked = txn.get(id, None, t.walk) is not None
            return (self._block, id) if ref.has_body or ref.is_source or queued or walked else None
        if ref.state == _REFUSED and _BLOCKED in (txn.get(id, b"", t.extra) or b""):
            return purge.lift, id
        return self._of_listed(txn, t, id, ref) if ref.has_body else None

    def _of_listed(self, txn: Txn, t: Tables, id: bytes, ref: Ref) -> Change | None:
        """An object that lists across actors hide, or show, by what was silenced before."""
        if ref.cls != _OBJECT:
            return None
        silences = self.policy.silences
        silenced = silences(ref.uri) or silences(uri_of(txn, t, ref.owner) or "")
        return (judge, id) if silenced != bool(ref.consent & SILENCED) else None

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
        return self.policy.names(row.decode("utf-8", "replace"))

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
        self.slices.each(found, lambda work, one: _say(work, one[0], one[2]))
        self.touched += [key for _, key, _ in found]

    def _of_word(self, txn: Txn, t: Tables, id: bytes, row: bytes) -> tuple[bytes, str] | None:
        text = row.decode("utf-8", "surrogatepass")
        if text[:1] != "f":
            return None
        stored = txn.get(id, None, t.follow)
        actor = orjson.loads(stored).get("actor") if stored is not None else None
        named = (_uri_of_key(text[1:]), actor or "")
        return (id, text) if "forgotten" in map(self.policy.verdict, named) else None

    def _of_follow(
        self, txn: Txn, t: Tables, id: bytes, row: bytes
    ) -> tuple[bytes, str, str | None] | None:
        """A follow that is not told what is the matter, or that something is that no longer is."""
        about, key = orjson.loads(row), word_text(txn, t, id)
        named = (_uri_of_key(key), about.get("actor") or "")
        found = [why for uri in named if (why := self.policy.verdict(uri)) is not None]
        verdict = found[0] if found else None
        wanted, said = WORDS[verdict] if verdict else None, about.get("last_error")
        old = said in WORDS.values() or self.policy.names(said or "") == "forgotten"
        differs = said != wanted and (verdict is not None or old)
        return (id, key, wanted) if differs else None

    def mail(self) -> None:
        find, each = self.slices.find, self.slices.each
        each(find("notification", self._named), purge_mail.notification)
        each(find("follower", self._named), purge_mail.follower)
        each(find("key", self._named), purge_mail.public_key)
        each(find("seeking", self._named), lambda work, key: fanouts.call_off(work, key, self.now))
        each(find("delivery", self._of_delivery), lambda work, one: one[0](work, one[1], self.now))

    def _named(self, txn: Txn, t: Tables, key: bytes, row: bytes) -> bytes | None:
        return key if self._names(row) is not None else None

    def _of_delivery(
        self, txn: Txn, t: Tables, key: bytes, row: bytes
    ) -> tuple[Callable[[Work, bytes, float], None], bytes] | None:
        if self._names(row) == "forgotten":
            return purge_mail.delivery, key
        refused = self.policy.verdict(DeliveryRow.unpack(row).inbox) is not None
        return (purge_mail.call_off, key) if refused and purge_mail.waits(row) else None


def _drop(work: Work, word: tuple[bytes, str]) -> bool:
    return purge.follow(work, *word, BATCH)


def _say(work: Work, id: bytes, error: str | None) -> None:
    stored = work.txn.get(id, None, work.t.follow)
    if stored is not None:
        row = orjson.loads(stored) | {"last_error": error}
        work.put(work.t.follow, id, orjson.dumps(row))


def _uri_of_key(key: str) -> str:
    """What the key of a follow is asked at."""
    try:
        return finger_url(parse_handle(key)) if key.startswith("@") else key
    except BadInput:
        return key
