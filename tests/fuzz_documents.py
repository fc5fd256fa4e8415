"""Fuzz targets that read documents: ActivityStreams, JSON-LD, pushes, collections, whole answers.

What a target is says `fuzz_targets`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from fuzz_formats import (
    HEADER_WORDS,
    HEADERS,
    NAMES,
    VALUES,
)
from fuzz_words import Words
from ingest_cases import ALICE, NOW, OUTBOX, answer, known, lease, note, prior, want

from fedpull.cache.records import Kind, Thread
from fedpull.crawler.ingest import ingest
from fedpull.crawler.protocol import activitystreams as as2
from fedpull.crawler.protocol import (
    consent,
    identity,
    inboxes,
    jsonld,
    key_documents,
    thread,
    version,
    views,
)
from fedpull.crawler.protocol.collection import read_page
from fedpull.crawler.protocol.items import read_item
from fedpull.crawler.protocol.pushed import read_pushed
from fedpull.crawler.protocol.strictjson import parse_object
from fedpull.crawler.protocol.uri import same_origin
from fedpull.crawler.protocol.walk import Walk, begin, step
from fedpull.crawler.reading import read
from fedpull.errors import BadInput, Refused

HOST = "https://social.example"
MAX_BODY = 1 << 20
ACTIVITY = "application/activity+json"

READERS: tuple[Callable[[Any], Any], ...] = (
    as2.as_list, as2.id_of, as2.ids_of, as2.types_of, as2.primary_type, as2.class_of, as2.audience,
    as2.owner, as2.published, as2.updated, as2.hashtags, as2.in_reply_to, as2.context_of,
    as2.is_tombstone, as2.moved_to, as2.also_known_as, as2.preferred_username, as2.outbox_of,
    views.name, views.content, views.summary, views.start_time, views.end_time, as2.attachments,
    as2.url, read_item,
)  # fmt: skip
ON_DOCUMENTS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    as2.is_for_all, consent.of_object, consent.of_actor, version.content_hash, inboxes.inboxes_of,
    key_documents.keys_of, lambda doc: thread.places(doc, 3),
    lambda doc: thread.replies_of(doc, ALICE),
    lambda doc: thread.listed(doc, ALICE), lambda doc: identity.foreign_owner(ALICE, doc),
    lambda doc: identity.embedded_counts(True, ALICE, HOST, doc),
    lambda doc: key_documents.find_key(doc, ALICE, f"{ALICE}#main-key"),
)  # fmt: skip


def documents(data: bytes) -> None:
    """Documents: each reader of ActivityStreams gives the same twice and raises nothing."""
    words = Words(data)
    doc = words.object(NAMES, VALUES)
    if len(json.dumps(doc)) > MAX_BODY:
        return  # the door has read no more
    for reader in READERS:
        for value in (doc, doc.get("object"), doc.get("tag")):
            assert reader(value) == reader(value)
    for of_document in ON_DOCUMENTS:
        assert of_document(doc) == of_document(doc)
    with suppress(BadInput):
        as2.check_document(doc)
    identity.decide(ALICE, words.pick(VALUES[:5]), doc)


OF_CONTEXTS = (
    "@vocab", "@language", "@protected", "@container", "@version", "@import", "@base", "@nest",
    "@set", "@index", "@json", "as", "toot", "x", "y", "x:y", "toot:Emoji", "x:", "y:x", "en",
    "http://joinmastodon.org/ns#", "https://w3id.org/security/v1", "https://gotosocial.org/ns",
    "https://w3id.org/security/data-integrity/v1", "https://w3id.org/security/multikey/v1",
)  # fmt: skip
CONTEXTS = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/multikey/v1",
    {"x": "https://x.example/#", "y": {"@id": "x:y", "@type": "@id"}, "toot": "x:toot#"},
    {"@language": "EN", "focalPoint": {"@id": "toot:focalPoint", "@container": "@list"}},
]


def json_ld(data: bytes) -> None:
    """JSON-LD: a document has one view of each form by either path, or a refusal."""
    words = Words(data)
    names, values = (*OF_CONTEXTS, *NAMES), (*OF_CONTEXTS, *VALUES)
    plain = tuple(name for name in names if not name.startswith("@"))
    own = words.object(plain, values) if words.below(2) else words.value(names, values)
    given = words.object(plain if words.below(4) else names, values)
    given |= {"@context": words.pick((own, [*CONTEXTS, own], CONTEXTS, CONTEXTS[0]))}
    if len(json.dumps(given)) > 4_000:
        return  # PyLD takes seconds for the largest
    try:
        doc = parse_object(json.dumps(given).encode())
    except BadInput:
        return
    for form in jsonld.FORMS:
        views_of_it: list[Any] = []
        for direct in (True, False):
            try:
                views_of_it.append(jsonld.view(doc, form, ALICE, direct=direct))
            except (BadInput, Refused):
                views_of_it.append(None)
        assert json.dumps(views_of_it[0]) == json.dumps(views_of_it[1])


def activities(data: bytes) -> None:
    """Pushed activities: read down to ids and words, or refused."""
    with suppress(BadInput):
        read_pushed(Words(data).value(NAMES, VALUES))


def collections(data: bytes) -> None:
    """Pages of collections: whatever they hold, a walk over them goes on or ends, within bounds."""
    words = Words(data)
    cursor = words.pick((None, f"{OUTBOX}?min_id=1"))
    walk = begin(OUTBOX, words.pick((None, 0, 40)), cursor, max_pages=50)
    url = OUTBOX
    for _ in range(4):
        page = read_page(words.object(NAMES, VALUES), url, walk.expects_page)
        assert len(page.items) <= 20_000
        ids = frozenset(item.object_id or item.activity_id or "" for item in page.items)
        walk = step(walk, page, ids, url).walk
        assert Walk.from_json(walk.to_json()) == walk
        if walk.next is None:
            return
        assert same_origin(walk.next, OUTBOX)
        url = walk.next


RELATIONS = ("item", "actor", "boost", "parent", "reply", "check", "deleted", "asked", "moved")
LISTS = ("outbox", "replies", "context")


def answers(data: bytes) -> None:
    """Whole answers: whatever status, headers and JSON come for whatever was asked, there is an
    outcome, and one that gives the lease back."""
    words = Words(data)
    kind = words.pick((Kind.DOCUMENT, Kind.PAGE, Kind.FINGER))
    relation = words.pick(LISTS if kind is Kind.PAGE else RELATIONS)
    uri = {
        Kind.DOCUMENT: words.pick((f"{ALICE}/posts/1", ALICE)),
        Kind.PAGE: OUTBOX if relation == "outbox" else f"{ALICE}/posts/1/replies",
        Kind.FINGER: f"{HOST}/.well-known/webfinger?resource=acct:alice@social.example",
    }[kind]
    if kind is Kind.FINGER:
        relation = words.pick(("actor", "confirm", "asked"))
    fields: dict[str, Any] = {"relation": relation, "depth": words.below(4)}
    if relation in ("replies", "context", "reply"):
        fields["root"] = f"{ALICE}/posts/1"
    asked = lease(want(uri, kind, **fields))
    status = words.pick((200, 200, 200, 200, 404, 410, 401, 403, 429, 500, 206, 304))
    headers = words.headers(HEADERS, HEADER_WORDS)
    document = words.object(NAMES, VALUES) | {"id": words.pick((uri, ALICE))}
    body = json.dumps(document).encode()  # NaN and halves of surrogate pairs included
    if len(body) > MAX_BODY:
        return
    types = (ACTIVITY, "application/json", "application/jrd+json")
    came = answer(uri, body, status=status, headers=headers, content_type=words.pick(types))
    spent = Thread("@alice@social.example", NOW - 1, NOW - 1, None, 1, "")
    before = prior(known(uri), known(ALICE, cls="actor"), rules={"replies": 3, "parents": 4})
    before = replace(before, root=note(1), thread=spent)
    outcome = ingest(read(asked, came), before, NOW)
    assert outcome.lease == asked


TARGETS = (documents, json_ld, activities, collections, answers)
