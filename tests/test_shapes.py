"""The JSON shapes hold what was promised, and `why` has words for every state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_cases import HOST, NOW, Store, known, note

from fedpull.cache import shapes
from fedpull.cache.records import (
    Attempt,
    Change,
    CheckReport,
    CollectionView,
    Finding,
    Follow,
    Host,
    State,
    Totals,
    Version,
)
from fedpull.cache.spans import ahead, span
from fedpull.cache.verbs import Pulled, Running
from fedpull.cache.why import why

# The promised fields, in the words of the interface; more may be added, none may go.
ITEM = "id type actor published updated fetched_at verified_at verified_by freshness state document"
REFERENCE = (
    "id state class fetched_at verified_at next_check interval etag last_modified updated "
    "content_hash verified_by freshness failures last_error signature robots consent why log"
)
PROMISED: dict[str, tuple[Any, str]] = {
    "list": (shapes.listing([]), "items next"),
    "reference": (shapes.reference(known(), NOW), REFERENCE),
    "attempt": (shapes.attempt(Attempt(NOW, "new", 200, "stored")), "at cause status outcome"),
    "collection": (
        shapes.collection(CollectionView("https://a.example/", (), None, True, 3, "ok")),
        "id items next complete total_items kind",
    ),
    "change": (
        shapes.change(Change(1, "created", "https://a.example/", None, None, NOW, None)),
        "seq kind id actor type at reason",
    ),
    "version": (
        shapes.version(Version(NOW, None, b"\1", b"{}")),
        "fetched_at updated content_hash document",
    ),
    "follow": (
        shapes.follow(Follow("@a@a.example")),
        "actor handle name outbox objects last_success last_error next_check interval subscribed",
    ),
    "host": (
        shapes.host(Host("a.example:443", "ok", None, 0, None, 3)),
        "host state until failures last_error software signature requests",
    ),
    "status": (
        shapes.status(Totals(), Running("1", 1.0, 0, True)),
        "version uptime references documents follows due in_flight store budget",
    ),
    "status.store": (
        shapes.status(Totals(), Running("1", 1.0, 0, True))["store"],
        "bytes max_bytes read_only",
    ),
    "status.budget": (
        shapes.status(Totals(), Running("1", 1.0, 0, True))["budget"],
        "limit used",
    ),
    "pull": (shapes.pulled([]), "actors"),
    "pull.actors": (
        shapes.pulled([Pulled("@a@a.example")])["actors"][0],
        "actor new updated deleted requests complete error",
    ),
    "consent": (shapes.reference(known(), NOW)["consent"], "verdict evidence"),
    "check": (
        shapes.check(CheckReport(1, 1, 1, (Finding("ref", "x", "y"),))),
        "references documents index_entries findings",
    ),
}


@pytest.mark.parametrize("name", PROMISED)
def test_promised_fields(name: str) -> None:
    """Every field of the interface stands in its shape, and the shape is JSON."""
    shape, promised = PROMISED[name]

    assert set(promised.split()) <= set(shape)
    json.loads(shapes.dumps(shape))


def test_an_item_holds_the_document_as_it_was_served(tmp_path: Any) -> None:
    """The bytes of the origin stand in a list item unchanged, spaces and big numbers included."""
    store = Store(tmp_path)
    body = note(1, votersCount=2**70, name="Grüße")
    store.put(body)
    document = store.query.document(body["id"])
    assert document is not None

    item = shapes.item(document, store.query.reference(body["id"]), NOW + 1)
    text = shapes.dumps(item)

    assert set(ITEM.split()) <= set(item)
    assert document.body in text
    assert json.loads(text)["document"] == body
    assert item["type"] == ["Note"]
    assert item["freshness"] == "fresh"
    assert shapes.item(document, store.query.reference(body["id"]), NOW + 600)["freshness"] == (
        "stale"
    )
    store.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00Z"),
        (1_780_000_000.0, "2026-05-28T20:26:40Z"),
        (1_780_000_000.25, "2026-05-28T20:26:40.250000Z"),
        (-5.0, "1970-01-01T00:00:00Z"),
        (1e18, "9999-12-31T23:59:59Z"),
    ],
)
def test_times(seconds: float | None, text: str | None) -> None:
    """Times are RFC 3339 in UTC, whatever number a server made up."""
    assert shapes.time(seconds) == text


@pytest.mark.parametrize(
    ("record", "freshness", "sentence"),
    [
        pytest.param(
            known(),
            "fresh",
            "Fresh: its origin served it 1 hour ago; the next check is due in 1 hour.",
            id="fresh",
        ),
        pytest.param(
            known(verified_by="304"),
            "fresh",
            "Fresh: its origin confirmed it unchanged 1 hour ago; the next check is due in 1 hour.",
            id="confirmed by a 304",
        ),
        pytest.param(
            known(verified_by="embedded", enclosing=f"{HOST}/outbox?page=2"),
            "fresh",
            f"Fresh: it came embedded in an answer of its origin ({HOST}/outbox?page=2) 1 hour "
            "ago; the next check is due in 1 hour.",
            id="embedded",
        ),
        pytest.param(
            known(next_check=NOW - 7200.0),
            "stale",
            "Stale: its origin served it 1 hour ago, and the next check has been due for 2 hours.",
            id="stale",
        ),
        pytest.param(
            known(next_check=None),
            "stale",
            "Stale: its origin served it 1 hour ago, and no check is planned.",
            id="never to be checked",
        ),
        pytest.param(
            known(failures=3, last_error="status 500"),
            "fresh",
            "Fresh: its origin served it 1 hour ago; the next check is due in 1 hour. Since then 3 "
            "attempts failed in a row (status 500).",
            id="held but failing",
        ),
        pytest.param(
            known(state=State.FAILED, fetched_at=None, failures=1, last_error="status 500"),
            None,
            "Not held: an attempt failed (status 500). It is looked at again in 1 hour.",
            id="failed",
        ),
        pytest.param(
            known(state=State.GONE, reason="tombstone", next_check=None),
            None,
            "Gone: its origin left a Tombstone in its place.",
            id="gone",
        ),
        pytest.param(
            known(state=State.REFUSED, reason="audience", next_check=None),
            None,
            "Refused: it is not addressed to everybody (as:Public).",
            id="refused",
        ),
        pytest.param(
            known(state=State.REDIRECTED, target=f"{HOST}/notes/2"),
            None,
            f"Another name for {HOST}/notes/2.",
            id="redirected",
        ),
        pytest.param(
            known(state=State.UNKNOWN, fetched_at=None, next_check=None),
            None,
            "Known, but not fetched yet.",
            id="unknown",
        ),
    ],
)
def test_why(record: Any, freshness: str | None, sentence: str) -> None:
    """Every state is told in a sentence, and only what is held is fresh or stale."""
    assert shapes.freshness(record, NOW) == freshness
    assert why(record, NOW) == sentence


def test_every_state_has_words() -> None:
    """No state leaves `why` without an answer."""
    assert all(why(known(state=state), NOW).endswith(".") for state in State)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "a moment"),
        (1, "1 second"),
        (119, "2 minutes"),
        (7200, "2 hours"),
        (864_000, "10 days"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    """Lengths of time are told in their largest unit."""
    assert span(seconds) == text


def test_what_is_due_is_due_now() -> None:
    """A time that has come is `now`, not a moment ahead."""
    assert ahead(NOW, NOW) == "now"
    assert ahead(NOW + 60, NOW) == "in 1 minute"
