"""What one answer of a collection holds, in every shape that servers serve."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.collection import Page, read_page
from fedpull.crawler.protocol.items import read_item
from fedpull.crawler.protocol.walk import Walk, begin, step

BOX = "https://s.example/outbox"
ONE, TWO = "https://s.example/1", "https://s.example/2"
NOTE = {"id": ONE, "type": "Note", "attributedTo": "https://s.example/u", "content": "x"}
Json = dict[str, Any]


def ids(page: Page) -> list[str | None]:
    return [item.object_id for item in page.items]


ITEMS: dict[str, tuple[Json, list[str]]] = {
    "a list": ({"orderedItems": [ONE, TWO]}, [ONE, TWO]),
    "an unordered list": ({"items": [ONE, TWO]}, [ONE, TWO]),
    "both": ({"orderedItems": [ONE], "items": [ONE, TWO]}, [ONE, TWO]),
    "a single URI": ({"orderedItems": ONE}, [ONE]),
    "a single object": ({"items": NOTE}, [ONE]),
    "a nested collection (Owncast)": (
        {"orderedItems": {"type": "OrderedCollection", "orderedItems": [ONE, TWO]}},
        [ONE, TWO],
    ),
    "null": ({"orderedItems": None}, []),
    "empty": ({"orderedItems": []}, []),
    "missing": ({"type": "OrderedCollectionPage"}, []),
    "nonsense among them": ({"items": [None, 7, "x", {}, [], ONE, {"type": "Note"}]}, [ONE]),
    "repeated": ({"items": [ONE, ONE, NOTE]}, [ONE]),
    "stubs": ({"items": [{"id": ONE, "type": "Note"}]}, [ONE]),
    "Links": ({"items": [{"type": "Link", "href": ONE}]}, [ONE]),
    "an inline first": ({"first": {"items": [ONE]}}, [ONE]),
    "an inline first with an id": ({"first": {"id": f"{BOX}?p=1", "orderedItems": [ONE]}}, [ONE]),
    "items and an inline first": ({"items": [ONE], "first": {"items": [ONE, TWO]}}, [ONE, TWO]),
    "a collection as an item": (
        {"items": [{"type": "Collection", "id": ONE, "items": [TWO]}]},
        [ONE],
    ),
}


@pytest.mark.parametrize(("value", "expected"), ITEMS.values(), ids=ITEMS)
def test_where_items_stand(value: Json, expected: list[str]) -> None:
    """Items are found under both names, in every shape, each once."""
    assert ids(read_page(value, BOX, requested_as_page=False)) == expected


KINDS: dict[str, tuple[Json, str]] = {
    "with items": ({"type": "OrderedCollection", "orderedItems": [ONE]}, "ok"),
    "with pages": ({"type": "OrderedCollection", "first": ONE}, "ok"),
    "without items": ({"type": "OrderedCollection", "totalItems": 0, "orderedItems": []}, "empty"),
    "without `first`, of none": ({"type": "OrderedCollection", "totalItems": 0}, "empty"),
    "with an empty inline first": ({"type": "Collection", "first": {"items": []}}, "empty"),
    "Pixelfed's": ({"id": BOX, "type": "OrderedCollection", "totalItems": 9}, "stub"),
    "Funkwhale's of people": ({}, "stub"),
    "with a useless first": ({"type": "OrderedCollection", "first": "?page=1"}, "unpageable"),
    "something else": ({"type": "Note", "content": "x"}, "unpageable"),
    "without type, with items": ({"orderedItems": [ONE]}, "ok"),
}


@pytest.mark.parametrize(("value", "kind"), KINDS.values(), ids=KINDS)
def test_kinds(value: Json, kind: str) -> None:
    """A collection is usable, empty, a stub without anything, or not to be paged."""
    assert read_page(value, BOX, requested_as_page=False).kind == kind


def test_links() -> None:
    """Links are URIs, stubs or Links; what is no URI is broken, null is none."""
    page = read_page(
        {
            "type": "OrderedCollection",
            "id": BOX,
            "first": {"id": f"{BOX}?p=1", "type": "OrderedCollectionPage"},
            "next": {"type": "Link", "href": f"{BOX}?p=2"},
            "prev": None,
            "partOf": {"id": BOX},
        },
        BOX,
        requested_as_page=False,
    )

    assert (page.first, page.next, page.prev, page.part_of, page.id) == (
        f"{BOX}?p=1",
        f"{BOX}?p=2",
        None,
        BOX,
        BOX,
    )
    odd = read_page({"items": [ONE], "next": "?p=2", "prev": 7}, BOX, requested_as_page=True)
    assert odd.broken == ("next", "prev")


def test_an_inline_first_brings_its_links() -> None:
    """The links of an inline page are those of the answer; nothing has to be asked for first."""
    value = {"first": {"items": [ONE], "next": f"{BOX}?p=2", "prev": f"{BOX}?p=0"}}

    page = read_page(value, BOX, requested_as_page=False)

    assert (page.first, page.next, page.prev) == (None, f"{BOX}?p=2", f"{BOX}?p=0")


def test_pages_are_not_roots() -> None:
    """A page that names `first` is not begun again; what holds only `first` is a root."""
    page = read_page({"items": [ONE], "first": BOX}, BOX, requested_as_page=True)
    root = read_page({"type": "Collection", "first": f"{BOX}?1"}, BOX, requested_as_page=True)

    assert (page.first, page.is_root) == (None, False)
    assert (root.first, root.is_root) == (f"{BOX}?1", True)


@pytest.mark.parametrize(
    ("total", "expected"),
    [(7, 7), ("12", 12), (-1, None), (10**18, None), (True, None), ("x", None), (1.5, None)],
)
def test_totals(total: Any, expected: int | None) -> None:
    """The claimed total is read for information, when it can be one."""
    assert read_page({"totalItems": total}, BOX, requested_as_page=False).total_items == expected


VERBS: dict[str, tuple[Any, tuple[str, str | None, str | None, bool]]] = {
    "an embedded post": (
        {"type": "Create", "id": f"{ONE}#c", "object": NOTE},
        ("Create", ONE, f"{ONE}#c", True),
    ),
    "a post by id": ({"type": "Create", "object": ONE}, ("Create", ONE, None, False)),
    "a boost": ({"type": "Announce", "object": TWO}, ("Announce", TWO, None, False)),
    "a boost in a list": ({"type": "Announce", "object": [TWO]}, ("Announce", TWO, None, False)),
    "a community's post (Lemmy)": (
        {"type": "Announce", "id": TWO, "object": {"type": "Create", "object": NOTE}},
        ("Announce", ONE, TWO, True),
    ),
    "a boost of a Delete": (
        {"type": "Announce", "object": {"type": "Delete", "id": TWO, "object": ONE}},
        ("Announce", TWO, None, True),
    ),
    "an edit": ({"type": "Update", "object": NOTE}, ("Update", ONE, None, True)),
    "a deletion": (
        {"type": "Delete", "object": {"id": ONE, "type": "Tombstone"}},
        ("Delete", ONE, None, True),
    ),
    "a post that is gone (one-page servers)": (
        {"type": "Create", "object": {"id": ONE, "type": "Tombstone"}},
        ("Create", ONE, None, True),
    ),
    "a reaction to a stub": (
        {"type": "Like", "id": TWO, "object": {"id": ONE, "type": "Note"}},
        ("Like", ONE, TWO, False),
    ),
    "an arrival": ({"type": "Arrive", "id": TWO}, ("Arrive", None, TWO, False)),
    "an unknown activity": (
        {"type": "Juggle", "actor": TWO, "object": ONE},
        ("Juggle", ONE, None, False),
    ),
    "a bare post": (NOTE, ("Bare", ONE, None, True)),
    "a URI": (ONE, ("Link", ONE, None, False)),
}


@pytest.mark.parametrize(("value", "expected"), VERBS.values(), ids=VERBS)
def test_items(value: Any, expected: tuple[str, str | None, str | None, bool]) -> None:
    """An item says what was done, to what, and whether it brings the thing along."""
    item = read_item(value)

    assert item is not None
    assert (item.verb, item.object_id, item.activity_id, item.object is not None) == expected


@pytest.mark.parametrize("value", [None, 7, True, "", "x", {}, [], {"type": "Create"}, {"id": 7}])
def test_what_names_nothing_is_no_item(value: Any) -> None:
    """An item without any id is none."""
    assert read_item(value) is None


def test_an_item_has_the_date_of_its_object() -> None:
    """Gancio dates its activities with the time of the request; a boost has only its own date."""
    old, new = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
    post = read_item({"type": "Create", "published": new, "object": {**NOTE, "published": old}})
    boost = read_item({"type": "Announce", "published": new, "object": {**NOTE, "published": old}})

    assert post is not None
    assert boost is not None
    assert boost.published is not None
    assert post.published == 1767225600.0 < boost.published


def test_a_page_of_50000_ids_is_bounded() -> None:
    """No more than a thousand items of one page are looked at; the rest is counted."""
    page = read_page({"items": [f"{ONE}/{n}" for n in range(50_000)]}, BOX, requested_as_page=True)

    assert (len(page.items), page.dropped) == (1000, 49_000)


def test_items_without_ids_are_counted() -> None:
    """What cannot be kept for want of an id is not lost silently."""
    page = read_page({"items": [{"type": "Note"}, "x", ONE, None]}, BOX, requested_as_page=True)

    assert (len(page.items), page.dropped) == (1, 2)


KEYS = "id type object actor items orderedItems first next prev totalItems partOf published href"
ODD = st.recursive(
    st.sampled_from([None, True, 7, -1.5, "", "Create", "Announce", "Collection", BOX, ONE, "x"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=6),
    ),
    max_leaves=25,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(KEYS.split()), ODD, max_size=8), max_size=6),
    st.sampled_from(["backfill", "head", "prev", "rescan"]),
    st.booleans(),
)
def test_nothing_on_a_page_raises(pages: list[Json], mode: str, new: bool) -> None:
    """Whatever JSON a collection serves, each page is read and decided upon, in every mode."""
    walk = begin(
        BOX,
        None,
        f"{BOX}?prev" if mode == "prev" else None,
        known=mode == "head",
        rescan=mode == "rescan",
        horizon=5.0 if mode == "rescan" else None,
    )
    assert walk.mode == mode
    for value in pages:
        url = walk.next or BOX
        page = read_page(value, url, requested_as_page=walk.expects_page)
        known = {item.object_id or item.activity_id or "" for item in page.items}
        last = step(walk, page, known if new else set(), url)
        assert (last.next is None) != (last.stop is None)
        assert last.next is None or last.next.startswith("https://s.example")
        walk = Walk.from_json(last.walk.to_json())
        assert walk == last.walk
