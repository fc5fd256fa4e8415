"""The simulated Fediverse behaves as the servers that it stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fedpull.tests.fediverse import Account, Fediverse, Server
from fedpull.tests.fediverse.client import Client
from fedpull.tests.fediverse.documents import ACTIVITY_JSON
from fedpull.tests.fediverse.families import ALL, BY_NAME
from fedpull.tests.fediverse.wire import Incoming

JRD = "application/jrd+json"


def page_of(client: Client, link: Any) -> Any:
    """The page behind a link: a URL, an embedded page, or a stub."""
    if isinstance(link, dict):
        return link if {"items", "orderedItems"} & link.keys() else client.json(link["id"])
    return client.json(link)


def items_of(page: Any) -> list[Any]:
    items: Any = page.get("orderedItems", page.get("items", []))
    return list(items["orderedItems"] if isinstance(items, dict) else items)


def pages_of(client: Client, account: Account) -> Iterator[Any]:
    """The pages of an outbox, followed literally; ends at two pages without a new item."""
    page = client.json(account.outbox_url)
    if "first" in page and not items_of(page):
        page = page_of(client, page["first"])
    seen: set[str] = set()
    visited: set[str] = set()
    stale = 0
    while stale < 2:
        yield page
        keys = {target_of(client, item)[1] for item in items_of(page)} - seen
        seen |= keys
        stale = 0 if keys else stale + 1
        link = page.get("next")
        url = link["id"] if isinstance(link, dict) else link
        if url is None or url in visited:
            return
        visited.add(url)
        answer = client.get(url)
        if answer.status in (400, 404):
            return
        page = answer.json


def target_of(client: Client, item: Any) -> tuple[str, str]:
    """What an item is about: its verb and the id of its object."""
    if isinstance(item, str):
        answer = client.get(item)
        if answer.status == 404:
            return "Missing", item
        item = answer.json
    inner = item.get("object", item)
    if isinstance(inner, dict) and inner.get("type") == "Create":  # Lemmy
        return "Create", inner["object"]["id"]
    if isinstance(inner, dict) and inner.get("type") == "Tombstone":
        return "Gone", inner["id"]
    return item.get("type", ""), inner["id"] if isinstance(inner, dict) else inner


@pytest.fixture(scope="module")
def world() -> Iterator[Fediverse]:
    with Fediverse() as world:
        for server in world.servers.values():
            populate(server)
        yield world


@pytest.fixture(scope="module")
def client(world: Fediverse) -> Iterator[Client]:
    with Client(world) as client:
        yield client


def populate(server: Server) -> None:
    """45 public posts and one of each other kind."""
    alice = server.add_account(posts=45)
    alice.post("For friends", public="followers")
    alice.post("Quietly", public="unlisted")
    alice.delete(alice.post("A mistake"))
    alice.boost("https://other.example/notes/1")
    alice.edit(alice.posts[3], "Better words")
    alice.act("Like", "https://other.example/notes/2")


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.family)
def test_every_family_leads_from_handle_to_actor(
    client: Client, world: Fediverse, family: type[Server]
) -> None:
    """WebFinger's self link is the actor, which has the user's name and its own id."""
    alice = world.find(family).accounts["alice"]
    resource = f"acct:{alice.handle[1:]}"

    finger = client.get(
        f"{alice.server.base}/.well-known/webfinger?resource={resource}", {"Accept": JRD}
    )
    links = {link["rel"]: link["href"] for link in finger.json["links"]}
    actor = client.json(links["self"])

    assert finger.json["subject"] == resource
    assert actor["id"] == alice.actor_id
    assert actor["preferredUsername"] == "alice"
    assert actor.get("outbox", alice.outbox_url) == alice.outbox_url


@pytest.mark.parametrize(
    "family", [family for family in ALL if family.family != "bird-makeup"], ids=lambda f: f.family
)
def test_every_outbox_offers_what_the_server_says_it_offers(
    client: Client, world: Fediverse, family: type[Server]
) -> None:
    """A walk finds the ids of `public_objects` and `offered_boosts`, and no other that counts."""
    server = world.find(family)

    found = [
        target_of(client, item)
        for page in pages_of(client, server.accounts["alice"])
        for item in items_of(page)
    ]

    assert {id for verb, id in found if verb == "Announce"} == server.offered_boosts()
    others = {"Announce", "Gone", "Missing", "Like", "Update", "Delete"}
    objects = {id for verb, id in found if verb not in others}
    tombstones = {id for id in objects if client.get(id).json["type"] == "Tombstone"}
    assert objects - tombstones == server.public_objects()


OFFERED = {
    "gotosocial": 45,  # no unlisted posts
    "lemmy-person": 0,
    "pixelfed": 0,
    "bridge": 0,
    "bird-makeup": 0,
    "takahe": 10,
    "epicyon": 11,
}


@pytest.mark.parametrize("name", BY_NAME)
def test_families_offer_all_public_posts_or_the_known_part(world: Fediverse, name: str) -> None:
    """46 public posts are offered, fewer where the server is known to hold back."""
    assert len(world.find(BY_NAME[name]).public_objects()) == OFFERED.get(name, 46)


REFUSALS = [  # family, status of what was deleted, of what is for followers
    ("mastodon", 404, 404),
    ("pleroma", 404, 404),
    ("gotosocial", 404, 404),
    ("friendica", 200, 404),
    ("ghost", 200, 404),
    ("nodebb", 200, 404),
    ("onepage", 410, 401),
    ("activitypub-bot", 200, 403),
    ("lemmy", 410, 404),
    ("gancio", 404, 200),
    ("takahe", 404, 404),
    ("bovine", 404, 404),
]


@pytest.mark.parametrize(
    ("name", "deleted", "private"),
    REFUSALS,
    ids=[f"{name} answers {gone} and {hidden}" for name, gone, hidden in REFUSALS],
)
def test_what_is_deleted_or_private_is_answered_as_the_server_does(
    client: Client, world: Fediverse, name: str, deleted: int, private: int
) -> None:
    """404, 410, 401, 403, or 200 with a Tombstone."""
    posts = {post.text: post for post in world.find(BY_NAME[name]).accounts["alice"].posts}

    gone = client.get(posts["A mistake"].id)
    hidden = client.get(posts["For friends"].id)

    assert (gone.status, hidden.status) == (deleted, private)
    if deleted in (200, 410):
        assert gone.json["type"] == "Tombstone"


@pytest.mark.parametrize(
    "name", ["mastodon", "pleroma", "misskey", "gotosocial", "nodebb", "bovine"]
)
def test_prev_of_the_newest_page_leads_to_exactly_what_came_after(name: str) -> None:
    """After three new posts, `prev` gives these three."""
    with Fediverse([BY_NAME[name]]) as world, Client(world) as client:
        alice = world.find(BY_NAME[name]).add_account(posts=30)
        page = next(pages_of(client, alice))

        new = [alice.post(f"News {n}").id for n in range(3)]
        newer = client.json(page["prev"])

        assert [target_of(client, item)[1] for item in items_of(newer)] == new[::-1]


def asked(server: Server, target: str, **headers: str) -> Incoming:
    return Incoming(server.now(), server.host, "GET", target, headers, b"", ("127.0.0.1", 1))


def page(server: Server, query: str) -> Any:
    """A page of alice's outbox, without a network."""
    path = server.accounts["alice"].outbox_url.removeprefix(server.base)
    answer = server.handle(asked(server, path + query, accept=ACTIVITY_JSON, **{"user-agent": "t"}))
    assert answer is not None
    return json.loads(answer.body) if answer.status == 200 else answer.status  # type: ignore[union-attr]


