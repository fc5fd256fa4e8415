"""The calls of the private API: lists and their pages, what is done, what wrong input is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from api_cases import ALICE, HOST, NOW, note, serving

from fedpull.cache import api_demand, api_read
from fedpull.cache.records import (
    Collection,
    Entry,
    Follow,
    HostReport,
    Members,
    Outcome,
    State,
)
from fedpull.errors import Unreachable

NOTE = f"{HOST}/notes/1"
OUTBOX = f"{ALICE}/outbox"


def followed(**more: Any) -> Follow:
    return Follow(key="@alice@events.example", actor=ALICE, handle="@alice@events.example", **more)


async def test_pages_of_objects(tmp_path: Path) -> None:
    """`next` leads through all objects, newest first, each once."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(*(note(number) for number in range(20)))
        url, seen = "/v1/objects?limit=7", []
        while url is not None:
            page = (await api.get(url)).json
            seen.append([item["id"] for item in page["items"]])
            url = page["next"]

        ids = [id for page in seen for id in page]
        assert [len(page) for page in seen] == [7, 7, 6]
        assert ids == [f"{HOST}/notes/{number}" for number in reversed(range(20))]


async def test_a_page_ends_early_where_documents_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page holds a bearable number of bytes, whatever its limit."""
    monkeypatch.setattr(api_read, "PAGE_BYTES", 20_000)
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(*(note(number, content="x" * 1000) for number in range(80)))

        page = (await api.get("/v1/objects?limit=80")).json

        assert 0 < len(page["items"]) < 80
        assert page["next"] is not None


async def test_who_asks_for_more_than_a_page(tmp_path: Path) -> None:
    """A limit that is too large is the largest that there is."""
    async with serving(tmp_path) as api:
        api.store.put(*(note(number) for number in range(501)))

        page = (await api.get("/v1/changes?limit=100000")).json

        assert (len(page["items"]), page["next"] is None) == (500, False)


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        pytest.param(f"actor={ALICE}", [3, 2, 1], id="by author"),
        pytest.param("actor=@alice@events.example", [3, 2, 1], id="by a followed author's handle"),
        pytest.param("actor=@Alice@events.example", [3, 2, 1], id="by a handle in another case"),
        pytest.param("actor=https://other.example/", [], id="by another author"),
        pytest.param("type=Event", [3], id="by type"),
        pytest.param("type=as:Event", [3], id="by a prefixed type"),
        pytest.param("tag=%23Fediverse", [2], id="by hashtag"),
        pytest.param(f"in_reply_to={NOTE}", [2], id="by what it answers"),
        pytest.param("context=tag:events.example,2026:c1", [1], id="by conversation"),
        pytest.param("since=2026-05-03", [3, 2], id="since a date"),
        pytest.param("since=2026-05-03&until=2026-05-04", [2], id="a day"),
        pytest.param("until=2026-05-03T00:00:00%2B00:00", [1], id="until a time"),
        pytest.param("since=25d", [3], id="since days ago"),
        pytest.param("follow=@alice@events.example&type=Event", [3], id="what a follow offers"),
        pytest.param("follow=@nobody@events.example", [], id="what nobody follows"),
    ],
)
async def test_filters(tmp_path: Path, parameters: str, numbers: list[int]) -> None:
    """Each filter finds what it names."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(
            note(1, conversation="tag:events.example,2026:c1"),
            note(2, inReplyTo=NOTE, tag=[{"type": "Hashtag", "name": "#fediverse"}]),
            note(3, type="Event"),
            follow="@alice@events.example",
        )

        reply = await api.get(f"/v1/objects?{parameters}")

        ids = [item["id"] for item in reply.json["items"]]
        assert ids == [f"{HOST}/notes/{number}" for number in numbers]


