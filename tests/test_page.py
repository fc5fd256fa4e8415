"""The pages for a person: what they show, what their forms do, who may send these; on a socket."""

from __future__ import annotations

import re
from base64 import b64encode
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from api_cases import ALICE, HOST, NOW, Reply, Serving, known, note, serving
from lxml import html as lxml_html  # type: ignore[import-untyped]
from page_cases import HOSTILE

from fedpull.cache.api_gate import ApiSettings
from fedpull.cache.mail_records import Send, Sent
from fedpull.cache.records import (
    Collection,
    Entry,
    Follow,
    HostReport,
    Members,
    Outcome,
    State,
)
from fedpull.errors import BadInput, Refused, Unreachable

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
FORM = "application/x-www-form-urlencoded"
PAGES = (
    *("/", "/page/follows", "/page/hosts", "/page/documents", "/page/changes"),
    "/page/deliveries",
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def followed(**more: Any) -> Follow:
    return Follow(
        **{
            "key": "@alice@events.example",
            "actor": ALICE,
            "handle": "@alice@events.example",
            "last_success": NOW - 60,
            "complete": True,
            **more,
        }
    )


async def page(api: Serving, target: str, **headers: str) -> Reply:
    return await api.get(target, accept=BROWSER, **headers)


async def send(api: Serving, path: str, /, **fields: str) -> Reply:
    """What a browser sends for a form of ours."""
    return await api.call(
        "POST",
        path,
        urlencode(fields),
        accept=BROWSER,
        content_type=FORM,
        origin=f"http://127.0.0.1:{api.port}",
        sec_fetch_site="same-origin",
    )


def text(reply: Reply) -> str:
    """What a reader sees of a page, on one line."""
    root = lxml_html.fromstring(reply.body.decode())
    return " ".join(root.find(".//main").text_content().split())


@pytest.mark.parametrize("target", PAGES)
async def test_pages_of_an_empty_store(tmp_path: Path, target: str) -> None:
    """Before anything has come in every page is there, and says so."""
    async with serving(tmp_path) as api:
        reply = await page(api, target)

        assert reply.status == 200
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert len(re.findall(r"<h1\b", reply.body.decode())) == 1


@pytest.mark.parametrize("target", [*PAGES, "/page/style.css", "/page/live.js", "/page/document"])
async def test_what_a_page_may_load(tmp_path: Path, target: str) -> None:
    """Only files of ours, from ourselves; no frame, no base, no referrer for others."""
    async with serving(tmp_path) as api:
        reply = await page(api, target)

        assert reply.headers["content-security-policy"] == POLICY
        assert reply.headers["referrer-policy"] == "same-origin"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("target", PAGES)
async def test_a_page_has_nothing_that_its_policy_forbids(tmp_path: Path, target: str) -> None:
    """No inline script, style or handler; every file it names is there."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(note(1))
        root = lxml_html.fromstring((await page(api, target)).body.decode())

        assert not root.xpath(
            "//style | //@style | //@*[starts-with(name(), 'on')] | //script/text()"
        )
        files = root.xpath("//script/@src | //link/@href | //img/@src")
        assert set(files) == {"/page/style.css", "/page/live.js", "/page/icon.svg"}
        for file in files:
            assert (await api.get(file)).status == 200


async def test_files_are_not_sent_twice(tmp_path: Path) -> None:
    """Who has a file of the page already is told that it is as it was."""
    async with serving(tmp_path) as api:
        first = await api.get("/page/style.css")
        second = await api.get("/page/style.css", if_none_match=first.headers["etag"])

        assert (first.status, second.status, second.body) == (200, 304, b"")
        assert first.headers["content-type"] == "text/css; charset=utf-8"


async def test_the_overview_tells_what_is_late_and_why(tmp_path: Path) -> None:
    """A follow that fails and a host that does not answer stand on the first page."""
    async with serving(tmp_path) as api:
        api.store.follow(followed(key="@bob@dead.example", last_error="timed out", handle=None))
        api.store.follow(followed())
        reports = (HostReport("dead.example:443", False, error="timed out"),) * 12
        api.store.apply(Outcome(NOW, hosts=reports))

        shown = text(await page(api, "/"))

        assert "1 of 2 follows needs a look" in shown
        assert "@bob@dead.example failing" in shown
        assert "timed out" in shown
        assert "dead.example paused" in shown


async def test_the_overview_tells_that_nothing_is_fetched(tmp_path: Path) -> None:
    """A daemon that may not fetch says so first of all."""
    async with serving(tmp_path) as api:
        api.origin.ready = False
        shown = text(await page(api, "/"))

        assert shown.startswith("Nothing is fetched contact is not set.")


async def test_follows_are_found_by_name(tmp_path: Path) -> None:
    """Whoever follows hundreds looks for one."""
    async with serving(tmp_path) as api:
        for n in range(230):
            api.store.follow(followed(key=f"@n{n}@a.example", handle=None, actor=None))

        first = text(await page(api, "/page/follows"))
        last = text(await page(api, "/page/follows?page=3"))
        found = text(await page(api, "/page/follows?q=N77@"))

        assert "230 followed" in first
        assert first.count("kept") == 100
        assert "Page 3 of 3" in last
        assert last.count("kept") == 30
        assert found.count(" kept") == 1
        assert "@n77@a.example" in found


async def test_hosts_are_found_by_name_and_state(tmp_path: Path) -> None:
    """Hosts in trouble stand first."""
    async with serving(tmp_path) as api:
        reports = [HostReport(f"h{n}.example:443", True, status=200) for n in range(5)]
        reports += [HostReport("gone.example:443", False, error="refused")] * 12
        api.store.apply(Outcome(NOW, hosts=tuple(reports)))

        everyone = text(await page(api, "/page/hosts"))
        one = text(await page(api, "/page/hosts?q=h3"))
        paused = text(await page(api, "/page/hosts?state=paused&q="))

        assert everyone.index("gone.example") < everyone.index("h0.example")
        assert "h3.example" in one
        assert "h2.example" not in one
        assert "gone.example" in paused
        assert "h3.example" not in paused


async def test_a_document_with_its_reasons(tmp_path: Path) -> None:
    """Its text, who wrote it, how fresh it is and why, and its JSON."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        alice = {"id": ALICE, "type": "Person", "name": "Alice", "preferredUsername": "alice"}
        said = note(1, tag=[{"type": "Hashtag", "name": "#Tea"}], attachment=[
            {"type": "Image", "url": f"{HOST}/cat.png", "mediaType": "image/png", "name": "A cat"}
        ])  # fmt: skip
        api.store.put(alice, said)

        reply = await page(api, f"/page/document?id={quote(said['id'], safe='')}")
        shown = text(reply)

        assert reply.status == 200
        for words in ("Alice", "@alice@events.example", "Post 1", "fresh", "Its origin served it"):
            assert words.lower() in shown.lower(), words
        assert "A cat [events.example]" in shown
        assert "<img" not in reply.body.decode()
        assert f"/page/thread?id={quote(said['id'], safe='')}" in reply.body.decode()
        assert '"attributedTo"' in unescape(reply.body.decode())


async def test_a_handle_is_opened(tmp_path: Path) -> None:
    """What people know somebody by leads to the actor's page; looking fetches nothing."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put({"id": ALICE, "type": "Person", "name": "Alice", "summary": "<p>Tea.</p>"})

        found = await page(api, "/page/document?id=@alice@events.example")
        unknown = await page(api, "/page/document?id=@nobody@events.example")
        address = await page(api, f"/page/document?id={HOST}/unheard")

        assert "Alice" in text(found)
        assert "Tea." in text(found)
        assert [unknown.status, address.status] == [404, 404]
        assert 'value="@nobody@events.example"' in unknown.body.decode()
        assert api.origin.asked == []


async def test_what_is_gone_or_refused_is_explained(tmp_path: Path) -> None:
    """A document that is not held has a page that says why."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))
        api.store.mark(note(1)["id"], State.GONE, reason="tombstone", purge=True)

        reply = await page(api, f"/page/document?id={note(1)['id']}")

        assert reply.status == 200
        assert "its origin left a Tombstone" in text(reply)


async def test_a_thread(tmp_path: Path) -> None:
    """Answers stand below what they answer, and what is missing is marked."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        first, second = note(1), note(2, inReplyTo=f"{HOST}/notes/1")
        third = note(3, inReplyTo=f"{HOST}/notes/2")
        api.store.put(first, second, third)
        api.store.mark(second["id"], State.GONE, reason="tombstone", purge=True)

        reply = await page(api, f"/page/thread?id={quote(first['id'], safe='')}")
        shown = text(reply)

        assert reply.status == 200
        assert "Post 1" in shown
        assert (await page(api, f"/page/thread?id={HOST}/unheard")).status == 404


async def test_a_collection(tmp_path: Path) -> None:
    """Its members are links, in the origin's order."""
    async with serving(tmp_path) as api:
        outbox = f"{ALICE}/outbox"
        entries = tuple(Entry(f"{HOST}/notes/{n}") for n in range(3))
        members = Members(outbox, entries, first=True)
        api.store.apply(
            Outcome(NOW, members=members, collection=Collection(outbox, "ok", True, total_items=3))
        )

        shown = text(await page(api, f"/page/document?id={outbox}"))

        assert "All that its server offers is known. It claims 3." in shown
        assert shown.index("/notes/0") < shown.index("/notes/2")


async def test_documents_are_filtered(tmp_path: Path) -> None:
    """The filters are those of the API; the fields that were left empty filter nothing."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(*(note(n) for n in range(40)))
        starts = "2026-06-01T18:00:00Z"
        api.store.put(note(50, type="Event", name="Repair café", content="", startTime=starts))

        everything = await page(api, "/page/documents?actor=&type=&tag=")
        events = text(await page(api, "/page/documents?type=Event"))
        wrong = await page(api, "/page/documents?since=yesterday")

        assert text(everything).count("Post ") == 29
        assert "Repair café" in events
        assert "2026-06-01 18:00" in events
        assert "Post " not in events
        assert wrong.status == 400
        assert "yesterday" in text(wrong)
        [older] = re.findall(r'rel="next" href="([^"]+)"', everything.body.decode())
        assert text(await page(api, unescape(older))).count("Post ") == 11


async def test_events_to_come(tmp_path: Path) -> None:
    """One press lists what has not begun yet, the soonest first, with when and where it is."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        for n, day in enumerate(("2026-05-01", "2026-07-01", "2026-06-01")):
            starts, hall = f"{day}T18:00:00Z", {"type": "Place", "name": "Hall"}
            event = note(n, type="Event", name=f"Event {n}", startTime=starts, location=hall)
            api.store.put({**event, "endTime": f"{day}T20:00:00Z"})

        first = await page(api, "/page/documents")
        [link] = re.findall(r'href="([^"]+)">Events to come<', first.body.decode())
        shown = text(await page(api, unescape(link)))

        assert "Event 0" not in shown
        assert shown.index("Event 2") < shown.index("Event 1")
        assert "2026-06-01 18:00 to 2026-06-01 20:00 UTC, Hall" in shown


async def test_the_change_log(tmp_path: Path) -> None:
    """The latest first, and the older ones behind it."""
    async with serving(tmp_path) as api:
        api.store.put(*(note(n) for n in range(60)))

        latest = await page(api, "/page/changes")
        [older] = re.findall(r'href="(/page/changes\?before=\d+)"', latest.body.decode())
        rest = await page(api, older)

        assert text(latest).count("created") == 50
        assert text(rest).count("created") == 10
        assert "Older" not in text(rest)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/?range=1y", 400),
        ("/page/follows?page=0", 400),
        ("/page/follows?page=x", 400),
        ("/page/follows?page=999999", 200),
        ("/page/hosts?nonsense=1", 400),
        ("/page/changes?before=x", 400),
        ("/page/document", 400),
        ("/page/document?id=", 400),
        ("/page/document?id=javascript:alert(1)", 400),
        ("/page/document?id=https://a.example/%00", 400),
        ("/page/document?id=https://a.example/%0d%0aSet-Cookie:x", 400),
        ("/page/document?id=https://127.0.0.1/", 404),
        (f"/page/document?id=https://a.example/{'x' * 10_000}", 400),
        ("/page/document?id=@x@", 400),
        ("/page/thread?id=nothing", 400),
        ("/page/documents?cursor=nonsense", 400),
        ("/page/documents?actor=@nobody@a.example", 404),
        ("/page/nothing", 404),
        ("/page/../../pyproject.toml", 404),
        ("/page/base.html", 404),
    ],
)
async def test_wrong_addresses(tmp_path: Path, target: str, status: int) -> None:
    """What cannot be read is an error that says so, and never one of ours."""
    async with serving(tmp_path) as api:
        shown = await page(api, target)
        plain = await api.get(target)

        assert (shown.status, plain.status) == (status, status)
        assert "location" not in shown.headers
        assert "set-cookie" not in shown.headers
        assert "<script>" not in shown.body.decode()


