"""The state of one walk over a collection, as it is stored between two pages.

It decides nothing: `walk` does. Invariant: from_json(to_json(walk)) == walk, and its size is
bounded by the page cap (eight bytes a URL and a page), not by the collection.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from hashlib import blake2b

import orjson

from .collection import Page
from .items import Item
from .knock import Form
from .record import record, replace
from .uri import without_fragment

# When the latest items were published: what a first sight teaches of how often something comes.
_STAMPS = 20
# Items of the latest pages that are remembered, to tell the overlap of two pages from what an
# earlier visit has met: some pages' worth.
_RECENT = 120


def mark(text: str) -> str:
    """Eight bytes that stand for an item; a collision ends a walk early, no more."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def url_mark(url: str) -> str:
    return mark(without_fragment(url))


def holds(marks: str, one: str) -> bool:
    """Whether a mark is among these."""
    return f" {one}" in marks


def added(marks: str, one: str) -> str:
    """Marks with one more. They are one text, a space before each, which a walk of 2,000 pages
    reads and writes at each page in a tenth of the time that sets of them take."""
    return marks if holds(marks, one) else f"{marks} {one}"


@record(frozen=True, slots=True)
class Walk:
    """`next` is the URL to ask for; None when the walk is over, and then `done` says why."""

    collection: str
    mode: str  # backfill, head, prev or rescan
    next: str | None
    target: int | None = None  # posts to page back to, None for all
    cursor: str | None = None  # the `prev` link to keep for the next visit
    was_ordered: bool = False  # what the visit before found
    was_scattered: bool = False
    scanned_at: float = 0.0  # when all of it was read last
    horizon: float | None = None  # how far back the backfill went, if a target stopped it
    max_pages: int = 2000
    pages: int = 0
    found: int = 0  # new posts so far
    held: int = 0  # posts so far that were new here and held already: a push had told of them
    dry: int = 0  # pages in a row that brought nothing
    visited: str = ""  # marks of URLs, as `added` writes them
    contents: str = ""  # marks of whole pages
    recent: tuple[str, ...] = ()  # marks of the latest items
    met_known: bool = False  # an item that an earlier visit had was met
    first_item: str | None = None  # mark of the first item of the latest page that had items
    last_object: str | None = None  # what the latest post that was taken is about
    last_date: float | None = None
    pairs: int = 0  # neighbours whose dates were compared
    inversions: int = 0  # pairs of which the older one stood first
    by_event: bool = False  # listed by when things take place
    is_newest: bool = True  # no page with items was read yet
    root_kind: str = "ok"
    total_items: int | None = None
    deferred: bool = False  # the latest page had more new items than are taken at once
    missed: bool = False  # the page that is asked for was missing once
    stamps: tuple[float, ...] = ()  # when the latest of the new posts were published, oldest first
    # Validators of the answer from the URL where the walk begins, if that held the items itself;
    # sent when the next visit begins there. `whole_at`: when that was read in full.
    etag: str | None = None
    last_modified: str | None = None
    form: Form = "unsigned"  # of the signature under which they came
    whole_at: float = 0.0
    # The ETag of a root that only names its pages. Where the first page has the same one, it speaks
    # for both (our own outbox says so), and becomes `etag`.
    root_etag: str | None = None
    # The page that the root named as its first, in how many visits in a row it was the same, and
    # how many visits since have begun there without asking the root.
    head: str | None = None
    head_seen: int = 0
    skipped: int = 0
    idle: int = 0  # visits in a row that began at a cursor and found nothing
    before: str | None = None  # the page before the one that is asked for
    onward: str | None = None  # that page is read again for what moved up to it; then this one
    seams: int = 0  # how often that was done
    done: str | None = None
    hidden: bool = False  # at the first sight the root named nothing, and is asked once more

    @property
    def ordered(self) -> bool:
        """Are the items newest first, so that the first known ones end what is new?

        Judged by walks that go downwards; one upwards leaves the verdict of the one before.
        """
        if self.mode == "prev":
            return self.was_ordered
        return self.last_date is not None and not self.inversions and not self.by_event

    @property
    def scattered(self) -> bool:
        """May new items stand anywhere (Gancio, Mobilizon), so that only a rescan finds them all?

        A few posts that were dated back do not make it so: those of WordPress often are. A visit
        that reads the head only leaves the verdict of the ones before.
        """
        seen = self.by_event or self.inversions * 5 > self.pairs
        return seen or (self.was_scattered and self.mode in ("head", "prev"))

    @property
    def expects_page(self) -> bool:
        """Whether the next answer is to be read as a page, not as the collection itself."""
        return self.mode == "prev" or self.pages > 0 or self.at_head

    @property
    def at_head(self) -> bool:
        """Whether it is at its start, and that is the first page instead of the root."""
        return self.skipped > 0 and self.pages == 0

    def to_json(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, stored: bytes | str) -> Walk:
        values = orjson.loads(stored)
        for name in ("visited", "contents"):
            if isinstance(values[name], list):  # as an older version wrote them
                values[name] = "".join(f" {one}" for one in values[name])
        for name in ("recent", "stamps"):
            values[name] = tuple(values.get(name, ()))
        # Python looks up each keyword among all forty, and these are not the ones that it knows.
        return replace(cls(values["collection"], values["mode"], values["next"]), **values)