@pytest.mark.parametrize(
    ("target", "subject"),
    [
        ("/v1/document", "id"),
        ("/v1/reference", "id"),
        ("/v1/reference?id=@alice@events.example", "id"),
        ("/v1/document?id=https://a.example/&form=framed", "form"),
        ("/v1/document?id=https://a.example/&form=expanded&x=1", "x"),
        ("/v1/objects?typ=Event", "typ"),
        ("/v1/objects?type=event", "type"),
        ("/v1/objects?actor=alice", "actor"),
        ("/v1/objects?limit=0", "limit"),
        ("/v1/objects?limit=many", "limit"),
        ("/v1/objects?limit=%D9%A3", "limit"),
        ("/v1/objects?since=yesterday", "since"),
        ("/v1/objects?until=2026-02-30", "until"),
        ("/v1/objects?cursor=nonsense", "cursor"),
        ("/v1/objects?in_reply_to=nothing", "in_reply_to"),
        ("/v1/changes?since=-1", "since"),
        ("/v1/changes?since=last", "since"),
        ("/v1/collection?id=x", "id"),
        ("/v1/history", "id"),
        ("/v1/hosts?x=1", "x"),
    ],
)
async def test_wrong_parameters(tmp_path: Path, target: str, subject: str) -> None:
    """A parameter that is wrong or unknown is a 400 that names it."""
    async with serving(tmp_path) as api:
        reply = await api.get(target)

        assert (reply.status, reply.json.get("subject")) == (400, subject)
        assert reply.json["type"] == "/problems/bad-input"


@pytest.mark.parametrize("call", ["reference", "history", "collection"])
async def test_what_may_not_be_asked_for(tmp_path: Path, call: str) -> None:
    """What no fetch would ask for is wrong, not merely unknown here."""
    async with serving(tmp_path) as api:
        for id in (
            "https://127.0.0.1/x",
            "https://[::1]/",
            "https://a.example:8443/",
            "http://a.example/",
        ):
            reply = await api.get(f"/v1/{call}?id={id}")

            assert (reply.status, reply.json["type"]) == (400, "/problems/bad-input"), id


async def test_an_unknown_handle(tmp_path: Path) -> None:
    """A filter by a handle that nobody has fetched is not found, rather than without effect."""
    async with serving(tmp_path) as api:
        reply = await api.get("/v1/objects?actor=@nobody@a.example")

        assert (reply.status, reply.json["type"]) == (404, "/problems/not-found")
        assert reply.json["subject"] == "@nobody@a.example"


async def test_a_reference_and_its_history(tmp_path: Path) -> None:
    """What is known of an id, and the versions it had."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        edited = note(1, content="Edited", updated="2026-05-28T21:00:00Z")
        api.store.put(edited, at=NOW + 60)

        reference = (await api.get(f"/v1/reference?id={NOTE}")).json
        history = (await api.get(f"/v1/history?id={NOTE}")).json

        assert (reference["state"], reference["updated"]) == ("resolved", "2026-05-28T21:00:00Z")
        assert [version["document"]["content"] for version in history["items"]] == ["<p>Post 1</p>"]
        assert (await api.get(f"/v1/reference?id={HOST}/other")).status == 404
        assert (await api.get(f"/v1/history?id={HOST}/other")).status == 404


async def test_a_collection(tmp_path: Path) -> None:
    """Members in the origin's order over pages, and how complete our copy is."""
    entries = tuple(Entry(f"{HOST}/notes/{number}") for number in (3, 1, 2))
    async with serving(tmp_path) as api:
        api.store.apply(
            Outcome(
                NOW,
                members=Members(OUTBOX, entries, first=True),
                collection=Collection(OUTBOX, "ok", True, 3),
                walk=b"{}",
            )
        )

        first = (await api.get(f"/v1/collection?id={OUTBOX}&limit=2")).json
        second = (await api.get(first["next"])).json

        assert first["items"] + second["items"] == [entry.object for entry in entries]
        assert (second["next"], second["complete"], second["total_items"]) == (None, True, 3)
        assert (await api.get(f"/v1/collection?id={HOST}/other")).status == 404


async def test_changes(tmp_path: Path) -> None:
    """The log continues after `since`, page by page."""
    async with serving(tmp_path) as api:
        api.store.put(note(1), note(2))
        api.store.mark(NOTE, State.GONE, reason="gone", purge=True)

        first = (await api.get("/v1/changes?limit=2")).json
        second = (await api.get(first["next"])).json

        assert [change["kind"] for change in first["items"]] == ["created", "created"]
        assert [(c["kind"], c["reason"]) for c in second["items"]] == [("deleted", "gone")]
        assert second["next"] is None
        assert (await api.get("/v1/changes?since=999")).json == {"items": [], "next": None}


