"""Who is who: handles, WebFinger both ways, ids of answers, versions of documents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.handle import Handle, parse_actor, parse_handle
from fedpull.crawler.protocol.identity import Drop, FetchId, Store, decide, embedded_counts
from fedpull.crawler.protocol.version import Stamp, content_hash, supersedes
from fedpull.crawler.protocol.webfinger import (
    AskAlso,
    Confirmed,
    Finger,
    NotConfirmed,
    agrees,
    confirm,
    finger_url,
    read_jrd,
)
from fedpull.errors import BadInput, Unreachable

ALICE = Handle("alice", "a.example")
ACTOR = "https://a.example/users/alice"

HANDLES = {
    "with an at sign": ("@alice@a.example", "@alice@a.example"),
    "without": ("alice@a.example", "@alice@a.example"),
    "as account": ("acct:alice@a.example", "@alice@a.example"),
    "of a group": ("!news@a.example", "@news@a.example"),
    "with spaces around": ("  @alice@a.example\n", "@alice@a.example"),
    "host in capitals": ("@Alice@A.Example", "@Alice@a.example"),
    "an international host": ("@alice@bücher.example", "@alice@xn--bcher-kva.example"),
    "dots and dashes": ("@a.b-c_d~e@a.example", "@a.b-c_d~e@a.example"),
}
NO_HANDLES = {
    "a name": "alice",
    "two at signs": "@@",
    "three parts": "@u@h.example@evil.example",
    "no user": "@@a.example",
    "no host": "@alice@",
    "everybody": "*@a.example",
    "a path": "u@h.example/path?x=",
    "a query": "u@h.example?x=y",
    "an address and a port": "u@127.0.0.1:6379",
    "an address": "u@127.0.0.1",
    "an IPv6 address": "u@[::1]",
    "a number": "u@2130706433",
    "a port": "u@h.example:8443",
    "escapes": "u@h%0d%0a",
    "a line feed": "u\n@h.example",
    "a space": "u x@h.example",
    "a slash": "u/x@h.example",
    "a plus": "u+x@h.example",
    "a dot at the end": "u.@h.example",
    "200 characters": "u" * 200 + "@h.example",
}


@pytest.mark.parametrize(("text", "expected"), HANDLES.values(), ids=HANDLES)
def test_handles(text: str, expected: str) -> None:
    """A handle is read in every form that people write."""
    assert str(parse_handle(text)) == expected
    assert str(parse_actor(text)) == expected


@pytest.mark.parametrize("text", NO_HANDLES.values(), ids=NO_HANDLES)
def test_what_is_no_handle(text: str) -> None:
    """The grammar is strict, because a handle becomes part of a URL."""
    with pytest.raises(BadInput):
        parse_handle(text)
    with pytest.raises(BadInput):
        parse_actor(text)


def test_actors_by_uri() -> None:
    """An https URI names an actor as well; http only where it is allowed."""
    assert parse_actor(" HTTPS://A.example:443/@alice ") == "https://a.example/@alice"
    assert parse_actor("http://a.example/u") == "http://a.example/u"
    with pytest.raises(BadInput) as refusal:
        parse_actor("http://a.example/u", http=False)
    assert refusal.value.reason == "is neither a handle nor an https URI"


def test_what_a_wrong_actor_is_told() -> None:
    """The error has three parts: what was said, what is wrong, what was expected."""
    with pytest.raises(BadInput) as refusal:
        parse_actor("alice")

    error = refusal.value
    assert error.subject == "alice"
    assert error.reason == "is neither a handle nor an https URI"
    assert error.expected == "@user@host or https://..."


@given(st.text(max_size=40))
def test_handles_are_safe_in_urls(text: str) -> None:
    """Whatever is typed, it is refused, or is a handle that reads back as itself."""
    try:
        handle = parse_handle(text)
    except BadInput:
        return

    assert parse_handle(str(handle)) == handle
    assert finger_url(handle).isascii()
    assert finger_url(handle).count("?") == 1


def _jrd(*links: Any, subject: Any = "acct:alice@a.example") -> dict[str, Any]:
    return {"subject": subject, "links": list(links)}


def _self(href: Any, kind: Any = "application/activity+json") -> dict[str, Any]:
    return {"rel": "self", "type": kind, "href": href}


LINKS: dict[str, dict[str, Any]] = {
    "one link": _jrd(_self(ACTOR)),
    "JSON-LD": _jrd(
        _self(ACTOR, 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"')
    ),
    "a page first": _jrd(
        {"rel": "http://webfinger.net/rel/profile-page", "href": "x"}, _self(ACTOR)
    ),
    "a relative one first": _jrd(_self("/users/alice"), _self(ACTOR)),
    "a script first": _jrd(_self("javascript:alert(1)"), _self(ACTOR)),
    "http first": _jrd(_self("http://a.example/users/alice"), _self(ACTOR)),
    "another type first": _jrd(
        _self("https://a.example/atom", "application/atom+xml"), _self(ACTOR)
    ),
    "no type first": _jrd(_self("https://a.example/x", None), _self(ACTOR)),
    "nonsense first": _jrd(None, 7, "x", {}, _self(None), _self(ACTOR)),
    "a second one behind": _jrd(_self(ACTOR), _self("https://b.example/users/alice")),
    "no subject": _jrd(_self(ACTOR), subject=None),
    "a single link": {"links": _self(ACTOR)},
}


@pytest.mark.parametrize("jrd", LINKS.values(), ids=LINKS)
def test_webfinger_answers(jrd: dict[str, Any]) -> None:
    """The first link that is ActivityPub by https counts."""
    assert read_jrd(jrd, ALICE).actor == ACTOR


@pytest.mark.parametrize(
    "jrd",
    [{}, _jrd(), {"links": 7}, _jrd(_self("http://a.example/")), _jrd(_self("/x")), [], None],
)
def test_webfinger_answers_without_an_actor(jrd: Any) -> None:
    """Without a usable link the account cannot be reached."""
    with pytest.raises(Unreachable, match=r"names no|not an object"):
        read_jrd(jrd, ALICE)


def test_webfinger_question() -> None:
    """The question is asked of the handle's host."""
    assert finger_url(ALICE) == (
        "https://a.example/.well-known/webfinger?resource=acct:alice@a.example"
    )


