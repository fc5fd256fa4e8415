"""Walks over the outboxes of every server family: what they get, and what they ask for."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from protocol_boxes import (
    BOX,
    HOST,
    ActivityPubBot,
    Bovine,
    Box,
    Ghost,
    GoToSocial,
    Json,
    Lemmy,
    Mastodon,
    NodeBB,
    Onepage,
    Pleroma,
    Takahe,
    again,
    create,
    note,
    posts,
    visit,
)
from protocol_offsets import (
    BookWyrm,
    Epicyon,
    Funkwhale,
    Gancio,
    Mobilizon,
    Offset,
    Owncast,
    WordPressNew,
    WordPressOld,
    WriteFreely,
)

from fedpull.crawler.protocol.collection import read_page
from fedpull.crawler.protocol.walk import Walk, begin, resume, step, step_missing

# How many of 65 posts a server offers; the least and the most requests of a first visit, and of
# one after three new posts.
FAMILIES: dict[type[Box], tuple[int, int, int]] = {
    Mastodon: (65, 5, 2),
    Pleroma: (65, 6, 2),
    GoToSocial: (50, 9, 2),
    Offset: (65, 8, 3),
    WriteFreely: (65, 10, 3),
    BookWyrm: (65, 7, 3),
    Epicyon: (11, 3, 3),
    Funkwhale: (65, 10, 3),  # its last page names one that is missing, which is asked for twice
    WordPressNew: (65, 9, 3),
    WordPressOld: (65, 9, 3),
    Mobilizon: (65, 8, 8),
    Gancio: (65, 8, 8),
    Ghost: (65, 5, 3),
    NodeBB: (65, 6, 2),
    Takahe: (10, 1, 1),
    Owncast: (65, 3, 3),
    Bovine: (65, 9, 2),
    Onepage: (65, 8, 3),
    ActivityPubBot: (65, 2, 2),
    Lemmy: (50, 1, 1),
}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_first_visit_gets_what_is_offered(family: type[Box]) -> None:
    """A first visit gets every post that the server offers, once, and ends by itself."""
    offered, requests, _ = FAMILIES[family]
    box = family(list(range(1, 66)))

    seen = visit(box, begin(BOX, None), set())

    expected = [n for n in range(1, 66) if family is not GoToSocial or n not in GoToSocial.hidden]
    assert posts(seen.new) == expected[-offered:]
    assert len(box.requests) == requests
    assert seen.last.complete
    assert seen.last.kind == "ok"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_later_visit_gets_what_is_new(family: type[Box]) -> None:
    """A later visit gets the three new posts, and nothing else, with few requests."""
    box = family(list(range(1, 66)))
    members: set[str] = set()
    first = visit(box, begin(BOX, None), members)
    box.requests.clear()
    box.posts += [66, 67, 68]

    walk = again(first, rescan=family in (Gancio, Mobilizon))
    second = visit(box, walk, members)

    assert posts(second.new) == [66, 67, 68]
    assert len(box.requests) == FAMILIES[family][2]

    box.requests.clear()
    third = visit(box, again(second, rescan=family in (Gancio, Mobilizon)), members)
    assert third.new == [] or family is NodeBB
    assert len(box.requests) <= FAMILIES[family][2]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_an_empty_account_ends_at_once(family: type[Box]) -> None:
    """An account without posts is empty, and read with few requests."""
    box = family([])
    if family is WordPressNew:
        pytest.skip("its stand-in always lists an edit")

    seen = visit(box, begin(BOX, None), set())

    assert posts(seen.new) == []
    assert seen.last.kind == "empty" or family is NodeBB
    assert len(box.requests) <= 4


@pytest.mark.parametrize("family", [Mastodon, Pleroma, GoToSocial, NodeBB, Bovine])
def test_a_cursor_catches_up_over_many_pages(family: type[Box]) -> None:
    """After a long absence the cursor leads up page by page, and nothing is missing."""
    box = family(list(range(100, 130)))
    members: set[str] = set()
    first = visit(box, begin(BOX, None), members)
    box.posts += list(range(130, 230))

    second = visit(box, again(first), members)

    assert posts(second.new) == list(range(130, 230))
    assert second.last.walk.mode == "prev"


def test_a_cursor_survives_visits_without_news() -> None:
    """An empty page has no links; the cursor of before stays."""
    box = Mastodon(list(range(1, 66)))
    members: set[str] = set()
    seen = visit(box, begin(BOX, None), members)
    for _ in range(2):
        seen = visit(box, again(seen), members)
        assert seen.new == []
        assert seen.last.cursor == f"{BOX}?min_id=65&page=true"
    box.posts += [66, 67]

    assert posts(visit(box, again(seen), members).new) == [66, 67]


class LyingPrev(Ghost):
    """Its `prev` always leads to its first page."""

    def answer(self, q: dict[str, str]) -> Json:
        page = super().answer(q)
        if "orderedItems" in page:
            page["prev"] = f"{BOX}?cursor=now"
        return page


@pytest.mark.parametrize("family", [LyingPrev])
def test_a_cursor_that_is_none_leads_to_the_head(family: type[Box]) -> None:
    """A `prev` that only leads to what we have is given up, and the head is read."""
    box = family(list(range(1, 66)))
    members: set[str] = set()
    seen = visit(box, begin(BOX, None), members)
    assert seen.last.cursor == f"{BOX}?cursor=now"

    second = visit(box, again(seen), members)
    assert second.last.walk.mode == "head"
    assert second.last.cursor is None

    box.posts += [66, 67]
    assert posts(visit(box, again(second), members).new) == [66, 67]


def test_a_cursor_that_is_gone_leads_to_the_head() -> None:
    """404 on the cursor is not the end of the follow: the head is read."""
    walk = begin(BOX, None, f"{BOX}?min_id=7")

    back = step_missing(walk, 404)

    assert back is not None
    assert (back.next, back.walk.mode, back.cursor) == (BOX, "head", None)


@pytest.mark.parametrize("status", [200, 401, 403, 429, 500])
def test_other_statuses_say_nothing_about_the_walk(status: int) -> None:
    """Only 400, 404 and 410 mean that a page does not exist; and not for a root."""
    walk = begin(BOX, None)

    assert step_missing(replace(walk, pages=3), status) is None
    assert step_missing(walk, 404) is None


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("target", [0, 5, 25])
@pytest.mark.parametrize("rescan", [False, True])
def test_a_target_bounds_this_visit_and_the_next(
    family: type[Box], target: int, rescan: bool
) -> None:
    """A first visit stops at its target, and later ones take new posts only, not the older ones."""
    box = family(list(range(1, 66)))
    members: set[str] = set()
    first = visit(box, begin(BOX, target), members)
    horizon = min(posts(list(members)))
    pages = len(box.requests)
    box.posts += [66, 67, 68]

    second = visit(box, again(first, rescan=rescan), members)

    assert pages <= 2 + target // 5
    assert len(first.new) >= min(target, FAMILIES[family][0])
    if family is not Gancio:
        assert posts(second.new) == [66, 67, 68]
    assert min(posts(list(members))) == horizon or family is Gancio


@pytest.mark.parametrize("family", [Offset, BookWyrm, WordPressOld, Ghost, Takahe])
def test_posts_that_arrive_during_a_walk_lose_nothing(family: type[Box]) -> None:
    """New posts push others to the next page; the overlap is known, and the walk goes on."""
    box = family(list(range(1, 66)))
    members: set[str] = set()
    answer = box.answer

    def busy(q: dict[str, str]) -> Json:
        box.posts.append(100 + len(box.requests))
        return answer(q)

    box.answer = busy  # type: ignore[method-assign]
    visit(box, begin(BOX, None), members)

    if family is not Takahe:
        assert set(range(1, 66)) <= set(posts(list(members)))


def test_a_long_absence_without_a_cursor_is_caught_up() -> None:
    """Without a cursor the head is read for as long as it brings new posts, past known overlaps."""
    for family in (Offset, Ghost, BookWyrm, WordPressOld):
        box = family(list(range(1, 31)))
        members: set[str] = set()
        first = visit(box, begin(BOX, None), members)
        box.posts += range(31, 131)

        second = visit(box, again(first), members)

        assert posts(second.new) == list(range(31, 131)), family


class Likes(Ghost):
    """Lists a like on each page, and a page of nothing else before its posts."""

    def answer(self, q: dict[str, str]) -> Json:
        page = super().answer(q)
        number = len(self.requests)
        like = {"type": "Like", "id": f"{BOX}#like{number}", "object": f"{HOST}/x"}
        if q.get("cursor", "").startswith("now"):
            return {**page, "orderedItems": [like], "next": f"{BOX}?cursor=999"}
        if "orderedItems" in page:
            page["orderedItems"].insert(0, like)
        return page


def test_reactions_neither_prolong_nor_end_a_visit() -> None:
    """Likes are never kept, so they look new for ever; only posts count."""
    box = Likes(list(range(1, 66)))
    members: set[str] = set()
    first = visit(box, begin(BOX, None), members)
    assert posts(list(members)) == list(range(1, 66))
    box.requests.clear()
    box.posts.append(66)

    second = visit(box, again(first), members)

    assert posts(second.new) == [66]
    assert len(box.requests) <= 4


def test_the_page_cap_keeps_the_place() -> None:
    """A walk that its page cap stopped is not complete, and goes on from there when resumed."""
    box = Mastodon(list(range(1, 200)))
    members: set[str] = set()
    seen = visit(box, begin(BOX, None, max_pages=3), members)
    assert (seen.last.stop, seen.last.complete, len(box.requests)) == ("page cap", False, 3)

    rest = visit(box, resume(seen.last.walk), members)

    assert rest.last.complete
    assert posts(list(members)) == list(range(1, 200))


def test_a_huge_page_is_taken_in_parts() -> None:
    """No more than 200 new items are taken at once; the page is asked for again for the others."""
    box = ActivityPubBot(list(range(1, 451)))
    members: set[str] = set()
    first = visit(box, begin(BOX, None), members)

    assert (len(first.new), first.last.complete) == (450, True)
    assert box.requests.count(box.requests[-1]) == 3


def test_a_prev_on_another_origin_is_no_cursor() -> None:
    """A cursor that leads elsewhere is not kept, and the operator is told."""
    page = read_page(
        {"orderedItems": [create(1)], "prev": "https://e.example/?min_id=1"}, BOX, False
    )

    last = step(begin(BOX, None), page, {note(1)["id"]}, BOX)

    assert last.cursor is None
    assert last.refused is not None
    assert "another origin" in last.refused


@pytest.mark.parametrize(
    ("family", "ordered", "scattered"),
    [
        (Mastodon, True, False),
        (WordPressOld, True, False),
        (NodeBB, True, False),
        (Takahe, False, True),
        (Gancio, False, True),
        (Bovine, False, False),
        (ActivityPubBot, False, False),
    ],
)
def test_the_order_is_judged(family: type[Box], ordered: bool, scattered: bool) -> None:
    """A walk says whether the newest stand first, and whether new ones may stand anywhere."""
    walk = visit(family(list(range(1, 66))), begin(BOX, None), set()).last.walk

    assert (walk.ordered, walk.scattered) == (ordered, scattered)


def test_a_walk_is_a_value_that_can_be_stored() -> None:
    """Storing and reading a walk changes nothing."""
    box = Mastodon(list(range(1, 66)))
    walk = begin(BOX, 50, known=False)
    url = BOX
    for _ in range(3):
        page = read_page(box.get(url), url, walk.expects_page)
        ids = {item.object_id for item in page.items if item.object_id}
        last = step(walk, page, ids, url)
        walk, url = last.walk, last.next or BOX
        assert Walk.from_json(walk.to_json()) == walk


def test_marks_that_an_older_version_stored_are_read() -> None:
    """What an older version has visited, which it kept as lists, is not visited again."""
    walk = begin(BOX, None)
    values = orjson.loads(walk.to_json())
    for name in ("visited", "contents"):
        values[name] = values[name].split()

    assert Walk.from_json(orjson.dumps(values)) == walk
