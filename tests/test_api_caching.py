"""GET /v1/document is an HTTP cache: RFC 9111 both ways, on a real socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api_cases import HOST, NOW, known, note, serving

from fedpull.cache.api_caching import Fetch, Serve, decide
from fedpull.cache.api_http import (
    Directives,
    NotCached,
    canonical_link,
    directives,
    matches,
)
from fedpull.cache.records import State
from fedpull.errors import (
    BadInput,
    FedpullError,
    Gone,
    NotFound,
    Refused,
    TimedOut,
    Unreachable,
)

NOTE = f"{HOST}/notes/1"
URL = f"/v1/document?id={NOTE}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Directives()),
        ("", Directives()),
        ("no-cache", Directives(no_cache=True)),
        ("only-if-cached", Directives(only_if_cached=True)),
        ("MAX-AGE=60 , Only-If-Cached", Directives(max_age=60, only_if_cached=True)),
        ("max-stale", Directives(max_stale=float("inf"))),
        ('max-stale="30", min-fresh=5', Directives(max_stale=30, min_fresh=5)),
        ("max-age=-1, max-stale=soon, what=ever", Directives()),
        ("max-age=99999999999999999999999", Directives(max_age=999_999_999_999)),
    ],
)
def test_request_directives(header: str | None, expected: Directives) -> None:
    """Cache-Control of a request is read whatever its spelling, and nonsense in it is ignored."""
    assert directives(header) == expected


FRESH, STALE = known(), known(next_check=NOW - 100)


@pytest.mark.parametrize(
    ("record", "asked", "verdict"),
    [
        pytest.param(FRESH, "", Serve(False), id="fresh is served"),
        pytest.param(STALE, "", Serve(True), id="stale is served and revalidated"),
        pytest.param(None, "", Fetch("uri-miss"), id="missing is fetched"),
        pytest.param(FRESH, "no-cache", Fetch("request"), id="no-cache asks the origin"),
        pytest.param(FRESH, "max-age=3600", Serve(False), id="young enough"),
        pytest.param(FRESH, "max-age=3599", Fetch("request"), id="too old"),
        pytest.param(FRESH, "max-age=0", Fetch("request"), id="max-age=0 asks the origin"),
        pytest.param(FRESH, "min-fresh=3600", Serve(False), id="fresh for long enough"),
        pytest.param(FRESH, "min-fresh=3601", Fetch("request"), id="not fresh for long enough"),
        pytest.param(STALE, "max-stale=100", Serve(True), id="not too stale"),
        pytest.param(STALE, "max-stale=99", Fetch("stale"), id="too stale"),
        pytest.param(STALE, "max-stale", Serve(True), id="as stale as may be"),
        pytest.param(STALE, "max-age=9000", Fetch("stale"), id="max-age alone wants no stale one"),
        pytest.param(STALE, "max-age=9000, max-stale=100", Serve(True), id="unless it says so"),
        pytest.param(FRESH, "only-if-cached", Serve(False), id="cached is served"),
        pytest.param(STALE, "only-if-cached", Serve(False), id="no request is made later either"),
    ],
)
def test_which_copy_will_do(record: Any, asked: str, verdict: Serve | Fetch) -> None:
    """The decision follows from the record, the directives and the time."""
    assert decide(record, directives(asked), NOW) == verdict


@pytest.mark.parametrize(
    ("record", "asked", "error"),
    [
        pytest.param(None, "only-if-cached", NotCached, id="not cached"),
        pytest.param(FRESH, "only-if-cached, max-age=0", NotCached, id="not cached as wanted"),
    ],
)
def test_what_cannot_be_served(record: Any, asked: str, error: type[FedpullError]) -> None:
    """What is not there, and may not be fetched, is an error at once."""
    with pytest.raises(error):
        decide(record, directives(asked), NOW)


def test_gone_is_asked_again_when_told_so() -> None:
    """no-cache asks the origin even about what it said was gone."""
    assert decide(known(state=State.GONE), Directives(no_cache=True), NOW) == Fetch("uri-miss")


@pytest.mark.parametrize(
    ("header", "same"),
    [
        (None, False),
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
    ],
)
def test_entity_tags(header: str | None, same: bool) -> None:
    """If-None-Match compares weakly, over lists and the asterisk."""
    assert matches(header, 'W/"a"') is same


def test_a_link_is_ascii() -> None:
    """An id of any letters becomes a header that cannot be broken out of."""
    assert canonical_link('https://a.example/ü>"?x=%7E') == (
        '<https://a.example/%C3%BC%3E%22?x=%7E>; rel="canonical"'
    )


async def test_a_fresh_copy_and_all_that_is_said_about_it(tmp_path: Path) -> None:
    """The body is the origin's, the headers tell age, proof and name, the type is never AS2."""
    async with serving(tmp_path) as api:
        api.store.put(note(1), last_modified="Thu, 28 May 2026 10:00:00 GMT")
        api.now = NOW + 60

        reply = await api.get(URL)

        stored = api.store.query.document(NOTE)
        assert stored is not None
        assert (reply.status, reply.body) == (200, stored.body)
        expected = {
            "age": "60",
            "cache-control": "private, max-age=600",
            "cache-status": "fedpull; hit; ttl=540",
            "content-type": "application/json",
            "fedpull-freshness": "fresh",
            "fedpull-verified-by": "get",
            "last-modified": "Thu, 28 May 2026 10:00:00 GMT",
            "link": f'<{NOTE}>; rel="canonical"',
            "server": "fedpull",
            "x-content-type-options": "nosniff",
        }
        assert {name: reply.headers.get(name) for name in expected} == expected
        assert reply.headers["etag"].startswith('W/"')
        assert not any(name.startswith("access-control") for name in reply.headers)
        assert api.origin.asked == []


