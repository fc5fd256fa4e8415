"""The change log as a stream, over real sockets: nothing missed, nothing twice, nothing held."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from api_cases import Serving, note, serving
from public_cases import until

from fedpull.cache.api_stream import MAX_STREAMS, events
from fedpull.cache.feed import Feed
from fedpull.cache.ports import Query
from fedpull.cache.records import Change

EVENTS = "text/event-stream"


class Listener:
    """One connection that listens to the stream. HTTP/1.0, so that pieces come as they are."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.reader = reader
        self.head = ""
        self.heard: list[int] = []

    async def block(self) -> dict[str, str]:
        """The next event or comment."""
        text = (await self.reader.readuntil(b"\n\n")).decode().strip()
        return dict(line.split(":", 1) for line in text.split("\n"))

    async def event(self) -> dict[str, Any]:
        """The next change; what its id says is what its data say."""
        while "data" not in (found := await self.block()):
            pass
        change: dict[str, Any] = json.loads(found["data"])
        assert found["event"].strip() == "change"
        assert int(found["id"]) == change["seq"]
        self.heard.append(change["seq"])
        return change

    async def upto(self, seq: int) -> list[int]:
        """All that is heard until the entry with that number has come."""
        while not self.heard or self.heard[-1] < seq:
            await self.event()
        return self.heard


