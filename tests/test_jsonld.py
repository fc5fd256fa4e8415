"""Documents as JSON-LD: which have a view, what it says, and that nothing is asked for it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fedpull.crawler.protocol import jsonld, ld_contexts
from fedpull.crawler.protocol.ld_active import active
from fedpull.crawler.protocol.shapes import AS2
from fedpull.crawler.protocol.vocabulary import KNOWN_TYPES, PREFIXES
from fedpull.errors import BadInput, Refused

AS = "https://www.w3.org/ns/activitystreams"
SECURITY = "https://w3id.org/security/v1"
TOOT = "http://joinmastodon.org/ns#"
ID = "https://social.example/notes/1"
FOREIGN = "https://evil.example/context.jsonld"


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every name that is looked up and every address that is connected to: none, ever."""
    found: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found.append(args))
    monkeypatch.setattr(socket.socket, "connect", lambda self, *args: found.append(args))
    yield found
    assert found == []


def note(context: Any, **more: Any) -> dict[str, Any]:
    return {"@context": context, "id": ID, "type": "Note", **more}


def both(doc: dict[str, Any], context: bytes | None = None) -> tuple[Any, Any]:
    """The two forms, each the same by the direct path, where that leads there, and by PyLD."""
    forms = []
    for form in jsonld.FORMS:
        value = jsonld.view(doc, form, ID, context)
        assert json.dumps(value) == json.dumps(jsonld.view(doc, form, ID, context, direct=False))
        forms.append(value)
    return forms[0], forms[1]


def test_a_note_is_expanded_and_compacted() -> None:
    """Every word is written out; or in the words of one context, whichever its server uses."""
    own = [AS, {"toot": TOOT, "faces": "toot:Emoji", "cw": "as:sensitive", "Hashtag": "as:Hashtag"}]
    doc = note(
        own,
        cw=True,
        to="as:Public",
        contentMap={"en": "Hi", "DE": "Hallo"},
        tag=[{"type": "faces", "name": ":a:"}, {"type": "Hashtag", "name": "#a"}],
        unheard="of",
    )

    expanded, compacted = both(doc)

    assert expanded == [
        {
            "@id": ID,
            "@type": [AS2 + "Note"],
            AS2 + "sensitive": [{"@value": True}],
            AS2 + "to": [{"@id": AS2 + "Public"}],
            AS2 + "content": [
                {"@language": "de", "@value": "Hallo"},
                {"@language": "en", "@value": "Hi"},
            ],
            AS2 + "tag": [
                {"@type": [TOOT + "Emoji"], AS2 + "name": [{"@value": ":a:"}]},
                {"@type": [AS2 + "Hashtag"], AS2 + "name": [{"@value": "#a"}]},
            ],
            "_:unheard": [{"@value": "of"}],
        }
    ]
    assert compacted.pop("@context") == ld_contexts.entries(ld_contexts.CANONICAL)
    assert compacted == {
        "id": ID,
        "type": "Note",
        "contentMap": {"en": "Hi", "de": "Hallo"},
        "sensitive": True,
        "tag": [{"type": "Emoji", "name": ":a:"}, {"type": "Hashtag", "name": "#a"}],
        "to": "as:Public",
        "unheard": "of",
    }


def test_relative_ids_are_those_of_the_document() -> None:
    """Only PyLD resolves them; in the compacted form they stay written out."""
    expanded, compacted = both(note(AS, url="/notes/2", replies="?page=1"))

    assert expanded[0][AS2 + "url"] == [{"@id": "https://social.example/notes/2"}]
    assert compacted["replies"] == ID + "?page=1"


@pytest.mark.parametrize("context", [None, [], {"toot": TOOT}, [SECURITY]])
def test_activitystreams_holds_where_it_is_not_named(context: Any) -> None:
    """Section 2.1.3: a document without its context is read as if it had it."""
    doc = {"id": ID, "type": "Note", "name": "x"}
    if context is not None:
        doc["@context"] = context

    assert both(doc)[0][0]["@type"] == [AS2 + "Note"]


def test_an_embedded_document_has_the_context_of_the_answer_around_it() -> None:
    """Its own, where it has one, goes first."""
    around = json.dumps([AS, {"mood": "https://x.example/mood"}]).encode()
    doc = {"id": ID, "type": "Note", "mood": "good"}

    assert "https://x.example/mood" in both(doc, around)[0][0]
    assert "_:mood" in both({**doc, "@context": AS}, around)[0][0]


UNKNOWN = {
    "a context elsewhere": FOREIGN,
    "cloud metadata": "http://169.254.169.254/latest/meta-data",
    "a file": "file:///etc/passwd",
    "a path": "/context.jsonld",
    "nothing": "",
    "our own port": "http://127.0.0.1:8787/v1/status",
    "user info before a known name": "https://www.w3.org@evil.example/ns/activitystreams",
    "a known name with more behind it": AS + "?x=1",
    "a known path elsewhere": "https://evil.example/ns/activitystreams",
    "the copy of a Pleroma, deeper": "https://evil.example/x/schemas/litepub-0.1.jsonld",
}