async def test_not_modified(tmp_path: Path) -> None:
    """A reader that has this very version gets 304 without a body."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        first = await api.get(URL)

        again = await api.get(URL, If_None_Match=first.headers["etag"])
        head = await api.call("HEAD", URL)

        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(first.body))


async def test_stale_is_served_and_checked_once_behind_it(tmp_path: Path) -> None:
    """However often a stale copy is read, its origin is asked once."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        api.now = NOW + 700

        replies = [await api.get(URL) for _ in range(5)]

        assert {reply.headers["fedpull-freshness"] for reply in replies} == {"stale"}
        assert replies[0].headers["cache-status"] == "fedpull; hit; ttl=-100"
        assert (api.origin.checked, api.origin.asked) == ([NOTE], [])


async def test_missing_is_fetched_now(tmp_path: Path) -> None:
    """A miss goes to the origin, and what comes is served with how it came."""
    async with serving(tmp_path) as api:
        api.origin.answers[NOTE] = lambda: api.store.put(note(1))

        reply = await api.get(URL)

        assert (reply.status, reply.json["id"]) == (200, NOTE)
        assert reply.headers["cache-status"].startswith("fedpull; fwd=uri-miss; stored")


async def test_another_name_of_a_document(tmp_path: Path) -> None:
    """An id that leads to another one is answered with that one's document and name."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        api.store.mark(f"{HOST}/@alice/1", State.REDIRECTED, target=NOTE)

        reply = await api.get(f"/v1/document?id={HOST}/@alice/1")

        assert reply.status == 200
        assert reply.headers["link"] == f'<{NOTE}>; rel="canonical"'


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        pytest.param(BadInput(NOTE, "has the scheme http"), 400, "bad-input", id="syntax"),
        pytest.param(Refused(NOTE, "is blocked"), 403, "refused", id="policy"),
        pytest.param(NotFound(NOTE, "status 404"), 404, "not-found", id="404"),
        pytest.param(Gone(NOTE, "status 410"), 410, "gone", id="410"),
        pytest.param(
            Unreachable(NOTE, "connection refused by 10.0.0.1"), 502, "unreachable", id="failure"
        ),
        pytest.param(TimedOut(NOTE, "no answer from 10.0.0.1"), 504, "unreachable", id="time-out"),
    ],
)
async def test_errors_of_a_fetch(
    tmp_path: Path, error: FedpullError, status: int, kind: str
) -> None:
    """Failures have one mapping, and what lay on the way stays in the log."""
    async with serving(tmp_path) as api:
        api.origin.answers[NOTE] = error

        reply = await api.get(URL)

        assert (reply.status, reply.json["status"]) == (status, status)
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["type"] == f"/problems/{kind}"
        assert b"10.0.0.1" not in reply.body


@pytest.mark.parametrize(
    ("prepare", "status"),
    [
        pytest.param(lambda api: None, 504, id="nothing came in time"),
        pytest.param(
            lambda api: api.store.mark(NOTE, State.FAILED, error="status 500", failed=True),
            502,
            id="it failed",
        ),
        pytest.param(
            lambda api: api.store.mark(NOTE, State.GONE, reason="gone", purge=True), 410, id="gone"
        ),
        pytest.param(
            lambda api: api.store.mark(NOTE, State.REFUSED, reason="audience", purge=True),
            403,
            id="not public",
        ),
    ],
)
async def test_fetched_without_a_document(tmp_path: Path, prepare: Any, status: int) -> None:
    """A fetch that ends without a document says why."""
    async with serving(tmp_path) as api:
        api.origin.answers[NOTE] = lambda: prepare(api)

        assert (await api.get(URL)).status == status


async def test_only_if_cached(tmp_path: Path) -> None:
    """A miss under only-if-cached is 504 and asks nobody."""
    async with serving(tmp_path) as api:
        reply = await api.get(URL, Cache_Control="only-if-cached")

        assert (reply.status, reply.json["type"]) == (504, "/problems/not-cached")
        assert reply.json["subject"] == NOTE
        assert reply.json["detail"] == f"{NOTE}: is not in the cache"
        assert "expected" not in reply.json  # nothing of the caller's was wrong
        assert api.origin.asked == []


@pytest.mark.parametrize(
    "id",
    [
        *("", "nonsense", "ftp://a.example/x", "https://a.example/%00%0d%0aX-Evil:1%20".strip()),
        "https://user:pw@a.example/",
        "https://a.example/%0D%0ASet-Cookie:%20a=b",
        "https://a.example/a%20b",
        "https://a.example/" + "x" * 3000,
        "javascript:alert(1)",
        "//a.example/x",
        "/etc/passwd",
        "https://a.example\\@b.example/",
    ],
)
async def test_wrong_ids(tmp_path: Path, id: str) -> None:
    """What is no http(s) URI is a 400 that fetches nothing."""
    async with serving(tmp_path) as api:
        reply = await api.get(f"/v1/document?id={id}")

        assert (reply.status, reply.json["subject"]) == (400, "id")
        assert api.origin.asked == []
