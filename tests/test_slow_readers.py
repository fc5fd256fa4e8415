"""Readers of the API that do not read: bounded memory, no transaction held, cut off in the end."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from api_cases import HOST, NOW, Serving, note, serving
from public_cases import until

from fedpull.cache import api_server

LARGE = 600 * 1024
DOCUMENT = f"GET /v1/document?id={HOST}/notes/1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def silent(api: Serving, opened: ExitStack, count: int) -> list[socket.socket]:
    """Connections that have asked for a large document and read nothing, with little room for it in
    the kernel's buffers."""
    made = [opened.enter_context(socket.socket()) for _ in range(count)]
    for one in made:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", api.port))
    await until(lambda: len(api.site._channels) == count)
    for channel in api.site._channels:
        channel.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for one in made:
        one.sendall(DOCUMENT)
    await until(lambda: sum(one._waitingForTransport for one in api.site._channels) == count)
    return made


async def test_what_does_not_read_holds_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond a bound of bytes large answers are refused, others are served; and room comes back."""
    monkeypatch.setattr(api_server, "LIMITS", replace(api_server.LIMITS, answers=4 * LARGE))
    async with serving(tmp_path) as api:
        api.store.put(note(1, content="x" * LARGE), note(2))
        with ExitStack() as opened:
            await silent(api, opened, 3)

            large = await api.get(f"/v1/document?id={HOST}/notes/1")
            small = await api.get(f"/v1/document?id={HOST}/notes/2")
            head = await api.call("HEAD", f"/v1/document?id={HOST}/notes/1")

            assert (large.status, large.json["type"]) == (503, "/problems/busy")
            assert large.headers["retry-after"] == "30"
            assert (small.status, head.status) == (200, 200)
        await until(lambda: not api.site._channels)

        again = await api.get(f"/v1/document?id={HOST}/notes/1")
        assert (again.status, again.headers["content-length"]) == (200, str(len(again.body)))


async def test_no_transaction_waits_for_a_reader(tmp_path: Path) -> None:
    """While answers wait to be read, the store has no reader, so its pages can be used again."""
    async with serving(tmp_path) as api:
        api.store.put(note(1, content="x" * LARGE))
        with ExitStack() as opened:
            await silent(api, opened, 20)

            table = api.store.query._environment._env.readers().splitlines()[1:]
            assert [line for line in table if not line.endswith("-")] == []


async def test_a_reader_that_reads_late_gets_everything(tmp_path: Path) -> None:
    """What waited arrives whole and in order."""
    async with serving(tmp_path) as api:
        api.store.put(note(1, content="x" * LARGE), at=NOW)
        body = (await api.get(f"/v1/document?id={HOST}/notes/1")).body
        with ExitStack() as opened:
            [late] = await silent(api, opened, 1)

            def read() -> bytes:
                found = b""
                while not found.endswith(body[-50:]):
                    found += late.recv(65_536)
                return found

            assert (await asyncio.to_thread(read)).endswith(b"\r\n\r\n" + body)
