"""One item of a collection: an activity, a bare object, or no more than a URI.

It says what the item is about, not whether to believe it: `identity.embedded_counts` does.
Invariant: no JSON value makes it raise; an Item has an object or an activity id.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .activitystreams import published
from .classes import class_of
from .shapes import id_of, primary_type

# What a reference to a thing consists of when the thing itself is left out (one-page servers).
_STUB = frozenset(("@context", "@id", "@type", "id", "name", "nameMap", "summaryMap", "type"))
# What an outbox adds to the world, or shows again, as opposed to reactions and bookkeeping.
_POSTS = frozenset(("Announce", "Bare", "Create", "Link", "Update"))
# What stands where its publication put it. An edit, a like or a boost of something old stands
# above what is new, and says nothing about what lies below.
_PLACED = frozenset(("Bare", "Create", "Link"))


class Item(NamedTuple):  # there are thousands: it is made in a third of a dataclass's time
    """`verb` is the activity's type, `Bare` for an object that stands alone, `Link` for a URI.

    The URI of a Link may be that of an object or of an activity (bovine, activitypub-bot): it
    stands as `object_id` until it was fetched. `object` is the embedded object or None when there
    is no more than its id.
    """

    activity_id: str | None
    verb: str
    object_id: str | None
    object: dict[str, Any] | None
    activity: dict[str, Any] | None
    published: float | None

    @property
    def key(self) -> str:
        """What tells it from other items of the collection, in this answer and in the next.

        Not the activity's id where the object has one: Lemmy and NodeBB make up new activity ids
        for every answer.
        """
        name = self.object_id or self.activity_id or ""
        return name if self.verb in ("Bare", "Create", "Link") else f"{self.verb} {name}"

    @property
    def is_post(self) -> bool:
        return self.verb in _POSTS and not (self.verb == "Update" and self._is_of_profile)

    @property
    def is_placed(self) -> bool:
        return self.verb in _PLACED

    @property
    def _is_of_profile(self) -> bool:
        """WordPress and activitypub-bot list the edits of the actor itself."""
        return self.activity is not None and id_of(self.activity.get("actor")) == self.object_id


def read_item(value: Any) -> Item | None:
    """None for what names nothing: null, numbers, text that is no URI, objects without any id."""
    if isinstance(value, str):
        return _link(id_of(value))
    if not isinstance(value, dict):
        return None
    kind = class_of(value)
    if kind == "activity":
        return _activity(value)
    if primary_type(value) in ("Link", "Mention"):
        return _link(id_of(value.get("href")))
    id = id_of(value)
    # A collection within a collection is a name, not something to descend into.
    if kind == "collection" or _is_stub(value):
        return _link(id)
    if id is None:
        return None
    return Item(None, "Bare", id, value, None, published(value))


def _link(uri: str | None) -> Item | None:
    if uri is None:
        return None
    return Item(None, "Link", uri, None, None, None)


def _activity(value: dict[str, Any]) -> Item | None:
    verb = primary_type(value) or "Activity"
    about = _first(value.get("object"))
    passed_on = verb == "Announce" and primary_type(about) in ("Create", "Update")
    if passed_on:
        # Lemmy's communities announce the Create of a post; what counts is the post.
        about = _first(about.get("object"))
    activity_id, object_id = id_of(value), id_of(about)
    if activity_id is None and object_id is None:
        return None
    embedded = about if isinstance(about, dict) and not _is_stub(about) else None
    when = None
    if (verb == "Create" or passed_on) and embedded is not None:
        # Gancio dates its activities with the time of the request, Lemmy not at all; the object
        # knows better.
        when = published(embedded)
    return Item(activity_id, verb, object_id, embedded, value, when or published(value))


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _is_stub(value: dict[str, Any]) -> bool:
    """A Tombstone needs no more than id and type to say what it says."""
    return value.keys() <= _STUB and primary_type(value) != "Tombstone"
