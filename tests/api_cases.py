"""A store with documents in it, and the private API over it on a real loopback socket."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from publishing_cases import Press
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from fedpull.cache.api_gate import ApiSettings
from fedpull.cache.api_server import build_site
from fedpull.cache.feed import Feed
from fedpull.cache.listening import listen
from fedpull.cache.lookup import follower as find_follower
from fedpull.cache.mail_records import Follower
from fedpull.cache.open import Opened, open_store
from fedpull.cache.openapi_form import Operation
from fedpull.cache.publication_records import Publication
from fedpull.cache.records import Follow, Mark, Outcome, Plan, Put, Reference, State
from fedpull.cache.verbs import Counted, Pulled, Reloaded, Running
from fedpull.config.parse import parse_follow
from fedpull.crawler.describe import put, stamp_of
from fedpull.crawler.protocol.blocklist import parse_blocklist
from fedpull.crawler.protocol.blocks import Blocks, difference
from fedpull.crawler.protocol.forgotten import Entry
from fedpull.crawler.protocol.handle import Handle, parse_actor
from fedpull.crawler.protocol.uri import UrlRules, check_url
from fedpull.crawler.protocol.webfinger import finger_url
from fedpull.errors import FedpullError, NotFound

NOW = 1_780_000_000.0  # 2026-05-28T20:26:40Z
HOST = "https://events.example"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ALICE = f"{HOST}/users/alice"


def note(number: int, **more: Any) -> dict[str, Any]:
    """A public Note of Alice's."""
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{HOST}/notes/{number}",
        "type": "Note",
        "attributedTo": ALICE,
        "to": [PUBLIC],
        "content": f"<p>Post {number}</p>",
        "published": f"2026-05-{1 + number % 27:02d}T12:00:00Z",
        **more,
    }


def kept(
    document: dict[str, Any],
    *,
    at: float = NOW,
    interval: float = 600.0,
    last_modified: str | None = None,
    **more: Any,
) -> Put:
    """The record of a document, as ingest makes it, to be asked again after `interval`."""
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {"last-modified": last_modified} if last_modified else {}
    plan = Plan(shortest=interval, longest=interval)
    stamp = stamp_of(document, at)
    return put(document["id"], body, document, stamp, at=at, plan=plan, headers=headers, **more)


