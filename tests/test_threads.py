"""Threads of followed posts: what is read of them, and from where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC
from pocket import Pocket
from thread_cases import (
    BOB,
    BOB_HOST,
    CONTEXT,
    DAY,
    ROOT,
    Pages,
    bobs,
    collection,
    conversation,
    fetches,
    person,
    post,
    with_replies,
    world,
)

from fedpull.crawler.protocol import thread


@pytest.fixture
def pocket(tmp_path: Path) -> Any:
    with Pocket(tmp_path) as pocket:
        yield pocket
        pocket.sound()


def test_replies_are_read_level_by_level_to_the_depth_of_the_follow(pocket: Pocket) -> None:
    """Two levels of replies are kept, the third is not even asked for."""
    one, two, three = bobs(1), bobs(2), bobs(3)
    pocket.pages = world(with_replies(ROOT)) | {
        f"{ROOT}/replies": collection(f"{ROOT}/replies", [one]),
        one: with_replies(one, ROOT),
        f"{one}/replies": collection(f"{one}/replies", [two]),
        two: with_replies(two, one),
        f"{two}/replies": collection(f"{two}/replies", [three]),
        three: post(three, two),
    }
    pocket.follow(ALICE, replies=2)
    pocket.run()

    assert [pocket.held(id) for id in (ROOT, one, two, three)] == [True, True, True, False]
    assert f"{two}/replies" not in pocket.asked
    assert pocket.members(f"{ROOT}/replies") == [one]
    assert pocket.listed(ALICE) == [ROOT]


def test_no_replies_are_read_unless_the_follow_says_so(pocket: Pocket) -> None:
    """By default nobody's replies are asked for."""
    pocket.pages = world(with_replies(ROOT))
    pocket.follow(ALICE)
    pocket.run()

    assert pocket.asked == [ALICE, OUTBOX]
    assert fetches(pocket) == 0


def test_the_collection_that_mastodon_embeds_is_read_to_its_last_page(pocket: Pocket) -> None:
    """Own replies stand on a first page without an id, those of others on the page after it."""
    url = f"{ROOT}/replies"
    own, others = f"{ALICE}/posts/2", bobs(1)
    first = {"type": "CollectionPage", "next": f"{url}?page=2", "partOf": url, "items": [own]}
    replies = {"id": url, "type": "Collection", "first": first}
    pocket.pages = world(post(ROOT, replies=replies)) | {
        url: replies,
        f"{url}?page=2": {"id": f"{url}?page=2", "type": "CollectionPage", "items": [others]},
        own: post(own, ROOT),
        others: post(others, ROOT),
    }
    pocket.follow(ALICE, replies=1)
    pocket.run()

    assert pocket.held(own)
    assert pocket.held(others)
    assert pocket.members(url) == [own, others]


@pytest.mark.parametrize("name", ["context", "contextHistory"])
def test_a_conversation_in_one_collection_spares_asking_each_post(
    pocket: Pocket, name: str
) -> None:
    """All levels come from the conversation; no post is asked for its own replies (FEP-f228)."""
    one, two = bobs(1), bobs(2)
    pocket.pages = world(with_replies(ROOT, **{name: CONTEXT})) | {
        CONTEXT: conversation(CONTEXT, ROOT, one, two),
        one: with_replies(one, ROOT),
        two: with_replies(two, one),
    }
    pocket.follow(ALICE, replies=2)
    pocket.run()

    assert pocket.held(one)
    assert pocket.held(two)
    assert [url for url in pocket.asked if url.endswith("/replies")] == []
    assert pocket.asked.count(ROOT) == 0  # it came with the outbox


def test_one_level_of_replies_comes_from_the_post_itself(pocket: Pocket) -> None:
    """A whole conversation is more than was asked for."""
    pocket.pages = world(with_replies(ROOT, context=CONTEXT)) | {
        CONTEXT: conversation(CONTEXT, ROOT, bobs(1), bobs(2)),
        f"{ROOT}/replies": collection(f"{ROOT}/replies", [bobs(1)]),
        bobs(1): post(bobs(1), ROOT),
    }
    pocket.follow(ALICE, replies=1)
    pocket.run()

    assert pocket.held(bobs(1))
    assert CONTEXT not in pocket.asked


