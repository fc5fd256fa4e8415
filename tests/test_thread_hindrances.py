"""Threads where something is in the way: servers that fail, posts that are held already, what has
no URL of its own, and authors who speak for others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, HOST
from pocket import START, Pocket
from thread_cases import (
    CONTEXT,
    DAY,
    HOUR,
    ROOT,
    bobs,
    collection,
    conversation,
    paged,
    pass_by,
    person,
    post,
    posts,
    with_replies,
    world,
)

from fedpull.cache.records import Cause, Kind, Want

NOW = datetime.fromtimestamp(START, UTC).isoformat()
REPLIES = f"{ROOT}/replies"
CAROL = "https://third.example/users/carol"
THIRD = f"{CAROL}/posts/1"


@pytest.fixture
def pocket(tmp_path: Path) -> Any:
    with Pocket(tmp_path) as pocket:
        yield pocket
        pocket.sound()


def test_what_comes_to_the_end_of_a_long_conversation_is_found(pocket: Pocket) -> None:
    """Five pages of known posts are no reason to stop before the last one (FEP-f228: oldest
    first)."""
    ids = [ROOT, *(bobs(number) for number in range(1, 100))]
    pocket.pages = world(post(ROOT, context=CONTEXT, published=NOW)) | paged(CONTEXT, ids)
    pocket.pages |= posts(*range(1, 102))
    pocket.follow(ALICE, replies=2)
    pocket.run()
    pocket.pages |= paged(CONTEXT, [*ids, bobs(100), bobs(101)])
    pass_by(pocket, DAY)

    assert pocket.held(bobs(101))


def test_a_visit_that_breaks_off_is_over_and_the_next_one_begins_at_the_start(
    pocket: Pocket,
) -> None:
    """A page that fails for good takes nothing with it but what stood on it."""
    ids = [bobs(number) for number in range(1, 50)]
    pocket.pages = world(with_replies(ROOT, published=NOW)) | paged(REPLIES, ids)
    pocket.pages |= posts(*range(1, 60)) | {f"{REPLIES}?page=2": 500}
    pocket.follow(ALICE, replies=1)
    pocket.run()
    pass_by(pocket, 4 * DAY)
    pocket.pages[REPLIES] = collection(REPLIES, [*ids, bobs(55)])
    pass_by(pocket, 4 * DAY)

    assert pocket.held(bobs(55))


def test_a_thread_whose_server_is_down_for_a_day_is_read_afterwards(pocket: Pocket) -> None:
    """Nothing but the post itself would mention it again."""
    pocket.pages = world(with_replies(ROOT, published=NOW)) | posts(1) | {REPLIES: 502}
    pocket.follow(ALICE, replies=1)
    pocket.run()
    pass_by(pocket, 30 * HOUR)
    pocket.pages[REPLIES] = collection(REPLIES, [bobs(1)])
    pass_by(pocket, 4 * DAY)

    assert pocket.held(bobs(1))


def test_a_conversation_that_fails_once_is_no_mere_name(pocket: Pocket) -> None:
    """What could be read before is asked again, and not given up for the replies."""
    pocket.pages = world(with_replies(ROOT, context=CONTEXT, published=NOW)) | posts(1, 2)
    pocket.pages[CONTEXT] = conversation(CONTEXT, ROOT, bobs(1))
    pocket.follow(ALICE, replies=2)
    pocket.run()
    pocket.pages[CONTEXT] = 500
    while pocket.asked.count(CONTEXT) == 1:
        pocket.later(600.0)
    pocket.pages[CONTEXT] = conversation(CONTEXT, ROOT, bobs(1), bobs(2))
    pass_by(pocket, DAY)

    assert pocket.held(bobs(2))
    assert REPLIES not in pocket.asked


def test_where_a_post_answers_no_url_its_thread_is_read_again_all_the_same(
    pocket: Pocket,
) -> None:
    """The conversation is asked for what is above and what is below at once."""
    root = post(ROOT, context=CONTEXT, published=NOW) | {"inReplyTo": "mailto:x@y.example"}
    pocket.pages = world(root) | posts(1, 2, 3)
    pocket.pages[CONTEXT] = conversation(CONTEXT, bobs(1), ROOT, bobs(2))
    pocket.follow(ALICE, replies=2)
    pocket.run()
    assert pocket.held(bobs(2))
    pocket.pages[CONTEXT] = conversation(CONTEXT, bobs(1), ROOT, bobs(2), bobs(3))
    pass_by(pocket, DAY)

    assert pocket.held(bobs(3))


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_below_a_reply_that_is_held_already_the_thread_goes_on(pocket: Pocket, when: str) -> None:
    """Somebody asked for it before, or it comes as what another post of Alice answers."""
    again = f"{ALICE}/posts/2"
    roots = [post(again, bobs(1))] if when == "meanwhile" else []
    pocket.pages = world(*roots, with_replies(ROOT)) | {
        REPLIES: collection(REPLIES, [bobs(1)]),
        bobs(1): with_replies(bobs(1), ROOT),
        f"{bobs(1)}/replies": collection(f"{bobs(1)}/replies", [again, THIRD]),
        THIRD: post(THIRD, bobs(1)),
        CAROL: person(CAROL),
    }
    if when == "before":
        pocket.want(Want(bobs(1), Kind.DOCUMENT, Cause.ON_DEMAND, pocket.clock.now()))
        pocket.run()
    pocket.follow(ALICE, replies=2)
    pocket.run()

    assert pocket.held(THIRD)
    assert pocket.asked.count(bobs(1)) <= 2


def test_another_author_of_the_same_server_does_not_speak_for_the_first(pocket: Pocket) -> None:
    """Eve's replies, which she writes as she likes, embed a post in Alice's name."""
    eve, media = f"{HOST}/users/eve", f"{HOST}/media/eve.json"
    answer, forged = f"{eve}/posts/1", f"{ALICE}/posts/999"
    pocket.pages = world(with_replies(ROOT)) | {
        REPLIES: collection(REPLIES, [answer]),
        answer: post(answer, ROOT, replies=media),
        eve: person(eve),
        media: collection(media, [post(forged, answer, content="forged")]),
    }
    pocket.follow(ALICE, replies=3)
    pocket.run()

    assert media in pocket.asked
    assert forged in pocket.asked  # at its own URL, where there is nothing
    assert not pocket.held(forged)


def test_a_post_that_is_shown_without_its_audience_is_asked_for(pocket: Pocket) -> None:
    """A collection that shortens its items says nothing of whom they are for: what is held stays,
    the rest is looked at where it lives."""
    held, new = f"{ALICE}/posts/2", f"{ALICE}/posts/3"
    short = [
        {key: value for key, value in post(id, ROOT).items() if key != "to"} for id in (held, new)
    ]
    pocket.pages = world(post(held), with_replies(ROOT)) | {new: post(new, ROOT)}
    pocket.pages[REPLIES] = collection(REPLIES, short)
    pocket.follow(ALICE, replies=1)
    pocket.run()

    assert pocket.held(held)
    assert pocket.held(new)


def test_replies_that_a_post_lists_itself_are_asked_for(pocket: Pocket) -> None:
    """Pleroma names the author's own in a collection that has no URL; once."""
    own = f"{ALICE}/posts/2"
    pocket.pages = world(post(ROOT, replies={"type": "Collection", "items": [own, ROOT]}))
    pocket.pages |= {own: post(own, ROOT)}
    pocket.follow(ALICE, replies=1)
    pocket.run()
    pass_by(pocket, 2 * HOUR)

    assert pocket.held(own)
    assert pocket.asked.count(own) == 1
    assert pocket.listed(ALICE) == [ROOT]


def test_the_comments_of_a_video_are_its_conversation(pocket: Pocket) -> None:
    """PeerTube lists all of them in one collection."""
    comments = f"{ROOT}/comments"
    pocket.pages = world(post(ROOT, type="Video", comments=comments)) | posts(1)
    pocket.pages[comments] = collection(comments, [bobs(1)])
    pocket.follow(ALICE, replies=1)
    pocket.run()

    assert pocket.held(bobs(1))
