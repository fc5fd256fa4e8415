"""Looking again at what is held: conditional requests, what counts as a change, and hostile values.

The ladder: 304, then an equal hash of what matters, then `updated`, then the hash. Nothing that a
server claims lasts longer than its clamp.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ACTIVITY, ALICE, OUTBOX, actor, answer, create, note
from pocket import Pocket

from fedpull.cache.records import Cause, Kind, Lease, Reference, Want
from fedpull.crawler.answer import Answer
from fedpull.crawler.asking import asks

POST = f"{ALICE}/posts/1"
DAY = 86_400.0
Serve = Callable[[Lease], Any]


def look(pocket: Pocket, uri: str = POST, after: float = 60.0) -> Reference:
    """Ask for it now, as a person does."""
    pocket.clock.at += after
    pocket.want(Want(uri, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
    while pocket.step():
        pass
    found = pocket.opened.query.reference(uri)
    assert found is not None
    return found


def served(document: dict[str, Any], **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(document["id"], document, content_type=ACTIVITY, headers=names)


def validated(document: dict[str, Any], asked: list[str | None], etag: str = '"1"') -> Serve:
    """A server that answers 304 to its own ETag, and notes what it was sent."""

    def serve(lease: Lease) -> Any:
        asked.append(asks(lease).etag)
        return 304 if asks(lease).etag == etag else served(document, etag=etag)

    return serve


def content(pocket: Pocket, uri: str = POST) -> Any:
    document = pocket.opened.query.document(uri)
    return None if document is None else document.json.get("content")


def kinds(pocket: Pocket, uri: str = POST) -> list[str]:
    return [change.kind for change in pocket.opened.query.changes(0) if change.id == uri]


@pytest.mark.parametrize("etag", ['"1"', 'W/"abc-1"', "unquoted", '"' + "x" * 250 + '"'])
def test_validators_are_sent_back_byte_for_byte(tmp_path: Path, etag: str) -> None:
    """A 304 to them renews what is held; it is neither a change nor a version."""
    asked: list[str | None] = []
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = validated(note(), asked, etag)
        look(pocket)
        renewed = look(pocket)

        assert asked == [None, etag]
        assert (renewed.verified_by, renewed.verified_at) == ("304", pocket.clock.at)
        assert kinds(pocket) == ["created"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"etag": '"' + "x" * 65_536 + '"'}, id="an ETag of 64 KB"),
        pytest.param({"etag": '"\x01"'}, id="an ETag with a control character"),
        pytest.param({"etag": '"\xe9"'}, id="an ETag that is not ASCII"),
        pytest.param({"etag": ""}, id="an empty ETag"),
        pytest.param({"last_modified": "Sun, " * 40}, id="a Last-Modified of 200 bytes"),
    ],
)
def test_validators_that_are_no_use_are_not_kept(tmp_path: Path, headers: dict[str, str]) -> None:
    """The document is stored as any other, and asked for in full the next time."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = served(note(), **headers)
        known = look(pocket)
        pocket.want(Want(POST, Kind.DOCUMENT, Cause.ON_DEMAND, 0.0))
        [lease] = pocket.lease()

        assert (known.state, known.etag, known.last_modified) == ("resolved", None, None)
        assert not asks(lease).conditional


def test_an_etag_that_changes_each_time_tells_nothing(tmp_path: Path) -> None:
    """Where the content is equal nothing has changed, whatever the headers say."""
    counter = iter(range(1000))
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = lambda lease: served(note(likes=7), etag=f'"{next(counter)}"')
        for _ in range(5):
            known = look(pocket)

        assert kinds(pocket) == ["created"]
        assert pocket.opened.query.history(POST) == []
        assert (known.verified_by, known.etag) == ("get", '"4"')


