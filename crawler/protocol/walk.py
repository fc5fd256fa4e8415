"""Paging through a collection: after each page, what to take, where to go on, and when to stop.

It sees pages, never requests, and is told which ids are new; its state is a value that is stored
between two pages, so that a walk goes on after a crash. It looks at no parameter names: bovine's
`min_id` goes to older posts, NodeBB's `after` too. Invariant: every walk ends, whatever the pages
say, since no URL is asked for twice (but for the rest of a long page, for one that was missing
once, and at a few seams), pages that bring nothing are counted, and so are pages.

    backfill  first sight: from the root to older pages, to the end or to the target
    head      no cursor: from the root until nothing new comes
    prev      from the cursor of the last visit, `prev` by `prev`, to what is newest
    rescan    all of it again, for servers that do not list the newest first (Gancio, Mobilizon)
"""

from __future__ import annotations

from collections.abc import Set

from .collection import Page
from .counted import seam
from .items import Item
from .record import record, replace
from .uri import same_origin, without_fragment
from .walkstate import Sorted, Walk, added, after_page, holds, sort_items, url_mark

__all__ = ["MAX_PAGES", "Step", "Walk", "begin", "resume", "step", "step_missing"]

# Mastodon reads 500 pages of replies, PeerTube 2,000 of an outbox.
MAX_PAGES = 2000
# One page that brings nothing may be the overlap of a pager that counts from the top while new
# posts push the rest down, or one that the server emptied by its own filter (GoToSocial); two in
# a row are the end (WriteFreely, and an empty Gancio, name a next page for ever).
_DRY_PAGES = 2
# New items at once; for the others the page is asked for again. activitypub-bot fills one to 134,
# and a static site may list all that it has on one.
_MAX_NEW = 200
# How servers say that there is no such page: WordPress 400, Funkwhale 404.
_NO_SUCH_PAGE = frozenset((400, 404, 410))
# Reasons to stop that mean that there was nothing more to be had.
_ENDS = frozenset(("end", "loop", "missing", "nothing new", "repeated"))


@record(frozen=True, slots=True)
class Step:
    """What follows from one page. Exactly one of `next` and `stop` is set.

    `take` holds the page's items, known ones too (their objects may have been edited), without
    those that are not for this visit. How many of them a target leaves room for is not decided.
    """

    walk: Walk
    take: tuple[Item, ...]
    next: str | None
    stop: str | None
    cursor: str | None  # where the next visit may begin; None: at the head
    kind: str = "ok"  # of the collection, as far as this walk has seen it
    complete: bool = False  # this walk has seen all that the origin offers
    total_items: int | None = None  # as claimed
    refused: str | None = None  # a link that was not followed, for the operator


def begin(
    collection_url: str,
    target: int | None,
    cursor: str | None = None,
    max_pages: int = MAX_PAGES,
    *,
    known: bool = False,
    ordered: bool = False,
    horizon: float | None = None,
    rescan: bool = False,
) -> Walk:
    """A new walk. `target` is how many posts to page back to, None for all.

    `known` says that an earlier walk was here, `ordered` what it found about the order, `horizon`
    how far back it went if a target stopped it; posts from before are then not new.
    """
    mode = "backfill"
    if known or cursor is not None:
        mode = "head" if cursor is None else "prev"
    if rescan:
        mode = "rescan"
    start = cursor if mode == "prev" and cursor is not None else collection_url
    return Walk(
        collection=collection_url,
        mode=mode,
        next=start,
        target=target,
        cursor=cursor,
        was_ordered=ordered,
        horizon=horizon,
        max_pages=max(1, min(max_pages, MAX_PAGES)),
        visited=added("", url_mark(start)),
    )


def resume(walk: Walk, max_pages: int = MAX_PAGES) -> Walk:
    """A walk that its page cap stopped, ready to go on from there."""
    return replace(walk, done=None, max_pages=walk.pages + max_pages)


def step(walk: Walk, page: Page, new_ids: Set[str], requested_url: str) -> Step:
    """Decide on one page. `new_ids` are those of its ids that no page or visit before had."""
    items = sort_items(walk, page.items, new_ids)
    left = {id(item) for item in (*items.older, *items.fresh[_MAX_NEW:])}
    take = tuple([item for item in page.items if id(item) not in left]) if left else page.items
    cursor, refused = _cursor(walk, page, requested_url)
    after = after_page(walk, page, items, take, requested_url, cursor=cursor, most=_MAX_NEW)
    if after.deferred and after.pages < after.max_pages and not _at_target(after):
        again = replace(after, next=requested_url)
        kind = _kind(after, None)
        return Step(again, take, requested_url, None, cursor, kind, refused=refused)
    if walk.mode == "prev":
        return _upwards(after, page, take, refused)
    if (back := seam(walk, after, page, requested_url)) is not None:
        return Step(back, take, back.next, None, cursor, _kind(after, None), refused=refused)
    link, stop = _older(after, page), _stop(walk, after, page, items)
    if stop is None:
        stop, said = _link_stop(after, link, page)
        refused = refused or said
    return _decided(after, take, link, stop, refused)


def step_missing(walk: Walk, status: int) -> Step | None:
    """The page that was asked for does not exist; None if the status does not say so.

    Beyond the first page it is how some servers end, and a cursor that is gone leads back to the
    head. A root that is missing is no end of a walk, so that it is None too. 404 is also what a
    server in trouble says (mastodon#37533), so that it has to say it twice.
    """
    if status not in _NO_SUCH_PAGE:
        return None
    if walk.mode == "prev" or walk.at_head:
        return _to_head(walk, (), None)
    if walk.pages == 0:
        return None
    if status == 404 and not walk.missed:
        again = replace(walk, missed=True)
        return Step(again, (), walk.next, None, walk.cursor, _kind(walk, None))
    return _decided(walk, (), None, "missing", None)