def _doc(**more: Any) -> dict[str, Any]:
    return {"id": ACTOR, "type": "Person", "preferredUsername": "alice", **more}


def test_a_handle_on_the_actors_own_server_is_confirmed() -> None:
    """One server that gives both answers has said so, whatever the case of the name."""
    finger = Finger("acct:alice@a.example", ACTOR)

    assert confirm(ALICE, finger, _doc()) == Confirmed()
    assert confirm(Handle("ALICE", "a.example"), finger, _doc()) == Confirmed()


def test_a_handle_of_another_host_is_asked_back() -> None:
    """An account at one domain with its server at another needs the server's word too."""
    handle = Handle("alice", "example.com")
    verdict = confirm(handle, Finger("acct:alice@example.com", ACTOR), _doc(webfinger="x@y"))

    assert verdict == AskAlso(ALICE)
    assert agrees(handle, ACTOR, Finger("acct:alice@example.com", ACTOR))
    assert agrees(handle, ACTOR, Finger("acct:ALICE@Example.com", ACTOR))


def test_an_alias_is_confirmed_by_the_name_that_it_stands_for() -> None:
    """A host that forwards its WebFinger names the real handle, and the actor's server agrees."""
    handle = Handle("me", "blog.example")
    first = Finger("acct:alice@a.example", ACTOR)
    second = Finger("acct:alice@a.example", ACTOR)

    assert confirm(handle, first, _doc()) == AskAlso(ALICE)
    assert agrees(handle, ACTOR, second, first)
    assert not agrees(handle, ACTOR, second)


def test_a_claimed_handle_is_not_confirmed() -> None:
    """An actor that claims another's handle is not believed, nor a host that points elsewhere."""
    victim = Handle("victim", "victim.example")
    evil = {"id": "https://evil.example/u", "type": "Person", "preferredUsername": "victim"}
    honest = Finger("acct:victim@victim.example", "https://victim.example/u")

    assert isinstance(confirm(victim, honest, evil), NotConfirmed)
    assert not agrees(victim, "https://evil.example/u", honest)
    assert not agrees(victim, ACTOR, Finger("acct:alice@a.example", ACTOR))
    assert not agrees(victim, ACTOR, Finger("", ACTOR))


