"""Exports over HTTP and by the command: what is in them, for whom, and what they cost."""

from __future__ import annotations

import asyncio
import csv
import gc
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from api_cases import ALICE, HOST, NOW, Serving, Store, kept, note, serving
from atom_grammar import ATOM, faults, parsed
from icalendar import Calendar
from public_cases import until

from fedpull.cache.api_export import MAX_EXPORTS
from fedpull.cache.exports import export
from fedpull.cache.records import Follow, Outcome
from fedpull.cli.main import main
from fedpull.cli.options import option_name
from fedpull.config.follow_files import parse_follow_file

FOLLOWED = Follow(key="@alice@events.example", actor=ALICE, handle="@alice@events.example")
BOB = "https://b.example/users/bob"
CAROL = "https://c.example/users/carol"
POSTS = (
    note(1, name="A <b>walk</b> & more"),
    note(2, tag=[{"type": "Hashtag", "name": "#fediverse"}], inReplyTo=f"{HOST}/notes/1"),
    note(3, type="Event", name="Fair", startTime="2026-07-03T18:00:00Z"),
    note(4, type="Event", name="Dance", startTime="2026-07-01T20:00:00+02:00"),
)


def of(actor: str, number: int, **more: Any) -> dict[str, Any]:
    """A note of somebody else's."""
    return note(number, id=f"{actor}/notes/{number}", attributedTo=actor, **more)


def person(actor: str, **more: Any) -> dict[str, Any]:
    return {"id": actor, "type": "Person", "preferredUsername": actor.rpartition("/")[2], **more}


@pytest.fixture
def command(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Any]:
    """A command in the folder of the store; its exit code, output and errors."""

    def run(*words: str) -> tuple[int, bytes, str]:
        (tmp_path / "fedpull.yaml").write_text(
            yaml.safe_dump(
                {
                    "store": {"path": "data"},
                    "follow": [FOLLOWED.key, {"actor": "@quiet@events.example", "boosts": False}],
                }
            )
        )
        code = main(["-c", str(tmp_path / "fedpull.yaml"), *words])
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return run


def served(folder: Path, *targets: str, **headers: str) -> list[Any]:
    """What the API answers over a store with all of the posts."""

    async def body() -> list[Any]:
        async with serving(folder) as api:
            fill(api)
            return [await api.get(target, **headers) for target in targets]

    return asyncio.run(body())


def fill(api: Serving) -> None:
    api.store.follow(FOLLOWED)
    api.store.follow(Follow(key="@quiet@events.example", handle="@quiet@events.example"))
    api.store.follow(Follow(key="@once@events.example", once=True))
    api.store.put(person(ALICE, name="Alice"))
    api.store.put(*POSTS, follow=FOLLOWED.key)


@pytest.mark.parametrize(
    ("format", "type"),
    [
        ("jsonl", "application/jsonl"),
        ("atom", "application/atom+xml; charset=utf-8"),
        ("ics", "text/calendar; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"),
    ],
)
def test_the_command_and_the_api_export_the_same(
    tmp_path: Path, command: Any, format: str, type: str
) -> None:
    """Byte for byte, but for what says when, and where, it was asked."""
    [answer] = served(tmp_path, f"/v1/export?format={format}")
    code, out, err = command("export", "--format", format)

    assert (code, err, answer.status) == (0, "", 200)
    assert answer.headers["content-type"] == type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    told, printed = answer.body.splitlines(), out.splitlines()
    if format == "jsonl":
        told, printed = ([json.loads(line)["document"] for line in one] for one in (told, printed))
    if format == "atom":
        told = [line for line in told if b'rel="self"' not in line]
    assert told == [line for line in printed if line != b""]


