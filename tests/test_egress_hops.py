"""Redirects and HTML alternates: where the door follows, where it stops, and what it was asked."""

from __future__ import annotations

import pytest
from certificates import Authority
from wire_server import ACTIVITY, Reply, Seen, door_to, hold, redirect, response, wire_server

from fedpull.crawler.answer import Ask, FetchFailed, Hop
from fedpull.crawler.protocol.uri import UrlRules

START = "http://a.example/start"


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_every_redirect_is_followed_with_a_get(status: str) -> None:
    """The answer names the URL that it came from in the end, and the hops that led there."""
    replies = {
        "a.example/start": redirect("http://b.example/end#part", status),
        "b.example/end": response(),
    }
    async with wire_server(replies) as wire, door_to(wire) as door:
        answer = await door.egress.fetch(Ask(START))

    assert (answer.url, answer.final_url, answer.status) == (START, "http://b.example/end", 200)
    assert answer.hops == (
        Hop("a.example:80", int(status[:3])),
        Hop("b.example:80", 200),
    )
    assert [seen.line for seen in wire.requests] == ["GET /start HTTP/1.1", "GET /end HTTP/1.1"]


RELATIVE = {
    "a path": ("/end", "a.example/end"),
    "a sibling": ("end?x=1", "a.example/dir/end?x=1"),
    "a query": ("?page=2", "a.example/dir/start?page=2"),
    "no scheme": ("//b.example/end", "b.example/end"),
    "dots": ("../end", "a.example/end"),
}


@pytest.mark.parametrize("case", RELATIVE)
async def test_a_relative_location_is_resolved(case: str) -> None:
    """Against the URL that was asked (RFC 9110 section 10.2.2)."""
    location, url = RELATIVE[case]
    replies = {"a.example/dir/start": redirect(location), url: response()}
    async with wire_server(replies) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask("http://a.example/dir/start"))

    assert wire.urls == ["a.example/dir/start", url]


async def test_each_further_hop_awaits_its_turn() -> None:
    """The first request's turn is the caller's lease; the others wait for the host they go to."""
    replies = {
        "a.example/start": redirect("/two"),
        "a.example/two": redirect("http://b.example/end"),
        "b.example/end": response(),
    }
    async with wire_server(replies) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask(START, page=True))

    assert door.turns == [("a.example:80", True, True), ("b.example:80", True, False)]


FORBIDDEN = {
    "loopback": "http://127.0.0.1/",
    "loopback, v6": "http://[::1]/",
    "cloud metadata": "http://169.254.169.254/latest/meta-data/",
    "a number": "http://2130706433/",
    "localhost": "http://localhost/",
    "a file": "file:///etc/passwd",
    "data": "data:text/plain,x",
    "a script": "javascript:alert(1)",
    "another port": "http://a.example:6379/",
    "a user name": "http://user@a.example/",
    "our own host": "http://pull.example/v1/status",
    "a space": "http://a.example/x y",
    "a tab in the scheme": "ht\ttp://a.example/",
    "bytes beyond ASCII": "http://a.example/\xe4",
    "nothing": "",
    "a broken literal": "http://[::1/",
}


@pytest.mark.parametrize("case", FORBIDDEN)
async def test_a_redirect_to_what_may_not_be_asked_is_not_followed(case: str) -> None:
    """Every hop passes the same check as the first; only the first request was made."""
    rules = UrlRules(http=True, own_origins=frozenset({"http://pull.example"}))
    async with (
        wire_server(redirect(FORBIDDEN[case])) as wire,
        door_to(wire, url_rules=rules) as door,
    ):
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(START))

    assert failed.value.kind == "redirect"
    assert failed.value.hops == (Hop("a.example:80", 302, "redirect"),)
    assert (failed.value.http_status, failed.value.status) == (502, 302)
    assert (wire.urls, door.turns) == (["a.example/start"], [])


async def test_a_redirect_to_a_name_that_leads_inside_is_not_connected_to() -> None:
    """The address table holds on every hop, not on the first only."""
    rules = UrlRules(http=True, ports=frozenset({80}))
    async with door_to(None, url_rules=rules, lookup=lambda host, port: ["127.0.0.1"]) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask("http://inside.example/"))

    assert failed.value.kind == "address"
    assert door.egress.counts["connections"] == 0