@pytest.mark.parametrize("name", [None, "", 7, "a@b", "*", "a/b", "a" * 500])
def test_an_actor_without_a_usable_name_is_not_confirmed(name: Any) -> None:
    """A name that cannot be asked for confirms nothing."""
    finger = Finger("acct:alice@a.example", ACTOR)

    assert isinstance(confirm(ALICE, finger, _doc(preferredUsername=name)), NotConfirmed)


U, V = "https://a.example/1", "https://a.example/2"
FOREIGN = "https://b.example/1"
DECISIONS: dict[str, tuple[str, str, dict[str, Any], Any]] = {
    "the id is what was asked": (U, U, {"id": U}, Store(U)),
    "the id is spelled otherwise": (U, U, {"id": "HTTPS://A.example:443/1"}, Store(U)),
    "the id is where it came from": (U, V, {"id": V}, Store(V)),
    "the id was asked and redirected on the same host": (U, V, {"id": U}, Store(U)),
    "the id is another one of this host": (U, U, {"id": V}, FetchId(V)),
    "the id is on another host": (U, U, {"id": FOREIGN}, FetchId(FOREIGN)),
    "the id has another port": (U, U, {"id": "https://a.example:8443/1"}, FetchId),
    "the id has another scheme": (U, U, {"id": "http://a.example/1"}, FetchId),
    "the id differs in case": (U, U, {"id": "https://a.example/1?A"}, FetchId),
    "an open redirect": (U, FOREIGN, {"id": U}, Drop),
    "a redirect to where the id is": (U, FOREIGN, {"id": FOREIGN}, Store(FOREIGN)),
    "asked with a fragment": (f"{U}#create", U, {"id": U}, Store(U)),
    "the id has a fragment": (f"{U}#create", U, {"id": f"{U}#create"}, Store(f"{U}#create")),
    "an author of this host": (U, U, {"id": U, "type": "Note", "attributedTo": V}, Store(U)),
    "an author of another host": (U, U, {"id": U, "type": "Note", "attributedTo": FOREIGN}, Drop),
    "an author that is no URI": (U, U, {"id": U, "type": "Note", "attributedTo": "bob"}, Drop),
    "an actor of another host": (U, U, {"id": U, "type": "Create", "actor": FOREIGN}, Drop),
    "moderators elsewhere": (U, U, {"id": U, "type": "Group", "attributedTo": FOREIGN}, Store(U)),
    "no id": (U, U, {}, Drop),
    "null": (U, U, {"id": None}, Drop),
    "empty": (U, U, {"id": ""}, Drop),
    "a list": (U, U, {"id": [U]}, Drop),
    "an object": (U, U, {"id": {"id": U}}, Drop),
    "a number": (U, U, {"id": 1}, Drop),
    "relative": (U, U, {"id": "/1"}, Drop),
    "a fragment only": (U, U, {"id": "#1"}, Drop),
    "8 KB": (U, U, {"id": U + "1" * 8192}, Drop),
    "NUL": (U, U, {"id": U + "\0"}, Drop),
}


@pytest.mark.parametrize(
    ("requested", "final", "doc", "expected"), DECISIONS.values(), ids=DECISIONS
)
def test_the_identity_rule(requested: str, final: str, doc: dict[str, Any], expected: Any) -> None:
    """An answer counts for its id only if it came from there; else the id is asked, once."""
    verdict = decide(requested, final, doc)

    if isinstance(expected, type):
        assert isinstance(verdict, expected)
    else:
        assert verdict == expected
    if isinstance(verdict, FetchId):
        assert isinstance(decide(requested, final, doc, again=True), Drop)


