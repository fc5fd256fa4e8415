"""The description of the API is valid, is what the server does, and has every field of a shape."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from api_cases import ALICE, HOST, NOW, Serving, note, serving
from jsonschema import Draft202012Validator, FormatChecker
from mail_cases import received
from openapi_spec_validator import validate

from fedpull.cache.api_http import TITLES
from fedpull.cache.mail_records import Follower, Send
from fedpull.cache.openapi_form import Schema
from fedpull.cache.records import (
    Collection,
    Entry,
    Follow,
    HostReport,
    Members,
    Outcome,
    State,
)

CONFIG = Path(__file__).with_name("schemathesis.toml")
# So many examples of each call; FEDPULL_SCHEMATHESIS=500 for a night.
EXAMPLES = os.environ.get("FEDPULL_SCHEMATHESIS", "5")
OUTBOX = f"{ALICE}/outbox"
NOTE = f"{HOST}/notes/1"


def populate(api: Serving) -> None:
    """Something of every kind that the API tells of."""
    store = api.store
    store.follow(Follow("@alice@events.example", actor=ALICE, handle="@alice@events.example"))
    store.put({"id": ALICE, "type": "Person", "inbox": f"{ALICE}/inbox", "outbox": OUTBOX})
    store.put(*(note(number) for number in range(9)))
    store.put(note(1, content="Edited", updated="2026-05-28T21:00:00Z"), at=NOW + 60)
    store.mark(f"{HOST}/notes/8", State.GONE, reason="gone", purge=True)
    entries = tuple(Entry(f"{HOST}/notes/{number}") for number in (3, 1, 2))
    members = Members(OUTBOX, entries, first=True)
    whole = Collection(OUTBOX, "ok", True, 3)
    store.apply(Outcome(NOW, members=members, collection=whole))
    store.apply(Outcome(NOW, hosts=(HostReport("events.example:443", True, status=200),)))
    mailbox = store.opened.mailbox
    mailbox.receive([received(1)], NOW).result()
    mailbox.send([Send(f"{HOST}/1", "https://b.example/inbox", b"{}")], NOW)
    bob = "https://b.example/bob"
    follower = Follower(bob, f"{bob}/inbox", None, "pending", f"{bob}/f/1", NOW)
    mailbox.put_follower(follower, (), NOW).result()
    api.origin.wishes.append(f"{HOST}/forgotten")
    for number in range(9):
        id = f"{HOST}/notes/{number}"
        api.origin.answers[id] = lambda n=number: store.put(note(n), at=api.now)  # type: ignore[misc]


def closed(schema: Any) -> Any:
    """The same schema, to which a field that it does not name is an error."""
    if isinstance(schema, Mapping):
        strict = {name: closed(value) for name, value in schema.items()}
        return {**strict, "additionalProperties": False} if "properties" in schema else strict
    return [closed(value) for value in schema] if isinstance(schema, list) else schema


def wrong_with(value: Any, schema: Schema, description: Any) -> list[str]:
    """What the schema does not say of a value."""
    shapes = {name: closed(one) for name, one in description["components"]["schemas"].items()}
    whole = {**closed(schema), "components": {"schemas": shapes}}
    found = Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


async def test_the_description_is_valid(tmp_path: Path) -> None:
    """It is OpenAPI 3.1, every call stands in it, and each has a name of its own."""
    async with serving(tmp_path) as api:
        told = (await api.get("/openapi.json")).json

        validate(told)
        names = [call["operationId"] for calls in told["paths"].values() for call in calls.values()]
        assert len(names) == len(set(names))
        assert {(one.method.lower(), one.path) for one in api.operations} == {
            (method, path)
            for path, calls in told["paths"].items()
            for method in calls
            if method != "head"
        }


async def test_every_problem_has_a_page(tmp_path: Path) -> None:
    """The type of each problem leads to what it means."""
    async with serving(tmp_path) as api:
        for name, title in TITLES.items():
            page = await api.get(f"/problems/{name}")

            assert (page.status, page.headers["content-type"][:9]) == (200, "text/html")
            assert title.encode() in page.body


@pytest.mark.parametrize(
    ("target", "empty"),
    [
        (f"/v1/document?id={NOTE}", False),
        (f"/v1/reference?id={NOTE}", False),
        (f"/v1/reference?id={OUTBOX}", False),
        (f"/v1/reference?id={HOST}/notes/8", False),
        (f"/v1/history?id={NOTE}", False),
        ("/v1/objects?limit=2", False),
        (f"/v1/collection?id={OUTBOX}&limit=2", False),
        (f"/v1/thread?id={NOTE}", False),
        ("/v1/changes", False),
        ("/v1/follows", False),
        ("/v1/hosts", False),
        ("/v1/status", False),
        ("/v1/notifications", False),
        ("/v1/followers", False),
        ("/v1/deliveries", False),
        ("/v1/forget", False),
        ("/readyz", False),
        ("/healthz", False),
        (f"/v1/reference?id={HOST}/unknown", True),
        ("/v1/objects?limit=nonsense", True),
        ("/nowhere", True),
    ],
)
async def test_no_field_is_untold(tmp_path: Path, target: str, empty: bool) -> None:
    """What is answered has the fields that the description names, and no others."""
    async with serving(tmp_path) as api:
        populate(api)
        told = (await api.get("/openapi.json")).json
        reply = await api.get(target)

        if empty:
            schema: Schema = {"$ref": "#/components/schemas/Problem"}
        else:
            got = told["paths"][target.partition("?")[0]]["get"]
            schema = got["responses"]["200"]["content"]["application/json"]["schema"]
            assert reply.json.get("items", True), "nothing to look at"
        assert (reply.status == 200) is not empty
        assert wrong_with(reply.json, schema, told) == []


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/v1/fetch", {"id": NOTE}),
        ("/v1/pull", {"actors": ["@alice@events.example"]}),
        ("/v1/follows", {"actor": "@bob@b.example"}),
        ("/v1/followers", {"actor": "https://b.example/bob", "accept": True}),
        ("/v1/forget", {"id": NOTE}),
        ("/v1/blocklists", {}),
    ],
)
async def test_what_is_done_is_told_as_described(tmp_path: Path, target: str, body: Any) -> None:
    """So it is with what a caller had done."""
    async with serving(tmp_path) as api:
        populate(api)
        told = (await api.get("/openapi.json")).json
        reply = await api.post(target, body)

        answers = told["paths"][target]["post"]["responses"]
        schema = answers[str(reply.status)]["content"]["application/json"]["schema"]
        assert reply.status in (200, 201, 202)
        assert wrong_with(reply.json, schema, told) == []


@pytest.mark.timeout(600)
async def test_the_server_is_as_described(tmp_path: Path) -> None:
    """schemathesis asks every call for what the description has, and for what it has not."""
    async with serving(tmp_path) as api:
        populate(api)
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG)),
            *("run", f"{api.address}/openapi.json", "--max-examples", EXAMPLES, "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing", "--no-color"),
        ]
        pipe = asyncio.subprocess.PIPE
        run = await asyncio.create_subprocess_exec(*command, stdout=pipe, cwd=tmp_path)
        told, _ = await run.communicate()

    assert run.returncode == 0, told.decode()[-10_000:]
