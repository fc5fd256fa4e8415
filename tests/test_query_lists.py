"""Lists: objects by every filter, collections in the origin's order, and their pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_cases import (
    ALICE,
    BOB,
    FOLLOW,
    NOW,
    OUTBOX,
    apply,
    clean,
    note,
    page,
    read_authors,
    store_at,
)

from fedpull.cache.open import Opened
from fedpull.cache.records import Collection, Entry, Members, ObjectFilter, Relink
from fedpull.errors import BadInput

EVENT_IRI = "https://www.w3.org/ns/activitystreams#Event"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        read_authors(store)
        yield store
        clean(store)


FILTERS: list[tuple[str, ObjectFilter, list[int]]] = [
    ("everything is newest first", ObjectFilter(), [6, 5, 4, 3, 2, 1]),
    ("by actor", ObjectFilter(actor=BOB), [6, 5]),
    ("by type", ObjectFilter(type="Event"), [6, 4]),
    (
        "by a type's full IRI",
        ObjectFilter(type="https://www.w3.org/ns/activitystreams#Event"),
        [6, 4],
    ),
    ("by actor and type", ObjectFilter(actor=BOB, type="Event"), [6]),
    ("by tag in any spelling", ObjectFilter(tag="#Cats"), [4, 3]),
    ("by tag and actor", ObjectFilter(tag="cats", actor=BOB), []),
    ("by tag and type", ObjectFilter(tag="cats", type="Event"), [4]),
    ("by what it answers", ObjectFilter(in_reply_to="https://a.example/notes/1"), [2]),
    ("by conversation", ObjectFilter(context="tag:a.example,2023:1"), [2, 1]),
    ("by follow", ObjectFilter(follow=FOLLOW), [6, 2, 1]),
    ("by follow and type", ObjectFilter(follow=FOLLOW, type="Note"), [2, 1]),
    ("by follow and actor", ObjectFilter(follow=FOLLOW, actor=ALICE), [2, 1]),
    ("since is inclusive", ObjectFilter(since=NOW - 997), [6, 5, 4, 3]),
    ("until is exclusive", ObjectFilter(until=NOW - 997), [2, 1]),
    ("a stretch of time", ObjectFilter(since=NOW - 998, until=NOW - 995), [4, 3, 2]),
    ("a stretch of time by actor", ObjectFilter(actor=ALICE, since=NOW - 997), [4, 3]),
    ("an unknown type", ObjectFilter(type="Nothing"), []),
    ("an unknown follow", ObjectFilter(follow="@who@a.example"), []),
]
CORPUS = (
    note(1, about="tag:a.example,2023:1", follow=FOLLOW),
    note(2, about="tag:a.example,2023:1", reply="https://a.example/notes/1"),
    note(3, tags=("cats", "dogs")),
    note(4, tags=("Cats",), type="Event"),
    note(5, actor=BOB),
    note(6, actor=BOB, type="Event"),
    note(ALICE, kind="actor", type="Person", actor=ALICE),
    note("https://a.example/activity", kind="activity", type="Create"),
)


@pytest.mark.parametrize("limit", [1, 2, 50], ids=["one a page", "two a page", "one page"])
@pytest.mark.parametrize(
    ("wanted", "expected"), [row[1:] for row in FILTERS], ids=[row[0] for row in FILTERS]
)
def test_objects(opened: Opened, wanted: ObjectFilter, expected: list[int], limit: int) -> None:
    """Every filter lists its objects newest first, whatever the size of the pages."""
    apply(opened, puts=CORPUS, members=page(2, "!6"))
    found: list[str] = []
    cursor: str | None = None
    while True:
        documents, cursor = opened.query.objects(wanted, limit, cursor)
        assert len(documents) <= limit
        found += [document.id for document in documents]
        if cursor is None:
            break

    assert found == [f"https://a.example/notes/{number}" for number in expected]


PUBLISHED: list[tuple[str, float | None, float]] = [
    ("as stated", NOW - 50, NOW - 50),
    ("never later than the first fetch", NOW + 1e9, NOW),
    ("the time of the fetch when none is stated", None, NOW),
    ("never before 1970", -1e12, 0.0),
]


@pytest.mark.parametrize(
    ("stated", "shown"), [row[1:] for row in PUBLISHED], ids=[row[0] for row in PUBLISHED]
)
def test_where_lists_show_an_object(opened: Opened, stated: float | None, shown: float) -> None:
    """An odd date neither hides an object nor puts it on top, and an edit does not lift it."""
    id = "https://a.example/x"
    apply(opened, puts=(note(id, published=stated),))
    apply(opened, puts=(note(id, "edited", published=stated, at=NOW + 5000),))
    documents, _ = opened.query.objects(ObjectFilter(), 10)

    assert [(document.published, b"edited" in document.body) for document in documents] == [
        (shown, True)
    ]


def test_a_cursor_of_nobody_is_an_error(opened: Opened) -> None:
    """A made-up cursor is the caller's mistake, for lists and collections."""
    apply(opened, puts=(note(1),), members=page(1))

    with pytest.raises(BadInput):
        opened.query.objects(ObjectFilter(), 1, "zzz")
    with pytest.raises(BadInput):
        opened.query.collection(OUTBOX, 1, "%%%")