async def test_https_never_leads_to_http(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Not even where plain HTTP is allowed."""
    authority = Authority.make(tmp_path_factory.mktemp("ca"))
    async with (
        wire_server(redirect("http://a.example/end"), authority.server("a.example")) as wire,
        door_to(wire, ca_file=authority.bundle) as door,
    ):
        with pytest.raises(FetchFailed, match="from https to http"):
            await door.egress.fetch(Ask("https://a.example/start"))

    assert wire.urls == ["a.example/start"]


async def test_a_chain_has_at_most_three_further_hops() -> None:
    """Four requests are made, and a loop ends as any chain does."""
    async with wire_server(redirect("/start")) as wire, door_to(wire) as door:
        with pytest.raises(FetchFailed, match="more than 3 redirects") as failed:
            await door.egress.fetch(Ask(START))

    assert len(wire.requests) == len(failed.value.hops) == 4


@pytest.mark.parametrize(
    ("host", "sent"), [("a.example", True), ("b.example", False)], ids=["same", "another"]
)
async def test_validators_stay_on_the_origin_that_they_came_from(host: str, sent: bool) -> None:
    """If-None-Match and If-Modified-Since are not sent on to another origin."""
    replies = {"a.example/start": redirect(f"http://{host}/end"), f"{host}/end": response()}
    async with wire_server(replies) as wire, door_to(wire) as door:
        await door.egress.fetch(Ask(START, etag='W/"1"', last_modified="yesterday"))

    first, second = (seen.headers for seen in wire.requests)
    assert (first["if-none-match"], first["if-modified-since"]) == ('W/"1"', "yesterday")
    assert ("if-none-match" in second) is ("if-modified-since" in second) is sent


def html(link: str) -> bytes:
    return response(b"<html>", kind="text/html; charset=utf-8", Link=link)


ALTERNATES = {
    "alone": '<http://a.example/end>; rel="alternate"; type="application/activity+json"',
    "relative": '</end>; rel=alternate; type="application/activity+json"',
    "among others, with a comma in a title": '<http://b.example/x>; rel="me", </feed>; '
    'rel="alternate"; type="application/rss+xml"; title="a, b", '
    '</end>; title="x; y"; type="application/activity+json"; rel="alternate nofollow"',
    "as JSON-LD": '</end>; rel="alternate"; '
    'type="application/ld+json; profile=\\"https://www.w3.org/ns/activitystreams\\""'.replace(
        '\\"', ""
    ).replace("; profile=https://www.w3.org/ns/activitystreams", ""),
}


@pytest.mark.parametrize("case", ALTERNATES)
async def test_html_whose_header_names_its_activity_is_followed_there(case: str) -> None:
    """Only the header counts; the page is not read."""
    replies = {"a.example/start": html(ALTERNATES[case]), "a.example/end": response()}
    async with wire_server(replies) as wire, door_to(wire) as door:
        answer = await door.egress.fetch(Ask(START))

    assert (answer.final_url, answer.content_type) == ("http://a.example/end", ACTIVITY)
    assert door.turns == [("a.example:80", False, True)]
    assert [hop.status for hop in answer.hops] == [200, 200]


NO_ALTERNATE = {
    "no link": "<http://a.example/style>; rel=stylesheet",
    "another type": '</end>; rel="alternate"; type="application/json"',
    "another relation": '</end>; rel="canonical"; type="application/activity+json"',
    "another origin": '<http://b.example/end>; rel="alternate"; type="application/activity+json"',
    "a script": '<javascript:x>; rel="alternate"; type="application/activity+json"',
}


@pytest.mark.parametrize("case", NO_ALTERNATE)
async def test_other_html_is_no_answer(case: str) -> None:
    """Nor is an alternate that leaves the origin."""
    async with wire_server(html(NO_ALTERNATE[case])) as wire, door_to(wire) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(START))

    assert failed.value.kind in ("type", "redirect")
    assert wire.urls == ["a.example/start"]


async def test_the_time_is_that_of_the_whole_chain() -> None:
    """Hops that are quick one by one do not add up to more than `timeout`."""
    replies: dict[str, Reply] = {"a.example/start": redirect("/two"), "a.example/two": hold}
    async with wire_server(replies) as wire, door_to(wire, timeout=0.1) as door:
        with pytest.raises(FetchFailed) as failed:
            await door.egress.fetch(Ask(START))

    assert (failed.value.kind, failed.value.timed_out, failed.value.http_status) == (
        "timeout",
        True,
        504,
    )
    assert failed.value.hops == (Hop("a.example:80", 302), Hop("a.example:80", None, "timeout"))


def test_a_request_that_was_seen_tells_its_url() -> None:
    """The helper of these tests reads what it should."""
    assert Seen(b"GET /x?y HTTP/1.1\r\nHost: a.example\r\n\r\n").url == "a.example/x?y"