async def test_programs_are_told_problems_as_ever(tmp_path: Path) -> None:
    """Who does not ask for HTML reads a problem document."""
    async with serving(tmp_path) as api:
        plain = await api.get("/page/documents?since=yesterday")
        shown = await page(api, "/page/documents?since=yesterday")

        assert plain.headers["content-type"] == "application/problem+json"
        assert plain.json["subject"] == "since"
        assert shown.headers["content-type"] == "text/html; charset=utf-8"


async def test_fetching(tmp_path: Path) -> None:
    """The form asks the origin and leads to the document's page."""
    async with serving(tmp_path) as api:
        id = f"{HOST}/notes/1"
        api.origin.answers[id] = lambda: api.store.put(note(1))

        reply = await send(api, "/page/fetch", id=f" {id} ")

        assert reply.status == 303
        assert reply.headers["location"] == f"/page/document?id={quote(id, safe='')}"
        assert api.origin.asked == [id]
        assert (await page(api, reply.headers["location"])).status == 200


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (Refused("x", "is not addressed to everybody"), 403, "is not addressed to everybody"),
        (Unreachable("x", "10.0.0.7 does not answer"), 502, "is unreachable"),
        (BadInput("x", "has a port that may not be named"), 400, "has a port"),
    ],
)
async def test_fetching_in_vain(tmp_path: Path, error: Any, status: int, says: str) -> None:
    """The page says why; of what lies on the way to an origin no more than the API does."""
    async with serving(tmp_path) as api:
        api.origin.answers[f"{HOST}/x"] = error

        reply = await send(api, "/page/fetch", id=f"{HOST}/x")

        assert reply.status == status
        assert says in text(reply)
        assert "10.0.0.7" not in reply.body.decode()


