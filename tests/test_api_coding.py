"""Answers are sent once and small: ETag, 304, HEAD and gzip of everything that the API says."""

from __future__ import annotations

import asyncio
import gzip
import http.client
from pathlib import Path

import pytest
from api_cases import ALICE, HOST, NOW, note, serving

from fedpull.cache import api_coding
from fedpull.cache.api_coding import takes_gzip
from fedpull.cache.records import Follow, HostReport, Outcome

NOTE = f"{HOST}/notes/1"
FOLLOW = Follow("@alice@events.example", actor=ALICE)  # whose posts may be listed
LONG = note(1, content="<p>word </p>" * 400)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0, *", False),
        ("identity, gzip;q=0.000", False),
        ("deflate, br", False),
        ("", False),
        ("gzip;q=much", False),
        ("gzipped", False),
    ],
)
def test_who_wants_gzip(header: str, wanted: bool) -> None:
    """Accept-Encoding is read as RFC 9110 has it, weights and the asterisk included."""
    assert takes_gzip(header) is wanted


@pytest.mark.parametrize("target", [f"/v1/document?id={NOTE}", "/v1/objects", "/openapi.json"])
async def test_gzip(tmp_path: Path, target: str) -> None:
    """Who takes gzip is sent less, and caches are told that the answer depends on it."""
    async with serving(tmp_path) as api:
        api.store.follow(FOLLOW)
        api.store.put(LONG)

        plain = await api.get(target)
        packed = await api.get(target, Accept_Encoding="gzip")

        assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == (
            "gzip",
            False,
        )
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 2
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
        assert plain.headers["etag"] == packed.headers["etag"]


async def test_what_is_not_compressed(tmp_path: Path) -> None:
    """Nothing tiny, and nothing for who asks for the bytes as they are."""
    async with serving(tmp_path) as api:
        api.store.put(LONG, note(2))
        tiny = await api.get(f"/v1/document?id={HOST}/notes/2", Accept_Encoding="gzip")
        asked = await api.get(
            f"/v1/document?id={NOTE}", Accept_Encoding="gzip", Cache_Control="no-transform"
        )

        assert not {"content-encoding", "vary"} & set(tiny.headers)
        assert ("content-encoding" in asked.headers, asked.headers["vary"]) == (
            False,
            "Accept-Encoding",
        )


async def test_what_is_large_is_compressed_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would hold the loop is compressed in a thread, to the same end."""
    monkeypatch.setattr(api_coding, "LARGE", 2000)
    async with serving(tmp_path) as api:
        api.store.put(LONG)
        plain = await api.get(f"/v1/document?id={NOTE}")

        packed = await api.get(f"/v1/document?id={NOTE}", Accept_Encoding="gzip")

        assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize("target", ["/v1/hosts", "/v1/export?format=jsonl"])
async def test_pieces_are_compressed_on_their_way(tmp_path: Path, target: str) -> None:
    """What comes in pieces is as small, and as whole."""
    async with serving(tmp_path) as api:
        api.store.follow(FOLLOW)
        api.store.put(*(note(number, content="<p>word </p>" * 50) for number in range(60)))
        names = [f"h{number:04}.example:443" for number in range(600)]
        api.store.apply(Outcome(NOW, hosts=tuple(HostReport(one, True) for one in names)))
        plain = await api.get(target)

        packed = await api.get(target, Accept_Encoding="gzip")

        assert plain.headers["transfer-encoding"] == "chunked"
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body) / 2


async def test_events_are_not_compressed(tmp_path: Path) -> None:
    """An event is sent as it happens, not when the compressor has enough of them."""
    async with serving(tmp_path) as api:
        head = await api.call(
            "HEAD", "/v1/changes", Accept="text/event-stream", Accept_Encoding="gzip"
        )

        assert head.headers["content-type"].startswith("text/event-stream")
        assert ("content-encoding" in head.headers, head.headers["vary"]) == (False, "Accept")


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/document?id={NOTE}",
        f"/v1/reference?id={NOTE}",
        f"/v1/history?id={NOTE}",
        "/v1/objects?limit=5",
        "/v1/changes",
        "/v1/follows",
        "/v1/hosts",
        "/v1/status",
        "/openapi.json",
        "/problems/gone",
    ],
)
async def test_what_a_reader_has_is_not_sent_again(tmp_path: Path, target: str) -> None:
    """Every answer has an ETag; with it, it is 304; HEAD tells the same and sends no body."""
    async with serving(tmp_path) as api:
        api.store.follow(FOLLOW)
        api.store.put(LONG)
        first = await api.get(target)

        again = await api.get(target, If_None_Match=first.headers["etag"])
        other = await api.get(target, If_None_Match='"other"')
        head = await api.call("HEAD", target)

        assert (first.status, again.status, again.body) == (200, 304, b"")
        for name in ("etag", "cache-control", "vary"):
            assert again.headers.get(name) == first.headers.get(name), name
        assert not {"content-type", "content-length"} & set(again.headers)
        assert (other.status, other.body) == (200, first.body)
        assert head.body == b""
        assert {**first.headers, "date": ""} == {**head.headers, "date": ""}


@pytest.mark.parametrize(
    ("header", "status"),
    [
        pytest.param("Thu, 28 May 2026 10:00:00 GMT", 304, id="that very time"),
        pytest.param("Thu, 28 May 2026 10:00:01 GMT", 304, id="later"),
        pytest.param("Thu, 28 May 2026 09:59:59 GMT", 200, id="earlier"),
        pytest.param("yesterday", 200, id="no date"),
    ],
)
async def test_a_date_as_a_condition(tmp_path: Path, header: str, status: int) -> None:
    """If-Modified-Since counts where no tag is named, and only then."""
    url = f"/v1/document?id={NOTE}"
    async with serving(tmp_path) as api:
        api.store.put(LONG, last_modified="Thu, 28 May 2026 10:00:00 GMT")

        assert (await api.get(url, If_Modified_Since=header)).status == status
        both = await api.get(url, If_Modified_Since=header, If_None_Match='"other"')
        assert both.status == 200


async def test_a_list_that_has_changed_is_another(tmp_path: Path) -> None:
    """The tag of a list is that of what it says, the freshness of its items included."""
    async with serving(tmp_path) as api:
        api.store.follow(FOLLOW)
        api.store.put(note(1))
        tag = (await api.get("/v1/objects")).headers["etag"]
        assert (await api.get("/v1/objects", If_None_Match=tag)).status == 304

        api.now = NOW + 700

        assert (await api.get("/v1/objects", If_None_Match=tag)).status == 200


async def test_head_keeps_the_connection_in_step(tmp_path: Path) -> None:
    """After HEAD and 304 the same connection answers the next call."""
    async with serving(tmp_path) as api:
        api.store.put(LONG)
        connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)

        def calls() -> list[int]:
            statuses = []
            for method, headers in (("HEAD", {}), ("GET", {"If-None-Match": "*"}), ("GET", {})):
                connection.request(method, f"/v1/document?id={NOTE}", headers=headers)
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
            connection.close()
            return statuses

        assert await asyncio.to_thread(calls) == [200, 304, 200]
