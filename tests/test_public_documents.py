"""What our actor publishes, under which paths, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from instance_cases import ACTOR, NOW, URL, documents_of, got, header, made, value
from pydantic import BaseModel, ConfigDict, Field

from fedpull.crawler.instance import Instance
from fedpull.crawler.protocol import multikey
from fedpull.crawler.protocol.activitystreams import check_document, class_of
from fedpull.crawler.protocol.handle import parse_handle
from fedpull.crawler.protocol.key_documents import find_key, keys_of
from fedpull.crawler.protocol.webfinger import Confirmed, confirm, read_jrd
from fedpull.crawler.public import PublicDocuments


@pytest.fixture
def we(tmp_path: Path) -> Instance:
    return made(tmp_path)


@pytest.fixture
def documents(we: Instance) -> Iterator[PublicDocuments]:
    with documents_of(we) as documents:
        yield documents


def test_the_actor(documents: PublicDocuments) -> None:
    """It says what it is, where its parts are, and that it is not for search or recommendation."""
    actor = value(got(documents, "/actor"))

    expected = {
        "id": ACTOR,
        "type": "Application",
        "preferredUsername": "fedpull",
        "webfinger": "fedpull@pull.example.org",
        "name": "Example reader",
        "url": f"{URL}/",
        "inbox": f"{ACTOR}/inbox",
        "outbox": f"{ACTOR}/outbox",
        "followers": f"{ACTOR}/followers",
        "following": f"{ACTOR}/following",
        "endpoints": {"sharedInbox": f"{URL}/inbox"},
        "manuallyApprovesFollowers": False,
        "discoverable": False,
        "indexable": False,
    }
    assert {name: actor[name] for name in expected} == expected
    for one in (actor, actor["generator"]):
        assert [link["href"].partition("#")[0] for link in one["implements"]] == [
            "https://datatracker.ietf.org/doc/html/rfc9421"
        ] * 2


def test_the_actor_as_we_read_others(documents: PublicDocuments) -> None:
    """Our own rules take the document for an actor's, and its keys for that actor's."""
    actor = value(got(documents, "/actor"))
    check_document(actor)

    assert class_of(actor) == "actor"
    assert [key.id for key in keys_of(actor)] == [f"{ACTOR}#main-key", f"{ACTOR}#ed25519-key"]
    assert find_key(actor, f"{ACTOR}#main-key", ACTOR) == keys_of(actor)[0]


def test_its_keys_in_the_forms_that_others_read(documents: PublicDocuments, we: Instance) -> None:
    """One object in `publicKey`, since many read no list there; the others as Multikeys."""
    actor = value(got(documents, "/actor"))
    key = we.public_key(f"{ACTOR}#ed25519-key")
    assert key is not None

    assert set(actor["publicKey"]) == {"id", "owner", "publicKeyPem"}
    assert actor["publicKey"]["publicKeyPem"].startswith("-----BEGIN PUBLIC KEY-----\n")
    assert actor["assertionMethod"] == [
        {
            "id": f"{ACTOR}#ed25519-key",
            "type": "Multikey",
            "controller": ACTOR,
            "publicKeyMultibase": multikey.encode(key),
        }
    ]


@pytest.mark.parametrize(
    ("policy", "asks"), [("all", False), ("ask", True), ("none", True)], ids=["all", "ask", "none"]
)
def test_who_may_follow_is_said(tmp_path: Path, policy: str, asks: bool) -> None:
    """A lock is shown where a follow is not accepted by itself."""
    assert made(tmp_path, followers=policy).actor_document(NOW)["manuallyApprovesFollowers"] is asks


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("https://example.org/?a=1&b=2", 'href="https://example.org/?a=1&amp;b=2"'),
        ("admin@example.org", 'href="mailto:admin@example.org"'),
        ("mailto:admin@example.org", 'href="mailto:admin@example.org"'),
        (None, "to keep it out"),
    ],
)
def test_the_summary_tells_people(tmp_path: Path, contact: str | None, link: str) -> None:
    """What it is, in the operator's words, how to keep it out, and whom to ask; never as markup."""
    we = made(tmp_path, contact, summary="Reads <b>events</b> & more")

    text = str(we.actor_document(NOW)["summary"])

    assert text.startswith("<p>Reads &lt;b&gt;events&lt;/b&gt; &amp; more</p>")
    assert "block this account or the domain pull.example.org" in text
    assert link.lower() in text.lower()


def test_the_example_of_a_summary_is_not_published(we: Instance) -> None:
    """Who has not written one is at least not described by the words of the example."""
    assert "What this crawler does" not in str(we.actor_document(NOW)["summary"])


