"""Fuzz targets that read texts: URLs, JSON, headers, robots.txt, signatures, keys, lists, HTTP.

What a target is says `fuzz_targets`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import get_args

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
from ingest_cases import ALICE, NOW

from fedpull.config.follow_files import parse_follow_file
from fedpull.crawler.answer import Accept, Ask, Lost
from fedpull.crawler.egress_hops import next_hop, plan
from fedpull.crawler.egress_response import Plan, ResponseReader
from fedpull.crawler.protocol import (
    key_documents,
    media,
    robots,
    robots_tag,
    synchronization,
)
from fedpull.crawler.protocol.blocklist import parse_blocklist, together
from fedpull.crawler.protocol.digest import check_content_digest, check_digest
from fedpull.crawler.protocol.forgotten import parse_forgotten
from fedpull.crawler.protocol.forwarded import client_address
from fedpull.crawler.protocol.handle import parse_actor, parse_handle
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
from fedpull.crawler.protocol.webfinger import agrees, confirm, read_jrd, subject_handle
from fedpull.errors import BadInput, FedpullError

ACTIVITY = "application/activity+json"
PART_WORDS = (
    f'collectionId="{ALICE}/followers"',
    f'url="{ALICE}/part"',
    f'digest="{"0" * 64}"',
    *("collectionId=", "url=", "digest=", '"', ", ", ALICE, "0" * 64, "\\"),
)
RULES = UrlRules(
    http=True,
    ports=frozenset({443, 8443}),
    local_names=("localhost", "*.lan"),
    own_origins=frozenset({"https://pull.example"}),
)


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


def redirects(data: bytes) -> None:
    """What a response says of where to go on: Location, and Link of an HTML page."""
    words = Words(data)
    ask = Ask(f"{ALICE}", accept=words.pick(get_args(Accept)), page=bool(words.below(2)))
    parts = (*URI_WORDS, "<", ">", "; ", "rel=", "alternate", '"', "type=", ACTIVITY, ", ", "\\")
    headers = words.headers(("location", "link", "content-type"), (*parts, "text/html"))
    headers.setdefault("content-type", words.pick(("text/html", ACTIVITY, "")))
    status = words.pick((200, 301, 302, 308, 304, 404))
    with suppress(Lost):
        plan(ask, status, headers, 1 << 20)
    with suppress(Lost):
        led = next_hop(ask, split(ALICE), status, headers)
        if led is not None:
            with suppress(FedpullError):
                check_url(led, RULES)


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


def parts(data: bytes) -> None:
    """FEP-8fcf's header: whether it has us, about one origin's collection, or nothing."""
    words = Words(data)
    value = words.text((*SIGNATURE_WORDS, *PART_WORDS), 20_000)
    told = synchronization.read(value, ALICE)
    assert told == synchronization.read(value, ALICE)
    if told is not None:
        assert same_origin(told.collection, told.url)
        assert told.has_us is not None or synchronization.meant(told, "yes") == "nothing"


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


def lists(data: bytes) -> None:
    """Blocklists, follow lists and the file of what is forgotten: rules or problems."""
    words = Words(data)
    name = words.pick(("list.csv", "list.txt", "list.opml"))
    text = words.text(LIST_WORDS, 1 << 15)
    together([parse_blocklist(name, text)])
    parse_follow_file(name, text)
    with suppress(BadInput):
        parse_forgotten("forgotten", text)


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


TARGETS = (
    urls,
    redirects,
    jsons,
    headers,
    robots_files,
    signatures,
    parts,
    key_files,
    webfingers,
    lists,
    responses,
)
