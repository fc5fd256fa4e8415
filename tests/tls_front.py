"""A front end that ends TLS before a plain listener, as an operator's proxy does, and notes what
passes: on a thread of its own, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from ssl import SSLContext


@dataclass
class Front:
    """`requests`: the head of each that came through, in order."""

    port: int = 0
    requests: list[str] = field(default_factory=list)

    def named(self, path: str) -> list[str]:
        """Those for one path, whatever the query."""
        lines = [(head, head.split(" ", 2)[1]) for head in self.requests]
        return [head for head, target in lines if target.partition("?")[0] == path]


@contextlib.contextmanager
def front_of(port: int, context: SSLContext) -> Iterator[Front]:
    """In front of a listener of 127.0.0.1, until the end."""
    front, ready, ended = Front(), threading.Event(), asyncio.Event()
    loop = asyncio.SelectorEventLoop()

    async def serve() -> None:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            behind = await asyncio.open_connection("127.0.0.1", port)
            out = asyncio.ensure_future(pass_on(behind[0], writer))
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:  # GETs have no body, so that a head is all there is
                    head = await reader.readuntil(b"\r\n\r\n")
                    front.requests.append(head.decode("latin-1"))
                    behind[1].write(head)
            behind[1].close()
            out.cancel()
            writer.close()

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65_536):
                writer.write(data)
            writer.close()

        server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=context)
        front.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended.wait()
        server.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield front
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