async def test_following_and_unfollowing(tmp_path: Path) -> None:
    """Each leads back to the follows, which tell what has become of it."""
    async with serving(tmp_path) as api:
        added = await send(api, "/page/follow", actor="@bob@b.example")
        after = text(await page(api, added.headers["location"]))
        gone = await send(api, "/page/unfollow", actor="@bob@b.example")
        last = text(await page(api, gone.headers["location"]))

        assert (added.status, gone.status) == (303, 303)
        assert "@bob@b.example is followed now" in after
        assert "@bob@b.example is not followed any more" in last
        assert api.store.query.follows() == []


@pytest.mark.parametrize(
    ("fields", "entry"),
    [
        ({"actor": " @b@b.example "}, "@b@b.example"),
        ({"actor": "@b@b.example", "types": "", "backfill": ""}, "@b@b.example"),
        (
            {"actor": "@b@b.example", "types": "Event, Note", "backfill": "all", "replies": "2"},
            {"actor": "@b@b.example", "types": ["Event", "Note"], "backfill": "all", "replies": 2},
        ),
        (
            {"actor": "@b@b.example", "options": "1", "subscribe": "on", "backfill": "20"},
            {"actor": "@b@b.example", "backfill": 20, "boosts": False, "subscribe": True},
        ),
    ],
)
async def test_a_follow_with_options(tmp_path: Path, fields: dict[str, str], entry: Any) -> None:
    """What is filled in is the entry that a configuration would hold; the rest is left to it."""
    async with serving(tmp_path) as api:
        given: list[Any] = []
        follow = api.origin.follow

        async def keep(one: Any) -> Follow:
            given.append(one)
            return await follow(one)

        api.origin.follow = keep  # type: ignore[method-assign, assignment]
        await send(api, "/page/follow", **fields)

        assert given == [entry]


