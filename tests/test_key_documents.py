"""Whose a key is: what a document may say of keys, and what it takes to believe it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from key_cases import ec_pem, ed25519, rsa

from fedpull.crawler.protocol import multikey
from fedpull.crawler.protocol.key_documents import (
    OwnerWanted,
    confirm_key,
    find_key,
    key_url,
    keys_of,
)
from fedpull.crawler.protocol.keys import PublicKey

ALICE, BOB = "https://a.example/alice", "https://a.example/bob"
EVE = "https://evil.example/eve"
MAIN = f"{ALICE}#main-key"
APART = f"{ALICE}/main-key"
Json = dict[str, Any]


def pem(id: object = MAIN, owner: object = ALICE, key: str = "main-key", **more: object) -> Json:
    return {"id": id, "owner": owner, "publicKeyPem": rsa(key).public.pem, **more}


def multi(id: str = f"{ALICE}#ed25519-key", **more: object) -> Json:
    word = multikey.encode(ed25519().public)
    return {"id": id, "type": "Multikey", "controller": ALICE, "publicKeyMultibase": word, **more}


def actor(*keys: object, id: str = ALICE, type: object = "Person", **more: object) -> Json:
    listed = {} if not keys else {"publicKey": keys[0] if len(keys) == 1 else list(keys)}
    return {"id": id, "type": type, "inbox": f"{id}/inbox", **listed, **more}


def ids(document: Json) -> list[str]:
    return [key.id.removeprefix("https://") for key in keys_of(document)]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        pytest.param(actor(pem()), ["a.example/alice#main-key"], id="one key, as everybody has it"),
        pytest.param(
            actor(pem(), pem(f"{ALICE}#second", key="second")),
            ["a.example/alice#main-key", "a.example/alice#second"],
            id="a list of keys",
        ),
        pytest.param(
            actor(pem(), assertionMethod=[multi()]),
            ["a.example/alice#main-key", "a.example/alice#ed25519-key"],
            id="an RSA key and an Ed25519 one",
        ),
        pytest.param(
            actor(assertionMethod=multi()),
            ["a.example/alice#ed25519-key"],
            id="an Ed25519 key and no other",
        ),
        pytest.param(
            actor({"id": MAIN, "publicKeyPem": rsa().public.pem}),
            ["a.example/alice#main-key"],
            id="no owner said, in the owner's own document",
        ),
        pytest.param(actor(pem(APART)), ["a.example/alice/main-key"], id="a key id of its own"),
        pytest.param(
            actor(pem(), type=["Person", "schema:Person"]),
            ["a.example/alice#main-key"],
            id="an actor of two types",
        ),
        pytest.param(actor(), [], id="an actor without keys"),
        pytest.param(actor(MAIN), [], id="no more than the key's id"),
        pytest.param(actor(pem(owner=BOB)), [], id="somebody else's key"),
        pytest.param(actor(pem(owner=7)), [], id="an owner that is a number"),
        pytest.param(actor(pem(owner=[])), [], id="an owner that is an empty list"),
        pytest.param(actor(pem(f"{EVE}#main-key")), [], id="a key id of another origin"),
        pytest.param(actor(pem("#main-key")), [], id="a key id that is relative"),
        pytest.param(actor(pem(None)), [], id="a key without id"),
        pytest.param(actor(pem([MAIN])), [], id="a list for the key's id"),
        pytest.param(actor(pem(publicKeyPem="hello")), [], id="no key in the PEM"),
        pytest.param(actor(pem(publicKeyPem=["x"])), [], id="a list for the PEM"),
        pytest.param(actor(pem(publicKeyPem=ec_pem())), [], id="a key of another kind"),
        pytest.param(
            actor(pem(publicKeyPem=rsa("small", 1024).public.pem)), [], id="too small a key"
        ),
        pytest.param(
            actor(assertionMethod=[multi(controller=BOB)]),
            [],
            id="a Multikey under another controller",
        ),
        pytest.param(
            actor(assertionMethod=[multi(controller=None)]), [], id="a Multikey without controller"
        ),
        pytest.param(actor(pem(expires="soon")), [], id="an end that is no date"),
        pytest.param(
            {**actor(pem()), "type": ["Note", "Person"]}, [], id="a post that is a person too"
        ),
        pytest.param({"id": ALICE, "type": "Note", "publicKey": pem()}, [], id="a post"),
        pytest.param(actor(pem(), id="alice"), [], id="an actor without a usable id"),
    ],
)
def test_the_keys_that_an_actor_lists(document: Json, found: list[str]) -> None:
    """Its own, of its own origin, of a kind and size that verifies."""
    assert ids(document) == found


def test_ten_keys_are_looked_at() -> None:
    """A list of ten thousand costs no more than one of ten."""
    many = [pem(f"{ALICE}#{number}") for number in range(10_000)]

    assert len(keys_of(actor(*many))) == 10
    assert find_key(actor(*many), f"{ALICE}#9", ALICE) is not None
    assert find_key(actor(*many), f"{ALICE}#10", ALICE) is None


@pytest.mark.parametrize(
    ("dates", "end"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"expires": "1970-01-01T00:01:00Z"}, 60.0, id="when it expires"),
        pytest.param({"revoked": "1970-01-01T00:02:00Z"}, 120.0, id="when it was revoked"),
        pytest.param(
            {"expires": "1970-01-01T00:01:00Z", "revoked": "1970-01-01T00:02:00Z"},
            60.0,
            id="the earlier of the two",
        ),
    ],
)
def test_the_end_of_a_key_is_kept(dates: Json, end: float | None) -> None:
    """Whoever uses a key asks whether it is still valid."""
    assert keys_of(actor(pem(**dates)))[0].expires == end
    assert keys_of(actor(assertionMethod=multi(**dates)))[0].expires == end


GTS = {"id": ALICE, "type": "Person", "publicKey": pem(APART)}
STANDING = pem(APART, type="CryptographicKey")


@pytest.mark.parametrize(
    ("key_id", "final", "document", "found"),
    [
        pytest.param(MAIN, ALICE, actor(pem()), "key", id="in the actor's document"),
        pytest.param(
            f"{ALICE}#ed25519-key", ALICE, actor(assertionMethod=multi()), "key", id="a Multikey"
        ),
        pytest.param(
            "https://A.example/alice#main-key", ALICE, actor(pem()), "key", id="a host in capitals"
        ),
        pytest.param(MAIN, "https://a.example/@alice", actor(pem()), "key", id="after a redirect"),
        pytest.param(APART, APART, GTS, "owner", id="GoToSocial's answer, which is half an actor"),
        pytest.param(APART, APART, STANDING, "owner", id="a key that stands alone"),
        pytest.param(
            APART, APART, pem(APART), "owner", id="a key that stands alone and has no type"
        ),
        pytest.param(
            f"{ALICE}/#main-key",
            f"{ALICE}/",
            actor(pem(f"{ALICE}/#main-key")),
            "owner",
            id="BookWyrm's key id, which is not the actor's URL",
        ),
        pytest.param(ALICE, ALICE, actor(pem()), "key", id="PeerTube's key id, which is the actor"),
        pytest.param(
            ALICE, ALICE, actor(pem(), pem(f"{ALICE}#2")), None, id="the actor, who has two keys"
        ),
        pytest.param(f"{ALICE}#other", ALICE, actor(pem()), None, id="an id that is not listed"),
        pytest.param(MAIN, ALICE, actor(pem(owner=BOB)), None, id="a key that is somebody else's"),
        pytest.param(MAIN, ALICE, actor(MAIN), None, id="an id and no key"),
        pytest.param(
            MAIN, "https://cdn.example/alice", actor(pem()), None, id="from another origin"
        ),
        pytest.param(
            f"{EVE}#main-key",
            EVE,
            actor(pem(f"{EVE}#main-key")),
            None,
            id="an actor of another origin",
        ),
        pytest.param(
            APART, APART, pem(APART, "https://b.example/carol"), None, id="an owner elsewhere"
        ),
        pytest.param(APART, APART, pem(MAIN), None, id="another key than was asked for"),
        pytest.param(APART, APART, pem(APART, type="Note"), None, id="a post that holds a key"),
        pytest.param(APART, APART, pem(APART, owner=None), None, id="a key that is nobody's"),
        pytest.param(APART, APART, {"id": APART}, None, id="a document that is nothing"),
        pytest.param("#main-key", ALICE, actor(pem()), None, id="a fragment alone"),
    ],
)
def test_a_key_in_the_answer_for_its_id(
    key_id: str, final: str, document: Json, found: str | None
) -> None:
    """The actor's own document hands it out; any other one names the owner at most."""
    result = find_key(document, key_id, final)

    kind = {OwnerWanted: "owner", type(None): None}.get(type(result), "key")
    assert kind == found