@pytest.mark.parametrize(
    "there",
    [
        pytest.param(404, id="nothing"),
        pytest.param(500, id="an error"),
        pytest.param(post(CONTEXT), id="a post"),
        pytest.param(collection(CONTEXT, []), id="an empty collection"),
        pytest.param({"id": CONTEXT, "type": "Collection", "totalItems": 3}, id="a stub"),
    ],
)
def test_where_the_context_is_no_conversation_the_replies_are_read(
    pocket: Pocket, there: Any
) -> None:
    """A context may be a mere name; then the replies are read post by post."""
    pocket.pages = world(with_replies(ROOT, context=CONTEXT)) | {
        CONTEXT: there,
        f"{ROOT}/replies": collection(f"{ROOT}/replies", [bobs(1)]),
        bobs(1): post(bobs(1), ROOT),
    }
    pocket.follow(ALICE, replies=2)
    pocket.run()

    assert pocket.held(bobs(1))
    assert pocket.asked.count(CONTEXT) == 1


def test_activities_of_a_conversation_lead_to_their_posts(pocket: Pocket) -> None:
    """Created, added or announced by a group: the post counts; likes and deletions do not."""
    ids = [bobs(number) for number in range(1, 7)]

    def act(verb: str, of: Any) -> dict[str, Any]:
        actor = {"actor": BOB, "to": PUBLIC}
        return {"id": f"{BOB}/acts/{verb}/{len(str(of))}", "type": verb, "object": of} | actor

    items = [
        act("Create", ids[0]),
        act("Add", act("Create", ids[1])),
        act("Announce", act("Create", ids[2])),
        act("Like", ids[3]),
        act("Announce", ids[4]),
        act("Delete", ids[5]),
    ]
    pocket.pages = world(post(ROOT, context=CONTEXT)) | {
        CONTEXT: conversation(CONTEXT, *items),
        **{id: post(id, ROOT) for id in ids},
    }
    pocket.follow(ALICE, replies=3)
    pocket.run()

    assert [pocket.held(id) for id in ids] == [True, True, True, False, False, False]


def test_embedded_replies_count_only_where_their_origin_and_author_serve_them(
    pocket: Pocket,
) -> None:
    """The author's own reply is taken from the page; another author's and another origin's are
    asked for, and what the page says they are counts for nothing."""
    own, neighbour, stranger = f"{ALICE}/posts/2", f"{HOST}/users/eve/posts/1", bobs(1)
    embedded = [
        post(id, ROOT, content="forged" if id != own else "own")
        for id in (own, neighbour, stranger)
    ]
    pocket.pages = world(with_replies(ROOT)) | {
        f"{ROOT}/replies": collection(f"{ROOT}/replies", embedded),
        neighbour: post(neighbour, ROOT),
        stranger: 404,
        f"{HOST}/users/eve": person(f"{HOST}/users/eve"),
    }
    pocket.follow(ALICE, replies=1)
    pocket.run()

    assert pocket.held(own)
    assert own not in pocket.asked
    document = pocket.opened.query.document(neighbour)
    assert document is not None
    assert document.json["content"] == neighbour
    assert not pocket.held(stranger)
    assert stranger in pocket.asked


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"replies": f"{BOB_HOST}/replies"}, id="replies elsewhere"),
        pytest.param({"context": f"{BOB_HOST}/contexts/1"}, id="a context elsewhere"),
        pytest.param({"context": "tag:social.example,2026:1"}, id="a context that is a tag"),
        pytest.param({"replies": "http://127.0.0.1:8787/v1/status"}, id="replies inside"),
        pytest.param({"replies": {"first": {"next": 7}}}, id="replies without any link"),
        pytest.param({"replies": ROOT, "context": ROOT}, id="the post itself"),
        pytest.param({"replies": 5, "context": [], "contextHistory": {}}, id="nonsense"),
    ],
)
def test_no_thread_is_looked_for_where_the_post_cannot_vouch_for_it(
    pocket: Pocket, more: dict[str, Any]
) -> None:
    """A post speaks for its own origin; it cannot send us to another one."""
    pocket.pages = world(post(ROOT, **more))
    pocket.follow(ALICE, replies=3)
    pocket.run()

    assert pocket.asked == [ALICE, OUTBOX]