async def test_a_form_that_is_wrong_keeps_what_was_filled_in(tmp_path: Path) -> None:
    """Nobody types it again."""
    async with serving(tmp_path) as api:

        async def refuse(one: Any) -> Follow:
            raise BadInput("follow.backfill", "'many' is no number", "a number, all or none")

        api.origin.follow = refuse  # type: ignore[method-assign, assignment]
        reply = await send(api, "/page/follow", actor="@b@b.example", backfill='"><script>')

        assert reply.status == 400
        assert "'many' is no number" in text(reply)
        assert 'value="@b@b.example"' in reply.body.decode()
        assert "<script>" not in reply.body.decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"origin": "SELF"}, 303, id="our page"),
        pytest.param(
            {"origin": "SELF", "sec_fetch_site": "same-origin"}, 303, id="our page, told twice"
        ),
        pytest.param({"sec_fetch_site": "same-origin"}, 303, id="our page, by fetch metadata"),
        pytest.param({}, 403, id="nobody says whose"),
        pytest.param({"sec_fetch_site": "none"}, 403, id="typed by hand"),
        pytest.param({"origin": "https://evil.example"}, 403, id="another origin"),
        pytest.param({"origin": "null"}, 403, id="an origin that is hidden"),
        pytest.param({"origin": "http://127.0.0.1:1"}, 403, id="another port of this machine"),
        pytest.param({"origin": "SELF", "sec_fetch_site": "cross-site"}, 403, id="contradiction"),
        pytest.param({"origin": "SELF", "host": "evil.example"}, 421, id="a rebound name"),
        pytest.param({"origin": "SELF", "content_type": "text/plain"}, 415, id="text of a form"),
        pytest.param({"origin": "SELF", "content_type": "application/json"}, 415, id="JSON"),
        pytest.param(
            {"origin": "SELF", "content_type": "multipart/form-data; boundary=x"}, 415, id="parts"
        ),
    ],
)
@pytest.mark.parametrize("path", ["/page/follow", "/page/unfollow", "/page/fetch"])
async def test_whose_forms_are_taken(
    tmp_path: Path, path: str, headers: dict[str, str], status: int
) -> None:
    """Only those of our own pages: no other site can follow or fetch through a browser."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        name = "id" if path == "/page/fetch" else "actor"
        value = f"{HOST}/1" if path == "/page/fetch" else "@alice@events.example"
        given = {"content_type": FORM, **headers}
        given = {k: v.replace("SELF", f"http://127.0.0.1:{api.port}") for k, v in given.items()}

        reply = await api.call("POST", path, urlencode({name: value}), **given)

        assert reply.status == status
        if status != 303:
            assert api.origin.asked == []
            assert len(api.store.query.follows()) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("actor=@b@b.example&actor=@c@c.example", id="a field twice"),
        pytest.param("actor=@b@b.example&more=1", id="a field that is not known"),
        pytest.param("actor=%ff", id="no UTF-8"),
        pytest.param("actor", id="no pair"),
        pytest.param(b"actor=\xff\xfe", id="no ASCII"),
        pytest.param("&".join(f"a{n}=1" for n in range(1_000)), id="a thousand fields"),
    ],
)
async def test_forms_that_cannot_be_read(tmp_path: Path, body: Any) -> None:
    """They are told so; nothing is done."""
    async with serving(tmp_path) as api:
        origin = f"http://127.0.0.1:{api.port}"
        reply = await api.call("POST", "/page/follow", body, content_type=FORM, origin=origin)

        assert reply.status == 400
        assert api.store.query.follows() == []


@pytest.mark.parametrize(
    ("password", "status"), [("s3cret", 200), ("", 401), ("wrong", 401), ("s3cret:x", 401)]
)
async def test_a_browser_gives_the_token_as_a_password(
    tmp_path: Path, password: str, status: int
) -> None:
    """Where there is a token the browser asks for it; any name will do."""
    async with serving(tmp_path, ApiSettings(None, "s3cret")) as api:
        told = b64encode(f"anybody:{password}".encode()).decode()
        asked = await page(api, "/page/follows")
        reply = await page(api, "/page/follows", authorization=f"Basic {told}")
        program = await api.get("/v1/status")

        assert asked.headers["www-authenticate"] == 'Basic realm="fedpull"'
        assert (asked.status, program.status, reply.status) == (401, 401, status)


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_posts_on_their_pages(tmp_path: Path, html: str) -> None:
    """Wherever a post is shown, the page has the elements that it always has, and no others."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        harmless, hostile = note(1, content="<p>x</p>", name="x"), note(2)
        for field in ("content", "name", "summary"):
            hostile[field] = html
        hostile["attachment"] = [
            {"type": html, "name": html, "url": f"{HOST}/a", "mediaType": html}
        ]
        hostile["location"] = {"type": "Place", "name": html}
        hostile["tag"] = [{"type": "Hashtag", "name": f"#{html}"}]
        api.store.put(harmless, hostile)
        api.store.put({"id": ALICE, "type": "Person", "name": html, "preferredUsername": html})

        targets = [f"/page/document?id={hostile['id']}", f"/page/thread?id={hostile['id']}"]
        for target in [*PAGES, *targets, f"/page/document?id={ALICE}"]:
            reply = await page(api, target)
            root = lxml_html.fromstring(reply.body.decode())

            assert reply.status == 200
            assert root.xpath("//script/@src") == ["/page/live.js"]
            assert not root.xpath(
                "//script/text() | //style | //@style | //base | //meta[@http-equiv]"
            )
            assert not root.xpath(
                "//iframe | //object | //embed | //img | //video | //audio | //math"
            )
            assert not root.xpath(
                "//@*[starts-with(name(), 'on') or name() = 'srcdoc' or name() = 'ping']"
            )
            assert not root.xpath(
                "//*[contains(@class, 'foreign')]//*[@id or @style or self::form]"
            )
            assert len(root.xpath("//h1")) == 1
            forms = set(root.xpath("//form/@action"))
            assert forms <= {
                f"/page/{w}"
                for w in (*_FORMS, "deliveries", "document", "documents", "follows", "hosts")
            }
            for link in root.xpath("//a/@href"):
                assert link.startswith(("/", "#", "https://", "http://")), link
                assert not link.startswith("//"), link