OWNER, PLACE = "https://a.example/users/alice", "https://a.example"
POST = {"id": U, "type": "Note", "attributedTo": OWNER}
EMBEDDED: dict[str, tuple[bool, str | None, str, dict[str, Any], bool]] = {
    "same origin, same owner": (True, OWNER, PLACE, POST, True),
    "an embedded owner": (True, OWNER, PLACE, {**POST, "attributedTo": {"id": OWNER}}, True),
    "in a page of plain JSON": (False, OWNER, PLACE, POST, False),
    "of another owner": (True, V, PLACE, POST, False),
    "of nobody": (True, OWNER, PLACE, {"id": U, "type": "Note"}, False),
    "of another origin": (True, OWNER, PLACE, {**POST, "id": FOREIGN}, False),
    "in a page of another origin": (True, OWNER, "https://b.example", POST, False),
    "without id": (True, OWNER, PLACE, {"type": "Note", "attributedTo": OWNER}, False),
    "in a page of nobody": (True, None, PLACE, POST, False),
    "an owner of another origin": (
        True,
        FOREIGN,
        PLACE,
        {**POST, "attributedTo": FOREIGN},
        False,
    ),
}


@pytest.mark.parametrize(
    ("verified", "owner", "place", "doc", "expected"), EMBEDDED.values(), ids=EMBEDDED
)
def test_embedded_objects(
    verified: bool, owner: str | None, place: str, doc: dict[str, Any], expected: bool
) -> None:
    """An embedded object counts as fetched with the same origin and owner only."""
    assert embedded_counts(verified, owner, place, doc) is expected


OLD = Stamp(b"1", updated=100.0, owner=OWNER, published=50.0, kind="object", type="Note")
VERSIONS: dict[str, tuple[Stamp | None, Stamp, str]] = {
    "nothing before": (None, OLD, "created"),
    "the same": (OLD, replace(OLD, updated=200.0), "unchanged"),
    "an edit": (OLD, replace(OLD, content_hash=b"2", updated=200.0), "updated"),
    "an edit without a date": (OLD, replace(OLD, content_hash=b"2", updated=None), "updated"),
    "an edit at the same time": (OLD, replace(OLD, content_hash=b"2"), "updated"),
    "an older version": (OLD, replace(OLD, content_hash=b"2", updated=99.0), "older"),
    "another owner": (OLD, replace(OLD, content_hash=b"2", owner=FOREIGN), "conflict"),
    "no owner any more": (OLD, replace(OLD, content_hash=b"2", owner=None), "conflict"),
    "another date": (OLD, replace(OLD, content_hash=b"2", published=51.0), "conflict"),
    "the date without fractions": (OLD, replace(OLD, content_hash=b"2", published=50.4), "updated"),
    "another class": (OLD, replace(OLD, content_hash=b"2", kind="actor"), "conflict"),
    "another type of its class": (OLD, replace(OLD, content_hash=b"2", type="Article"), "updated"),
    "a Tombstone": (OLD, Stamp(b"2", kind="object", type="Tombstone"), "updated"),
    "an actor with another date": (
        replace(OLD, kind="actor"),
        replace(OLD, kind="actor", content_hash=b"2", published=7.0),
        "updated",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), VERSIONS.values(), ids=VERSIONS)
def test_versions(old: Stamp | None, new: Stamp, expected: str) -> None:
    """An older version never replaces a newer one, and no document becomes another."""
    assert supersedes(old, new) == expected


def test_content_hashes() -> None:
    """Equal content has an equal hash, however it was served and whoever reacted to it."""
    doc = {"id": U, "type": "Note", "content": "a", "to": [V]}
    same = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "to": [V],
        "content": "a",
        "type": "Note",
        "id": U,
        "likes": {"totalItems": 7},
        "replies": {"first": {}},
        "proof": {},
    }

    assert content_hash(same) == content_hash(doc)
    assert len(content_hash(doc)) == 16
    assert content_hash({**doc, "content": "b"}) != content_hash(doc)
    assert content_hash({**doc, "big": 10**40}) != content_hash({**doc, "big": 10**40 + 1})
    page = {"type": "OrderedCollection", "totalItems": 1, "first": "?cursor=1"}
    assert content_hash(page) == content_hash({**page, "totalItems": 2, "first": "?cursor=2"})