STATED = rsa().public


@pytest.mark.parametrize(
    ("document", "final", "confirmed"),
    [
        pytest.param(actor(pem(APART)), ALICE, True, id="the owner lists the key"),
        pytest.param(actor(APART), ALICE, True, id="the owner lists the key's id"),
        pytest.param(actor(pem(APART, BOB)), ALICE, False, id="the owner says it is another's"),
        pytest.param(actor(pem()), ALICE, False, id="the owner lists another key"),
        pytest.param(actor(), ALICE, False, id="the owner lists no key"),
        pytest.param(actor(pem(APART), id=BOB), BOB, False, id="somebody else lists the key"),
        pytest.param(actor(pem(APART)), EVE, False, id="the owner's document from elsewhere"),
        pytest.param(STANDING, APART, False, id="the key's document once more"),
        pytest.param(
            actor(pem(APART), type="Note", id=ALICE), ALICE, False, id="a post under that id"
        ),
    ],
)
def test_the_owner_has_to_confirm_a_key(document: Json, final: str, confirmed: bool) -> None:
    """A key that names its owner is worth nothing until the owner names the key."""
    wanted = find_key(STANDING, APART, APART)
    assert isinstance(wanted, OwnerWanted)
    assert wanted.owner == ALICE

    key = confirm_key(wanted, document, final)

    assert (key is not None) is confirmed
    if key is not None:
        assert (key.id, key.owner, key.der) == (APART, ALICE, STATED.der)


