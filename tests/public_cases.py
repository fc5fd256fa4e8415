"""The public listener on a real loopback socket, and raw bytes to say to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from inbox_cases import INBOX, PULL, Scene, scene
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from fedpull.cache.http_server import Limits
from fedpull.cache.listening import listen
from fedpull.config.model import Identity
from fedpull.crawler import key_file
from fedpull.crawler.instance import Instance
from fedpull.crawler.public import PublicDocuments
from fedpull.crawler.public_server import MAX_BODY, PublicSite
from fedpull.crawler.published import Published
from fedpull.crawler.visits import Visits
from fedpull.tests.fediverse.signatures import Message

HOST = "pull.example"
ACTIVITY = "application/activity+json"
AS2 = "https://www.w3.org/ns/activitystreams"
BODY = b"12345"
HURRY = Limits(MAX_BODY, header_seconds=0.5, body_seconds=0.5, idle_seconds=0.5)


@dataclass
class Public:
    """A listener that runs, and the inbox behind it."""

    at: Scene
    site: PublicSite
    port: int

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def say(self, *parts: bytes) -> bytes:
        """All that is answered to raw bytes until the other side has nothing more to say."""
        reader, writer = await self.connect()
        try:
            for part in parts:
                writer.write(part)
            return await reader.read()
        finally:
            writer.close()

    async def send(self, message: Message, *more: str) -> bytes:
        """A signed request as a proxy of ours passes it on."""
        return await self.say(raw(message, *more, "Connection: close"))


def raw(message: Message, *more: str) -> bytes:
    lines = [f"{message.method} {message.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in message.headers.items()]
    return ("\r\n".join([*lines, *more]) + "\r\n\r\n").encode("latin-1") + message.body


def head(*lines: str, method: str = "POST", path: str = "/inbox") -> bytes:
    whole = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", *lines]
    return ("\r\n".join(whole) + "\r\n\r\n").encode()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run, which the listener is on as well, until something holds."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@asynccontextmanager
async def serving(
    folder: Path, limits: Limits | None = None, trusted: tuple[str, ...] = ("127.0.0.1",)
) -> AsyncIterator[Public]:
    at = scene(folder)
    key_file.create(folder / "actor.pem")
    instance = Instance(Identity(url=PULL, key_file=folder / "actor.pem"))
    reactor = AsyncioSelectorReactor(asyncio.get_running_loop())
    mailbox, published = at.opened.mailbox, Published(instance, at.opened.query)
    documents = PublicDocuments(instance, "1.2.3", mailbox.followed_by, lambda: 0, published)
    site = PublicSite(
        at.inbox,
        {"/actor/inbox": INBOX, "/inbox": f"{PULL}/inbox"},
        documents,
        Visits(instance, published, mailbox, at.keyring, at.clock),
        HOST,
        tuple(ip_network(one) for one in trusted),
        at.clock.now,
        reactor,
        *([] if limits is None else [limits]),
    )
    port = await listen(reactor, "tcp:0:interface=127.0.0.1", site, "listen.inbox")
    try:
        yield Public(at, site, int(port.address.rpartition(":")[2]))
    finally:
        await port.close()
        for reader in reactor.removeAll():
            reader.connectionLost(None)
        reactor.waker.connectionLost(None)
        at.opened.close()
