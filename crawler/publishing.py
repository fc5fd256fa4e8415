"""Publishes: reads what the operator or a program of theirs gives, and writes what comes of it.

    bytes -> publishable.read -> publishing.make -> Publisher.publish -> fan-out

It judges nothing itself, and sends nothing: what is published is fanned out behind the answer.
Invariant: publications are made one after the other, so that each sees what the one before it has
left of our objects.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from ..cache.ports import Query
from ..cache.publication_records import Entry, LocalObject, Publication
from ..cache.publishing_port import Publisher
from ..cache.records import Put, Reference, State
from ..errors import BadInput, Gone, NotFound
from . import describe
from .clock import Clock
from .protocol import listable, publishable, publishing
from .protocol.activitystreams import primary_type
from .protocol.publishable import We
from .protocol.publishing import Held, Made
from .protocol.record import replace as changed
from .protocol.shapes import PUBLIC_URI, uri_or_none
from .protocol.strictjson import parse_object, written
from .protocol.times import rfc3339
from .protocol.uri import UrlRules, is_at

log = logging.getLogger(__name__)

# The draft leaves it to us; a UUID has 36.
_LONGEST_KEY = 200


@dataclass(slots=True)
class Publishing:
    """On the loop's thread. `refuse` raises for whom the operator wants nothing to do with, `wake`
    is told that something is to be fanned out, `chance` gives random bytes."""

    we: We
    actor_document: Callable[[float], dict[str, object]]
    query: Query
    publisher: Publisher
    clock: Clock
    rules: UrlRules
    refuse: Callable[[str], None]
    wake: Callable[[], None]
    chance: Callable[[int], bytes] = secrets.token_bytes
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def publish(self, body: bytes, key: str | None = None) -> Publication:
        """Publish an object, or an activity. `key`: the caller's name for this very request, under
        which it may be made again (Idempotency-Key) and comes to the same publication."""
        if key is not None and not 0 < len(key) <= _LONGEST_KEY:
            reason = "is too long" if key else "is empty"
            raise BadInput("Idempotency-Key", reason, f"1 to {_LONGEST_KEY} letters")
        value = publishable.read(body, self.we, self.rules)
        asked = blake2b(body, digest_size=16).digest()
        async with self._turn:
            now = self.clock.now()
            before = None if key is None else self.publisher.repeated(key, asked, now)
            if before is not None:
                return before
            token = publishing.token(now, self.chance(publishing.RANDOM))
            made = publishing.make(value, self.we, self._held(value), token, now)
            for named in made.recipients.named:
                self.refuse(named)
            us = _document(self.actor_document(now), now)
            entry = replace(self._entry(made, now), us=us, key=key, digest=asked)
            published = await asyncio.wrap_future(self.publisher.publish(entry, now))
        log.info("published %s (%s)", published.activity, published.type)
        self.wake()
        return published

    def sent(self, activity: str, body: bytes) -> bytes:
        """What goes out of an activity that names its object by id because that was edited since:
        with the object as it is now, where whoever gets the one may read the other. Not everybody
        asks for what a Create names, and an Update of what they do not have is dropped."""
        if f'"object":"{self.we.origin}/objects/'.encode() not in body:
            return body
        one, value = self.query.publication(activity), parse_object(body)
        now = self.query.local(value["object"]) if isinstance(value.get("object"), str) else None
        if one is None or one.type not in ("Create", "Update") or now is None or now.deleted:
            return body
        narrower = one.public or (one.followers and not now.followers)
        if not now.public and (narrower or not set(one.audience) <= set(now.audience)):
            return body
        document = parse_object(now.body)
        value["@context"] = document["@context"]  # whose words the object is written in
        return written(publishing.instead(value, now.id, document))

    async def known(self, id: str) -> Reference | None:
        """What the store has of something that we have published, or of our actor, which nobody has
        to be asked for; None where it is neither. Gone and NotFound as its origin says: we are."""
        uri = uri_or_none(id)
        if uri == self.we.actor:
            return self.query.reference(uri)
        if uri is not None and is_at(f"{self.we.origin}/activities", uri):
            return await self._activity(uri)
        if uri is None or not is_at(f"{self.we.origin}/objects", uri):
            return None
        local = self.query.local(uri)
        if local is not None and local.deleted:
            raise Gone(uri, "is deleted")
        known = self.query.reference(uri) if local is not None and local.public else None
        if known is None:
            raise NotFound(uri, "is not published")
        return known

    async def _activity(self, id: str) -> Reference:
        """An activity becomes a document when somebody asks for it, as those of others do."""
        published = self.query.publication(id)
        if published is None or not published.public:
            raise NotFound(id, "is not published")
        known = self.query.reference(id)
        if known is None or known.state is not State.RESOLVED:
            put = _document(parse_object(published.body), self.clock.now())
            await asyncio.wrap_future(self.publisher.show(put))
            known = self.query.reference(id)
        if known is None:
            raise NotFound(id, "is not held")
        return known

    def _held(self, value: dict[str, object]) -> Held | None:
        """What of ours it is about: an object, or for an Undo an activity."""
        id = publishing.about(value)
        if id is None:
            return None
        found: Publication | LocalObject | None
        if publishable.activity_type(value) == "Undo":
            found = self.query.publication(id)
        else:
            found = self.query.local(id)
        if found is None:
            return None
        everybody = (PUBLIC_URI,) * found.public + (self.we.followers,) * found.followers
        deleted = isinstance(found, LocalObject) and found.deleted
        return Held(parse_object(found.body), (*everybody, *found.audience), deleted)

    def _entry(self, made: Made, now: float) -> Entry:
        activity, body = made.activity["id"], written(made.activity)
        entry = Entry(activity, made.type, made.object, body, made.recipients)
        whom = made.local_recipients
        if made.local is None or whom is None:
            return entry
        held, deleted = self.query.local(made.object), made.type == "Delete"
        text = written(made.local)
        local = LocalObject(
            id=made.object,
            body=text,
            public=whom.public,
            audience=whom.named,
            published=rfc3339(made.local["published"]) or now,
            updated=now if made.type == "Update" else None,
            deleted=deleted,
            changed=now,
            followers=whom.followers,
            type=primary_type(made.local) or "",
            activity=activity,
        )
        put = _document(made.local, now) if whom.public and not deleted else None
        before = self._before(made, held) if held is not None else None
        if before is None:
            return replace(entry, local=local, put=put)
        shown = _document(before, now)
        return replace(entry, local=local, put=put, before=written(before), shown=shown)

    def _before(self, made: Made, held: LocalObject) -> dict[str, Any] | None:
        """What the activity that has embedded the object shows in its place."""
        former = self.query.publication(held.activity)
        if former is None:
            return None
        tombstone = made.local if made.type == "Delete" else None
        return publishing.instead(parse_object(former.body), held.id, tombstone)


def document_of(body: bytes, now: float) -> Put:
    """An object of ours as it stands, for a store that has lost the document made of it."""
    return _document(parse_object(body), now)


def _document(value: dict[str, object], now: float) -> Put:
    """Something of ours as a document of the store: shown like all others, and never asked for."""
    stamp = describe.stamp_of(value, now)
    put = describe.put(str(value["id"]), written(value), value, stamp, at=now)
    return changed(put, verified_by="local", consent=put.consent | listable.OURS)