def test_the_owners_word_outweighs_the_keys() -> None:
    """Where the two documents hold different keys, it is the actor's that counts."""
    wanted = find_key(STANDING, APART, APART)
    assert isinstance(wanted, OwnerWanted)

    key = confirm_key(wanted, actor(pem(APART, key="another")), ALICE)

    assert key is not None
    assert key.der == rsa("another").public.der


@pytest.mark.parametrize(
    ("key_id", "url"),
    [
        (MAIN, ALICE),
        (APART, APART),
        ("https://A.example:443/alice?a=1#k", "https://a.example/alice?a=1"),
        ("#main-key", None),
        ("/alice#main-key", None),
        ("acct:alice@a.example", None),
        ("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", None),
        ("https://" + "a" * 10_000, None),
        ("https://user@a.example/", None),
        ("", None),
    ],
)
def test_where_a_key_is_asked_for(key_id: str, url: str | None) -> None:
    """At its id without the fragment, if that is a URL at all."""
    assert key_url(key_id) == url


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.sampled_from((MAIN, ALICE, EVE, "Person")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("id", "type", "owner", "controller", "publicKey", "publicKeyPem"))
            | st.sampled_from(("assertionMethod", "publicKeyMultibase", "expires", "revoked")),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(
    document=st.dictionaries(
        st.sampled_from(("id", "type", "owner", "publicKey", "assertionMethod", "publicKeyPem")),
        values,
    ),
    key_id=st.text(max_size=20) | st.just(MAIN),
    final=st.just(ALICE) | st.text(max_size=20),
)
def test_no_document_makes_the_readers_raise(document: Json, key_id: str, final: str) -> None:
    """Whatever a server answers, there is a key or there is none."""
    keys_of(document)
    find_key(document, key_id, final)
    confirm_key(OwnerWanted(ALICE, MAIN, None), document, final)


CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
# A PEM that has lost letters, and a group under the key of another one.
SPOILT = {"https://framapiaf.org/users/framasoft", "https://instance.gnusocial.test/actor/21"}


def actors(value: object) -> Iterator[Json]:
    """Every document with a key, wherever it stands in a captured answer."""
    if isinstance(value, dict):
        key = value.get("publicKey")
        if isinstance(key, dict) and "publicKeyPem" in key and value.get("id") not in SPOILT:
            yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from actors(one)


@pytest.mark.corpora
def test_the_keys_of_captured_actors() -> None:
    """Whatever server has made it, an actor's document hands out the key that signs for it."""
    if not CORPORA.exists():
        pytest.skip("the corpora are not there")
    seen = set()
    for path in CORPORA.rglob("*.json"):
        try:
            found = list(actors(json.loads(path.read_bytes())))
        except ValueError:
            continue
        for document in found:
            named = document["publicKey"]["id"]
            answer = find_key(document, named, named.partition("#")[0])
            if isinstance(answer, OwnerWanted):  # a key id of its own, as activitypub-bot's
                answer = confirm_key(answer, document, document["id"])
            assert isinstance(answer, PublicKey), (path, named)
            assert (answer.id, answer.owner) == (named, document["id"])
            seen.add(named)

    assert len(seen) > 20