@record(frozen=True, slots=True)
class Sorted:
    """The items of a page by what they are to a walk; the rest of them is known."""

    marks: tuple[str, ...]  # of all items, in order
    content: str  # mark of the page
    fresh: tuple[Item, ...]
    older: tuple[Item, ...]  # new only because an earlier walk stopped above them
    met_known: bool  # some were met by an earlier visit, not just by this walk
    unseen: bool  # some did not stand on one of the pages before
    progress: bool  # and they do not go round in a circle

    @property
    def posts(self) -> int:
        return count_posts(self.fresh)


def count_posts(items: Sequence[Item]) -> int:
    """How many posts the items are about: an edit and what it edits are one."""
    return len({item.object_id or item.activity_id for item in items if item.is_post})


def sort_items(walk: Walk, items: Sequence[Item], new_ids: Set[str]) -> Sorted:
    recent = frozenset(walk.recent)
    marks = tuple([mark(item.key) for item in items])
    unseen = [one not in recent for one in marks]
    new = [_is_new(item, new_ids) for item in items]
    known_at = [
        at for at, item in enumerate(items) if not new[at] and unseen[at] and item.is_placed
    ]
    # Behind the last known item of this page, or anywhere once an earlier page had known ones.
    behind = known_at[-1] if known_at else -1 if walk.met_known else len(items)
    fresh: list[Item] = []
    older: list[Item] = []
    for at, item in enumerate(items):
        if new[at]:
            beyond = _beyond(walk, item, at > behind)
            (older if beyond else fresh).append(item)
    content = mark(" ".join(marks))
    progress = any(unseen) and not holds(walk.contents, content)
    return Sorted(marks, content, tuple(fresh), tuple(older), bool(known_at), any(unseen), progress)


def _is_new(item: Item, new_ids: Set[str]) -> bool:
    return item.object_id in new_ids or item.activity_id in new_ids or item.key in new_ids


def _beyond(walk: Walk, item: Item, behind_known: bool) -> bool:
    """Does the item lie behind where a target stopped the backfill? By its date where both are
    known, else by its place, which says so only where the order is that of publication."""
    if walk.mode not in ("head", "rescan"):
        return False
    if walk.horizon is not None and item.published is not None:
        return item.published < walk.horizon
    by_place = walk.horizon is not None or (walk.mode == "head" and walk.was_ordered)
    return behind_known and by_place


def after_page(
    walk: Walk,
    page: Page,
    items: Sorted,
    take: Sequence[Item],
    requested_url: str,
    *,
    cursor: str | None,
    most: int,
) -> Walk:
    """The state when a page was read, before it is decided where to go; of its new items no more
    than `most` are taken."""
    pointer = page.is_root and not page.items and page.first is not None
    if walk.mode in ("backfill", "rescan"):
        moved, neutral = items.progress or items.posts > 0, pointer
    else:
        # Nobody keeps likes, so they look new for ever (NodeBB, WordPress): they neither prolong
        # a visit nor, where a page holds nothing else, end it.
        moved = items.posts > 0
        only_reactions = items.progress and not any(item.is_post for item in page.items)
        neutral = pointer or only_reactions
    marks = items.marks
    posts = [item for item in take if item.is_post]
    last_date, pairs, inversions, by_event = _dated(walk, page.items, marks)
    return replace(
        walk,
        cursor=cursor,
        found=walk.found + count_posts(items.fresh[:most]),
        deferred=len(items.fresh) > most,
        last_date=last_date,
        pairs=pairs,
        inversions=inversions,
        by_event=by_event,
        pages=walk.pages + 1,
        dry=0 if moved else walk.dry if neutral else walk.dry + 1,
        missed=False,
        visited=added(walk.visited, url_mark(requested_url)),
        contents=added(walk.contents, items.content),
        # Of a page that is read again for the rest of its items, all of them.
        recent=(*walk.recent, *marks)[-max(_RECENT, len(marks)) :],
        met_known=walk.met_known or items.met_known,
        first_item=marks[0] if marks else walk.first_item,
        last_object=posts[-1].object_id or posts[-1].activity_id if posts else walk.last_object,
        is_newest=walk.is_newest and not page.items,
        horizon=_horizon(walk, take),
        root_kind=page.kind if page.is_root else walk.root_kind,
        total_items=walk.total_items if page.total_items is None else page.total_items,
        stamps=_stamps(walk, items.fresh[:most]),
        before=requested_url,
        onward=None,
    )


def _stamps(walk: Walk, fresh: Sequence[Item]) -> tuple[float, ...]:
    dates = [item.published for item in fresh if item.is_post and item.published is not None]
    return tuple(sorted((*walk.stamps, *dates))[-_STAMPS:]) if dates else walk.stamps


def _dated(
    walk: Walk, items: Sequence[Item], marks: Sequence[str]
) -> tuple[float | None, int, int, bool]:
    """The walk's `last_date`, `pairs`, `inversions` and `by_event` after these items.

    Events are listed by when they take place (Gancio, Mobilizon), which looks like the order
    of publication for as long as they were entered in that order."""
    recent, last = frozenset(walk.recent), walk.last_date
    pairs, inversions, by_event = walk.pairs, walk.inversions, walk.by_event
    for item, one in zip(items, marks, strict=True):
        by_event = by_event or (item.object is not None and "startTime" in item.object)
        if item.published is not None and one not in recent:
            if last is not None:
                pairs += 1
                inversions += item.published > last
            last = item.published
    return last, pairs, inversions, by_event


def _horizon(walk: Walk, take: Sequence[Item]) -> float | None:
    if walk.mode != "backfill" or walk.target is None:
        return walk.horizon
    dates = [item.published for item in take if item.published is not None]
    return min([*dates, *([] if walk.horizon is None else [walk.horizon])], default=None)
