"""An inbox over a real store, origins that are a table of answers, and senders that sign.

The signatures are those of the simulated Fediverse: none of Fedpull's own code makes them.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import lmdb

from fedpull.cache.api_http import Answer
from fedpull.cache.open import Opened, open_store
from fedpull.cache.records import Outcome, Put
from fedpull.crawler import answer as door
from fedpull.crawler.answer import Ask, FetchFailed
from fedpull.crawler.clock import SystemClock, Timer
from fedpull.crawler.describe import put, stamp_of
from fedpull.crawler.inbox import Inbox, Post
from fedpull.crawler.key_budget import KeyBudget
from fedpull.crawler.key_source import KeySource
from fedpull.crawler.keyring import Keyring
from fedpull.crawler.protocol.keys import PrivateKey, PublicKey
from fedpull.crawler.protocol.signatures import SignedRequest
from fedpull.crawler.protocol.uri import UrlRules
from fedpull.crawler.receipts import Receipts
from fedpull.tests.fediverse.forms import FORMS, prepare
from fedpull.tests.fediverse.keys import Private, public_pem, rsa_key
from fedpull.tests.fediverse.signatures import Message

NOW = 1_780_000_000.0  # 2026-05-28T20:26:40Z
PULL = "https://pull.example"
INBOX = f"{PULL}/actor/inbox"
HOME = "https://home.example"
ALICE = f"{HOME}/users/alice"
BOB = f"{HOME}/users/bob"
EVIL = "https://evil.example/users/eve"
NOTE = f"{ALICE}/notes/1"
CLIENT = "198.51.100.7"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
OURS = PrivateKey(f"{PULL}/actor#main-key", f"{PULL}/actor", "rsa", rsa_key(7))


class Clock:
    """Time that a test sets; timers are the loop's, for nothing here waits for one."""

    def __init__(self) -> None:
        self.at = NOW
        self._system = SystemClock()

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        return self._system.call_later(seconds, call)


def actor(id: str = ALICE, key: Private | None = None, **more: Any) -> dict[str, Any]:
    """An actor with one RSA key, `#main-key`."""
    return {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": id,
        "type": "Person",
        "preferredUsername": id.rpartition("/")[2],
        "inbox": f"{id}/inbox",
        "outbox": f"{id}/outbox",
        "publicKey": published(f"{id}#main-key", id, key),
        **more,
    }


def published(id: str, owner: str, key: Private | None = None) -> dict[str, Any]:
    """A key as it stands in an actor's document."""
    return {"id": id, "owner": owner, "publicKeyPem": public_pem(key or rsa_key())}


def activity(type: str = "Create", by: str = ALICE, about: Any = None, **more: Any) -> Any:
    """An activity; by default about a new note of its actor."""
    if about is None:
        about = {"id": f"{by}/notes/1", "type": "Note", "attributedTo": by, "content": "pushed"}
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{by}/activities/1",
        "type": type,
        "actor": by,
        "object": about,
        "to": [PUBLIC],
        **more,
    }


@dataclass
class Origins:
    """What hosts answer, and what they were asked. A URL that is not there is 404."""

    served: dict[str, Any] = field(default_factory=dict)  # a document, a status, or an error
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None  # nobody answers until it is set
    reached: asyncio.Event | None = None  # set by the first request that waits for it

    async def fetch(self, ask: Ask, patience: float) -> door.Answer:
        self.asked.append(ask.url)
        await asyncio.sleep(0)
        if self.gate is not None and self.reached is not None:
            self.reached.set()
            await self.gate.wait()
        found = self.served.get(ask.url, 404)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, str):  # it redirects
            return replace(await self.fetch(replace(ask, url=found), patience), final_url=found)
        status, body = (found, b"") if isinstance(found, int) else (200, json.dumps(found).encode())
        return door.Answer(ask.url, ask.url, status, {}, body, "application/activity+json", NOW, ())

    def serve(self, *documents: dict[str, Any]) -> None:
        self.served.update({document["id"]: document for document in documents})


def unreachable(url: str, kind: Any = "connect") -> FetchFailed:
    return FetchFailed(url, "test", kind=kind)


