"""The page in a real browser: what a person does with it, and what a hostile post cannot do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from api_cases import ALICE, HOST, NOW, Serving, note, serving
from browser import Tab, chromium, tab
from page_cases import HOSTILE
from station import Station

from fedpull.cache.api_gate import ApiSettings
from fedpull.cache.records import Follow, HostReport, Outcome
from fedpull.tests.fediverse.families.cursors import Mastodon
from fedpull.tests.fediverse.world import Fediverse

PAGES = (
    *("/", "/page/follows", "/page/hosts", "/page/documents", "/page/changes"),
    "/page/deliveries",
)
HANDLE = "@ada@town.example"
_CONTRAST = Path(__file__).with_name("page_contrast.js").read_text("utf-8")
_STRUCTURE = Path(__file__).with_name("page_structure.js").read_text("utf-8")
_STATE = """() => ({
  ran: window.__ran ?? null,
  base: document.baseURI,
  frames: ["header", "main", "footer"].map((n) => document.querySelectorAll(`body > ${n}`).length),
})"""
_OPEN = "document.querySelectorAll('main details').forEach((one) => { one.open = true; })"
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 12


def town() -> Fediverse:
    world = Fediverse([Mastodon("town.example")])
    ada = world.servers["town.example"].add_account("ada", posts=12)
    boris = world.servers["town.example"].add_account("boris")
    boris.post("An answer to that.", in_reply_to=ada.posts[-1])
    return world


def fill(api: Serving) -> None:
    """A store with something on every page, some of it too wide for any screen."""
    key = "@alice@events.example"
    api.store.follow(Follow(key=key, actor=ALICE, name=LONG, last_success=NOW, complete=True))
    api.store.follow(
        Follow(key="@bob@b.example", last_error=f"https://b.example/{LONG}: no answer")
    )
    api.store.put({"id": ALICE, "type": "Person", "name": LONG, "preferredUsername": "alice"})
    api.store.put(note(1, content=f"<p>{LONG} <a href='https://b.example/{LONG}'>{LONG}</a></p>"))
    api.store.put(note(2, name=LONG, inReplyTo=f"{HOST}/notes/1", summary="Food"))
    table = "<table><tr>" + "<td>cell of a table</td>" * 30 + "</tr></table>"
    api.store.put(note(3, content=f"{table}<pre>{LONG}</pre>", inReplyTo=f"{HOST}/notes/2"))
    api.store.put(note(4, type="Event", name="Tea", startTime="2026-06-01T18:00:00Z", attachment=[
        {"type": "Image", "url": f"{HOST}/{LONG}.png", "mediaType": "image/png", "name": LONG}
    ]))  # fmt: skip
    reports = [HostReport(f"{LONG[:60].lower()}.example:443", False, error=LONG)] * 12
    api.store.apply(Outcome(NOW, hosts=(HostReport("a.example:443", True, status=200), *reports)))


def every_page() -> list[str]:
    ids = [quote(f"{HOST}/notes/{n}", safe="") for n in (1, 2, 3, 4)]
    return [*PAGES, *(f"/page/document?id={id}" for id in ids), f"/page/thread?id={ids[0]}",
            f"/page/document?id={ALICE}", "/page/document?id=@x@y.example"]  # fmt: skip


@asynccontextmanager
async def shown(folder: Path, **context: Any) -> AsyncIterator[tuple[Serving, Tab]]:
    async with (
        serving(folder) as api,
        chromium() as browser,
        tab(browser, f"http://127.0.0.1:{api.port}", **context) as one,
    ):
        yield api, one


@pytest.mark.timeout(400)
async def test_an_operator_follows_and_watches(tmp_path: Path) -> None:
    """Follow, see it fill without a reload, open a post, read why it is fresh, open its thread,
    fetch somebody else, stop following."""
    with town() as world:
        station = Station(tmp_path, world)
        with station.daemon() as daemon:
            async with chromium() as browser, tab(browser, daemon.address) as one:
                page = one.page
                await one.go("/")
                await page.get_by_role("heading", name="Nobody is followed yet").wait_for()
                await page.evaluate("window.kept = true")
                await page.locator("aside").get_by_label("Actor").fill(HANDLE)
                await page.get_by_role("button", name="Follow").click()
                await page.get_by_role("status").get_by_text("is followed now").wait_for()
                await page.evaluate("window.kept = true")
                await page.locator("#follows").get_by_text("12 kept").wait_for()
                assert await page.evaluate("window.kept") is True

                await page.get_by_role("link", name="Documents").click()
                last = world.servers["town.example"].accounts["ada"].posts[-1].text
                await page.get_by_role("link", name=last[:30]).first.click()
                await page.get_by_role("heading", name="Why it is as it is").wait_for()
                assert "Fresh" in await page.locator("#explain").inner_text()
                await page.get_by_role("link", name="Thread").click()
                await page.get_by_role("heading", name="Thread").wait_for()

                await one.go("/")
                await page.get_by_label("Address or handle").fill("@boris@town.example")
                await page.get_by_role("button", name="Fetch").click()
                await page.get_by_role("button", name="Check now").wait_for()
                assert "boris" in page.url

                await one.go("/page/follows")
                await page.get_by_role("button", name=f"Unfollow {HANDLE}").click()
                await page.get_by_role("status").get_by_text("is not followed any more").wait_for()
                assert one.outside == []
                assert one.said == []


async def test_it_works_without_scripts(tmp_path: Path) -> None:
    """The forms are plain forms, and the pages are whole as they come."""
    async with shown(tmp_path, java_script_enabled=False) as (api, one):
        api.origin.answers[f"{HOST}/notes/1"] = lambda: api.store.put(note(1))
        page = one.page
        await one.go("/")
        await page.locator("aside").get_by_label("Actor").fill("@bob@b.example")
        await page.get_by_role("button", name="Follow").click()
        await page.get_by_text("@bob@b.example is followed now").wait_for()
        await page.get_by_role("button", name="Unfollow").click()
        await page.get_by_text("is not followed any more").wait_for()
        await one.go("/")
        await page.get_by_label("Address or handle").fill(f"{HOST}/notes/1")
        await page.get_by_role("button", name="Fetch").click()
        await page.get_by_role("heading", name="Why it is as it is").wait_for()

        assert "Post 1" in await page.locator("article").inner_text()


async def test_what_comes_is_shown_without_a_reload(tmp_path: Path) -> None:
    """A change puts what is new into the page that is open; what somebody types in stays."""
    async with shown(tmp_path) as (api, one):
        api.store.follow(Follow(key="@alice@events.example", actor=ALICE))
        await one.go("/page/documents")
        await one.page.locator("#live:not([hidden])").wait_for(state="attached")
        await one.page.get_by_label("Tag").fill("half a wo")
        api.store.put(note(7))

        await one.page.get_by_text("Post 7").wait_for()

        assert await one.page.get_by_label("Tag").input_value() == "half a wo"
        assert one.said == []


@pytest.mark.timeout(400)  # 140 pages, in a browser that may share two cores with all else
async def test_hostile_posts_do_nothing(tmp_path: Path) -> None:
    """They run no script, load nothing from anybody, lead nobody away, and break no page."""
    async with shown(tmp_path) as (api, one):
        targets = list(PAGES)
        for number, html in enumerate(HOSTILE.values()):
            actor = f"{HOST}/users/{number}"
            post = note(number, content=html, name=html, attributedTo=actor)
            post["tag"] = [{"type": "Hashtag", "name": html}]
            post["attachment"] = [{"type": "Image", "url": "https://evil.example/a", "name": html}]
            post["inReplyTo"] = f"{HOST}/notes/0" if number else None
            warned = note(1_000 + number, content=html, summary=html, attributedTo=actor)
            person = {"id": actor, "type": "Person", "name": html, "summary": html}
            api.store.follow(Follow(key=f"@n{number}@a.example", actor=actor, name=html))
            api.store.put(post, warned, {**person, "preferredUsername": html})
            ids = (post["id"], warned["id"], actor)
            targets += [f"/page/document?id={quote(id, safe='')}" for id in ids]
        targets.append(f"/page/thread?id={quote(f'{HOST}/notes/0', safe='')}")
        for target in targets:
            await one.go(target)
            await one.page.evaluate(_OPEN)
            state = await one.page.evaluate(_STATE)

            assert state == {"ran": None, "base": one.base + target, "frames": [1, 1, 1]}, target
            assert one.page.url == one.base + target
            assert (one.outside, one.said) == ([], []), target


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_width_and_light(tmp_path: Path, scheme: Any) -> None:
    """Nothing is wider than the screen, whatever strangers write; every text has the contrast that
    WCAG AA asks for."""
    async with shown(tmp_path, color_scheme=scheme) as (api, one):
        fill(api)
        for width in (320, 390, 1280):
            await one.page.set_viewport_size({"width": width, "height": 800})
            for target in every_page():
                await one.go(target)
                wide = await one.page.evaluate(_TOO_WIDE)
                weak = await one.page.evaluate(_CONTRAST)

                assert wide <= 0, (width, target)
                assert weak == [], (width, target)


async def test_every_page_can_be_used_by_everybody(tmp_path: Path) -> None:
    """One heading of the first order and none left out below; every field has a name; what can be
    pressed is large enough; the first key leads past the head, and focus is seen."""
    async with shown(tmp_path, viewport={"width": 390, "height": 800}) as (api, one):
        fill(api)
        for target in every_page():
            await one.go(target)
            found = await one.page.evaluate(_STRUCTURE)

            assert found == [], target
            await one.page.keyboard.press("Tab")
            assert await one.page.evaluate("document.activeElement.className") == "skip"
            await one.page.keyboard.press("Enter")
            await one.page.keyboard.press("Tab")
            inside = "document.activeElement.closest('main, footer') !== null"
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            assert await one.page.evaluate(inside) is True, target
            assert await one.page.evaluate(outline) == "solid", target


@asynccontextmanager
async def elsewhere(html: str) -> AsyncIterator[str]:
    """A page of another origin of this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(html)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{html}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_page_of_another_site_cannot_send_a_form(tmp_path: Path) -> None:
    """Neither a form that sends itself nor a script of another origin follows, fetches or reads."""
    async with serving(tmp_path) as api, chromium() as browser:
        base = f"http://127.0.0.1:{api.port}"
        html = (
            f'<form id="f" method="post" action="{base}/page/follow" target="frame">'
            '<input name="actor" value="@evil@evil.example"></form><iframe name="frame"></iframe>'
        )
        async with elsewhere(html) as evil:
            context = await browser.new_context()
            page = await context.new_page()
            await page.goto(evil)
            async with page.expect_response(f"{base}/page/follow") as response:
                await page.evaluate("document.getElementById('f').submit()")
            status = (await response.value).status
            read = await page.evaluate(
                f"fetch('{base}/').then(a => a.text()).catch(error => 'refused')"
            )
            sent = await page.evaluate(
                f"fetch('{base}/page/fetch', {{method: 'POST', mode: 'no-cors', headers: "
                "{'Content-Type': 'application/x-www-form-urlencoded'}, "
                "body: 'id=https://a.example/'})"
                ".then(a => a.type).catch(error => 'refused')"
            )
            await context.close()

        assert status == 403
        assert (read, sent) == ("refused", "opaque")
        assert api.store.query.follows() == []
        assert api.origin.asked == []


async def test_a_name_that_was_rebound_to_us_sees_nothing(tmp_path: Path) -> None:
    """A site that has its own name lead to this machine is not answered under that name."""
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    async with serving(tmp_path) as api, chromium(rules) as browser:
        page = await (await browser.new_context()).new_page()
        answer = await page.goto(f"http://evil.example:{api.port}/")

        assert answer is not None
        assert answer.status == 421


async def test_with_a_token_the_browser_asks_for_it(tmp_path: Path) -> None:
    """As the password of any name: pages, forms and the change stream."""
    async with serving(tmp_path, ApiSettings(None, "s3cret")) as api, chromium() as browser:
        base = f"http://127.0.0.1:{api.port}"
        credentials = {"username": "me", "password": "s3cret"}
        async with tab(browser, base, http_credentials=credentials) as one:
            await one.go("/page/follows")
            await one.page.locator("#live:not([hidden])").wait_for(state="attached")
            await one.page.locator("#follow").get_by_label("Actor").fill("@bob@b.example")
            await one.page.get_by_role("button", name="Follow").click()
            await one.page.get_by_text("@bob@b.example is followed now").wait_for()
