"""Threads of followed posts: what is read of them, from where, how often, and where it ends."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from struct import Struct
from typing import Any

import pytest
from ingest_cases import ALICE, HOST, OUTBOX, PUBLIC, actor
from pocket import Pocket

from fedpull.cache import threads
from fedpull.cache.intern import known_id
from fedpull.cache.queue_layout import Row
from fedpull.cache.records import Cause, Kind, Want
from fedpull.cache.work import Work
from fedpull.crawler.protocol import thread

BOB_HOST = "https://elsewhere.example"
BOB = f"{BOB_HOST}/users/bob"
ROOT = f"{ALICE}/posts/1"
HOUR, DAY = 3_600.0, 86_400.0
Pages = dict[str, Any]


def post(id: str, answers: str | None = None, **more: Any) -> dict[str, Any]:
    """A post whose author is who its id says, answering another one."""
    author = id.rpartition("/posts/")[0]
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": id,
        "type": "Note",
        "attributedTo": author,
        "to": PUBLIC,
        "content": id,
        "published": "2026-09-21T10:00:00Z",
        "inReplyTo": answers,
    }
    return document | more


def person(id: str) -> dict[str, Any]:
    return {"id": id, "type": "Person", "inbox": f"{id}/inbox", "outbox": f"{id}/outbox"}


def collection(id: str, items: list[Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "OrderedCollection", "orderedItems": items} | more


def world(*roots: dict[str, Any], **others: Any) -> Pages:
    """Alice, who has posted these; and Bob, elsewhere."""
    creates = [
        {"id": f"{root['id']}#create", "type": "Create", "actor": ALICE, "to": PUBLIC}
        | {"object": {key: value for key, value in root.items() if key != "@context"}}
        for root in roots
    ]
    return {
        ALICE: actor(),
        OUTBOX: collection(OUTBOX, creates),
        BOB: person(BOB),
        **{root["id"]: root for root in roots},
        **others,
    }


def bobs(number: int) -> str:
    return f"{BOB}/posts/{number}"


def with_replies(id: str, answers: str | None = None, **more: Any) -> dict[str, Any]:
    return post(id, answers, replies=f"{id}/replies", **more)


@pytest.fixture
def pocket(tmp_path: Path) -> Any:
    with Pocket(tmp_path) as pocket:
        yield pocket
        pocket.sound()


def fetches(pocket: Pocket) -> int:
    follow = pocket.opened.query.follow(ALICE)
    assert follow is not None
    return follow.thread_fetches


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


def conversation(url: str, *items: Any) -> dict[str, Any]:
    return collection(url, list(items), attributedTo=ALICE)


CONTEXT = f"{HOST}/contexts/1"


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


# What bounds a thread


def endless(url: str) -> Any:
    """A collection whose every page has ten new replies and a next page."""

    def serve(lease: Any) -> dict[str, Any]:
        number = int(lease.url.rpartition("=")[2]) if "page=" in lease.url else 0
        items = [bobs(1000 + 10 * number + nth) for nth in range(10)]
        return collection(lease.url, items, next=f"{url}?page={number + 1}")

    return serve


def endlessly(pocket: Pocket, replies: int = 5) -> None:
    url = f"{ROOT}/replies"
    pages: Pages = {f"{url}?page={number}": endless(url) for number in range(1, 100)}
    posts = {bobs(number): post(bobs(number), ROOT) for number in range(1000, 2000)}
    pocket.pages = world(with_replies(ROOT)) | pages | posts | {url: endless(url)}
    pocket.follow(ALICE, replies=replies)


def test_an_endless_thread_costs_a_bounded_number_of_requests(pocket: Pocket) -> None:
    """Whatever its pages say, a thread gets its number of requests, and its follow is told."""
    endlessly(pocket)
    pocket.run(2_000)
    [known] = pocket.opened.query.threads(ROOT, pocket.clock.now())

    assert len(pocket.asked) - 2 <= thread.MAX_FETCHES
    assert known.fetched == fetches(pocket) == thread.MAX_FETCHES
    assert known.over == "size"
    assert pocket.opened.query.threads_due(ALICE, pocket.clock.now() + 3 * DAY) == []
    assert promoted(pocket, f"{ROOT}/replies") is None


def test_replies_of_replies_count_for_the_post_they_all_hang_on(pocket: Pocket) -> None:
    """A tree that branches for ever is one thread with one number of requests."""

    def serve(lease: Any) -> dict[str, Any]:
        id = lease.url
        if id.endswith("/replies"):
            base = id.removesuffix("/replies").partition("/posts/")[2]
            return collection(id, [bobs(int(f"{base}{nth}")) for nth in range(3)])
        number = id.rpartition("/")[2]
        return with_replies(id, bobs(int(number[:-1] or 0)))

    class Everything(dict[str, Any]):
        def get(self, url: str, default: Any = None) -> Any:
            return super().get(url, serve if url.startswith(BOB + "/posts") else default)

    pocket.pages = Everything(world(with_replies(ROOT)))
    pocket.pages[f"{ROOT}/replies"] = collection(f"{ROOT}/replies", [bobs(1)])
    pocket.follow(ALICE, replies=1000)
    pocket.run(2_000)

    assert len(pocket.asked) - 2 <= thread.MAX_FETCHES


def promoted(pocket: Pocket, uri: str) -> Want | None:
    """What the refresh loop queues when it is a collection's turn."""

    def job(work: Work) -> Want | None:
        id = known_id(work, uri)
        return None if id is None else threads.listing_want(work, id, pocket.clock.now())

    return pocket.opened.store._writer.submit(job).result()