def test_json_lines_are_the_items_of_lists(tmp_path: Path) -> None:
    """Each line is an item of `/v1/objects`, one JSON value, however its server had written it."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            fill(api)
            odd = note(5, content="a\nb")
            pretty = json.dumps(odd, indent=2).replace("\n", "\r\n").encode()
            api.store.apply(Outcome(NOW, puts=(replace(kept(odd), body=pretty),)))
            listed = (await api.get("/v1/objects")).json["items"]
            limited = await api.get("/v1/export?limit=2&type=Event")
            lines = (await api.get("/v1/export")).body.splitlines()

        assert len(lines) == 5
        assert [json.loads(line) for line in lines] == listed
        assert limited.body.count(b"\n") == 2

    asyncio.run(body())


def test_an_atom_feed_is_valid(tmp_path: Path) -> None:
    """By the grammar of RFC 4287 and its words, with authors, tags and what is answered."""
    feed, some, empty = served(
        tmp_path,
        "/v1/export?format=atom",
        "/v1/export?format=atom&type=Event&limit=1",
        "/v1/export?format=atom&tag=nothing",
    )
    for answer in (feed, some, empty):
        assert faults(answer.body) == []

    tree = parsed(feed.body)
    titles = [entry.findtext(f"{ATOM}title") for entry in tree.iter(f"{ATOM}entry")]
    assert titles == ["Dance", "Fair", "Post 2", "A <b>walk</b> & more"]
    assert {one.text for one in tree.iter(f"{ATOM}name")} == {"Alice (@alice@events.example)"}
    assert [one.get("term") for one in tree.iter(f"{ATOM}category")] == ["fediverse"]
    thread = "{http://purl.org/syndication/thread/1.0}in-reply-to"
    assert [one.get("ref") for one in tree.iter(thread)] == [f"{HOST}/notes/1"]
    ids = [parsed(one.body).findtext(f"{ATOM}id") for one in (feed, some, empty)]
    assert len(set(ids)) == 3
    assert parsed(some.body).findtext(f"{ATOM}title") == "Fedpull, type: Event"


def test_a_calendar_has_what_starts_soonest_first(tmp_path: Path) -> None:
    """Whatever has a start, in its order, each with its id, its time in UTC and its page."""
    calendar, some = served(
        tmp_path, "/v1/export?format=ics", "/v1/export?format=ics&starts_since=2026-07-02"
    )
    events = Calendar.from_ical(calendar.body).walk("VEVENT")

    assert [str(event["summary"]) for event in events] == ["Dance", "Fair"]
    assert [str(event["uid"]) for event in events] == [f"{HOST}/notes/4", f"{HOST}/notes/3"]
    assert events[0]["dtstart"].to_ical() == b"20260701T180000Z"
    assert str(events[0]["url"]) == f"{HOST}/notes/4"
    assert some.body.count(b"BEGIN:VEVENT") == 1
    assert calendar.body.startswith(b"BEGIN:VCALENDAR\r\n")
    assert calendar.body.endswith(b"END:VEVENT\r\nEND:VCALENDAR\r\n")


def test_follows_can_be_imported_again(tmp_path: Path, command: Any) -> None:
    """The file has Mastodon's columns, and leads to the same follows with the same boosts."""
    [answer] = served(tmp_path, "/v1/export?format=csv")
    code, out, _ = command("export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    found = parse_follow_file("following.csv", answer.body.decode())

    assert (code, out) == (0, answer.body)
    assert list(rows[0]) == [
        *("Account address", "Show boosts", "Notify on new posts", "Languages"),
    ]
    assert found.problems == ()
    assert {(one.actor, one.boosts) for one in found.follows} == {
        ("@alice@events.example", True),
        ("@quiet@events.example", False),
    }


SHOWN: list[tuple[str, str, list[int]]] = [
    ("all that may be listed", "", [1, 3, 5]),
    ("of what a follow offers, too, only that", "&follow=@alice@events.example", [1, 3]),
    ("of an actor who wants it", "&actor=https://b.example/users/bob", [3, 5]),
    ("nothing of one who does not", "&actor=https://c.example/users/carol", []),
    ("of the answers to what is read, too, only that", f"&in_reply_to={HOST}/notes/1", [5]),
]


@pytest.mark.parametrize("format", ["jsonl", "atom", "ics"])
@pytest.mark.parametrize(
    ("query", "numbers"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN]
)
def test_nobody_is_handed_on_without_consent(
    tmp_path: Path, format: str, query: str, numbers: list[int]
) -> None:
    """What others wrote is exported where they want it listed, whoever announced it and whatever
    lists show to who follows."""

    async def body() -> str:
        async with serving(tmp_path) as api:
            api.store.follow(FOLLOWED)
            api.store.put(person(BOB, indexable=True), person(CAROL))
            when = {"startTime": "2026-07-01T20:00:00Z"}
            answers = {"inReplyTo": f"{HOST}/notes/1", **when}
            offered = (note(1, **when), of(CAROL, 2, **when), of(BOB, 3, **when))
            api.store.put(*offered, follow=FOLLOWED.key)
            api.store.put(of(CAROL, 4, **answers), of(BOB, 5, **answers))
            assert len((await api.get(f"/v1/objects?follow={FOLLOWED.key}")).json["items"]) == 3
            answer = await api.get(f"/v1/export?format={format}{query}")
            assert answer.status == 200
            return answer.body.decode().replace("\r\n ", "")

    exported = asyncio.run(body())
    assert [n for n in range(1, 6) if f"/notes/{n}" in _ids(format, exported)] == numbers


def _ids(format: str, exported: str) -> str:
    if format == "jsonl":
        return " ".join(json.loads(line)["id"] for line in exported.splitlines())
    if format == "atom":
        entries = parsed(exported.encode()).iter(f"{ATOM}entry")
        return " ".join(entry.findtext(f"{ATOM}id") for entry in entries)
    return " ".join(line for line in exported.splitlines() if line.startswith("UID:"))


WRONG = [
    ("another format", {"format": "xml"}, "format", "expected one of jsonl, csv, atom, ics"),
    ("a filter that is none", {"starts_since": "soon"}, "starts_since", "is not a time"),
    ("a limit that is none", {"limit": "0"}, "limit", "is out of bounds"),
    ("words for a calendar", {"format": "ics", "q": "x"}, "search", ""),
    ("filters for follows", {"format": "csv", "type": "Event"}, "type", "csv is the list of fol"),
    ("a limit for follows", {"format": "csv", "limit": "5"}, "limit", "csv is the list of follows"),
]


@pytest.mark.parametrize(
    ("given", "subject", "reason"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_what_cannot_be_exported(
    tmp_path: Path, command: Any, given: dict[str, str], subject: str, reason: str
) -> None:
    """A mistake is told before anything is sent: 400, or exit code 2."""
    query = "&".join(f"{name}={text}" for name, text in given.items())
    [answer] = served(tmp_path, f"/v1/export?{query}")
    options = [f"{option_name(name)}={text}" for name, text in given.items()]
    code, out, err = command("export", *options)

    assert (answer.status, answer.json["subject"]) == (400, subject)
    assert reason in answer.json["detail"]
    assert (code, out) == (2, b"")
    assert f"{subject.replace('_', '-')}: " in err


def test_an_export_of_nothing(tmp_path: Path, command: Any) -> None:
    """Without a store every format is there, and empty."""
    assert command("export") == (0, b"", "")
    assert faults(command("export", "--format", "atom")[1]) == []
    assert command("export", "--format", "csv")[1].count(b"\n") == 1
    assert Calendar.from_ical(command("export", "--format", "ics")[1]).walk("VEVENT") == []


def test_no_page_is_read_before_it_is_wanted(tmp_path: Path) -> None:
    """Pieces are made one by one, and between them no transaction is open."""
    store = Store(tmp_path / "data")
    try:
        store.follow(FOLLOWED)
        store.put(*(note(n, content="x" * 20_000) for n in range(200)))
        environment = store.query._environment
        with environment.begin() as txn:
            assert txn.stat(environment.t.ref)["entries"] > 200
            assert readers(environment) == 1
        pieces = export(store.query, "jsonl", {}, NOW, dict)
        sizes = []
        for piece in pieces:
            sizes.append(len(piece))
            assert readers(environment) == 0

        assert max(sizes) < 100_000
        assert len(sizes) > 50
    finally:
        store.close()


def readers(environment: Any) -> int:
    """How many read transactions are open: rows of LMDB's own table that name one."""
    rows = environment._env.readers().splitlines()[1:]
    return sum(row.split()[-1] != "-" for row in rows)


def test_a_slow_reader_costs_little(tmp_path: Path) -> None:
    """A reader that does not read has no more made for it, holds no transaction, and one that
    hangs up makes room for others."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.follow(FOLLOWED)
            api.store.put(*(note(n, content="x" * 100_000) for n in range(300)))
            slow = [await begun(api) for _ in range(MAX_EXPORTS)]
            answer = await api.get("/v1/export")
            page = await api.get("/v1/objects?limit=1")

            assert (answer.status, answer.headers["retry-after"]) == (429, "30")
            assert page.status == 200
            await until(lambda: readers(api.store.query._environment) == 0)
            for _, writer in slow:
                writer.close()
            status = 429
            while status == 429:
                status = (await api.get("/v1/export?limit=1")).status
            assert status == 200

    asyncio.run(body())


def test_an_export_that_was_left_does_not_count(tmp_path: Path) -> None:
    """Room is there again at once, not when Python next collects garbage, which may take hours."""

    async def body() -> None:
        async with serving(tmp_path) as api:
            api.store.follow(FOLLOWED)
            api.store.put(*(note(n, content="x" * 100_000) for n in range(100)))
            for _ in range(3 * MAX_EXPORTS):
                head = await api.call("HEAD", "/v1/export")
                assert head.status == 200
                reader, writer = await begun(api)
                await reader.read(100)
                writer.close()
                await until(lambda: not api.site._tasks)

    gc.disable()
    try:
        asyncio.run(body())
    finally:
        gc.enable()


async def begun(api: Serving) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which an export has begun, and nothing more is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=2**10)
    writer.write(b"GET /v1/export HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    return reader, writer