@pytest.mark.parametrize("case", UNKNOWN)
@pytest.mark.parametrize("place", ["whole", "second", "within", "deep"])
def test_an_unknown_context_is_not_fetched(case: str, place: str) -> None:
    """There is no view then, and the error says that the document is there as plain JSON."""
    url = UNKNOWN[case]
    doc = {
        "whole": note(url),
        "second": note([AS, url]),
        "within": note(AS, attachment=[{"@context": [url], "name": "x"}]),
        "deep": note(AS, object={"object": {"object": {"@context": url, "name": "x"}}}),
    }[place]
    for form in jsonld.FORMS:
        for direct in (True, False):
            with pytest.raises(Refused, match="plain JSON"):
                jsonld.view(doc, form, ID, direct=direct)


def test_every_bundled_context_is_whole() -> None:
    """Each is at hand, and PyLD and the direct path take it, alone and behind ActivityStreams."""
    for url, name in ld_contexts._FILES.items():
        assert ld_contexts.known(f"https://{url}") == ld_contexts.known(f"HTTP://{url}#") == name
        assert both(note([AS, f"https://{url}"], summary="x"))[0]
        active([AS, f"https://{url}"])
    for name in ld_contexts.names():
        assert json.loads(ld_contexts.text(name)).keys() == {"@context"}


def test_the_copies_of_the_pleroma_family_are_one() -> None:
    """Each of its servers serves the same file under its own name."""
    url = "https://queer.example/schemas/litepub-0.1.jsonld"

    assert both(note(url, directMessage=False))[1]["directMessage"] is False


def test_what_the_index_calls_types_is_what_the_contexts_say() -> None:
    """Or a type would be listed under another name than its view shows."""
    terms: dict[str, set[str | None]] = {}
    for name in ld_contexts.names():
        for word, term in active([AS, *ld_contexts.entries(name)]).terms.items():
            terms.setdefault(word, set()).add(term.iri)

    for word, iri in KNOWN_TYPES.items():
        assert word not in terms or iri in terms[word], word
    for word, iri in PREFIXES.items():
        assert word not in terms or iri in terms[word], word