@asynccontextmanager
async def listening(api: Serving, query: str = "", **headers: str) -> AsyncIterator[Listener]:
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    given = {"Host": "localhost", "Accept": EVENTS}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"GET /v1/changes{query} HTTP/1.0", *(f"{k}: {v}" for k, v in given.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    listener = Listener(reader)
    try:
        listener.head = (await reader.readuntil(b"\r\n\r\n")).decode()
        yield listener
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


class Counting:
    """The store's log, and how often it was read."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.reads = 0

    def changes(self, since: int | None, limit: int = 500) -> list[Change]:
        self.reads += 1
        return self.query.changes(since, limit)


BEGINNINGS: list[tuple[str, str, dict[str, str], list[int]]] = [
    ("without since all that is kept comes first", "", {}, [1, 2, 3, 4]),
    ("since is exclusive", "?since=2", {}, [3, 4]),
    ("Last-Event-ID goes before since", "?since=0", {"Last_Event_ID": "3"}, [4]),
    ("an empty Last-Event-ID is none", "?since=2", {"Last_Event_ID": ""}, [3, 4]),
    ("behind the end only what comes", "?since=3", {}, [4]),
]


@pytest.mark.parametrize(
    ("query", "headers", "seqs"),
    [row[1:] for row in BEGINNINGS],
    ids=[row[0] for row in BEGINNINGS],
)
def test_a_stream_begins_where_its_reader_left_off(
    tmp_path: Path, query: str, headers: dict[str, str], seqs: list[int]
) -> None:
    """What is logged behind the given entry comes at once, what is logged later as it comes."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(note(1), note(2), note(3))
            async with listening(api, query, **headers) as listener:
                await listener.block()  # retry
                await asyncio.to_thread(api.store.put, note(4))
                last = await listener.upto(4)

        assert f"Content-Type: {EVENTS}\r\n" in listener.head
        assert "Cache-Control: no-store\r\n" in listener.head
        assert last == seqs

    asyncio.run(body())


def test_an_event_is_what_a_page_of_the_log_says(tmp_path: Path) -> None:
    """Its data are the change as `GET /v1/changes` has it."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(note(1), note(2, content="a\n\ndata: b"))
            page = (await api.get("/v1/changes")).json["items"]
            async with listening(api) as listener:
                assert [await listener.event(), await listener.event()] == page

    asyncio.run(body())


REFUSED: list[tuple[str, str, dict[str, str], int, dict[str, object]]] = [
    ("a since before the oldest entry", "?since=2", {}, 410, {"type": "/problems/too-old"}),
    ("the same as Last-Event-ID", "", {"Last_Event_ID": "2"}, 410, {"oldest": 11}),
    ("the same for a page", "?since=2", {"Accept": "*/*"}, 410, {"oldest": 11}),
    ("a Last-Event-ID that is none", "", {"Last_Event_ID": "x"}, 400, {"subject": "Last-Event-ID"}),
    ("a limit", "?limit=5", {}, 400, {"subject": "limit"}),
    ("a since that is none", "?since=-1", {}, 400, {"subject": "since"}),
]


@pytest.mark.parametrize(
    ("query", "headers", "status", "members"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_what_cannot_be_streamed_is_a_problem(
    tmp_path: Path, query: str, headers: dict[str, str], status: int, members: dict[str, object]
) -> None:
    """No stream begins with a hole: who asks for dropped entries is told which is the oldest."""

    async def body() -> None:
        async with serving(tmp_path, log_kept=10) as api:
            for n in range(1, 21):
                api.store.put(note(n))
            answer = await api.get(f"/v1/changes{query}", **{"Accept": EVENTS, **headers})

        assert answer.status == status
        assert members.items() <= answer.json.items()

    asyncio.run(body())


PLAIN = ("application/json", "*/*", "text/event-stream;q=0, */*", "text/event-streams", "")


@pytest.mark.parametrize("accept", PLAIN)
def test_who_asks_for_no_stream_gets_a_page(tmp_path: Path, accept: str) -> None:
    """Only a stream that is asked for by name is one; caches are told that Accept decides."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(note(1))
            answer = await api.get("/v1/changes", Accept=accept)

        assert answer.headers["content-type"] == "application/json"
        assert "Accept" in answer.headers["vary"].split(", ")
        assert [one["seq"] for one in answer.json["items"]] == [1]

    asyncio.run(body())


def test_many_readers_miss_nothing_while_much_is_written(tmp_path: Path) -> None:
    """Each of thirty streams gets every entry once and in order, wherever it began."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(*(note(n) for n in range(1, 251)))

            async def listen(since: int) -> list[int]:
                async with listening(api, f"?since={since}") as listener:
                    return await listener.upto(400)

            def write() -> None:
                for n in range(251, 401, 3):
                    api.store.put(note(n), note(n + 1), note(n + 2))

            tasks = [asyncio.create_task(listen(since)) for since in range(0, 300, 10)]
            await asyncio.to_thread(write)
            heard = await asyncio.gather(*tasks)

        assert heard == [list(range(since + 1, 401)) for since in range(0, 300, 10)]

    asyncio.run(body())


def test_who_comes_back_goes_on_where_it_was(tmp_path: Path) -> None:
    """A reader that hangs up again and again and names the last id it got gets each entry once."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(*(note(n) for n in range(1, 301)))
            heard: list[int] = []
            while len(heard) < 300:
                async with listening(api, Last_Event_ID=str(len(heard))) as listener:
                    heard += await listener.upto(len(heard) + 60)

        assert heard == list(range(1, 301))

    asyncio.run(body())


def test_there_are_only_so_many_streams(tmp_path: Path) -> None:
    """One too many is told to come again later; a reader that hangs up makes room."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            stack = [listening(api) for _ in range(MAX_STREAMS)]
            for one in stack:
                await one.__aenter__()
            answer = await api.get("/v1/changes", Accept=EVENTS)
            page = await api.get("/v1/changes")
            await stack.pop().__aexit__(None, None, None)
            status = 429
            while status == 429:
                async with listening(api) as again:
                    status = int(again.head.split()[1])
            for one in stack:
                await one.__aexit__(None, None, None)

        assert (answer.status, answer.headers["retry-after"]) == (429, "30")
        assert page.status == status == 200

    asyncio.run(body())


def test_a_stream_that_has_ended_does_not_count(tmp_path: Path) -> None:
    """Room is there again at once, not when Python next collects garbage, which may take hours."""

    async def body() -> None:
        statuses = []
        async with serving(tmp_path) as api:
            api.store.put(note(1))
            for _ in range(MAX_STREAMS + 1):
                async with listening(api) as one:
                    statuses.append(int(one.head.split()[1]))
                    await one.event()
                await until(lambda: not api.site._channels)

        assert statuses == [200] * (MAX_STREAMS + 1)

    gc.disable()
    try:
        asyncio.run(body())
    finally:
        gc.enable()


def test_while_nothing_happens_there_is_a_heartbeat(tmp_path: Path) -> None:
    """A comment is sent each time that nothing came for so long; it has no id and no data."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(note(1))
            feed = Feed(api.store.query)
            reader = feed.reader(0)
            stream = events(reader, reader.read(), heartbeat=0.001)
            pieces = [await anext(stream) for _ in range(3)]
            await stream.aclose()

        assert pieces[0].startswith(b"retry: 2000\n\nid: 1\n")
        assert pieces[1:] == [b":\n\n"] * 2

    asyncio.run(body())


def test_who_is_overtaken_by_the_end_of_the_log_is_not_told_on(tmp_path: Path) -> None:
    """A stream whose next entry was dropped ends; coming back, its reader is told so."""

    async def body() -> None:
        async with serving(tmp_path, log_kept=10) as api:
            api.store.put(note(1))
            feed = Feed(api.store.query)
            api.store.opened.store.on_change(feed.told)
            reader = feed.reader(0)
            stream = events(reader, reader.read())
            await anext(stream)
            for n in range(2, 31):
                api.store.put(note(n))

            assert [piece async for piece in stream] == []

    asyncio.run(body())


def test_a_reader_at_the_end_costs_nothing_between_commits(tmp_path: Path) -> None:
    """Nobody polls, and those who stand at one entry share what is read: the store is asked once
    for all of them."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.put(note(1))
            counting = Counting(api.store.query)
            feed = Feed(counting)  # type: ignore[arg-type]
            api.store.opened.store.on_change(feed.told)
            readers = [feed.reader(1) for _ in range(20)]
            for reader in readers:
                assert reader.read().last is None
            asked = counting.reads
            await asyncio.to_thread(api.store.put, note(2))
            woken = [await reader.grown(30) for reader in readers]
            pages = [reader.read() for reader in readers]

            assert woken == [True] * 20
            assert {(page.last, page.more) for page in pages} == {(2, False)}
            assert counting.reads == asked + 1
            # It is not held for long: what it names may be forgotten, and the log goes with it.
            await until(lambda: feed.page(1).last is not None and counting.reads > asked + 1)
            del reader, readers
            await until(lambda: len(feed) == 0)

    asyncio.run(body())