class Store:
    """A store in a folder, written to from the test."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        self.opened: Opened = open_store(folder, max_bytes=64 * 2**20, **more)
        self.query = self.opened.query

    def put(self, *documents: dict[str, Any], at: float = NOW, **more: Any) -> None:
        self.apply(Outcome(at, puts=tuple(kept(one, at=at, **more) for one in documents)))

    def mark(self, id: str, state: State, at: float = NOW, **more: Any) -> None:
        self.apply(Outcome(at, marks=(Mark(id, state, **more),)))

    def follow(self, follow: Follow) -> None:
        self.opened.store.put_follow(follow).result()

    def apply(self, outcome: Outcome) -> None:
        self.opened.store.apply(outcome).result()

    def close(self) -> None:
        self.opened.close()


@dataclass
class Origin:
    """The verbs of a daemon whose network is `answers`: what fetching an id does to the store."""

    store: Store
    answers: dict[str, Callable[[], None] | FedpullError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    pulled: list[Sequence[str]] = field(default_factory=list)
    ready: bool = True
    sick: tuple[str, ...] = ()
    wishes: list[str] = field(default_factory=list)
    press: Press | None = None

    async def fetch(self, id_or_handle: str, *, depth: int = 0, wait: float = 30.0) -> Reference:
        self.asked.append(id_or_handle)
        self.waits.append(wait)
        answer = self.answers.get(id_or_handle)
        if isinstance(answer, FedpullError):
            raise answer
        if answer is not None:
            answer()
        asked = parse_actor(id_or_handle)
        uri = finger_url(asked) if isinstance(asked, Handle) else asked
        return self.store.query.reference(uri) or blank(uri)

    def check(self, id: str) -> None:
        self.checked.append(id)

    def vet(self, id: str) -> None:
        check_url(id, UrlRules())

    async def pull(self, actors: Sequence[str] = (), progress: Any = None) -> list[Pulled]:
        self.pulled.append(actors)
        return [Pulled(actor, new=2, requests=3, complete=True) for actor in actors]

    async def follow(self, entry: str | Mapping[str, Any]) -> Follow:
        follow = Follow(key=parse_follow(entry).actor)
        self.store.follow(follow)
        return follow

    async def unfollow(self, actor: str) -> None:
        self.store.opened.store.drop_follow(actor, NOW).result()

    async def judge_follower(self, actor: str, *, accept: bool) -> Follower:
        known = find_follower(self.store.query, actor)
        if known is None:
            raise NotFound(actor, "has not asked to follow us")
        judged = replace(known, state="accepted" if accept else "rejected")
        self.store.opened.mailbox.put_follower(judged, (), NOW).result()
        return judged

    async def publish(self, body: bytes, key: str | None = None) -> Publication:
        if self.press is None:
            self.press = Press(self.store.opened)
        return await self.press.publishing.publish(body, key)

    async def forget(self, name: str) -> int:
        if name in self.wishes:
            raise NotFound(name, "is forgotten already")
        self.wishes.append(name)
        return 3

    async def remember(self, name: str) -> None:
        if name not in self.wishes:
            raise NotFound(name, "is not among what was forgotten")
        self.wishes.remove(name)

    def forgotten(self) -> tuple[Entry, ...]:
        return tuple(Entry("2026-01-31T12:00:00Z", "id", (name,)) for name in self.wishes)

    async def reload_blocklists(self) -> Reloaded:
        one = parse_blocklist("b.csv", "domain,severity\nspam.example,\nb*d.example,\n")
        return Reloaded(difference(Blocks(), one.blocks), (one,))

    def boosts(self) -> dict[str, bool]:
        return {"@quiet@events.example": False}

    def running(self) -> Running:
        reasons = () if self.ready else ("contact is not set",)
        return Running("1.2.3", 12.5, 1, self.ready, reasons, budget_limit=20_000)

    def ills(self) -> tuple[str, ...]:
        return self.sick

    def counted(self) -> Counted:
        door = {"requests": 5, "failed_timeout": 2, "failed_tls": 0}
        opened = self.store.opened
        ended, written = opened.mailbox.ended(), opened.store.written()
        return Counted(door, {}, {"accepted": 3}, {}, ended, written=written)


def blank(id: str) -> Reference:
    """The record of something that nothing is known of."""
    nothing = dict.fromkeys(
        (
            *("cls", "fetched_at", "verified_at", "verified_by", "next_check", "interval"),
            *("updated", "published", "content_hash", "owner", "type"),
        )
    )
    return Reference(id=id, state=State.UNKNOWN, failures=0, **nothing)  # type: ignore[arg-type]


def known(**changed: Any) -> Reference:
    """A record of a document that was fetched an hour ago and is due in an hour."""
    return replace(
        blank(f"{HOST}/notes/1"),
        **{
            "state": State.RESOLVED,
            "cls": "object",
            "fetched_at": NOW - 3600,
            "verified_at": NOW - 3600,
            "verified_by": "get",
            "next_check": NOW + 3600,
            "interval": 7200.0,
            "content_hash": b"\1" * 16,
            **changed,
        },
    )


@dataclass
class Reply:
    """One answer of the API."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Serving:
    """An API that runs; `now` may be set."""

    store: Store
    origin: Origin
    address: str = ""
    now: float = NOW
    site: Any = None
    operations: Sequence[Operation] = ()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    async def call(
        self, method: str, target: str, body: bytes | str | None = None, **headers: str
    ) -> Reply:
        """One request on a connection of its own; header names are written with underscores."""
        return await asyncio.to_thread(self._call, method, target, body, headers)

    async def get(self, target: str, **headers: str) -> Reply:
        return await self.call("GET", target, **headers)

    async def post(self, target: str, value: Any, **headers: str) -> Reply:
        return await self.call(
            "POST", target, json.dumps(value), content_type="application/json", **headers
        )

    def _call(
        self, method: str, target: str, body: bytes | str | None, headers: Mapping[str, str]
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, body, given)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())
        finally:
            connection.close()


@asynccontextmanager
async def serving(
    folder: Path,
    settings: ApiSettings | None = None,
    description: str = "tcp:0:interface=127.0.0.1",
    **more: Any,
) -> AsyncIterator[Serving]:
    """The API over a store in `folder`, opened with `more`, on the test's own loop."""
    store = Store(folder / "data", **more)
    running = Serving(store, Origin(store))
    # Not installed: a test has a loop of its own, and there is one installed reactor a process.
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    chosen = settings or ApiSettings()
    feed = Feed(store.query)
    store.opened.store.on_change(feed.told)
    site = build_site(store.query, running.origin, chosen, lambda: running.now, feed, reactor)
    port = await listen(reactor, description, site)
    running.address = port.address
    running.site = site
    running.operations = site.api.operations
    try:
        yield running
    finally:
        await port.close()
        for reader in reactor.removeAll():
            reader.connectionLost(None)
        reactor.waker.connectionLost(None)
        store.close()