def test_a_boost_is_listed_when_its_object_arrives(opened: Opened) -> None:
    """A follow lists what its outbox announced as soon as we hold it, and not before."""
    apply(opened, members=page("!5"))
    before, _ = opened.query.objects(ObjectFilter(follow=FOLLOW), 10)
    apply(opened, puts=(note(5, actor=BOB),))
    after, _ = opened.query.objects(ObjectFilter(follow=FOLLOW), 10)

    assert (before, [document.id for document in after]) == ([], [note(5).id])


def test_members_are_in_the_origins_order_over_pages(opened: Opened) -> None:
    """Pages of a first walk follow each other, and the pages of the list do, too."""
    apply(opened, members=page(9, 8, 7, first=True))
    apply(opened, members=page(6, 5, "!4", after=note(7).id))
    apply(opened, collection=Collection(OUTBOX, "ok", True, 99))
    first = opened.query.collection(OUTBOX, 4)
    assert first is not None
    rest = opened.query.collection(OUTBOX, 4, first.cursor)

    assert rest is not None
    numbers = [int(id.rpartition("/")[2]) for id in (*first.items, *rest.items)]
    assert numbers == [9, 8, 7, 6, 5, 4]
    assert (first.complete, first.total_items, first.kind) == (True, 99, "ok")
    assert rest.cursor is None
    assert opened.query.known_members(OUTBOX, [note(4).id, note(3).id]) == {note(4).id}


def test_a_collection_keeps_what_a_later_look_does_not_say(opened: Opened) -> None:
    """`complete` and the total stay as they were when an outcome has nothing to say of them."""
    apply(opened, collection=Collection(OUTBOX, "ok", True, 99))
    apply(opened, collection=Collection(OUTBOX, "ok", None, None))
    view = opened.query.collection(OUTBOX)

    assert view is not None
    assert (view.complete, view.total_items) == (True, 99)


def test_a_member_by_its_activity_becomes_its_object(opened: Opened) -> None:
    """The object takes the place of the link; twice the same object is one member."""
    links = ("https://a.example/act/1", "https://a.example/act/2", "https://a.example/act/3")
    entries = tuple(Entry(link, link) for link in links)
    apply(opened, members=Members(OUTBOX, entries, first=True, follow=FOLLOW))
    apply(
        opened,
        puts=(note(2),),
        relink=Relink(OUTBOX, links[1], Entry(note(2).id, links[1]), FOLLOW),
    )
    apply(opened, relink=Relink(OUTBOX, links[2], Entry(note(2).id, links[2]), FOLLOW))
    apply(opened, relink=Relink(OUTBOX, "https://a.example/unknown", None))
    view = opened.query.collection(OUTBOX)
    listed, _ = opened.query.objects(ObjectFilter(follow=FOLLOW), 10)
    apply(opened, relink=Relink(OUTBOX, links[0], None, FOLLOW))
    rest = opened.query.collection(OUTBOX)

    assert view is not None
    assert rest is not None
    assert view.items == (links[0], note(2).id)
    assert [document.id for document in listed] == [note(2).id]
    assert rest.items == (note(2).id,)
