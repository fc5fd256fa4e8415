"""What outboxes without a cursor need, which count pages from the top: seams, and their roots.

It changes a walk's state and decides on no page; `walk` does. Invariant: what it adds to a walk is
bounded, whatever a server claims.
"""

from __future__ import annotations

from .collection import Page
from .record import replace
from .walkstate import Walk, added, url_mark

# Visits in which a root named the same first page, and visits that then begin there.
_SAME_HEAD, _MOST_SKIPPED = 2, 7
# Seams that are looked at again in one walk: people delete a few posts while it lasts, not a page's
# worth at every page.
_MOST_SEAMS = 20


def at_head(walk: Walk, after: Walk) -> Walk:
    """`walk`, which begins a visit, from the first page on instead of the root, if that has been
    the same for long enough in the visits up to `after`.

    It saves every other request. A root that names another page each time (Ghost: the time of the
    request) has to be asked, and every root now and then, since pages may begin to fill up behind
    another one (activitypub-bot).
    """
    walk = replace(walk, head=after.head, head_seen=after.head_seen)
    if after.head is None or after.head_seen < _SAME_HEAD or after.skipped >= _MOST_SKIPPED:
        return walk
    visited = added("", url_mark(after.head))
    return replace(walk, next=after.head, visited=visited, skipped=after.skipped + 1)


def seam(walk: Walk, after: Walk, page: Page, requested_url: str) -> Walk | None:
    """The walk through a seam where something may have been lost; None: there is none here.

    Where pages are counted from the top, a deletion above moves the first item of this page up to
    the page before, which was read already. Only the total tells. So that page is read again, and
    then this one.
    """
    if walk.onward is not None:
        return replace(after, next=walk.onward, dry=walk.dry)
    if walk.before is None or walk.first_item is None or walk.cursor is not None or walk.deferred:
        return None
    fewer = (page.total_items or 0) < (walk.total_items or 0) and page.total_items is not None
    if not fewer or walk.seams >= _MOST_SEAMS or after.pages + 2 > after.max_pages:
        return None
    again = replace(after, seams=walk.seams + 1, dry=walk.dry)
    return replace(again, next=walk.before, onward=requested_url)