PLACES = [
    ("/actor", "application/activity+json"),
    ("/actor/outbox", "application/activity+json"),
    ("/actor/followers", "application/activity+json"),
    ("/actor/following", "application/activity+json"),
    ("/.well-known/nodeinfo", "application/json"),
    (
        "/nodeinfo/2.1",
        'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.1#"',
    ),
    ("/", "text/html; charset=utf-8"),
]


@pytest.mark.parametrize(("path", "kind"), PLACES, ids=[path for path, _ in PLACES])
def test_types_and_validators(documents: PublicDocuments, path: str, kind: str) -> None:
    """Each has its type, a time for which it may be kept, and is not sent twice."""
    first = got(documents, path)
    etag = header(first, "ETag")
    assert etag is not None

    again = got(documents, path, if_none_match=f'"other", W/{etag}')

    assert (first.status, first.type) == (200, kind)
    assert "max-age" in (header(first, "Cache-Control") or "")
    assert (again.status, again.body, header(again, "ETag")) == (304, b"", etag)


@pytest.mark.parametrize(
    ("path", "total"), [("outbox", 0), ("followers", 7), ("following", 2)], ids=str
)
def test_collections_count_and_name_nobody(
    documents: PublicDocuments, path: str, total: int
) -> None:
    """How many there are is public; who they are is not."""
    collection = value(got(documents, f"/actor/{path}"))

    assert (collection["id"], collection["type"]) == (f"{ACTOR}/{path}", "OrderedCollection")
    assert collection["totalItems"] == total
    assert not collection.get("orderedItems")
    assert "first" not in collection


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        pytest.param(None, 200, id="no Accept at all"),
        pytest.param("*/*", 200, id="anything"),
        pytest.param("application/activity+json", 200, id="ActivityStreams"),
        pytest.param(
            'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
            200,
            id="JSON-LD",
        ),
        pytest.param(
            'application/activity+json, application/ld+json;profile="a,b";q=0.9', 200, id="both"
        ),
        pytest.param("application/json", 200, id="plain JSON"),
        pytest.param("text/html,application/xhtml+xml,*/*;q=0.8", 303, id="a browser"),
        pytest.param(
            "text/html;q=0.5, application/activity+json", 200, id="Mastodon's HTML second"
        ),
        pytest.param("text/html, application/activity+json", 200, id="both alike"),
        pytest.param("image/png", 406, id="a picture"),
        pytest.param("application/activity+json;q=0", 406, id="anything but that"),
        pytest.param("application/activity+json;q=x", 200, id="a weight that is none"),
        pytest.param(",;,,q=1;", 406, id="nonsense"),
    ],
)
def test_who_gets_the_actor(documents: PublicDocuments, accept: str | None, status: int) -> None:
    """Programs get the document, people the page that `url` names, and caches are told of it."""
    answer = documents.answer("/actor", "", {} if accept is None else {"accept": accept}, NOW)
    assert answer is not None

    assert answer.status == status
    assert header(answer, "Vary") == "Accept"
    if status == 303:
        assert header(answer, "Location") == f"{URL}/"


SELF = {"rel": "self", "type": "application/activity+json", "href": ACTOR}


@pytest.mark.parametrize(
    ("query", "subject"),
    [
        ("resource=acct:fedpull@pull.example.org", "acct:fedpull@pull.example.org"),
        ("resource=acct%3Afedpull%40pull.example.org", "acct:fedpull@pull.example.org"),
        ("resource=acct:Fedpull@PULL.example.org", "acct:fedpull@pull.example.org"),
        ("resource=acct:@fedpull@pull.example.org", "acct:fedpull@pull.example.org"),
        ("resource=https://pull.example.org/actor", "acct:fedpull@pull.example.org"),
        ("resource=https%3A%2F%2Fpull.example.org%2F", "https://pull.example.org/"),
        ("resource=https://pull.example.org", "https://pull.example.org/"),
        ("resource=https://pull.example.org:443/", "https://pull.example.org/"),
    ],
)
def test_webfinger(documents: PublicDocuments, query: str, subject: str) -> None:
    """The handle, the actor's URI and the host's URL lead to the actor (FEP-d556)."""
    answer = got(documents, "/.well-known/webfinger", query)

    assert (answer.status, answer.type) == (200, "application/jrd+json")
    assert header(answer, "Access-Control-Allow-Origin") == "*"
    found = value(answer)
    assert found["subject"] == subject
    assert SELF in found["links"]
    rels = [link["rel"].rpartition("#")[2] for link in found["links"]]
    assert ("Service" in rels) is subject.startswith("https")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("resource=", 400),
        ("resource=fedpull", 400),
        ("other=acct:fedpull@pull.example.org", 400),
        ("resource=acct:fedpull@pull.example.org&resource=acct:b@c.example", 400),
        ("&".join(["a=b"] * 1_000), 400),
        ("resource=acct:somebody@pull.example.org", 404),
        ("resource=acct:fedpull@elsewhere.example", 404),
        ("resource=acct:*@pull.example.org", 404),
        ("resource=https://pull.example.org/users/fedpull", 404),
        ("resource=https://pull.example.org:99999/", 404),
        ("resource=mailto:fedpull@pull.example.org", 404),
        ("resource=acct:%ff%00", 404),
    ],
)
def test_webfinger_for_anything_else(documents: PublicDocuments, query: str, status: int) -> None:
    """400 where nobody is named, 404 for whom there is not (RFC 7033 section 4.2)."""
    answer = got(documents, "/.well-known/webfinger", query)

    assert (answer.status, answer.type) == (status, "application/problem+json")
    assert header(answer, "Access-Control-Allow-Origin") == "*"