def keys(value: Any) -> set[str]:
    return set(value) - {"@context", "id", "type", "partOf", "orderedItems", "totalItems"}


ENDS = [  # family, query, what is asserted of the answer
    ("mastodon", "?max_id=0&page=true", lambda p: keys(p) == set() and p["orderedItems"] == []),
    ("pleroma", "?max_id=A&page=true", lambda p: keys(p) == set() and "id" not in p),
    ("misskey", "?page=true&since_id=9&until_id=9", lambda p: p == 400),
    ("peertube", "?page=999", lambda p: p["orderedItems"] == [] and "next" not in p),
    ("wordpress-old", "?page=5", lambda p: "orderedItems" in p and "next" not in p),
    ("wordpress-old", "?page=9", lambda p: "orderedItems" not in p and p["id"].endswith("outbox")),
    ("wordpress", "?page=9", lambda p: p == 400),
    ("mobilizon", "?page=9", lambda p: p["orderedItems"] == [] and "prev" in p),
    ("mobilizon", "", lambda p: len(p["first"]["orderedItems"]) == 20),
    ("gancio", "?page=9", lambda p: p["orderedItems"] == [] and "next" in p),
    ("funkwhale", "?page=9", lambda p: p == 404),
    ("bookwyrm", "?page=9", lambda p: p["id"].endswith("?page=4") and len(p["orderedItems"]) == 1),
    ("writefreely", "?page=9", lambda p: p["orderedItems"] == [] and "next" in p),
    ("owncast", "?page=1", lambda p: len(p["orderedItems"]["orderedItems"]) == 46),
    ("takahe", "", lambda p: "id" not in p and p["totalItems"] == 10),
    ("pixelfed", "", lambda p: keys(p) == set() and "orderedItems" not in p),
    ("bovine", "?min_id=1", lambda p: p["orderedItems"] == [] and "next" not in p),
    ("epicyon", "?page=7", lambda p: p["id"].endswith("?page=1") and len(p["orderedItems"]) == 11),
    ("onepage", "", lambda p: keys(p["first"]) == set() and p["totalItems"] == 52),
    ("nodebb", "", lambda p: p["type"] == "OrderedCollectionPage" and "first" in p),
    ("nodebb", "?after=1", lambda p: p["orderedItems"] == [] and "next" not in p),
    ("gotosocial", "?limit=9", lambda p: isinstance(p["orderedItems"][0]["object"], str)),
    ("ghost", "?cursor=soon", lambda p: p == 400),
]


@pytest.mark.parametrize(
    ("name", "query", "holds"), ENDS, ids=[f"{name} {query or 'root'}" for name, query, _ in ENDS]
)
def test_the_ends_of_lists_look_as_on_the_real_server(
    world: Fediverse, name: str, query: str, holds: Any
) -> None:
    """Missing items, clamped pages, statuses and links past the end."""
    answer = page(world.find(BY_NAME[name]), query)

    assert holds(answer), answer