_FORMS = ("fetch", "follow", "unfollow")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("<div>" * 50_000, id="boxes"),
        pytest.param(f"<p title='{'x' * 10**6}'>", id="a megabyte"),
        pytest.param("<" * 100_000, id="beginnings"),
    ],
)
async def test_what_is_too_intricate_is_said_to_be(tmp_path: Path, content: str) -> None:
    """The page is there, and leads to the JSON instead of failing."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(note(1, content=content))

        reply = await page(api, f"/page/document?id={note(1)['id']}")

        assert reply.status == 200
        assert "too intricate to be shown" in text(reply)
        assert (await page(api, "/page/documents")).status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ["a", {"b": "c"}, None]},
        {"name": {"@value": "x"}},
        {"content": 17},
        {"contentMap": {"en": ["<p>x</p>"]}, "content": None},
        {"attachment": "nonsense"},
        {"attachment": [None, 3, {"url": {"href": 5}}, ["x"]]},
        {"location": [[["x"]]]},
        {"tag": {"name": 5}},
        {"startTime": "+99999-01-01T00:00:00Z", "endTime": "never"},
        {"type": ["Note", "https://x.example/\u202eevil", 5]},
        {"url": [{"href": "javascript:alert(1)"}, {"href": "https://a.example/"}]},
        {"mediaType": ["text/plain"]},
        {"mediaType": "text/markdown", "content": "# <b>hi</b>"},
        {"inReplyTo": [None]},
        {"content": "a\x00b", "name": "\x00"},
        {"summary": "<p>warned</p>", "sensitive": True},
    ],
)
async def test_odd_documents_have_a_page(tmp_path: Path, changed: dict[str, Any]) -> None:
    """Whatever JSON a server comes up with, its page is no error of ours."""
    async with serving(tmp_path) as api:
        api.store.follow(followed())
        api.store.put(note(1, **changed))

        for target in (
            f"/page/document?id={note(1)['id']}",
            f"/page/thread?id={note(1)['id']}",
            *PAGES,
        ):
            reply = await page(api, target)

            assert reply.status == 200, target
            assert "javascript:" not in re.sub(
                r"<pre.*?</pre>", "", reply.body.decode(), flags=re.S
            )


async def test_whom_lists_may_not_show_is_not_on_the_page(tmp_path: Path) -> None:
    """A post of somebody who is not followed and has not agreed is shown by its id only."""
    async with serving(tmp_path) as api:
        api.store.put(note(1))

        assert "Post 1" not in text(await page(api, "/"))
        assert "Post 1" not in text(await page(api, "/page/documents"))
        assert "Post 1" in text(await page(api, f"/page/document?id={note(1)['id']}"))


def test_a_reference_of_every_state_has_words() -> None:
    """The facts of a page are made from any record."""
    from fedpull.cache.api_page_browse import _facts

    for state in State:
        facts = dict(_facts(known(state=state, failures=3, last_error="\x1b[31mx")))

        assert facts["Failures in a row"] == "3"
        assert facts["Last error"] == "[31mx"


async def test_deliveries_are_shown_with_their_tries(tmp_path: Path) -> None:
    """By state, server and activity; those who do not take them stand on the overview."""
    async with serving(tmp_path) as api:
        mailbox = api.store.opened.mailbox
        ours = [f"https://pull.example/{n}" for n in (1, 2)]
        sends = [Send(id, f"https://h{id[-1]}.example/i", b"{}") for id in ours]
        mailbox.send(sends, NOW).result()
        errands = mailbox.errands(NOW, 9, 60.0, 1e6).result()
        [first] = [one.delivery.id for one in errands if one.delivery.activity == ours[0]]
        why, later = "the inbox answers 500", NOW + 60
        failed = Sent(first, "waiting", True, 500, why, later, later, seconds=1.5)
        mailbox.sent([failed], NOW).result()
        everything = text(await page(api, "/page/deliveries"))
        other = text(await page(api, "/page/deliveries?host=h2.example&state=waiting"))
        named = text(await page(api, f"/page/deliveries?activity={ours[0]}"))
        overview = text(await page(api, "/"))

        assert "the inbox answers 500" in everything
        assert "500 after 1.50 s" in everything
        assert ("h1.example" in other, "h2.example" in other) == (False, True)
        assert "1 in all: 0 delivered, 1 waiting" in named
        assert "2 waiting" in overview
        assert (await page(api, "/page/deliveries?state=odd")).status == 400