def _older(after: Walk, page: Page) -> str | None:
    """The link to older items. A root that is itself a page has items and `first` (NodeBB,
    WordPress): the pages begin there, unless it is the root again."""
    if page.is_root and page.first is not None and not _was_asked(after, page.first):
        return page.first
    return page.next or (page.first if page.is_root else None)


def _stop(walk: Walk, after: Walk, page: Page, items: Sorted) -> str | None:
    """Why the page itself ends the walk, whatever it links to."""
    again = walk.deferred  # asked for on purpose
    if walk.pages > 1 and items.marks[:1] == (walk.first_item,) and not (items.unseen or again):
        # Epicyon's page 2 is page 1 again, BookWyrm's beyond the end are the last one. Only a
        # root may be repeated by the page after it.
        return "repeated"
    if _at_target(after):
        return "target"
    head = walk.mode == "head" and walk.was_ordered
    if head and not items.posts and (items.met_known or items.older):
        return "known"
    return "nothing new" if after.dry >= _DRY_PAGES else None


def _at_target(after: Walk) -> bool:
    return after.target is not None and after.found >= after.target and not after.is_newest


def _link_stop(after: Walk, link: str | None, page: Page) -> tuple[str | None, str | None]:
    """Why the link to older items is not followed, and what to tell about it."""
    if link is None:
        broken = next((one for one in page.broken if one in ("first", "next")), None)
        return ("end", None) if broken is None else ("refused", f"its {broken} is no http(s) URI")
    if not same_origin(link, after.collection):
        return "refused", f"it leads to another origin: {link[:120]}"
    if _was_asked(after, link):
        return "loop", None
    return ("page cap" if after.pages >= after.max_pages else None), None


def _cursor(walk: Walk, page: Page, requested_url: str) -> tuple[str | None, str | None]:
    """The `prev` link to begin the next visit with, and what to tell if it is not usable.

    Only the newest page's counts. Counting pagers have none there (their `prev` leads from page 2
    to page 1), and a root without items is no page (Epicyon's names its first page as `prev`).
    An empty page often has none: then the old one stays (Mastodon, Pleroma, Misskey).
    """
    upwards = walk.mode == "prev"
    newest = upwards or (walk.cursor is None and walk.is_newest and bool(page.items))
    if not newest or page.prev is None:
        return walk.cursor, None
    if not same_origin(page.prev, walk.collection):
        return walk.cursor, f"its prev leads to another origin: {page.prev[:120]}"
    here = (without_fragment(requested_url), without_fragment(walk.collection))
    return walk.cursor if without_fragment(page.prev) in here else page.prev, None


def _upwards(after: Walk, page: Page, take: tuple[Item, ...], refused: str | None) -> Step:
    """A page on the way up: an empty one is the top, unless it leads further (GoToSocial).

    A cursor only leads to what came after it. One that leads to what we have is none (Mobilizon's
    `prev` is inverted), so the head is read instead.
    """
    link, stop = page.prev, None
    if link is None or not same_origin(link, after.collection):
        stop = "end"
    elif _was_asked(after, link):
        stop = "loop"
    elif after.dry >= _DRY_PAGES:
        stop = "nothing new"
    elif after.pages >= after.max_pages:
        stop = "page cap"
    if page.items and after.dry and stop is not None and (after.found == 0 or after.dry > 1):
        return _to_head(replace(after, is_newest=False), take, refused)
    return _decided(after, take, link, stop, refused)


def _to_head(walk: Walk, take: tuple[Item, ...], refused: str | None) -> Step:
    """Drop the cursor and look at the head instead, in the same walk."""
    head = begin(
        walk.collection,
        walk.target,
        max_pages=walk.max_pages,
        known=True,
        ordered=walk.was_ordered,
        horizon=walk.horizon,
    )
    head = replace(
        head,
        found=walk.found,
        is_newest=walk.is_newest,
        was_scattered=walk.was_scattered,
        scanned_at=walk.scanned_at,
        stamps=walk.stamps,
    )
    return Step(head, take, head.next, None, None, refused=refused)


def _decided(
    after: Walk, take: tuple[Item, ...], link: str | None, stop: str | None, refused: str | None
) -> Step:
    if stop is None and link is not None:
        after = replace(after, next=link, visited=added(after.visited, url_mark(link)))
    else:
        # What the page cap stopped can be resumed there; any other walk is over.
        after = replace(after, next=link if stop == "page cap" else None, done=stop)
    if after.mode == "backfill" and stop is not None and stop != "page cap":
        # Only a target leaves older posts out; without dates their place has to tell them.
        after = replace(after, horizon=(after.horizon or 0.0) if stop == "target" else None)
    seen_all = after.mode in ("backfill", "rescan") and stop in _ENDS
    return Step(
        walk=after,
        take=take,
        next=None if stop is not None else link,
        stop=stop,
        cursor=after.cursor,
        kind=_kind(after, stop),
        complete=seen_all and not after.deferred,
        total_items=after.total_items,
        refused=refused,
    )


def _was_asked(walk: Walk, url: str) -> bool:
    return holds(walk.visited, url_mark(url))


def _kind(after: Walk, stop: str | None) -> str:
    if after.mode == "prev" or not after.is_newest:
        return "ok"
    if after.root_kind != "ok":
        return after.root_kind
    return "unpageable" if stop == "refused" else "empty"