def refresh(pocket: Pocket, uri: str) -> list[str]:
    """Let the refresh loop ask for a thread's collection; what was asked of that thread."""
    again = promoted(pocket, uri)
    assert again is not None
    pocket.want(again)
    return [url for url in pocket.run() if url != OUTBOX]


def quiet(pocket: Pocket, published: str = "2026-09-21T10:00:00Z") -> str:
    """A thread with one reply, read once."""
    url = f"{ROOT}/replies"
    pocket.pages = world(with_replies(ROOT, published=published)) | {
        url: collection(url, [bobs(1)]),
        **{bobs(number): post(bobs(number), ROOT) for number in range(1, 9)},
    }
    pocket.follow(ALICE, replies=2, every={"min": "1s", "max": "90d"})
    pocket.run()
    return url


def test_a_thread_is_left_alone_for_longer_the_older_it_is(pocket: Pocket) -> None:
    """A quarter of its age, and no less than fifteen minutes, lie between two visits."""
    url = quiet(pocket)
    pocket.pages[url] = collection(url, [bobs(1), bobs(2)])
    age = pocket.clock.now() - 1_789_984_800.0

    assert refresh(pocket, url) == []
    pocket.clock.at += age / 4 + 1
    assert refresh(pocket, url) == [url, bobs(2)]
    pocket.clock.at += age / 4 + 1
    assert refresh(pocket, url) == []
    assert thread.pause(0.0) == 15 * 60.0


def test_an_old_thread_is_read_once_and_then_left_alone(pocket: Pocket) -> None:
    """What was published long ago is completed at first sight, and not looked at any more."""
    url = quiet(pocket, published="2020-01-01T00:00:00Z")
    assert pocket.held(bobs(1))
    pocket.clock.at += 40 * DAY
    now = pocket.clock.now()

    assert pocket.opened.query.threads_due(ALICE, now) == []
    [known] = pocket.opened.query.threads(ROOT, now)
    assert known.over == "age"
    assert promoted(pocket, url) is None
    assert url in pocket.asked


def test_a_pull_reads_the_threads_whose_pause_is_over(pocket: Pocket) -> None:
    """Who pulls gets the new replies as well, but not more often than the pause lets him."""
    url = quiet(pocket)
    assert pocket.opened.query.threads_due(ALICE, pocket.clock.now()) == []
    pocket.clock.at += DAY
    [due] = pocket.opened.query.threads_due(ALICE, pocket.clock.now())

    assert (due.uri, due.relation, due.root, due.depth) == (url, "replies", ROOT, 2)