@dataclass
class Scene:
    """An inbox of `PULL` and everything around it."""

    folder: Path
    opened: Opened
    origins: Origins
    clock: Clock
    inbox: Inbox
    keyring: Keyring
    looked: list[str] = field(default_factory=list)
    received: list[None] = field(default_factory=list)

    async def take(self, message: Message, client: str = CLIENT) -> Answer:
        """What a signed request is told."""
        answer = self.inbox.answer(Post(request_of(message), INBOX, client))
        return answer if isinstance(answer, Answer) else await answer

    async def push(self, value: Any, form: str = "mastodon", **how: Any) -> Answer:
        return await self.take(self.signed(value, form, **how))

    def signed(
        self,
        value: Any,
        form: str = "mastodon",
        key_id: str | None = None,
        key: Private | None = None,
        at: float | None = None,
        url: str = INBOX,
    ) -> Message:
        """A POST of `value`, signed by its actor unless it is said by whom."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        by = key_id or f"{value['actor']}#main-key"
        at = self.clock.at if at is None else at
        return prepare(FORMS[form], url, body, key or rsa_key(), by, at, nonce="n")

    def hold(self, *documents: dict[str, Any]) -> None:
        """Documents that were fetched from their origins some time ago."""
        puts: list[Put] = []
        for document in documents:
            body = json.dumps(document).encode()
            puts.append(put(document["id"], body, document, stamp_of(document, NOW), at=NOW))
        self.opened.store.apply(Outcome(NOW, puts=tuple(puts))).result()

    @property
    def notifications(self) -> list[tuple[str, str, str, bool]]:
        """Sender, type, object and whether it was forwarded, of all that was kept."""
        found = self.opened.mailbox.waiting(self.clock.at + 1e6, 1_000)
        return [(one.sender, one.type, one.object, one.forwarded) for one in found]

    def rows(self) -> dict[bytes, list[tuple[bytes, bytes]]]:
        """Every row of every table."""
        return rows_of(self.folder)


def request_of(message: Message) -> SignedRequest:
    headers = tuple((name.lower(), value) for name, value in message.headers.items())
    return SignedRequest(message.method, message.target, headers, message.body)


def rows_of(folder: Path) -> dict[bytes, list[tuple[bytes, bytes]]]:
    """Every row of every table of a store, which this process may have open: read by another
    thread's environment would be a second one on the same path, hence a copy."""
    target = folder.parent / f"copy-{threading.get_ident()}"
    target.mkdir(exist_ok=True)
    (target / "data.mdb").write_bytes((folder / "data.mdb").read_bytes())
    found: dict[bytes, list[tuple[bytes, bytes]]] = {}
    with lmdb.open(str(target), max_dbs=128, readonly=True, lock=False) as env:
        with env.begin() as txn:
            names = [name for name, _ in txn.cursor()]
        for name in names:
            table = env.open_db(name, create=False)
            with env.begin(db=table) as txn:
                found[name] = list(txn.cursor())
    return found


def scene(
    folder: Path,
    *,
    budget: KeyBudget | None = None,
    blocked: Callable[[str], bool] = lambda id: False,
) -> Scene:
    """To be closed with `scene.opened.close()`; has to be made on a running loop."""
    opened = open_store(folder / "data", max_bytes=64 * 2**20)
    clock, origins = Clock(), Origins()
    source = KeySource(origins.fetch, clock, budget)

    def own(id: str) -> PublicKey | None:
        return OURS.public if id == OURS.id else None

    keyring = Keyring(opened.query, opened.mailbox, source, clock, UrlRules(), PULL, own)
    looked: list[str] = []
    inbox = Inbox(
        origin=PULL,
        query=opened.query,
        mailbox=opened.mailbox,
        keyring=keyring,
        receipts=Receipts(opened.mailbox, clock),
        clock=clock,
        look=looked.append,
        blocked=blocked,
    )
    made = Scene(folder / "data", opened, origins, clock, inbox, keyring, looked)
    inbox.on_received(lambda: made.received.append(None))
    return made


async def together(*coming: Awaitable[Answer]) -> list[int]:
    return [answer.status for answer in await asyncio.gather(*coming)]
