"""The inbox: whose push it is, and a durable note of it before it is acknowledged.

A push is a hint: nothing of its body but ids and words is looked at again, and what follows from it
is decided later (`processing`). The checks stand in the order of their cost. A body can be made to
cost fifty times its digest, so that is checked before it is parsed; what needs a key comes last,
for everybody can make us ask for one:

    type, size (public_server) -> covered, digest, time -> JSON -> blocked -> seen before
    -> the key, at hand or asked for within bounds -> the signature -> the key's owner

Invariants: nothing that is not authenticated is written; 202 means that it is on disk, that it was
before, or that it says nothing to us; no answer tells how far a request of ours has come.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..cache.api_http import Answer, problem
from ..cache.mail_records import Received
from ..cache.ports import Mailbox, Query
from ..errors import BadInput, StoreError
from .clock import Clock
from .key_source import LATER
from .keyring import Found, Keyring, NoKey
from .protocol import synchronization
from .protocol.key_documents import key_url
from .protocol.keys import PublicKey
from .protocol.pushed import Pushed, read_pushed
from .protocol.shapes import uri_or_none
from .protocol.signatures import (
    Claim,
    Rejected,
    SignedRequest,
    examine,
    fingerprint,
)
from .protocol.strictjson import BadJson, parse_object
from .protocol.uri import same_origin
from .receipts import Receipts

log = logging.getLogger(__name__)

ACCEPTED = Answer(202)
_SYNCHRONIZATION = synchronization.HEADER.lower()
# Servers send these to everybody they have ever heard of, about people nobody here knows
# (Mastodon drops them unread, too: one deleted account would else be one fetched key).
_BROADCAST = frozenset({"Delete", "Update"})
# What somebody may pass on of another's, to be looked at where it lives; replies travel so.
_FORWARDED = frozenset({"Create", "Update", "Delete", "Announce", "Add", "Remove"})
# What only the actor can say, as it is about the actor, or about us.
_PERSONAL = frozenset(
    (
        *("Follow", "Accept", "Reject", "TentativeAccept", "TentativeReject", "Block", "Move"),
        *("Undo", "Flag", "Join", "Leave", "Invite", "Offer"),
    )
)


@dataclass(frozen=True, slots=True)
class Post:
    """One POST that the listener has let in. `target` is the id of the inbox."""

    request: SignedRequest
    target: str
    client: str  # the address that it came from


@dataclass(slots=True)
class Inbox:
    """On the loop's thread.

    `origin` is our public one; `look` has the origin of a document asked by ourselves; `blocked`
    says which ids are not heard; `told` gets the signer of a push that was kept, and what it says
    of its followers here (FEP-8fcf), if that is signed.
    """

    origin: str
    query: Query
    mailbox: Mailbox
    keyring: Keyring
    receipts: Receipts
    clock: Clock
    look: Callable[[str], None]
    blocked: Callable[[str], bool] = lambda id: False
    told: Callable[[str, str], None] = lambda signer, header: None
    counts: Counter[str] = field(default_factory=Counter)
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def on_received(self, listener: Callable[[], None]) -> None:
        """Call `listener` on the loop's thread when there is something new to process."""
        self._listeners.append(listener)

    def answer(self, post: Post) -> Answer | Awaitable[Answer]:
        """What the sender is told; 202 once what it sent is kept."""
        try:
            judged = self._judge(post, self.clock.now())
        except StoreError as error:
            return self._failing(error)
        return judged if isinstance(judged, Answer) else self._heard(post, *judged)

    def _judge(self, post: Post, now: float) -> Answer | tuple[Claim, Pushed, str]:
        """All that needs no key and no network."""
        claim = examine(post.request, self.origin, now)
        if isinstance(claim, Rejected):
            return self._no(claim.status, claim.reason)
        try:
            pushed = read_pushed(parse_object(post.request.body))
        except BadJson as error:
            return self._no(400, f"The body {error}.")
        except BadInput as error:
            return self._no(400, f"The activity {error.reason}.")
        key_id = uri_or_none(claim.key_id)
        if key_id is None:
            return self._no(401, "The keyId is no http(s) URI.")
        if any(self.blocked(id) for id in (key_id, pushed.actor, pushed.object) if id):
            self.counts["blocked"] += 1
            return problem(403, "refused", "This server takes nothing from there.")
        if self.mailbox.seen(fingerprint(claim), now):
            return self._ok("seen")
        return claim, pushed, key_id

    async def _heard(self, post: Post, claim: Claim, pushed: Pushed, key_id: str) -> Answer:
        try:
            return await self._authenticated(post, claim, pushed, key_id)
        except StoreError as error:
            return self._failing(error)

    async def _authenticated(self, post: Post, claim: Claim, pushed: Pushed, key_id: str) -> Answer:
        found = self.keyring.at_hand(key_id, pushed.actor)
        known = found is not None or self._knows(pushed.actor)
        if not known and pushed.type in _BROADCAST and not self._knows(pushed.object):
            return self._ok("unknown")
        found = await self.keyring.confirmed(claim, key_id, post.client, found, known=known)
        if isinstance(found, NoKey):
            return self._unconfirmed(found, key_id, pushed)
        return await self._keep(post, claim, pushed, found)

    def _unconfirmed(self, missing: NoKey, key_id: str, pushed: Pushed) -> Answer:
        if missing.why == "later":
            return self._later("The key cannot be checked now.", missing.retry_after)
        farewell = pushed.type == "Delete" and pushed.object == pushed.actor
        if missing.why == "gone" and farewell and _lies_with(key_id, pushed.actor):
            # Whoever is gone has no key left to say so with; their server has just said it. Nobody
            # has signed this, so it is looked into as often as keys are asked for, and no more.
            if missing.anew and self.query.document(pushed.actor) is not None:
                self.look(pushed.actor)
            return self._ok("gone")
        return self._no(401, "The signature is not that of the key, or there is no such key.")

    async def _keep(self, post: Post, claim: Claim, pushed: Pushed, found: Found) -> Answer:
        signer = found.key.owner
        forwarded = signer != pushed.actor
        if forwarded:
            if pushed.type in _PERSONAL or same_origin(pushed.actor, self.origin):
                return self._no(401, "The signer is not the actor.")
            if pushed.type not in _FORWARDED or not pushed.object:
                return self._ok("forwarded_dropped")
        key: PublicKey | None = found.key if found.new else None
        received = Received(signer, post.target, pushed, forwarded, fingerprint(claim), key)
        number = await self.receipts.put(received)
        if key is not None:
            self.keyring.kept(key)
        if number is None:
            return self._ok("seen")
        for listener in self._listeners:
            listener()
        header = post.request.value(_SYNCHRONIZATION)
        if header is not None and _SYNCHRONIZATION in claim.covered:
            self.told(signer, header)
        return self._ok("forwarded" if forwarded else "accepted")

    def _knows(self, id: str) -> bool:
        if not id:
            return False
        known = self.query.reference(id) is not None
        return known or self.mailbox.follower(id) is not None

    def _ok(self, what: str) -> Answer:
        self.counts[what] += 1
        return ACCEPTED

    def _no(self, status: int, reason: str) -> Answer:
        self.counts[f"refused_{status}"] += 1
        name = "signature" if status == 401 else "bad-input"
        return problem(status, name, reason)

    def _failing(self, error: StoreError) -> Answer:
        log.warning("a push could not be kept: %s", error)
        return self._later("This server cannot take it now.", LATER)

    def _later(self, reason: str, seconds: int) -> Answer:
        self.counts["put_off"] += 1
        return problem(503, "busy", reason, (("Retry-After", str(max(seconds, 1))),))


def _lies_with(key_id: str, actor: str) -> bool:
    """Whether a key is in the actor's document or below it (GoToSocial's `/main-key`)."""
    url = key_url(key_id)
    return url is not None and (url == actor or url.startswith(f"{actor}/"))
