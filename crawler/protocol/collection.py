"""What one answer of a collection holds: its items, and where it says to go from here.

It reads every shape that servers serve (root, page, both at once, inline or stub `first`, nested
collections, bare objects, URIs) and does not decide where to go: `walk` does. Links are followed
literally and page ids are never made up. Invariant: no JSON value makes it raise, and every link
and id that it returns is canonical.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .classes import COLLECTION_TYPES
from .items import Item, read_item
from .shapes import id_of, types_of

# activitypub-bot puts 134 items on a page and fills it further; 1,000 is beyond any that was
# seen, and what the node limit of the parser leaves of a hostile one.
MAX_ITEMS = 1000
_ITEM_KEYS = ("orderedItems", "items")
_MAX_NESTING = 2  # Owncast's page holds a collection in place of its items


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, read. `first` is where the pages begin, if they do not begin here.

    `kind` is `ok`, `empty`, `stub` (a root that names neither pages nor items: Pixelfed,
    GoToSocial with hidden collections or while it still fetches our key) or `unpageable`.
    `broken` names the links that are there but cannot be used (no http(s) URI).
    """

    id: str | None
    kind: str
    items: tuple[Item, ...]
    next: str | None
    prev: str | None
    first: str | None
    total_items: int | None
    part_of: str | None
    is_root: bool
    broken: tuple[str, ...] = ()
    dropped: int = 0  # items beyond MAX_ITEMS, and items without any id


def read_page(value: dict[str, Any], url: str, requested_as_page: bool) -> Page:
    """Read what came from `url`, which was asked for as the collection itself or as a page of it.

    A root's inline `first` belongs to the same answer, so its items and links are taken as if the
    root were that page (Mobilizon; Mastodon's replies, whose inline page has no id). What holds
    nothing but `first` is a root, whatever it was asked for as.
    """
    pointer = bool(value.get("first")) and not value.get("next") and not _has_items(value)
    requested_as_page = requested_as_page and not pointer
    inline = None if requested_as_page else _inline_first(value)
    items, dropped = _items(value, inline)
    broken: list[str] = []
    next_url = _link(inline, "next", broken) or _link(value, "next", broken)
    prev = _link(inline, "prev", broken) or _link(value, "prev", broken)
    first = None if requested_as_page or inline is not None else _link(value, "first", broken)
    return Page(
        id=id_of(value),
        kind=_kind(value, inline, items, first, next_url, requested_as_page),
        items=items,
        next=next_url,
        prev=prev,
        first=first,
        total_items=_total(value.get("totalItems")),
        part_of=id_of(value.get("partOf")),
        is_root=not requested_as_page,
        broken=tuple(broken),
        dropped=dropped,
    )


def _inline_first(value: dict[str, Any]) -> dict[str, Any] | None:
    """`first` as an object that is the page, not a stub that names it (one-page servers)."""
    first = value.get("first")
    if isinstance(first, dict) and any(key in first for key in (*_ITEM_KEYS, "next")):
        return first
    return None


def _items(value: dict[str, Any], inline: dict[str, Any] | None) -> tuple[tuple[Item, ...], int]:
    """The items of both places, each once: NodeBB's root repeats its first page."""
    found: list[Item] = []
    seen: set[tuple[str, str | None]] = set()
    dropped = 0
    for source in (value, inline):
        for raw in _raw_items(source, _MAX_NESTING):
            if len(found) >= MAX_ITEMS:
                dropped += 1
                continue
            item = read_item(raw)
            if item is None:
                dropped += raw is not None
            elif (names := (item.key, item.activity_id)) not in seen:
                seen.add(names)
                found.append(item)
    return tuple(found), dropped


def _raw_items(source: Any, nesting: int) -> Iterator[Any]:
    if not isinstance(source, dict):
        return
    for key in _ITEM_KEYS:
        value = source.get(key)
        if isinstance(value, list):
            yield from value
        elif nesting and _is_collection(value):
            yield from _raw_items(value, nesting - 1)
        elif value is not None:
            yield value


def _is_collection(value: Any) -> bool:
    return isinstance(value, dict) and any(key in value for key in _ITEM_KEYS)


def _link(source: dict[str, Any] | None, name: str, broken: list[str]) -> str | None:
    """A link as URI, as stub with an id, or as Link; null and an empty string are no link."""
    value = source.get(name) if source is not None else None
    if not value:
        return None
    found = id_of(value)
    if found is None and isinstance(value, dict):
        found = id_of(value.get("href"))
    if found is None:
        broken.append(name)
    return found


def _kind(
    value: dict[str, Any],
    inline: dict[str, Any] | None,
    items: tuple[Item, ...],
    first: str | None,
    next_url: str | None,
    requested_as_page: bool,
) -> str:
    if items or first is not None or next_url is not None:
        return "ok"
    looks = not COLLECTION_TYPES.isdisjoint(types_of(value))
    if requested_as_page:
        # WordPress before 5 leaves `orderedItems` out of a page beyond the end.
        return "empty" if looks or _has_items(value) else "unpageable"
    if _has_items(value) or inline is not None:
        return "empty"
    if value.get("first"):
        return "unpageable"
    if looks and _total(value.get("totalItems")) == 0:
        return "empty"  # WordPress and PeerTube name no `first` where there is nothing
    # `{}` is what Funkwhale answers for people, who publish nothing there.
    return "stub" if looks or not value.keys() - {"@context"} else "unpageable"


def _has_items(value: dict[str, Any]) -> bool:
    return any(key in value for key in _ITEM_KEYS)


def _total(value: Any) -> int | None:
    """The total as claimed, for information only: it counts what we cannot see (Mastodon), what
    is elsewhere (WordPress), and may be text (Epicyon) or absurd."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 10**15 else None
