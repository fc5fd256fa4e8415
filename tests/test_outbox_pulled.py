"""Our outbox is the one that we would like to pull from: by ourselves, and by another project's
library, over real TLS."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from apmodel import Create, OrderedCollection, OrderedCollectionPage
from certificates import Authority
from public_station import ACTOR, PublicStation
from station import Running, Station
from tls_front import Front, front_of

from fedpull.client import Client
from fedpull.tests.fediverse.world import Fediverse

with warnings.catch_warnings():
    # It inherits from aiohttp's session, which aiohttp discourages.
    warnings.simplefilter("ignore", DeprecationWarning)
    from apkit.client.asyncio import ActivityPubClient

OUTBOX = f"{ACTOR}/outbox"
HANDLE = "@fedpull@pull.example"
POSTS = 45


@dataclass
class Scene:
    """Who publishes, the front end before it, and who reads it in a store of its own."""

    author: PublicStation
    running: Running
    front: Front
    reader: Station
    authority: Authority

    def publish(self, **activity: Any) -> dict[str, Any]:
        """The activity that it becomes."""
        with Client(self.running.address) as client:
            return client.publish(activity)

    def pull(self) -> tuple[dict[str, Any], list[str]]:
        """What a pull of our actor comes to, and the requests that it took, robots.txt apart."""
        before = len(self.front.requests)
        [pulled] = self.reader.pull(HANDLE).values()
        made = self.front.requests[before:]
        return pulled, [head for head in made if " /robots.txt " not in head]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    folders = [tmp_path / name for name in ("author", "reader", "tls")]
    for folder in folders:
        folder.mkdir()
    authority = Authority.make(folders[2])
    with Fediverse([]) as world:
        author = PublicStation(folders[0], world)
        with author.daemon() as running, front_of(author.port, served(authority)) as front:
            reached = {"pull.example:443": f"127.0.0.1:{front.port}"}
            network = {"connect_to": reached, "ca_file": str(authority.bundle)}
            reader = Station(folders[1], world, network=network)
            yield Scene(author, running, front, reader, authority)


def served(authority: Authority) -> ssl.SSLContext:
    return authority.server("pull.example")


def test_by_our_own_spider(at: Scene) -> None:
    """Every public object and nothing else; nothing new costs one conditional request, something
    new as much as it has to."""
    objects = [
        at.publish(type="Note", content=f"post {n}", to="as:Public")["object"]["id"]
        for n in range(POSTS)
    ]
    at.publish(type="Note", content="a secret", to=[f"{ACTOR}/followers"])

    pulled, _ = at.pull()

    assert (pulled["error"], pulled["complete"]) == (None, True)
    assert at.reader.listed(HANDLE) == set(objects)

    pulled, asked = at.pull()

    assert (pulled["new"], pulled["requests"], len(asked)) == (0, 1, 1)
    [head] = asked
    assert head.startswith("GET /actor/outbox")
    assert "if-none-match:" in head.lower()

    objects.append(at.publish(type="Note", content="news", to="as:Public")["object"]["id"])
    pulled, asked = at.pull()

    assert (pulled["error"], pulled["new"]) == (None, 1)
    assert at.reader.listed(HANDLE) == set(objects)
    assert len(asked) <= 3


class Here(AbstractResolver):
    """Every name leads to this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self.port,
                family=socket.AF_INET,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        pass

    def __init__(self, port: int) -> None:
        self.port = port


async def through_the_library(at: Scene) -> list[Any]:
    """Every activity that a program which uses apkit finds, beginning with our handle."""
    trusted = ssl.create_default_context(cafile=str(at.authority.bundle))
    connector = aiohttp.TCPConnector(ssl=trusted, resolver=Here(at.front.port))
    async with ActivityPubClient(connector=connector) as client:
        fetch = client.actor.fetch
        finger = await client.actor.resolve("fedpull", "pull.example")
        link = finger.get("application/activity+json")
        # Its model of an actor needs contexts that it would fetch; of the outbox it has them all.
        async with client.get(link.href, headers={"accept": link.type}) as answer:
            actor = await answer.json()
        outbox = await fetch(actor["outbox"])
        assert isinstance(outbox, OrderedCollection)
        assert outbox.total_items == POSTS
        ids: list[str] = []
        following = outbox.first
        while following is not None:
            page = await fetch(following)
            assert isinstance(page, OrderedCollectionPage)
            ids += [item.id for item in page.ordered_items]
            following = page.next
        return [await fetch(id) for id in ids]


async def test_by_the_library_of_another_project(at: Scene) -> None:
    """It is led from the handle to the actor, its outbox and every page, and finds every public
    object, in order, as what it knows."""
    at.publish(type="Note", content="a secret", to=[f"{ACTOR}/followers"])
    made = [at.publish(type="Note", content=f"post {n}", to="as:Public") for n in range(POSTS)]

    found = await through_the_library(at)

    assert {type(one) for one in found} == {Create}
    assert [one.id for one in found] == [one["id"] for one in reversed(made)]
    assert [one.object.content for one in found] == [f"post {n}" for n in reversed(range(POSTS))]
    assert at.front.named("/actor/outbox")[1:] != []


def test_what_was_edited_and_deleted_is_seen(at: Scene) -> None:
    """An `Update` and a `Delete` stand in the outbox themselves, so that old pages need not be read
    again for them."""
    first, second, *rest = [
        at.publish(type="Note", content=f"post {n}", to="as:Public")["object"]["id"]
        for n in range(POSTS)
    ]
    at.pull()
    at.publish(
        type="Update", object={"type": "Note", "id": first, "content": "edited", "to": "as:Public"}
    )
    at.publish(type="Delete", object=second)

    pulled, asked = at.pull()

    assert pulled["error"] is None
    assert at.reader.listed(HANDLE) == {first, *rest}
    assert at.reader.json("get", first)["content"] == "edited"
    assert "/actor/outbox?page=1" not in [head.split()[1] for head in asked]