def test_a_conversation_is_read_where_the_post_that_is_answered_lives(pocket: Pocket) -> None:
    """Alice answered Bob on a server that offers no replies: his server keeps the conversation."""
    context = f"{BOB_HOST}/contexts/9"
    pocket.pages = world(post(ROOT, bobs(1), context=context)) | {
        context: conversation(context, bobs(1), ROOT, bobs(2)),
        bobs(1): post(bobs(1)),
        bobs(2): post(bobs(2), ROOT),
    }
    pocket.follow(ALICE, replies=2)
    pocket.run()

    assert pocket.held(bobs(2))


def test_a_conversation_is_read_once_for_all_posts_in_it(pocket: Pocket) -> None:
    """Alice goes on below her own post: both name the same conversation."""
    second = f"{ALICE}/posts/2"
    pocket.pages = world(
        with_replies(ROOT, context=CONTEXT), with_replies(second, ROOT, context=CONTEXT)
    ) | {
        CONTEXT: conversation(CONTEXT, ROOT, second, bobs(1)),
        bobs(1): post(bobs(1), second),
    }
    pocket.follow(ALICE, replies=2)
    pocket.run()

    assert pocket.held(bobs(1))
    assert pocket.asked.count(CONTEXT) == 1
    assert pocket.asked.count(f"{second}/replies") == 0
    now = pocket.clock.now()
    assert pocket.opened.query.threads(ROOT, now) == pocket.opened.query.threads(second, now) != ()


def chain(length: int) -> Pages:
    """Alice answers a post that answers a post..."""
    posts = {bobs(n): post(bobs(n), bobs(n + 1)) for n in range(1, length)}
    return world(post(ROOT, bobs(1))) | posts


def test_parents_are_resolved_so_far_up_and_no_further(pocket: Pocket) -> None:
    """Four levels are four requests, and one for who wrote them."""
    pocket.pages = chain(50)
    pocket.follow(ALICE, parents=4)
    pocket.run()

    assert [pocket.held(bobs(n)) for n in range(1, 7)] == [True] * 4 + [False] * 2
    assert fetches(pocket) == 5


def test_an_endless_chain_of_parents_ends_with_the_thread(pocket: Pocket) -> None:
    """However many levels were configured, a thread has its number of requests."""
    pocket.pages = chain(700)
    pocket.follow(ALICE, parents=1000)
    pocket.run(2_000)

    assert fetches(pocket) == thread.MAX_FETCHES


def test_posts_that_answer_each_other_in_a_circle_are_asked_for_once(pocket: Pocket) -> None:
    """A cycle of inReplyTo ends where it is closed."""
    pocket.pages = world(post(ROOT, bobs(1))) | {
        bobs(1): post(bobs(1), bobs(2)),
        bobs(2): post(bobs(2), ROOT),
    }
    pocket.follow(ALICE, parents=100)
    pocket.run()

    assert sorted(pocket.asked) == sorted([ALICE, OUTBOX, BOB, bobs(1), bobs(2)])


def test_a_parent_that_is_held_is_not_asked_again(pocket: Pocket) -> None:
    """Two answers to one post cost one request for it."""
    pocket.pages = world(post(ROOT, bobs(1)), post(f"{ALICE}/posts/2", bobs(1))) | {
        bobs(1): post(bobs(1))
    }
    pocket.follow(ALICE)
    pocket.run()

    assert pocket.asked.count(bobs(1)) == 1


@pytest.mark.parametrize(
    ("answers", "there"),
    [
        pytest.param(bobs(2), 403, id="it may not be read"),
        pytest.param(["mailto:bob@elsewhere.example"], None, id="it has no URL"),
    ],
)
def test_where_a_parent_cannot_be_had_the_conversation_shows_what_is_above(
    pocket: Pocket, answers: Any, there: Any
) -> None:
    """The beginning and what stands just before the post, and nothing that comes after it."""
    pocket.pages = world(post(ROOT, answers, context=CONTEXT)) | {
        CONTEXT: conversation(CONTEXT, bobs(1), bobs(2), bobs(3), ROOT, bobs(4)),
        **{bobs(n): post(bobs(n)) for n in (1, 3, 4)},
        bobs(2): there or post(bobs(2)),
    }
    pocket.follow(ALICE, parents=2)
    pocket.run()

    assert [pocket.held(bobs(n)) for n in (1, 3, 4)] == [True, True, False]
    # That was all: it is no collection of replies, which a pull would read again.
    assert pocket.opened.query.threads_due(ALICE, pocket.clock.now() + DAY) == []
