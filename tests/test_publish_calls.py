"""Publishing over HTTP and with the client: the answer, what is wrong, and being asked twice."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from api_cases import Serving, serving
from publishing_cases import ORIGIN, PUBLIC, RULES, WE, note

from fedpull.client import Client
from fedpull.crawler.protocol import publishable
from fedpull.errors import BadInput, Unfit

DOC = Path(__file__).resolve().parent.parent / "docs" / "publishing.md"


async def test_published(tmp_path: Path) -> None:
    """201, the activity and its id; the object is a document that is served from then on."""
    async with serving(tmp_path) as api:
        reply = await api.post("/v1/outbox", note())
        object = reply.json["object"]["id"]
        document = await api.get(f"/v1/document?id={object}")
        listed = (await api.get("/v1/objects")).json["items"]
        explained = (await api.get(f"/v1/reference?id={object}")).json

        assert reply.status == 201
        assert reply.headers["location"] == reply.json["id"]
        assert reply.json["id"].startswith(f"{ORIGIN}/activities/")
        assert reply.json["to"] == [PUBLIC]
        assert document.json["content"] == "hello"
        assert document.headers["fedpull-verified-by"] == "local"
        assert document.headers["fedpull-freshness"] == "fresh"
        assert document.headers["age"] == "0"
        assert [item["id"] for item in listed] == [object]
        assert listed[0]["freshness"] == "fresh"
        assert "we have published it ourselves" in explained["why"]
        assert explained["next_check"] is None
        assert api.origin.asked == []


@pytest.mark.parametrize(
    "cache_control", ["no-cache", "max-age=0", "only-if-cached", "min-fresh=9"]
)
async def test_ours_is_always_fresh(tmp_path: Path, cache_control: str) -> None:
    """Whatever a request thinks of old copies: of what is ours there is nobody else to ask."""
    async with serving(tmp_path) as api:
        object = (await api.post("/v1/outbox", note())).json["object"]["id"]
        reply = await api.get(f"/v1/document?id={object}", cache_control=cache_control)

        assert reply.status == 200
        assert api.origin.asked == []


async def test_deleted(tmp_path: Path) -> None:
    """What was deleted is gone."""
    async with serving(tmp_path) as api:
        object = (await api.post("/v1/outbox", note())).json["object"]["id"]
        reply = await api.post("/v1/outbox", {"type": "Delete", "object": object})
        document = await api.get(f"/v1/document?id={object}")

        assert reply.json["object"]["type"] == "Tombstone"
        assert document.status == 410


@pytest.mark.parametrize("kind", ["application/activity+json", "application/ld+json; profile=x"])
async def test_types_of_bodies(tmp_path: Path, kind: str) -> None:
    """The body may say that it is ActivityStreams."""
    async with serving(tmp_path) as api:
        taken = await api.call("POST", "/v1/outbox", json.dumps(note()), content_type=kind)
        other = await api.call("POST", "/v1/outbox", json.dumps(note()), content_type="text/plain")
        elsewhere = await api.call("POST", "/v1/fetch", "{}", content_type=kind)

        assert (taken.status, other.status, elsewhere.status) == (201, 415, 415)
        assert "application/activity+json" in other.headers["accept-post"]


async def test_all_that_is_wrong(tmp_path: Path) -> None:
    """400 names every property and why, for a program too."""
    value = {"type": "Note", "to": ["as:Public", "bob"], "published": "yesterday"}
    async with serving(tmp_path) as api:
        reply = await api.post("/v1/outbox", value)
        with Client(api.address) as client, pytest.raises(Unfit) as caught:
            await asyncio.to_thread(client.publish, value)

        assert reply.status == 400
        assert reply.json["type"] == "/problems/bad-input"
        assert [one["subject"] for one in reply.json["errors"]] == ["published", "to[1]"]
        assert reply.json["subject"] == "published"
        assert [one.subject for one in caught.value.errors] == ["published", "to[1]"]
        assert api.store.query.outbox_total() == 0


async def test_too_large(tmp_path: Path) -> None:
    """An article of 200 KiB is taken, one of 300 is not; other calls take 64."""
    async with serving(tmp_path) as api:
        article = await api.post("/v1/outbox", note("x" * 200_000))
        book = await api.post("/v1/outbox", note("x" * 300_000))
        fetch = await api.post("/v1/fetch", {"id": "x" * 200_000})

        assert (article.status, book.status, fetch.status) == (201, 413, 413)


async def test_asked_twice(tmp_path: Path) -> None:
    """Under one key the same request is one publication, and another one is a mistake."""

    def publish(api: Serving) -> None:
        with Client(api.address) as client:
            first, second = (client.publish(note(), key="k") for _ in range(2))
            third = client.publish(json.dumps(note()).encode())
            with pytest.raises(BadInput, match="Idempotency-Key"):
                client.publish(note("other"), key="k")

        assert first == second
        assert third["id"] != first["id"]

    async with serving(tmp_path) as api:
        await asyncio.to_thread(publish, api)

        assert api.store.query.outbox_total() == 2


def test_the_manual() -> None:
    """What the manual shows may be published, and what it says of mistakes is what is said."""
    text = DOC.read_text("utf-8").replace("https://pull.example.org", ORIGIN)
    shown = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    value = note(to=[ORIGIN, "bob"], published="yesterday")
    with pytest.raises(Unfit) as caught:
        publishable.read(json.dumps({"type": "Create", "object": value}).encode(), WE, RULES)

    assert len(shown) == 4
    for one in shown:
        publishable.read(one.encode(), WE, RULES)
    told = str(caught.value).splitlines()
    assert [f"fedpull: {line}" for line in told if ORIGIN not in line] == re.findall(
        r"^fedpull: .*", text, re.MULTILINE
    )