HOSTILE: dict[str, dict[str, Any]] = {
    "actor is another": note([AS, {"actor": "https://x.example/actor"}]),
    "to is another": note([AS, {"to": "as:cc"}]),
    "id is another": note([AS, {"id": "https://x.example/id"}]),
    "type by its container": note([AS, {"type": {"@id": "@type", "@container": "@set"}}]),
    "the prefix is another": note([AS, {"as": "https://x.example/"}]),
    "deep within": note(AS, tag=[{"@context": {"object": "as:target"}, "name": "x"}]),
    "@graph": note(AS, **{"@graph": [{"id": "https://x.example/2"}]}),
    "@included": note(AS, **{"@included": [{"id": "https://x.example/2"}]}),
    "@reverse": note(AS, object={"@reverse": {"actor": ID}}),
    "@reverse in a definition": note([AS, {"x": {"@reverse": "as:actor"}}], x=ID),
    "@graph by another name": note([AS, {"x": "@graph"}], x=[{"id": "https://x.example/2"}]),
    "@included by another name": note([AS, {"x": "@included"}], x={"name": "y"}),
    "@id by another name": note([AS, {"x": "@id"}], x="https://x.example/2"),
    "@type by another name": note([AS, {"x": {"@id": "@type"}}], x="Person"),
    "@nest by another name": note([AS, {"x": "@nest"}], x={"to": "as:Public"}),
    "two ids": note(AS, **{"@id": "https://x.example/2"}),
    "two types": note(AS, **{"@type": "Person"}),
    "17 contexts": note([AS] * 17),
    "@base": note([AS, {"@base": "https://x.example/"}]),
    "@import": note([AS, {"@import": SECURITY}]),
    "@import of a stranger's": note([AS, {"@import": FOREIGN}]),
    "@propagate": note([AS, {"@propagate": False}]),
    "a context within a definition": note([AS, {"x": {"@id": "as:x", "@context": {}}}]),
    "one of its own kind": note([AS, {"x": {"@id": "as:x", "@context": FOREIGN}}]),
    "a map by id": note([AS, {"x": {"@id": "as:x", "@container": "@id"}}]),
    "a graph": note([AS, {"x": {"@id": "as:x", "@container": ["@graph", "@set"]}}]),
    "JSON within": note([AS, {"x": {"@id": "as:x", "@type": "@json"}}]),
    "a circle": note([AS, {"x": "y:a", "y": "x:b"}]),
    "no context": note([AS, 5]),
    "a context in a list": note([[AS]]),
    "a number too large": note([AS, {"x": 10**40}]),
    "a long term": note([AS, {"x" * 300: "as:x"}]),
    "a long meaning": note([AS, {"x": "https://x.example/" + "y" * 600}]),
    "1,500 terms": note([AS, {f"x{n}": "as:x" for n in range(1500)}]),
    "300 places": note(AS, tag=[{"@context": AS, "name": "x"}] * 300),
    "40 different ones": note(AS, tag=[{"@context": {f"x{n}": "as:x"}} for n in range(40)]),
    "a list as id": {"@context": AS, "id": [ID], "type": "Note"},
    "a value as type": {"@context": AS, "id": ID, "type": {"@value": "Note"}},
    "language and type": note(AS, name={"@value": "x", "@type": "as:x", "@language": "en"}),
    "a term of nobody": note([AS, {"x": {"@id": "relative"}}, {"@vocab": 5}]),
    "a reserved word": note([AS, {"@surprise": "as:x"}]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_means_something_else_to_others_has_no_view(case: str) -> None:
    """By either path it is refused, with one of two errors, and never half-shown."""
    for form in jsonld.FORMS:
        for direct in (True, False):
            with pytest.raises((Refused, BadInput)):
                jsonld.view(HOSTILE[case], form, ID, direct=direct)


def test_a_hostile_document_changes_nothing_for_others() -> None:
    """PyLD writes into contexts that are imported; what it may remember is not reachable so."""
    innocent = note([AS, SECURITY], publicKey={"publicKeyPem": "x"}, attributedTo=ID)
    before = [jsonld.view(innocent, form, ID, direct=False) for form in jsonld.FORMS]
    for doc in HOSTILE.values():
        with pytest.raises((Refused, BadInput)):
            jsonld.view(doc, "expanded", ID, direct=False)

    assert [jsonld.view(innocent, form, ID, direct=False) for form in jsonld.FORMS] == before


def test_equal_twins_are_one() -> None:
    """`@id` beside the same `id` says it twice, which some servers do."""
    doc = note(AS, **{"@id": ID, "@type": "Note"})

    assert jsonld.view(doc, "expanded", ID) == [{"@id": ID, "@type": [AS2 + "Note"]}]


ODD: dict[str, Any] = {
    "values in to": {"to": [{"@value": "as:Public"}, {"@id": AS2 + "Public"}]},
    "a list in to": {"to": {"@list": ["https://x.example/"]}},
    "a list in a list": {"orderedItems": [["https://x.example/", ["https://y.example/"]]]},
    "null everywhere": {"to": None, "tag": [None], "name": None, "contentMap": {"en": None}},
    "empty everywhere": {"to": [], "tag": {}, "name": "", "contentMap": {}},
    "wrong kinds": {"to": 5, "published": 1.5, "tag": [True], "attachment": "/x", "url": [[]]},
    "a prefix as an id": {"url": "toot:x", "to": "as:"},
    "what looks like a keyword": {"url": {"href": "@nothing"}, "tag": {"id": "@none", "name": "x"}},
    "directions": {"name": {"@value": "x", "@language": "en", "@direction": "rtl"}},
    "indexes": {"name": {"@value": "x", "@index": "y"}, "tag": {"@list": ["a:b"], "@index": "y"}},
    "white space": {"url": "https://x.example/ y", "a b": 1, "x:y z": 2},
}


@pytest.mark.parametrize("case", ODD)
def test_odd_values_have_one_view_or_none(case: str) -> None:
    """Both paths agree on it, or the direct one leaves it to PyLD, which may refuse."""
    doc = note(AS, **ODD[case])
    for form in jsonld.FORMS:
        try:
            slow = jsonld.view(doc, form, ID, direct=False)
        except Refused:
            with pytest.raises(Refused):
                jsonld.view(doc, form, ID)
            continue
        assert json.dumps(jsonld.view(doc, form, ID)) == json.dumps(slow)


def test_a_document_that_would_fill_the_memory_is_not_written_out() -> None:
    """A prefix may stand in it a hundred thousand times."""
    space = "https://x.example/" + "y" * 480 + "/"
    items = [{f"p:{n}": 1 for n in range(17)} for _ in range(1100)]
    body = json.dumps(note([AS, {"p": space}], items=items)).encode()

    with pytest.raises(Refused, match="too large"):
        jsonld.view_bytes(body, "expanded", ID)


def test_only_two_forms_have_a_name() -> None:
    """Anything else is the caller's mistake."""
    assert [jsonld.form_named(form) for form in jsonld.FORMS] == list(jsonld.FORMS)
    with pytest.raises(BadInput, match="expanded or compacted"):
        jsonld.form_named("flattened")
