"""Where the thread of a post can be read, and within which bounds.

It reads what a post says of its conversation and fetches nothing; that a collection is named here
does not mean that it is one. Invariant: every place is of the origin of the post or of what it
answers, so that nobody can have a third server read in his name.

FEP-f228 gives the order: `contextHistory` (the conversation's activities), `context` (its posts, as
FEP-7888 wants it), `replies`, which has to be followed post by post.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .activitystreams import in_reply_to, owner
from .classes import class_of
from .items import Item
from .shapes import id_of, ids_of
from .uri import same_origin

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

# Requests for one thread, whatever it says of itself: its pages, posts and their authors. Mastodon
# takes in 1,000 replies of one post, and 500 with one look.
MAX_FETCHES = 400
# Requests for all threads of one follow in a day: a thousand posts of twenty replies each at first
# sight. Somebody whose every post leads to 400 addresses elsewhere makes us ask no more than that.
MAX_DAILY = 20_000
# Pages of one collection at one visit. Mastodon lists 60 a page; what has more than 3,000 replies
# has used up the requests long before.
MAX_PAGES = 50
# Replies that a post may name itself; Pleroma names five.
MAX_LISTED = 20
# Nobody answers a post of last month: then its thread is left alone, unless somebody asks.
QUIET_AGE = 30 * DAY
# As Mastodon does (FETCH_REPLIES_COOLDOWN_MINUTES). Answers come as an aging post is read, ever
# less often, so that a quarter of its age between two looks sees most of them soon enough.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 15 * MINUTE, 7 * DAY
_SHARE_OF_AGE = 0.25
# What an asker may have fetched of one thread is counted anew after this time.
ASKED_AGAIN = HOUR


@dataclass(frozen=True, slots=True)
class Place:
    """A collection that may hold a thread. `relation` is the word of the queue for it: `context`
    is the whole conversation, `replies` are the direct replies to one post."""

    url: str
    relation: str


def places(doc: dict[str, Any], levels: int, *, whole: bool = True) -> tuple[Place, ...]:
    """Where to read `levels` of replies to a post, the best place first; the others are for when
    that one turns out to be no collection.

    A conversation in one collection saves asking each post for its replies, but one level of a
    post's replies is less, and so are those of a post that answers somebody: the rest of that
    conversation is not what was asked for. With `whole` False only `replies` will do.
    """
    id = id_of(doc)
    if id is None or levels <= 0:
        return ()
    parent = in_reply_to(doc)
    replies = replies_of(doc, id)
    contexts = _contexts(doc, id, parent) if whole else ()
    # Pleroma names the same URI twice, and there is nothing behind it.
    told = doc.get("context") is not None and doc.get("context") == doc.get("conversation")
    if levels == 1 or told or (parent is not None and not _is_by(parent, owner(doc))):
        return (*replies, *contexts)
    return (*contexts, *replies)


def _is_by(id: str, author: str | None) -> bool:
    """Whether an id says of itself whose post it is (Mastodon, GoToSocial): who goes on below his
    own post is still in his own thread."""
    return author is not None and id.startswith(f"{author}/")


def conversation(doc: dict[str, Any]) -> Place | None:
    """The collection in which the posts above a reply stand, for when they cannot be had from
    `inReplyTo`."""
    id = id_of(doc)
    found = _contexts(doc, id, in_reply_to(doc)) if id is not None else ()
    return found[-1] if found else None


def is_reply(doc: dict[str, Any]) -> bool:
    """Whether a post answers something, be it named by a URI that can be asked for or not."""
    return bool(doc.get("inReplyTo"))


def _contexts(doc: dict[str, Any], id: str, parent: str | None) -> tuple[Place, ...]:
    found: dict[str, None] = {}
    # PeerTube's `comments` are all that was said about a video, level by level.
    for name in ("contextHistory", "context", "comments"):
        url = id_of(doc.get(name))
        if url is not None and url != id and _is_theirs(url, id, parent):
            found[url] = None
    return tuple(Place(url, "context") for url in found)


def _is_theirs(url: str, id: str, parent: str | None) -> bool:
    """A conversation is kept by the server of its first post (FEP-11dd); the post that is answered
    is as near to that one as a post can tell."""
    return same_origin(url, id) or (parent is not None and same_origin(url, parent))


def replies_of(doc: dict[str, Any], id: str) -> tuple[Place, ...]:
    """The collection by its own id; one that has none, by its first page or the one after."""
    replies = doc.get("replies")
    url = id_of(replies)
    if url is None and isinstance(replies, dict):
        first = replies.get("first")
        url = id_of(first)
        if url is None and isinstance(first, dict):
            url = id_of(first.get("next"))
    if url is None or url == id or not same_origin(url, id):
        return ()
    return (Place(url, "replies"),)


def listed(doc: dict[str, Any], id: str) -> tuple[str, ...]:
    """The replies that a post names itself, in a collection that has no URL of its own (Pleroma and
    Akkoma name the author's own ones so)."""
    replies = doc.get("replies")
    if not isinstance(replies, dict) or "id" in replies or replies_of(doc, id):
        return ()
    first = replies.get("first")
    found = [
        *ids_of(replies.get("orderedItems", replies.get("items"))),
        *(ids_of(first.get("orderedItems", first.get("items"))) if isinstance(first, dict) else ()),
    ]
    return tuple(one for one in dict.fromkeys(found[:MAX_LISTED]) if one != id)


@dataclass(frozen=True, slots=True)
class Reply:
    """A post as a thread's collection lists it. `object` is what is embedded of it, if anything,
    `activity` what it stands in."""

    id: str
    object: dict[str, Any] | None = None
    activity: dict[str, Any] | None = None


def reply_of(item: Item) -> Reply | None:
    """The post that an item is about; None for reactions, deletions and what is shown again.

    Groups announce the Create of a comment (FEP-1b12), conversation containers add it (FEP-171b).
    """
    inner = item.activity.get("object") if item.activity is not None else None
    if item.verb in ("Announce", "Add"):
        if not isinstance(inner, dict) or class_of(inner) != "activity":
            return None
        about = inner.get("object")
        id = id_of(about)
        embedded = about if isinstance(about, dict) and len(about) > 2 else None
        return Reply(id, embedded, inner) if id is not None else None
    if item.verb not in ("Bare", "Create", "Link", "Update") or item.object_id is None:
        return None
    return Reply(item.object_id, item.object, item.activity)


def pause(age: float) -> float:
    """Seconds that a thread is left alone after it was read at this age."""
    return min(max(_SHORTEST_PAUSE, _SHARE_OF_AGE * age), _LONGEST_PAUSE)
