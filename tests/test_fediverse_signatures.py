"""The simulated hosts verify as the real ones do, and sign as they do."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from simulated_puller import ACTOR, ORIGIN, OWN, Puller, ask

from fedpull.tests.fediverse import Fediverse
from fedpull.tests.fediverse.client import Answer, Client
from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.families.strict import OldMastodon, OnlyEd25519
from fedpull.tests.fediverse.forms import FORMS, prepare
from fedpull.tests.fediverse.keys import (
    Private,
    ed25519_key,
    from_multikey,
    from_pem,
    rsa_key,
    verifies,
)
from fedpull.tests.fediverse.server import Server
from fedpull.tests.fediverse.signatures import read

NOW = 1_800_000_000.0
STRICT = ("gotosocial", "ghost", "bovine", "mastodon", "misskey")
OPEN = ("onepage", "activitypub-bot", "nodebb")


@pytest.fixture(scope="module")
def world() -> Iterator[Fediverse]:
    servers: list[Server] = [BY_NAME[name](authorized_fetch=True) for name in STRICT]
    servers += [BY_NAME[name]() for name in OPEN]
    servers += [OldMastodon(authorized_fetch=True), OnlyEd25519()]
    with Puller() as puller, Fediverse(servers, clock=lambda: NOW) as world:
        world.reach(ORIGIN, puller.address)
        for server in servers:
            server.add_account(posts=25)
        yield world


@pytest.fixture(scope="module")
def client(world: Fediverse) -> Iterator[Client]:
    with Client(world) as client:
        yield client


# The GET of an actor; columns in the order of FAMILIES. What was measured on running servers.
FAMILIES = ("gotosocial", "ghost", "onepage", "activitypub-bot", "bovine", "nodebb")
MATRIX = {
    "unsigned": (401, 401, 200, 200, 401, 200),
    "cavage rsa-sha256": (200, 200, 200, 200, 200, 200),
    "cavage hs2019": (200, 200, 401, 200, 200, 200),
    "cavage no algorithm": (200, 200, 401, 401, 200, 200),
    "cavage created, no date": (200, 401, 401, 500, 401, 200),
    "cavage ed25519": (401, 500, 401, 401, 401, 200),
    "9421 rsa": (401, 200, 400, 200, 500, 200),
    "9421 no alg": (401, 200, 400, 401, 500, 200),
    "9421 ed25519": (401, 401, 400, 401, 500, 200),
    "cavage wrong key": (401, 500, 401, 500, 401, 200),
}


@pytest.mark.parametrize("form", MATRIX)
def test_the_signature_matrix_is_that_of_the_running_servers(
    world: Fediverse, client: Client, form: str
) -> None:
    """Which form each of them reads, and how it refuses the others."""
    got = {}
    for name in FAMILIES:
        account = world.find(BY_NAME[name]).accounts["alice"]
        got[name] = ask(client, account.actor_id, form, NOW).status

    assert got == dict(zip(FAMILIES, MATRIX[form], strict=True))


PAGES: list[tuple[type[Server], str, int]] = [
    (BY_NAME["ghost"], "cavage with query", 401),
    (BY_NAME["ghost"], "cavage without query", 200),
    (BY_NAME["ghost"], "9421 rsa", 200),
    (BY_NAME["gotosocial"], "cavage with query", 200),
    (BY_NAME["gotosocial"], "cavage without query", 200),
    (BY_NAME["mastodon"], "cavage with query", 200),
    (BY_NAME["mastodon"], "cavage without query", 401),
    (BY_NAME["mastodon"], "9421 rsa", 200),
    (OldMastodon, "9421 rsa", 401),
    (BY_NAME["misskey"], "cavage with query", 401),
    (BY_NAME["misskey"], "cavage without query", 200),
    (BY_NAME["misskey"], "9421 rsa", 401),
    (OnlyEd25519, "cavage with query", 401),
    (OnlyEd25519, "cavage ed25519", 200),
    (OnlyEd25519, "9421 ed25519", 200),
    (OnlyEd25519, "9421 rsa", 401),
]


@pytest.mark.parametrize(
    ("family", "form", "status"), PAGES, ids=[f"{f.family}: {form}" for f, form, _ in PAGES]
)
def test_what_the_query_does_to_a_signature(
    world: Fediverse, client: Client, family: type[Server], form: str, status: int
) -> None:
    """A page has a query, which some leave out when they verify, and some want."""
    account = world.find(family).accounts["alice"]
    root = ask(client, account.outbox_url, "cavage rsa-sha256", NOW)
    if family is OnlyEd25519:
        assert 'alg="ed25519"' in root.headers["accept-signature"]
        root = ask(client, account.outbox_url, "9421 ed25519", NOW)

    assert ask(client, root.json["first"], form, NOW).status == status


TIMES = [
    ("ghost", 55 * 60, 200),
    ("ghost", 2 * 3_600, 401),
    ("gotosocial", 2 * 3_600, 200),
    ("misskey", 299, 200),
    ("misskey", 301, 401),
    ("mastodon", 11 * 3_600, 200),
    ("mastodon", -2 * 3_600, 401),
]


@pytest.mark.parametrize(("name", "age", "status"), TIMES)
def test_how_old_a_date_may_be(
    world: Fediverse, client: Client, name: str, age: int, status: int
) -> None:
    """From five minutes to half a day."""
    account = world.find(BY_NAME[name]).accounts["alice"]
    assert ask(client, account.actor_id, "cavage rsa-sha256", NOW - age).status == status


def test_who_fetches_the_pullers_actor_and_how_often(world: Fediverse, client: Client) -> None:
    """Fedify does it for each request; GoToSocial once, with a signed GET of its own."""
    mark = len(world.reached.carried)
    for name in ("ghost", "gotosocial"):
        account = world.find(BY_NAME[name]).accounts["alice"]
        for _ in range(3):
            assert ask(client, account.actor_id, "cavage rsa-sha256", NOW).status == 200
    asked = [(one.host, one.url, one.signed) for one in world.reached.carried[mark:]]

    assert asked.count(("ghost.example", ACTOR, False)) == 3
    assert all(signed for host, _, signed in asked if host == "gotosocial.example")
    assert asked.count(("gotosocial.example", ACTOR, True)) <= 1


def test_a_puller_whose_actor_cannot_be_read_is_refused() -> None:
    """The hosts verify with what the actor's own document says, and with nothing else."""
    server = BY_NAME["mastodon"](authorized_fetch=True)
    with Fediverse([server], clock=lambda: NOW) as world, Client(world) as client:
        account = server.add_account()
        assert ask(client, account.actor_id, "cavage rsa-sha256", NOW).status == 401
        assert client.get(account.actor_id, {"Signature": "keyId=..."}).status == 401
        finger = f"{server.base}/.well-known/webfinger?resource=acct:{account.handle[1:]}"
        assert client.get(finger, {"Accept": "application/jrd+json"}).status == 200


