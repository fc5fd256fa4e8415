"""What is fuzzed: every reader of what strangers send, as a function of bytes that must not fail.

A target calls readers as the program does and checks what must hold of any input: they end, they
raise nothing but what their callers catch, and they say the same twice. It has no opinion on what
an input means; the tests of each reader do. `test_fuzz.py` runs the targets under hypothesis,
`fuzz_run.py` under atheris.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

from fuzz_formats import (
    HEADER_WORDS,
    HEADERS,
    JSON_WORDS,
    LIST_WORDS,
    NAMES,
    ROBOT_WORDS,
    SIGNATURE_NAMES,
    SIGNATURE_WORDS,
    URI_WORDS,
    VALUES,
    WIRE_WORDS,
)
from fuzz_words import Words
from ingest_cases import ALICE, NOW, OUTBOX, answer, known, lease, note, prior, want

from fedpull.cache.records import Kind, Thread
from fedpull.config.follow_files import parse_follow_file
from fedpull.crawler.answer import Accept, Ask, Lost
from fedpull.crawler.egress_hops import next_hop, plan
from fedpull.crawler.egress_response import Plan, ResponseReader
from fedpull.crawler.ingest import ingest
from fedpull.crawler.protocol import activitystreams as as2
from fedpull.crawler.protocol import (
    consent,
    identity,
    inboxes,
    jsonld,
    key_documents,
    media,
    robots,
    robots_tag,
    thread,
    version,
    views,
)
from fedpull.crawler.protocol.blocklist import parse_blocklist, together
from fedpull.crawler.protocol.collection import read_page
from fedpull.crawler.protocol.digest import check_content_digest, check_digest
from fedpull.crawler.protocol.forgotten import parse_forgotten
from fedpull.crawler.protocol.forwarded import client_address
from fedpull.crawler.protocol.handle import parse_actor, parse_handle
from fedpull.crawler.protocol.items import read_item
from fedpull.crawler.protocol.pushed import read_pushed
from fedpull.crawler.protocol.rate_limits import announced, retry_after
from fedpull.crawler.protocol.signatures import (
    Rejected,
    SignedRequest,
    confirms,
    examine,
    fingerprint,
)
from fedpull.crawler.protocol.signed_request import Fault
from fedpull.crawler.protocol.strictjson import BadJson, parse_object, parse_with_items
from fedpull.crawler.protocol.times import http_date, rfc3339
from fedpull.crawler.protocol.uri import UrlRules, canonical, check_url, same_origin, shown, split
from fedpull.crawler.protocol.walk import Walk, begin, step
from fedpull.crawler.protocol.webfinger import agrees, confirm, read_jrd, subject_handle
from fedpull.crawler.reading import read
from fedpull.errors import BadInput, FedpullError, Refused

Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {}


def target(check: Target) -> Target:
    TARGETS[check.__name__] = check
    return check


HOST = "https://social.example"
MAX_BODY = 1 << 20
RULES = UrlRules(
    http=True,
    ports=frozenset({443, 8443}),
    local_names=("localhost", "*.lan"),
    own_origins=frozenset({"https://pull.example"}),
)


@target
def urls(data: bytes) -> None:
    """URLs and handles: one canonical form, which leads where the text led."""
    text = Words(data).text(URI_WORDS, 10_000)
    assert len(shown(text)) <= 1_300
    with suppress(BadInput):
        parse_handle(text)
    with suppress(BadInput):
        parse_actor(text)
    with suppress(FedpullError):
        check_url(text, RULES)
    try:
        once = canonical(text)
    except BadInput:
        return
    before, after = split(text), split(once)
    assert canonical(once) == once
    assert (before.host, before.port, before.target) == (after.host, after.port, after.target)
    assert before.target.isascii()
    assert before.netloc.isascii()


@target
def redirects(data: bytes) -> None:
    """What a response says of where to go on: Location, and Link of an HTML page."""
    words = Words(data)
    ask = Ask(f"{ALICE}", accept=words.pick(get_args(Accept)), page=bool(words.below(2)))
    parts = (*URI_WORDS, "<", ">", "; ", "rel=", "alternate", '"', "type=", as2_type(), ", ", "\\")
    headers = words.headers(("location", "link", "content-type"), (*parts, "text/html"))
    headers.setdefault("content-type", words.pick(("text/html", as2_type(), "")))
    status = words.pick((200, 301, 302, 308, 304, 404))
    with suppress(Lost):
        plan(ask, status, headers, 1 << 20)
    with suppress(Lost):
        led = next_hop(ask, split(ALICE), status, headers)
        if led is not None:
            with suppress(FedpullError):
                check_url(led, RULES)


def as2_type() -> str:
    return "application/activity+json"


@target
def jsons(data: bytes) -> None:
    """JSON text as it comes: both readers agree, and with the standard library's."""
    words = Words(data)
    body = (
        words.rest()
        if words.below(2)
        else words.text(JSON_WORDS, 1 << 17).encode("utf-8", "replace")
    )
    try:
        value = parse_object(body)
    except BadJson:
        try:
            parse_with_items(body)
        except BadJson:
            return
        raise AssertionError("one reader takes what the other refuses") from None
    assert parse_with_items(body).value == value
    assert json.loads(body.decode("utf-8-sig")) == value


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


@target
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


@target
def json_ld(data: bytes) -> None:
    """JSON-LD: a document has one view of each form by either path, or a refusal."""
    words = Words(data)
    names, values = (*OF_CONTEXTS, *NAMES), (*OF_CONTEXTS, *VALUES)
    plain = tuple(name for name in names if not name.startswith("@"))
    own = words.object(plain, values) if words.below(2) else words.value(names, values)
    given = words.object(plain if words.below(4) else names, values)
    given |= {"@context": words.pick((own, [*CONTEXTS, own], CONTEXTS, CONTEXTS[0]))}
    if len(json.dumps(given)) > 20_000:
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