def test_nothing_is_asked_for_the_threads_of_who_is_not_followed_any_more(pocket: Pocket) -> None:
    """With the follow its threads are forgotten; what was kept stays."""
    url = quiet(pocket)
    pocket.unfollow(ALICE)
    pocket.clock.at += DAY

    assert pocket.opened.query.threads(ROOT, pocket.clock.now()) == ()
    assert promoted(pocket, url) is None
    assert pocket.held(bobs(1))


# Upwards


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


# Read again, and on demand


def test_the_refresh_loop_reads_a_young_thread_again_and_again_ever_less_often(
    pocket: Pocket,
) -> None:
    """A reply that comes later is found; the pauses between two visits grow with the age."""
    start = pocket.clock.now()
    published = datetime.fromtimestamp(start, UTC).isoformat()
    url = quiet(pocket, published=published)
    visits = []
    for step in range(6 * 24 * 2):
        pocket.clock.at = start + 600.0 * (step + 1)
        if step == 70:
            pocket.pages[url] = collection(url, [bobs(1), bobs(2)])
        pocket.run()
        visits += [pocket.clock.now()] * pocket.asked.count(url)
        pocket.asked.clear()
    ages = [at - start for at in visits]

    assert len(ages) >= 4
    assert all(next - age >= 0.9 * thread.pause(age) for age, next in pairwise(ages))
    assert pocket.held(bobs(2))


def ask(pocket: Pocket, uri: str, depth: int) -> list[str]:
    """As `fetch --depth` does."""
    pocket.want(Want(uri, Kind.DOCUMENT, Cause.ON_DEMAND, pocket.clock.now(), depth=depth))
    return pocket.run(2_000)


def test_on_demand_the_replies_are_read_as_deep_as_was_asked(pocket: Pocket) -> None:
    """One level: the direct replies, and what the post itself names; nothing is counted for any
    follow."""
    one, two = bobs(1), bobs(2)
    pocket.pages = world() | {
        ROOT: with_replies(ROOT),
        f"{ROOT}/replies": collection(f"{ROOT}/replies", [one]),
        one: with_replies(one, ROOT),
        f"{one}/replies": collection(f"{one}/replies", [two]),
        two: post(two, one),
    }
    ask(pocket, ROOT, 1)

    assert pocket.held(one)
    assert not pocket.held(two)
    pocket.clock.at += DAY
    ask(pocket, ROOT, 2)

    assert pocket.held(two)
    assert pocket.held(BOB)


def test_on_demand_a_thread_is_bounded_as_well(pocket: Pocket) -> None:
    """Whoever asks for an endless thread gets its number of requests, and more an hour later."""
    endlessly(pocket)
    pocket.unfollow(ALICE)
    asked = ask(pocket, ROOT, 3)

    assert len(asked) <= thread.MAX_FETCHES + 1
    assert len(pocket.later(2 * HOUR)) == 0
    assert len(ask(pocket, ROOT, 3)) > 1


def test_without_depth_no_replies_are_asked_for(pocket: Pocket) -> None:
    """A plain fetch is one request."""
    pocket.pages = world() | {ROOT: with_replies(ROOT)}

    assert ask(pocket, ROOT, 0) == [ROOT]


def test_rows_of_the_queue_hold_a_root_only_where_there_is_one() -> None:
    """What was queued before there were threads reads as it did; with a root, both survive."""
    plain = Row(b"somehost", 2, 1.5, relation=b"item", flags=Row.SCHEDULED)
    rooted = Row(b"somehost", 2, 1.5, relation=b"reply", root=b"post-one")
    before = Struct(">8sBd8sdHHB").pack(b"somehost", 2, 1.5, bytes(8), 0.0, 0, 0, 2) + b"item"

    assert plain.pack() == before
    assert Row.unpack(before) == plain
    assert Row.unpack(rooted.pack()) == rooted
