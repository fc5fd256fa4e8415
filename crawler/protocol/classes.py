"""Which of four classes a document belongs to: actor, object, activity or collection.

It decides by the document's own words and nothing else. Invariant: every document has exactly one
class, by one fixed rule, so that nothing is read as a post here and as an actor there.
"""

from __future__ import annotations

from typing import Any

from .shapes import types_of

# Activity Vocabulary sections 3.1 to 3.3 and 2; EmojiReact is LitePub's.
ACTOR_TYPES = frozenset(("Application", "Group", "Organization", "Person", "Service"))
COLLECTION_TYPES = frozenset(
    ("Collection", "CollectionPage", "OrderedCollection", "OrderedCollectionPage")
)
# fmt: off
ACTIVITY_TYPES = frozenset((
    "Accept", "Activity", "Add", "Announce", "Arrive", "Block", "Create", "Delete", "Dislike",
    "EmojiReact", "Flag", "Follow", "Ignore", "IntransitiveActivity", "Invite", "Join", "Leave",
    "Like", "Listen", "Move", "Offer", "Read", "Reject", "Remove", "TentativeAccept",
    "TentativeReject", "Travel", "Undo", "Update", "View",
))
OBJECT_TYPES = frozenset((
    "Article", "Audio", "Document", "Event", "Image", "Note", "Object", "Page", "Place",
    "Profile", "Question", "Relationship", "Tombstone", "Video",
))
# fmt: on
_CLASSES = (
    ("actor", ACTOR_TYPES),
    ("collection", COLLECTION_TYPES),
    ("activity", ACTIVITY_TYPES),
    ("object", OBJECT_TYPES),
)
_CLASS_OF_TYPE = {kind: name for name, kinds in _CLASSES for kind in kinds}


def class_of(doc: Any) -> str:
    """`actor`, `object`, `activity` or `collection`: one class per document, by one fixed rule.

    The first type that the vocabulary knows decides, so `["Note", "Person"]` is an object and its
    keys count for nothing. Only a document without one is judged by its properties (FEP-2277).
    Question is an object: every server uses it as a post.
    """
    if not isinstance(doc, dict):
        return "object"
    plain = doc.get("type")
    if isinstance(plain, str) and plain in _CLASS_OF_TYPE:  # what nearly all documents are
        return _CLASS_OF_TYPE[plain]
    for kind in types_of(doc):
        if kind in _CLASS_OF_TYPE:
            return _CLASS_OF_TYPE[kind]
    if "inbox" in doc:
        return "actor"
    if "actor" in doc and "attributedTo" not in doc:
        return "activity"
    if "items" in doc or "orderedItems" in doc:
        return "collection"
    return "object"