async def test_fetch(tmp_path: Path) -> None:
    """A fetch answers the reference with its document."""
    async with serving(tmp_path) as api:
        api.origin.answers[NOTE] = lambda: api.store.put(note(1))

        reply = await api.post("/v1/fetch", {"id": NOTE, "depth": 2, "wait": "5s"})

        assert reply.status == 200
        assert (reply.json["id"], reply.json["document"]) == (NOTE, note(1))
        assert (api.origin.asked, api.origin.waits) == ([NOTE], [5.0])


async def test_a_fetch_whose_wait_ran_out(tmp_path: Path) -> None:
    """202 and the reference as it is, when nothing came in time."""
    async with serving(tmp_path) as api:
        reply = await api.post("/v1/fetch", {"id": NOTE, "wait": "0s"})

        assert (reply.status, reply.json["state"], reply.json["document"]) == (202, "unknown", None)


@pytest.mark.parametrize(
    ("path", "body", "subject"),
    [
        ("/v1/fetch", {}, "id"),
        ("/v1/fetch", {"id": 5}, "id"),
        ("/v1/fetch", {"id": "alice"}, "'alice'"),
        ("/v1/fetch", {"id": NOTE, "depth": -1}, "depth"),
        ("/v1/fetch", {"id": NOTE, "depth": True}, "depth"),
        ("/v1/fetch", {"id": NOTE, "wait": 5}, "wait"),
        ("/v1/fetch", {"id": NOTE, "wait": "soon"}, "wait"),
        ("/v1/fetch", {"id": NOTE, "deep": 1}, "deep"),
        ("/v1/pull", {"actors": "@a@b.example"}, "actors"),
        ("/v1/pull", {"actors": []}, "actors"),
        ("/v1/pull", {"actors": ["alice"]}, "actors"),
        ("/v1/pull", {"actors": [5]}, "actors"),
        ("/v1/pull", {"who": []}, "who"),
        ("/v1/follows", 5, "body"),
        ("/v1/follows", ["@a@b.example"], "body"),
    ],
)
async def test_wrong_bodies(tmp_path: Path, path: str, body: Any, subject: str) -> None:
    """A member that is wrong or unknown is a 400 that names it, and nothing is done."""
    async with serving(tmp_path) as api:
        reply = await api.post(path, body)

        assert (reply.status, repr(reply.json["subject"]).strip("\"'")) == (400, subject.strip("'"))
        assert (api.origin.asked, api.origin.pulled) == ([], [])


async def test_pull(tmp_path: Path) -> None:
    """A pull answers what it came to."""
    async with serving(tmp_path) as api:
        reply = await api.post("/v1/pull", {"actors": ["alice@events.example"]})

        assert api.origin.pulled == [["@alice@events.example"]]
        assert reply.json["actors"][0] | {"new": 2, "complete": True} == reply.json["actors"][0]


async def test_a_follow_written_as_text(tmp_path: Path) -> None:
    """As in the configuration, an entry may be the actor alone."""
    async with serving(tmp_path) as api:
        reply = await api.post("/v1/follows", "@a@b.example")

        assert (reply.status, reply.json["follow"]) == (201, "@a@b.example")


async def test_follows(tmp_path: Path) -> None:
    """Follow, list, unfollow."""
    async with serving(tmp_path) as api:
        added = await api.post("/v1/follows", {"actor": "@alice@events.example"})
        api.store.follow(Follow("@once@events.example", once=True))
        listed = (await api.get("/v1/follows")).json
        removed = await api.call("DELETE", "/v1/follows?actor=%40alice%40events.example")

        assert (added.status, added.json["follow"]) == (201, "@alice@events.example")
        assert [follow["follow"] for follow in listed["items"]] == ["@alice@events.example"]
        assert (removed.status, removed.body) == (204, b"")
        assert (await api.get("/v1/follows")).json["items"] == []
        assert (await api.call("DELETE", "/v1/follows")).status == 400
        assert (await api.call("DELETE", "/v1/follows?actor=alice")).status == 400


async def test_hosts_and_readiness(tmp_path: Path) -> None:
    """Hosts are told as they stand, and readiness with its reasons."""
    async with serving(tmp_path) as api:
        api.store.apply(Outcome(NOW, hosts=(HostReport("events.example:443", True, status=200),)))

        hosts = (await api.get("/v1/hosts")).json["items"]
        api.origin.ready = False
        ready = await api.get("/readyz")

        assert [(host["host"], host["state"]) for host in hosts] == [("events.example:443", "ok")]
        assert (ready.status, ready.json["reasons"]) == (503, ["contact is not set"])
        assert (await api.get("/healthz")).status == 200