@pytest.mark.parametrize("form", [name for name in FORMS if name != "unsigned"])
def test_what_a_host_posts_verifies_with_its_own_key(world: Fediverse, form: str) -> None:
    """Each form covers a digest of the body and verifies with what the sender's actor publishes."""
    account = world.find(BY_NAME["ghost"]).accounts["alice"]
    message = account.server.prepare(account, account.posts[-1], form=form)
    signed = read(message)
    document: Any = account.server.actor(account)

    assert signed is not None
    assert {"digest", "content-digest"} & set(signed.covered)
    stated = message.headers.get("digest") or message.headers["content-digest"]
    assert base64.b64encode(hashlib.sha256(message.body).digest()).decode() in stated
    if FORMS[form].key == "ed25519":
        key = from_multikey(document["assertionMethod"][0]["publicKeyMultibase"])
    else:
        key = from_pem(document["publicKey"]["publicKeyPem"])
    assert verifies(key, signed.signature, signed.base(message), FORMS[form].hash)
    assert signed.key_id in str(document)


def follow_of(target: str) -> dict[str, Any]:
    return {"id": f"{ORIGIN}/follows/1", "type": "Follow", "actor": ACTOR, "object": target}


def post(world: Fediverse, url: str, document: Any, form: str, more: bytes = b"") -> Answer:
    """The puller posts to a simulated inbox."""
    kind = FORMS[form].key
    key: Private = ed25519_key(ACTOR) if kind == "ed25519" else rsa_key(OWN)
    key_id = f"{ACTOR}#{'ed25519' if kind == 'ed25519' else 'main'}-key"
    body = json.dumps(document).encode()
    message = prepare(FORMS[form], url, body, key, key_id, NOW)
    headers = {**message.headers, "content-length": str(len(body + more))}
    with Client(world) as client:
        return client.get(url, headers, method="POST", body=body + more)


