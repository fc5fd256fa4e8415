"""docs/caching.md: each cell of its tables is what the server does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from api_cases import HOST, NOW, Serving, Store, note, serving
from public_cases import until

from fedpull.cache.records import Attempt, Mark, Outcome, Reference, State
from fedpull.errors import Unreachable

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "caching.md").read_text("utf-8")
STATES = ("missing", "fresh", "stale", "failing", "down", "gone")
IDS = {state: f"{HOST}/notes/{number}" for number, state in enumerate(STATES, 1)}
BROKEN = "unreachable: status 500"


def rows(section: str) -> list[tuple[str, list[str]]]:
    """The table of a section: its directives, and its cells by column."""
    part = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (?:`([^`]+)`|nothing) \| (.+) \|$", part, re.MULTILINE)
    return [(name, cells.split(" | ")) for name, cells in found if not cells.startswith("missing")]


def fail(store: Store, id: str, state: State, outcome: str, at: float, **mark: object) -> None:
    """An attempt to ask the origin that ended so."""
    attempt = Attempt(at, "on_demand", None, outcome)
    marked = Mark(id, state, **mark)  # type: ignore[arg-type]
    store.apply(Outcome(at, marks=(marked,), attempt=attempt))


def prepare(store: Store) -> None:
    """One document in each of the states, as the page describes them."""
    numbers = {state: int(id.rpartition("/")[2]) for state, id in IDS.items()}
    store.put(note(numbers["fresh"]), at=NOW - 60)
    store.put(note(numbers["stale"]), note(numbers["failing"]), at=NOW - 700)
    fail(store, IDS["failing"], State.FAILED, BROKEN, NOW - 30, failed=True)
    fail(store, IDS["down"], State.FAILED, BROKEN, NOW - 30, failed=True)
    fail(store, IDS["gone"], State.GONE, "gone", NOW - 30, reason="gone")


async def done(api: Serving, id: str, headers: dict[str, str]) -> str:
    """What a request comes to, in the words of the table."""
    asked, checked = len(api.origin.asked), len(api.origin.checked)
    reply = await api.get(f"/v1/document?id={id}", **headers)
    if len(api.origin.asked) > asked:
        assert "; fwd=" in reply.headers["cache-status"]
        return "fetched"
    if reply.status == 200:
        assert reply.headers["cache-status"].startswith("fedpull; hit; ")
        return "checked" if len(api.origin.checked) > checked else "served"
    if reply.json["type"] == "/problems/not-cached":
        return str(reply.status)
    assert reply.headers["cache-status"].endswith("detail=negative")
    return "error"


def arrives(store: Store, id: str) -> Callable[[], None]:
    return lambda: store.put(note(int(id.rpartition("/")[2])), at=NOW)


@pytest.mark.parametrize(("directives", "cells"), rows("What a request may say"))
async def test_what_a_request_may_say(tmp_path: Path, directives: str, cells: list[str]) -> None:
    """Each directive, in each state of the document."""
    headers = {"Cache_Control": directives} if directives else {}
    async with serving(tmp_path) as api:
        prepare(api.store)
        for id in IDS.values():
            api.origin.answers[id] = arrives(api.store, id)

        found = [await done(api, id, headers) for id in IDS.values()]

        assert dict(zip(STATES, found, strict=True)) == dict(zip(STATES, cells, strict=True))


@pytest.mark.parametrize(("directives", "cells"), rows("When the origin fails"))
async def test_when_the_origin_fails(tmp_path: Path, directives: str, cells: list[str]) -> None:
    """A copy instead of an error, for who says how stale it may be."""
    async with serving(tmp_path) as api:
        prepare(api.store)
        for state, cell in zip(STATES, cells, strict=False):
            api.origin.answers[IDS[state]] = Unreachable(IDS[state], "status 500")
            reply = await api.get(f"/v1/document?id={IDS[state]}", Cache_Control=directives)

            assert (200 if cell == "copy" else int(cell)) == reply.status, state
            if cell == "copy":
                assert "; detail=stale-if-error" in reply.headers["cache-status"]


async def test_a_copy_whose_origin_fails_is_stale(tmp_path: Path) -> None:
    """The next check of what failed lies in the future; its copy is not the fresher for it."""
    async with serving(tmp_path) as api:
        prepare(api.store)
        known = api.store.query.reference(IDS["failing"])
        assert known is not None
        assert (known.next_check or 0.0) > NOW

        reply = await api.get(f"/v1/document?id={IDS['failing']}")
        told = (await api.get(f"/v1/reference?id={IDS['failing']}")).json

        assert (reply.status, reply.headers["fedpull-freshness"]) == (200, "stale")
        assert reply.headers["cache-status"] == "fedpull; hit; ttl=-30"
        assert (told["freshness"], told["why"][:6]) == ("stale", "Stale:")


async def test_who_shares_a_request_is_told(tmp_path: Path) -> None:
    """Those who came while it was on its way are answered by it, and `collapsed` says so."""
    id = IDS["missing"]
    async with serving(tmp_path) as api:
        came, fetch, asked = asyncio.Event(), api.origin.fetch, []

        async def held(id_or_handle: str, *, depth: int = 0, wait: float = 30.0) -> Reference:
            asked.append(id_or_handle)
            await came.wait()
            return await fetch(id_or_handle, depth=depth, wait=wait)

        api.origin.answers[id] = arrives(api.store, id)
        api.origin.fetch = held  # type: ignore[method-assign]
        callers = [asyncio.ensure_future(api.get(f"/v1/document?id={id}")) for _ in range(3)]
        await until(lambda: len(asked) == 3)
        came.set()
        replies = await asyncio.gather(*callers)

        told = sorted(reply.headers["cache-status"] for reply in replies)
        assert [reply.status for reply in replies] == [200] * 3
        assert [one.split("; ")[1:4] for one in told] == [
            *(["fwd=uri-miss", "stored", "collapsed"] for _ in range(2)),
            ["fwd=uri-miss", "stored", "ttl=600"],
        ]


async def test_no_store_is_told_to_others(tmp_path: Path) -> None:
    """What its reader does not want kept is told to the caches between us."""
    async with serving(tmp_path) as api:
        prepare(api.store)

        reply = await api.get(f"/v1/document?id={IDS['fresh']}", Cache_Control="no-store")

        assert (reply.status, reply.headers["cache-control"]) == (200, "no-store")


async def test_a_wait_that_ran_out_confirms_nothing(tmp_path: Path) -> None:
    """A copy that was not confirmed in time is not served to who wanted it confirmed."""
    async with serving(tmp_path) as api:
        prepare(api.store)

        reply = await api.get(f"/v1/document?id={IDS['stale']}", Cache_Control="no-cache")

        assert (reply.status, reply.json["type"]) == (504, "/problems/unreachable")