def test_a_304_that_nobody_asked_for_is_a_failure(tmp_path: Path) -> None:
    """Without a validator there was no question that 304 could answer."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = note()
        held = look(pocket)
        pocket.pages[POST] = 304
        known = look(pocket)

        assert known.verified_at == held.verified_at
        assert known.failures == 1
        assert "304" in (known.last_error or "")
        assert content(pocket) == "post 1"


def test_a_304_may_bring_new_validators(tmp_path: Path) -> None:
    """RFC 9111, 4.3.4: what a 304 says of the copy takes the place of what was known."""

    def serve(lease: Lease) -> Answer:
        if asks(lease).conditional:
            return answer(POST, b"", status=304, headers={"etag": '"2"'})
        return served(note(), etag='"1"')

    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = serve
        look(pocket)

        assert look(pocket).etag == '"2"'


def test_once_in_thirty_days_it_is_asked_for_in_full(tmp_path: Path) -> None:
    """A server that says 304 for ever hides an edit for so long, and no longer."""
    asked: list[str | None] = []
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = validated(note(), asked)
        look(pocket)
        pocket.pages[POST] = validated(note(content="edited"), asked)
        for _ in range(29):
            look(pocket, after=DAY)
        assert content(pocket) == "post 1"
        look(pocket, after=2 * DAY)

        assert asked == [None, *['"1"'] * 29, None]
        assert content(pocket) == "edited"


EDITS = {
    "a later `updated`": ("2026-09-02T10:00:00Z", "2026-09-03T10:00:00Z", True),
    "an earlier `updated`": ("2026-09-03T10:00:00Z", "2026-09-02T10:00:00Z", False),
    "no `updated` at all (Misskey)": (None, None, True),
    "`updated` for the first time": (None, "2026-09-02T10:00:00Z", True),
    "after one in the year 9999": ("9999-12-31T23:59:59Z", "2026-09-02T10:00:00Z", True),
    "one in the year 9999": ("2026-09-02T10:00:00Z", "9999-12-31T23:59:59Z", True),
    "after one that is no date": ("soon", "2026-09-02T10:00:00Z", True),
    "after one before 1970": ("0001-01-01T00:00:00Z", "2026-09-02T10:00:00Z", True),
}


@pytest.mark.parametrize(("was", "now", "taken"), EDITS.values(), ids=EDITS)
def test_edits_are_versions_unless_they_are_older(
    tmp_path: Path, was: str | None, now: str | None, taken: bool
) -> None:
    """An older `updated` overwrites nothing; one that lies ahead blocks nothing."""

    def dated(stamp: str | None, text: str) -> dict[str, Any]:
        return note(content=text) | ({"updated": stamp} if stamp else {})

    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = dated(was, "first")
        look(pocket)
        pocket.pages[POST] = dated(now, "second")
        look(pocket)

        assert content(pocket) == ("second" if taken else "first")
        assert kinds(pocket) == (["created", "updated"] if taken else ["created"])
        assert len(pocket.opened.query.history(POST)) == int(taken)


def test_what_lies_ahead_a_little_is_a_clock_that_is_wrong(tmp_path: Path) -> None:
    """Up to a day ahead `updated` is believed, so that an old copy does not come back."""
    with Pocket(tmp_path) as pocket:
        soon = "2026-09-21T20:00:00Z"  # the clock stands at 2026-09-21T14:14:20Z
        pocket.pages[POST] = note(content="new", updated=soon)
        look(pocket)
        pocket.pages[POST] = note(content="old", updated="2026-09-02T10:00:00Z")
        look(pocket)

        assert content(pocket) == "new"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"cache_control": "max-age=3153600000"}, id="max-age of a century"),
        pytest.param({"age": "3153600000"}, id="Age of a century"),
        pytest.param({"date": "Fri, 31 Dec 9999 23:59:59 GMT"}, id="a Date in the year 9999"),
        pytest.param({"last_modified": "Fri, 31 Dec 9999 23:59:59 GMT"}, id="modified in 9999"),
        pytest.param({"last_modified": "Thu, 01 Jan 1970 00:00:00 GMT"}, id="modified in 1970"),
        pytest.param({"cache_control": "max-age=-1, s-maxage=x"}, id="a max-age that is none"),
    ],
)
def test_hostile_values_change_nothing_beyond_their_clamp(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    """The next check lies within its bounds, and an edit is found no later than a month after."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = served(note(), **headers)
        known = look(pocket)
        assert known.next_check is not None
        assert 60 <= known.next_check - pocket.clock.at <= 30 * DAY
        pocket.pages[POST] = served(note(content="edited"), **headers)
        pocket.run()
        pocket.later(30 * DAY)

        assert content(pocket) == "edited"


def test_an_outbox_that_is_one_page_is_asked_conditionally(tmp_path: Path) -> None:
    """A static site serves all its items with an ETag: what is unchanged costs no body."""
    outbox = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": OUTBOX,
        "type": "OrderedCollection",
        "orderedItems": [create(2), create(1)],
    }
    asked: list[str | None] = []
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(), OUTBOX: validated(outbox, asked)}
        pocket.follow(ALICE, every={"min": "1h", "max": "1h"})
        pocket.run()
        pocket.later(3600)
        follow = pocket.opened.query.follow(ALICE)
        assert follow is not None
        assert follow.last_success == pocket.clock.at
        pocket.pages[OUTBOX] = validated(
            outbox | {"orderedItems": [create(3), create(2), create(1)]}, asked, '"2"'
        )
        pocket.later(3600)
        pocket.later(3600)

        assert asked == [None, '"1"', '"1"', '"2"']
        assert len(pocket.listed(ALICE)) == 3


def test_an_outbox_that_says_304_for_ever_is_read_in_full_one_day(tmp_path: Path) -> None:
    """As for documents: once in thirty days nothing is said to be held."""
    outbox = {"id": OUTBOX, "type": "OrderedCollection", "orderedItems": [create(1)]}
    asked: list[str | None] = []
    with Pocket(tmp_path) as pocket:
        pocket.pages |= {ALICE: actor(), OUTBOX: validated(outbox, asked)}
        pocket.follow(ALICE, every={"min": "7d", "max": "7d"})
        pocket.run()
        pocket.pages[OUTBOX] = validated(outbox | {"orderedItems": [create(2)]}, asked)
        for _ in range(7):
            pocket.later(7 * DAY)

        assert None in asked[1:]
        assert f"{ALICE}/posts/2" in pocket.listed(ALICE)


def test_a_root_that_only_names_its_pages_says_nothing_of_them(tmp_path: Path) -> None:
    """Its validators are not used: the pages change and it does not."""
    root = {"id": OUTBOX, "type": "OrderedCollection", "first": f"{OUTBOX}?page=1"}
    asked: list[str | None] = []
    with Pocket(tmp_path) as pocket:
        first = {"id": f"{OUTBOX}?page=1", "type": "OrderedCollectionPage", "partOf": OUTBOX}
        pocket.pages |= {
            ALICE: actor(),
            OUTBOX: validated(root, asked),
            f"{OUTBOX}?page=1": first | {"orderedItems": [create(1)]},
        }
        pocket.follow(ALICE, every={"min": "1h", "max": "1h"})
        pocket.run()
        pocket.pages[f"{OUTBOX}?page=1"] = first | {"orderedItems": [create(2), create(1)]}
        pocket.later(3600)

        assert asked == [None, None]
        assert len(pocket.listed(ALICE)) == 2