def test_a_push_reaches_the_inbox_with_its_object(world: Fediverse) -> None:
    """The Create embeds the object even where the outbox gives its URL; a Delete does not."""
    server = BY_NAME["gotosocial"]("pusher.example")
    world.add(server)
    account = server.add_account()
    post = account.post("pushed")
    with Puller() as puller:
        world.reach(ORIGIN, puller.address)
        assert account.push(post).status == 202
        account.delete(post)
        assert account.push(post).status == 202
        [created, deleted] = puller.wait_for(2)

    assert created["object"]["content"] == "<p>pushed</p>"
    assert (deleted["type"], deleted["object"]["type"]) == ("Delete", "Tombstone")


FOLLOW_FORMS = ["mastodon", "mastodon 9421", "ed25519 9421"]


@pytest.mark.parametrize("form", FOLLOW_FORMS)
def test_a_follow_is_verified_recorded_and_accepted(world: Fediverse, form: str) -> None:
    """The host answers 202, remembers the follower, and sends its Accept afterwards."""
    server = BY_NAME["pleroma"](f"popular-{FOLLOW_FORMS.index(form)}.example")
    world.add(server)
    server.answers_follows = "accept"
    account = server.add_account()
    with Puller() as puller:
        world.reach(ORIGIN, puller.address)
        told = post(world, f"{account.actor_id}/inbox", follow_of(account.actor_id), form)
        [accept] = puller.wait_for(1)
    undo = {**follow_of(account.actor_id), "type": "Undo", "object": follow_of(account.actor_id)}

    assert told.status == 202
    assert (accept["type"], accept["object"]["actor"]) == ("Accept", ACTOR)
    assert list(account.followers) == [ACTOR]
    assert [one.signer for one in server.delivered] == [ACTOR]
    assert post(world, f"{account.actor_id}/inbox", undo, form).status == 202
    assert account.followers == {}


@pytest.mark.parametrize(
    "spoilt",
    [
        ("unsigned", ACTOR, b""),
        ("mastodon", "https://pull.example/somebody", b""),
        ("mastodon", ACTOR, b" "),
    ],
    ids=["it is not signed", "its actor is another", "its body is altered"],
)
def test_a_post_is_refused_and_recorded_when(
    world: Fediverse, spoilt: tuple[str, str, bytes]
) -> None:
    """The hosts verify what is posted to them, whatever they do with GETs."""
    form, actor, more = spoilt
    server = world.find(BY_NAME["mastodon"])
    account = server.accounts["alice"]
    with Puller() as puller:
        world.reach(ORIGIN, puller.address)
        document = {**follow_of(account.actor_id), "actor": actor}
        told = post(world, f"{account.actor_id}/inbox", document, form, more)

    assert told.status == 401
    assert server.delivered[-1].status == 401
    assert account.followers == {}


def test_undoing_what_was_done_embeds_it(world: Fediverse) -> None:
    """An Undo carries the activity that it takes back."""
    account = world.find(BY_NAME["mastodon"]).accounts["alice"]
    boost = account.boost("https://other.example/notes/1")
    account.delete(boost)
    document = account.server.pushed(account.activities[-1])

    assert (document["type"], document["object"]["type"]) == ("Undo", "Announce")
