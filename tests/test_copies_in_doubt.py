"""Copies of which the origin says several things: which one is kept, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, OUTBOX, actor, answer, create, note
from pocket import Pocket

from fedpull.cache.records import Cause, Kind, Want

POST = f"{ALICE}/posts/1"
HOURLY = {"min": "1h", "max": "1h"}
DAY = 86_400.0
SENT = create(1)
EDIT = create(1, content="edited", updated="2026-09-02T10:00:00Z") | {
    "id": f"{POST}/edit",
    "type": "Update",
}


def look(pocket: Pocket, after: float = 60.0) -> None:
    """Ask for it now, as a person does."""
    pocket.clock.at += after
    pocket.want(Want(POST, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
    while pocket.step():
        pass


def outbox(*items: Any, **more: Any) -> dict[str, Any]:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": OUTBOX,
        "type": "OrderedCollection",
        "orderedItems": list(items),
    } | more


def followed(pocket: Pocket, *items: Any, **more: Any) -> None:
    pocket.pages |= {ALICE: actor(), OUTBOX: outbox(*items, **more)}
    pocket.follow(ALICE, every=HOURLY)
    pocket.run()


def content(pocket: Pocket) -> Any:
    document = pocket.opened.query.document(POST)
    return None if document is None else document.json.get("content")


def told(pocket: Pocket) -> list[tuple[str, str | None]]:
    changes = pocket.opened.query.changes(0, 5_000)
    return [(change.kind, change.reason) for change in changes if change.id == POST]


def test_a_page_from_a_cache_takes_no_edit_back(tmp_path: Path) -> None:
    """No `updated` says which one is older, but the page's Age does."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, SENT)
        pocket.pages[POST] = note(content="edited")
        look(pocket)
        pocket.pages[OUTBOX] = answer(OUTBOX, outbox(create(2), SENT), headers={"age": "7200"})
        pocket.later(3600)
        assert content(pocket) == "edited"
        pocket.pages[OUTBOX] = outbox(create(2), create(1, content="once more"))
        pocket.later(3600)

        assert content(pocket) == "once more"
        assert told(pocket) == [("created", None), ("updated", None), ("updated", None)]


def test_what_a_clock_that_was_ahead_has_verified_blocks_no_edit(tmp_path: Path) -> None:
    """A copy that was verified next year is no reason to take this year's for old."""
    with Pocket(tmp_path) as pocket:
        pocket.clock.at += 365 * DAY
        followed(pocket, SENT)
        pocket.clock.at -= 365 * DAY
        headers = {"age": "7200"}
        pocket.pages[POST] = answer(POST, note(content="edited"), headers=headers)
        look(pocket)

        assert content(pocket) == "edited"


def test_a_post_as_it_was_sent_takes_no_edit_back(tmp_path: Path) -> None:
    """An outbox that lists the edit on one page, and on the next what it edits, without dates."""
    below = f"{OUTBOX}?page=2"
    with Pocket(tmp_path) as pocket:
        pocket.pages[below] = outbox(SENT, id=below, type="OrderedCollectionPage", partOf=OUTBOX)
        followed(pocket, EDIT, create(2), next=below)

        assert content(pocket) == "edited"
        assert told(pocket) == [("created", None)]


def test_what_is_listed_as_it_was_does_not_put_off_the_next_look(tmp_path: Path) -> None:
    """A page that shows an older version every hour verifies nothing: the post itself is asked."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, SENT)
        pocket.pages[POST] = EDIT["object"]
        look(pocket)
        again = {"content": "again", "updated": "2026-09-03T10:00:00Z"}
        pocket.pages[POST] = EDIT["object"] | again
        asked = [url for _ in range(24 * 30) for url in pocket.later(3600)]

        assert 1 <= asked.count(POST) <= 60
        assert content(pocket) == "again"


def test_validators_go_with_the_body_that_they_came_with(tmp_path: Path) -> None:
    """What a page embeds takes the place of the body: a 304 would speak of the one before."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, SENT)
        pocket.pages[POST] = answer(POST, note(), headers={"etag": '"1"'})
        look(pocket)
        pocket.pages[OUTBOX] = outbox(create(1, content="edited"))
        pocket.later(3600)
        known = pocket.opened.query.reference(POST)

        assert known is not None
        assert known.etag is None
        assert content(pocket) == "edited"


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(note(published="2026-09-05T10:00:00Z"), id="born on another day"),
        pytest.param(note(id=f"{ALICE}/q/1"), id="says that its id is another"),
    ],
)
def test_what_its_origin_does_not_serve_any_more_goes_in_the_end(
    tmp_path: Path, served: dict[str, Any]
) -> None:
    """The copy may be right, and is kept for as long as what cannot be verified."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages |= {POST: served, served["id"]: served}
        for _ in range(25):
            pocket.later(DAY)
        assert content(pocket) == "post 1"
        for _ in range(25):
            pocket.later(DAY)

        assert not pocket.held(POST)
        assert told(pocket) == [("created", None), ("deleted", "unverified")]
        assert pocket.asked.count(POST) <= 20
        pocket.sound()


def test_a_server_in_disorder_loses_nothing(tmp_path: Path) -> None:
    """For days every URL answers with the actor of the server; then all is as it was."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        look(pocket)
        pocket.pages |= {POST: actor(), ALICE: actor()}
        for _ in range(3):
            look(pocket, after=DAY)
        assert content(pocket) == "post 1"
        pocket.pages[POST] = note(content="edited")
        for _ in range(14):
            pocket.later(DAY)

        assert content(pocket) == "edited"
        assert pocket.state(POST) == "resolved"


def test_two_ways_to_write_a_post_do_not_take_turns(tmp_path: Path) -> None:
    """A page that embeds it in another form than its own URL serves is no edit at every visit."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, create(1, sensitive=False))
        pocket.pages[POST] = note()
        for _ in range(5):
            look(pocket)
            pocket.later(3600)
        assert told(pocket) == [("created", None), ("updated", None)]
        pocket.pages[OUTBOX] = outbox(create(1, sensitive=False, content="edited"))
        pocket.later(3600)

        assert content(pocket) == "edited"


def test_an_edit_that_no_page_shows_is_found(tmp_path: Path) -> None:
    """An outbox that lists what was sent, for ever: after a month the post is asked for itself."""
    with Pocket(tmp_path) as pocket:
        followed(pocket, SENT)
        pocket.pages[POST] = EDIT["object"]
        asked = [url for _ in range(24 * 62) for url in pocket.later(3600)]

        assert content(pocket) == "edited"
        assert asked.count(POST) <= 4


def test_what_a_page_brought_meanwhile_is_not_failed(tmp_path: Path) -> None:
    """A request that fails says nothing of a copy that came while it was under way."""
    with Pocket(tmp_path) as pocket:
        pocket.want(Want(POST, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        [lease] = pocket.lease()
        pocket.pages[POST] = 500
        failed = pocket.outcome(lease)
        followed(pocket, SENT)
        pocket.settle(lease, failed)

        assert pocket.state(POST) == "resolved"