async def test_a_list_without_pages_comes_in_pieces(tmp_path: Path) -> None:
    """Hosts and follows are told whole, however many there are."""
    async with serving(tmp_path) as api:
        names = [f"h{number:04}.example:443" for number in range(1100)]
        api.store.apply(Outcome(NOW, hosts=tuple(HostReport(one, True) for one in names)))
        for number in range(501):
            api.store.opened.store.put_follow(Follow(f"@a@h{number:04}.example"))

        hosts = await api.get("/v1/hosts")
        follows = (await api.get("/v1/follows")).json

        assert hosts.headers["transfer-encoding"] == "chunked"
        assert sorted(host["host"] for host in hosts.json["items"]) == names
        assert (hosts.json["next"], len(follows["items"])) == (None, 501)


async def test_a_cursor_holds_while_more_comes_in(tmp_path: Path) -> None:
    """Between two pages posts arrive, newer and older ones: none is told twice, none is lost."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(*(note(number) for number in range(0, 20, 2)))
        page = (await api.get("/v1/objects?limit=4")).json
        seen = [item["id"] for item in page["items"]]
        api.store.put(*(note(number) for number in (1, 3, 5, 7, 9, 13, 21, 23, 25)))
        api.store.mark(seen[-1], State.GONE, reason="gone", purge=True)
        while page["next"]:
            page = (await api.get(page["next"])).json
            seen += [item["id"] for item in page["items"]]

        numbers = [int(id.rpartition("/")[2]) for id in seen]
        assert numbers == [18, 16, 14, 12, *range(10, -1, -1)]


async def test_the_front_page(tmp_path: Path) -> None:
    """A person with a browser is told where they are."""
    async with serving(tmp_path) as api:
        reply = await api.get("/")

        assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert reply.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_host_is_not_asked_for_more_than_it_can_bear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Distinct ids of one host are refused beyond a bound, the same one and other hosts are not,
    and what has come makes room again."""
    monkeypatch.setattr(api_demand, "MAX_HOST", 3)
    async with serving(tmp_path) as api:

        async def fetch(url: str) -> tuple[int, str | None]:
            reply = await api.post("/v1/fetch", {"id": url, "wait": "0s"})
            return reply.status, reply.headers.get("retry-after")

        for number in (1, 2, 3, 3, 2):
            assert await fetch(f"{HOST}/notes/{number}") == (202, None)
        assert await fetch(f"{HOST}/notes/4") == (429, "30")
        assert await fetch("https://other.example/1") == (202, None)
        api.now = NOW + api_demand.LINGER + 1
        assert await fetch(f"{HOST}/notes/4") == (202, None)


async def test_readers_do_not_fill_the_queue_of_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads all of a host's stale documents has so many of them checked, and no more."""
    monkeypatch.setattr(api_demand, "MAX_HOST", 3)
    async with serving(tmp_path) as api:
        api.store.put(*(note(number) for number in range(6)))
        api.now = NOW + 700
        for number in (0, 1, 1, 2, 3, 4, 5):
            assert (await api.get(f"/v1/document?id={HOST}/notes/{number}")).status == 200
        assert api.origin.checked == [f"{HOST}/notes/{number}" for number in range(3)]

        api.now += api_demand.LINGER
        await api.get(f"/v1/document?id={HOST}/notes/5")

        assert len(api.origin.checked) == 4


async def test_what_has_just_come_is_not_fetched_again(tmp_path: Path) -> None:
    """A fetch of what was verified a moment ago asks nobody."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        body = {"id": NOTE}

        first = await api.post("/v1/fetch", body)
        api.now = NOW + api_demand.RECENT
        await api.post("/v1/fetch", body)

        assert (first.status, api.origin.asked) == (200, [NOTE])


async def test_many_callers_of_one_id(tmp_path: Path) -> None:
    """A thousand callers of a failing id are all told, and leave nothing behind."""
    async with serving(tmp_path) as api:
        api.origin.answers[NOTE] = Unreachable(NOTE, "status 500")

        replies = await asyncio.gather(*(api.get(f"/v1/document?id={NOTE}") for _ in range(50)))
        other = await api.get(f"/v1/document?id={quote(HOST)}/other")

        assert {reply.status for reply in replies} == {502}
        assert other.status == 504