def test_webfinger_may_be_asked_for_some_links(documents: PublicDocuments) -> None:
    """`rel` filters the links and nothing else (RFC 7033 section 4.3)."""
    query = "resource=acct:fedpull@pull.example.org&rel=self&rel=nothing"

    found = value(got(documents, "/.well-known/webfinger", query))

    assert found["links"] == [SELF]
    assert found["aliases"] == [ACTOR]


def test_the_handle_is_confirmed_by_our_own_rules(documents: PublicDocuments) -> None:
    """Who looks the handle up as we look up others' is led to the actor and back."""
    handle = parse_handle("@fedpull@pull.example.org")
    query = "resource=acct:fedpull@pull.example.org"

    finger = read_jrd(value(got(documents, "/.well-known/webfinger", query)), handle)

    assert confirm(handle, finger, value(got(documents, "/actor"))) == Confirmed()


class Part(BaseModel):
    """A section of the NodeInfo 2.1 schema: `additionalProperties` are false but in metadata."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Software(Part):
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    version: str
    repository: str = ""
    homepage: str = ""


class Services(Part):
    inbound: list[Literal["atom1.0", "rss2.0"]]
    outbound: list[Literal["atom1.0", "rss2.0"]]


class Users(Part):
    total: int = Field(0, ge=0)
    activeHalfyear: int = Field(0, ge=0)  # noqa: N815
    activeMonth: int = Field(0, ge=0)  # noqa: N815


class Usage(Part):
    users: Users
    localPosts: int = Field(0, ge=0)  # noqa: N815
    localComments: int = Field(0, ge=0)  # noqa: N815


class NodeInfo(Part):
    version: Literal["2.1"]
    software: Software
    protocols: list[Literal["activitypub"]] = Field(min_length=1)
    services: Services
    openRegistrations: bool  # noqa: N815
    usage: Usage
    metadata: dict[str, object]


def test_nodeinfo_is_valid_against_its_schema(documents: PublicDocuments) -> None:
    """Version 2.1, found by its index, which also names the actor (FEP-2677)."""
    links = {
        link["rel"]: link["href"]
        for link in value(got(documents, "/.well-known/nodeinfo"))["links"]
    }
    where = links["http://nodeinfo.diaspora.software/ns/schema/2.1"]

    found = NodeInfo.model_validate(value(got(documents, where.removeprefix(URL))))

    assert (found.software.name, found.software.version) == ("fedpull", "1.2.3")
    assert links["https://www.w3.org/ns/activitystreams#Application"] == ACTOR


def test_the_page_for_people(tmp_path: Path) -> None:
    """It can be read by people, holds nothing that runs, and no markup of the operator's."""
    we = made(tmp_path, name="<script>alert(1)</script>")
    with documents_of(we) as documents:
        answer = got(documents, "/")

    text = answer.body.decode()

    assert "<script" not in text
    assert "@fedpull@pull.example.org" in text
    assert header(answer, "Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'"
    assert header(answer, "X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("path", ["/inbox", "/actor/inbox"])
def test_an_inbox_is_not_read(documents: PublicDocuments, path: str) -> None:
    """It says what it takes."""
    answer = got(documents, path)

    assert (answer.status, header(answer, "Allow")) == (405, "POST")


@pytest.mark.parametrize("path", ["/users/fedpull", "/actor/", "/Actor", "/nodeinfo/2.0", ""])
def test_there_is_nothing_else(documents: PublicDocuments, path: str) -> None:
    """Paths are exact."""
    assert documents.answer(path, "", {}, NOW) is None


def test_an_actor_at_a_port_of_its_own(tmp_path: Path) -> None:
    """The handle names the port, as WebFinger will be asked there."""
    we = made(tmp_path, url="https://pull.example.org:8443")

    assert we.handle == "@fedpull@pull.example.org:8443"
    assert we.actor == "https://pull.example.org:8443/actor"
