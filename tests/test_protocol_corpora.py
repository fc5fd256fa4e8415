"""Documents of real servers, and deliberately odd ones, where the collection of them is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedpull.crawler.protocol import activitystreams as as2
from fedpull.crawler.protocol.collection import read_page
from fedpull.crawler.protocol.handle import parse_handle
from fedpull.crawler.protocol.identity import Drop, Store, decide
from fedpull.crawler.protocol.strictjson import parse, parse_with_items
from fedpull.crawler.protocol.version import content_hash
from fedpull.crawler.protocol.walk import begin, step
from fedpull.crawler.protocol.webfinger import Confirmed, confirm, read_jrd

CORPORA = Path(__file__).parent.parent.parent / "shared" / "corpora"
CAPTURES = CORPORA / "captures"

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif(not CORPORA.is_dir(), reason="the collection of documents is not there"),
]

# What each capture of an outbox holds: its kind, items, verbs, and which links it has.
OUTBOXES = {
    "activitypub-bot/outbox": ("ok", 0, set(), "first"),
    "activitypub-bot/outbox-page-first": ("ok", 134, {"Link"}, ""),
    "bookwyrm/outbox": ("ok", 0, set(), "first"),
    "bookwyrm/outbox-page-first": ("ok", 15, {"Bare"}, "next"),
    "bookwyrm/outbox-page-second": ("ok", 15, {"Bare"}, "next prev"),
    "bookwyrm/outbox-page-last": ("ok", 8, {"Bare"}, "prev"),
    "bovine/outbox": ("ok", 0, set(), "first"),
    "bovine/outbox-page-first": ("ok", 10, {"Link"}, "next prev"),
    "bovine/outbox-page-second": ("ok", 10, {"Link"}, "next prev"),
    "bovine/outbox-page-last": ("empty", 0, set(), ""),
    "epicyon/outbox": ("ok", 0, set(), "first next prev"),
    "epicyon/outbox-page-first": ("ok", 11, {"Create"}, ""),
    "fedify/outbox": ("ok", 0, set(), "first"),
    "fedify/outbox-page-first": ("ok", 20, {"Create"}, "next"),
    "gancio/outbox": ("ok", 0, set(), "first"),
    "gancio/outbox-page-first": ("ok", 10, {"Create"}, "next"),
    "gancio/outbox-page-second": ("ok", 10, {"Create"}, "next prev"),
    "gancio/outbox-page-last": ("ok", 3, {"Create"}, "prev"),
    "onepage/outbox": ("ok", 0, set(), "first"),
    "onepage/outbox-page-first": ("ok", 10, None, "next"),
    "onepage/outbox-page-second": ("ok", 10, None, "next prev"),
    "onepage/outbox-page-last": ("ok", 20, None, "prev"),
    "takahe/outbox": ("ok", 10, {"Bare"}, ""),
}


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_bytes())
    return found


@pytest.mark.parametrize("name", OUTBOXES)
def test_captured_outboxes(name: str) -> None:
    """Every captured outbox and page is read: items with ids, links, and a next step."""
    kind, count, verbs, links = OUTBOXES[name]
    capture = load(name)
    as_page = "-page-" in name
    body = json.dumps(capture["json"]).encode()

    parsed = parse_with_items(body)
    page = read_page(parsed.value, capture["url"], requested_as_page=as_page)

    assert (page.kind, len(page.items)) == (kind, count)
    assert verbs is None or {item.verb for item in page.items} == verbs
    assert " ".join(one for one in ("first", "next", "prev") if getattr(page, one)) == links
    assert page.broken == ()
    assert page.dropped == 0
    for item in page.items:
        assert item.object_id or item.activity_id
        if item.object is not None:
            source = parsed.slice(item.object)
            assert source is not None
            assert json.loads(source) == item.object
            as2.check_terms(item.object)


@pytest.mark.parametrize("server", sorted({name.partition("/")[0] for name in OUTBOXES}))
def test_captured_outboxes_lead_on(server: str) -> None:
    """From each captured root the walk goes to the page that was captured as its first."""
    root = load(f"{server}/outbox")
    page = read_page(root["json"], root["url"], requested_as_page=False)
    new = {item.object_id for item in page.items if item.object_id}

    after = step(begin(root["url"], None), page, new, root["url"])

    if server == "takahe":
        assert (after.stop, after.complete, len(after.take)) == ("end", True, 10)
    else:
        assert after.next == load(f"{server}/outbox-page-first")["url"]


@pytest.mark.parametrize("server", sorted({name.partition("/")[0] for name in OUTBOXES}))
def test_captured_actors(server: str) -> None:
    """Each captured actor is stored under its id, confirmed by WebFinger, and has an outbox."""
    actor, finger = load(f"{server}/actor"), load(f"{server}/webfinger")
    handle = parse_handle(finger["url"].partition("resource=")[2])
    found = read_jrd(finger["json"], handle)

    assert decide(found.actor, actor["url"], actor["json"]) == Store(found.actor)
    assert confirm(handle, found, actor["json"]) == Confirmed()
    assert as2.class_of(actor["json"]) == "actor"
    assert as2.outbox_of(actor["json"]) == load(f"{server}/outbox")["url"]
    as2.check_terms(actor["json"])


@pytest.mark.parametrize("server", ["bookwyrm", "fedify", "gancio", "takahe"])
def test_captured_items_are_the_objects_themselves(server: str) -> None:
    """An embedded object hashes as the object does when it is fetched by its id."""
    page = load(f"{server}/outbox" if server == "takahe" else f"{server}/outbox-page-first")
    alone = load(
        f"{server}/activity-0" if server in ("bookwyrm", "takahe") else f"{server}/object-0"
    )
    first = read_page(page["json"], page["url"], requested_as_page=True).items[0]

    assert first.object is not None
    assert first.object_id == as2.id_of(alone["json"])
    assert content_hash(first.object) == content_hash(alone["json"])


def _all_documents() -> list[Path]:
    return sorted(CORPORA.rglob("*.json")) if CORPORA.is_dir() else []


def test_every_document_is_read_without_an_error() -> None:
    """All documents, the odd ones too, are read by every reader without raising anything."""
    count = 0
    for path in _all_documents():
        body = path.read_bytes()
        value = parse(body)
        if isinstance(value, dict) and isinstance(value.get("json"), dict):
            value = value["json"]
        if not isinstance(value, dict):
            continue
        count += 1
        as2.check_terms(value)
        verdict = decide(as2.id_of(value) or "", as2.id_of(value) or "", value)
        assert not isinstance(verdict, Drop) or verdict.reason
        content_hash(value)
        read_page(value, "https://a.example/", requested_as_page=False)
        for doc in (value, value.get("object")):
            for read in (
                as2.class_of, as2.audience, as2.owner, as2.published, as2.updated, as2.hashtags,
                as2.in_reply_to, as2.context_of, as2.name, as2.content, as2.summary,
                as2.attachments, as2.url, as2.preferred_username, as2.outbox_of,
            ):  # fmt: skip
                read(doc)

    assert count > 900


def test_odd_activities_keep_their_objects() -> None:
    """Each odd activity is an item that leads to its object, if that has an id at all."""
    for path in sorted((CORPORA / "odd-inputs" / "activity").glob("*.json")):
        activity = parse(path.read_bytes())
        page = read_page({"orderedItems": [activity]}, "https://a.example/", requested_as_page=True)

        assert [item.object_id for item in page.items] == [as2.id_of(activity["object"])], path.name