@target
def activities(data: bytes) -> None:
    """Pushed activities: read down to ids and words, or refused."""
    with suppress(BadInput):
        read_pushed(Words(data).value(NAMES, VALUES))


@target
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


@target
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
    types = (as2_type(), "application/json", "application/jrd+json")
    came = answer(uri, body, status=status, headers=headers, content_type=words.pick(types))
    spent = Thread("@alice@social.example", NOW - 1, NOW - 1, None, 1, "")
    before = prior(known(uri), known(ALICE, cls="actor"), rules={"replies": 3, "parents": 4})
    before = replace(before, root=note(1), thread=spent)
    outcome = ingest(read(asked, came), before, NOW)
    assert outcome.lease == asked


@target
def headers(data: bytes) -> None:
    """Header fields of answers: types, times, validators, waiting times, directives."""
    words = Words(data)
    told = words.headers(HEADERS, HEADER_WORDS)
    text = words.text(HEADER_WORDS, 8_192)
    for reader in (media.is_activity, media.is_json, media.is_jrd, robots_tag.directives):
        assert reader(text) == reader(text)
    wait = retry_after(told, NOW)
    assert wait is None or 1 <= wait <= media.DAY
    for window in announced(told, NOW):
        assert 0 < window.reset <= media.DAY
        assert 0 <= window.remaining <= (window.quota or window.remaining)
    assert media.not_before(told, NOW, media.DAY) <= NOW + 2 * media.DAY
    assert 0 <= (media.max_age(told) or 0) <= 366 * media.DAY
    assert media.age(told) >= 0
    media.clock_apart(told, NOW)
    etag, modified = media.validators(told)
    for one in (etag, modified):
        assert one is None or one.isprintable()
    for when in (media.last_modified(told, NOW), rfc3339(text), http_date(text)):
        assert when is None or abs(when) < 1e12
    for check in (check_digest, check_content_digest):
        with suppress(Fault):
            check(text, b"{}")
    client_address("192.0.2.1", text, ())


@target
def robots_files(data: bytes) -> None:
    """robots.txt, or what is served as one: rules, and a ruling for any path."""
    words = Words(data)
    body = (
        words.text(ROBOT_WORDS, 1 << 19).encode("utf-8", "surrogateescape")
        if words.below(2)
        else words.raw(2_000)
    )
    rules = robots.parse(body)
    path = "/" + words.text(("a", "/", "users", "%2A", "?", "*", "$", "%"), 2_048)
    assert rules.judge(path) == rules.judge(path)
    again = robots.rules(rules.agent, list(rules.lines), rules.delay)
    assert again.judge(path).allowed == rules.judge(path).allowed


@target
def signatures(data: bytes) -> None:
    """Signed requests: a claim that no key confirms, or a refusal."""
    words = Words(data)
    sent = tuple(
        (words.pick(SIGNATURE_NAMES), words.text(SIGNATURE_WORDS, 20_000))
        for _ in range(words.below(8))
    )
    method, path = words.pick(("POST", "GET", "")), words.pick(("/inbox", "/inbox?a=1", "*", ""))
    request = SignedRequest(method, path, sent, words.raw())
    claim = examine(request, "https://pull.example", NOW)
    if isinstance(claim, Rejected):
        assert claim.status in (400, 401)
        return
    assert fingerprint(claim) == fingerprint(claim)
    for key in key_documents.keys_of({"id": ALICE, "publicKey": []}):
        assert not confirms(claim, key, NOW)


@target
def key_files(data: bytes) -> None:
    """Documents with keys: found by id, believed on nobody's word but the owner's."""
    words = Words(data)
    doc = {"id": ALICE, "type": "Person", **words.object(NAMES, VALUES)}
    doc["publicKey"] = words.value(NAMES, VALUES)
    doc["assertionMethod"] = words.value(NAMES, VALUES)
    asked = words.pick((f"{ALICE}#main-key", ALICE, f"{ALICE}/key"))
    key_documents.keys_of(doc)
    key_documents.key_url(words.text(URI_WORDS, 10_000))
    found = key_documents.find_key(doc, ALICE, asked)
    if isinstance(found, key_documents.OwnerWanted):
        key_documents.confirm_key(found, doc, ALICE)


@target
def webfingers(data: bytes) -> None:
    """WebFinger answers: a link to an actor by https, or nothing."""
    words = Words(data)
    handle = parse_handle("alice@social.example")
    with suppress(FedpullError):
        finger = read_jrd(words.value(NAMES, (*VALUES, *URI_WORDS)), handle)
        assert finger.actor.startswith("https://")
        subject_handle(finger)
        agrees(handle, ALICE, finger)
        confirm(handle, finger, words.object(NAMES, VALUES))


@target
def lists(data: bytes) -> None:
    """Blocklists, follow lists and the file of what is forgotten: rules or problems."""
    words = Words(data)
    name = words.pick(("list.csv", "list.txt", "list.opml"))
    text = words.text(LIST_WORDS, 1 << 15)
    together([parse_blocklist(name, text)])
    parse_follow_file(name, text)
    with suppress(BadInput):
        parse_forgotten("forgotten", text)


@target
def responses(data: bytes) -> None:
    """The bytes of a response: read to its end, or lost, and never more than the limit of it."""
    words = Words(data)
    got = ResponseReader(lambda status, told: Plan(1_000, cut=False))
    with suppress(Lost):
        for _ in range(words.below(40)):
            piece = words.pick(WIRE_WORDS) if words.below(4) else words.raw()
            got.feed(piece * (1 + words.below(3)))
        got.eof()
        assert got.complete
    assert len(got.body) <= 1_000
