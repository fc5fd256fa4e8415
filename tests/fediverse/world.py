"""The simulated Fediverse itself: one listener, many hosts, a request log, and switches for faults.

It serves what its servers say and decides nothing about ActivityPub. Everything here may be called
from any thread while it runs; all answers are made on one thread, one at a time.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .certificates import Authority
from .gate import Gate
from .log import Request, RequestLog
from .reach import Reach
from .server import Server
from .wire import Answer, Connection, Incoming, Reply

__all__ = ["Fediverse", "Gate", "Request", "RequestLog"]

PROJECT_CONTACT = "https://operator.example/about-our-crawler"


class Fediverse:
    """A context manager that serves the given families on one port of 127.0.0.1.

    `families` are classes (one host with the family's default name) or servers made beforehand;
    None means every family. Accounts are added with `world.servers[host].add_account(...)`.
    """

    def __init__(
        self,
        families: Sequence[type[Server] | Server] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        tls: bool = True,
        port: int = 0,
    ) -> None:
        if families is None:
            from .families import ALL

            families = ALL
        self.clock = clock
        self.tls = tls
        self.port = port
        self.log = RequestLog()
        self.reached = Reach()
        self._later = ThreadPoolExecutor(1, "fediverse-later")
        self.servers: dict[str, Server] = {}
        for family in families:
            self.add(family if isinstance(family, Server) else family())
        self._folder = tempfile.TemporaryDirectory(prefix="fediverse-")
        self._authority = Authority(Path(self._folder.name), self._serves)
        self.ca_file = self._authority.ca_file
        self._lock = threading.Lock()
        self._down: set[str] = set()
        self._failures: defaultdict[str, deque[Reply]] = defaultdict(deque)
        self._gates: dict[str, Gate] = {}
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    # Running

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        ready = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                # Not the policy's loop: whoever tests against this may have made that uvloop's.
                with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                    runner.run(self._serve(ready))
            except OSError as error:  # the port is taken: told to whoever called start
                failed.append(error)
                ready.set()

        self._thread = threading.Thread(target=run, name="fediverse", daemon=True)
        self._thread.start()
        ready.wait()
        if failed:
            self._thread.join()
            raise failed[0]
        return self

    def stop(self) -> None:
        """Close every connection and the port; harmless when it does not run."""
        if self._thread is not None and self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None
        self._later.shutdown()
        self._folder.cleanup()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        listener = await self._loop.create_server(
            lambda: Connection(self._respond, self._hold, self.clock, self._connections),
            "127.0.0.1",
            self.port,
            ssl=self._authority.listening_context() if self.tls else None,
            backlog=512,
        )
        self.port = listener.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        # Connections in the middle of their handshake cannot be reached; asyncio would log each.
        self._loop.set_exception_handler(lambda loop, context: None)
        listener.close()
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        # An aborted transport says so on a later turn of the loop, which must not be gone by then.
        await asyncio.gather(listener.wait_closed(), *(c.closed.wait() for c in connections))

    def settle(self) -> None:
        """Wait until whoever was connected has gone, and all that had arrived was answered."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._settled(), self._loop).result()

    async def _settled(self) -> None:
        quiet = 0
        while quiet < 20:  # turns: the end of a handshake brings a connection that was not counted
            await asyncio.sleep(0)
            waits = [connection.closed.wait() for connection in self._connections]
            quiet = 0 if waits else quiet + 1
            await asyncio.gather(*waits)

    # Hosts

    def add(self, server: Server) -> Server:
        """Serve one more host, also while it runs."""
        if server.host in self.servers:
            raise ValueError(f"{server.host} is served already")
        server.join(self.clock, "https" if self.tls else "http")
        server.reach = server.doorkeeper.reach = self.reached
        server.later = self.soon
        self.servers = {**self.servers, server.host: server}
        return server

    def find(self, family: type[Server]) -> Server:
        """The first server of exactly this family."""
        return next(s for s in self.servers.values() if type(s) is family)

    def _serves(self, name: str) -> bool:
        return name in self.servers

    # Who is not simulated

    def reach(self, origin: str, address: str) -> None:
        """From now on the hosts find `https://pull.example` at this address, in plain HTTP, as
        behind a proxy that ends TLS: they push to it, and read actors and keys there.
        """
        self.reached.lead(origin, address)

    def soon(self, what: Callable[[], object]) -> None:
        """Do it on a thread of its own, one after the other, in order."""
        self._later.submit(what)

    # How to reach it

    @property
    def connect_to(self) -> dict[str, str]:
        return {f"*:{443 if self.tls else 80}": f"127.0.0.1:{self.port}"}

    def config(self, **extra: Any) -> dict[str, Any]:
        """What a configuration must hold to reach these hosts; `extra` sections are merged in."""
        network: dict[str, Any] = {"connect_to": self.connect_to, "ca_file": str(self.ca_file)}
        if not self.tls:
            network |= {"http": True, "ports": [80, 443]}
        sections: dict[str, Any] = {
            "contact": PROJECT_CONTACT,
            "politeness": {"gap": "0s"},
            "network": network,
        }
        for key, value in extra.items():
            known = sections.get(key)
            if isinstance(known, dict) and isinstance(value, Mapping):
                known.update(value)
            else:
                sections[key] = value
        return sections

    def network_yaml(self) -> str:
        """The same as the text of a configuration file (JSON is YAML)."""
        return json.dumps(self.config(), indent=2)

    # Faults

    def down(self, host: str) -> None:
        """From now on the host closes every connection without an answer."""
        with self._lock:
            self._down.add(host)

    def up(self, host: str) -> None:
        with self._lock:
            self._down.discard(host)

    def fail(
        self,
        host: str,
        status: int,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """The host answers its next `times` requests with this status, whatever is asked but
        robots.txt, which only readers that look for it would spend one on."""
        with self._lock:
            self._failures[host].extend([Reply(status, headers or {}, body)] * times)

    def hold(self, host: str) -> Gate:
        """From now on the host's answers wait for the gate; they are made when it is released."""
        with self._lock:
            gate = Gate(self._release)
            self._gates[host] = gate
            return gate

    def _release(self, gate: Gate) -> None:
        with self._lock:
            self._gates = {host: held for host, held in self._gates.items() if held is not gate}
        for resume in gate._open_up():
            if self._loop is not None and self._thread is not None:
                self._loop.call_soon_threadsafe(resume)

    # Answering, on the listener's thread

    def _hold(self, host: str, resume: Callable[[], None]) -> bool:
        with self._lock:
            gate = self._gates.get(host)
        return gate is not None and gate._take(resume)

    def _respond(self, incoming: Incoming) -> Answer:
        answer = self._choose(incoming)
        self.log.add(
            Request(
                at=incoming.at,
                host=incoming.host,
                method=incoming.method,
                target=incoming.target,
                headers=incoming.headers,
                status=0 if answer is None else answer.status,
                peer=incoming.peer,
                body=incoming.body,
            )
        )
        return answer

    def _choose(self, incoming: Incoming) -> Answer:
        host = incoming.host
        with self._lock:
            if host in self._down:
                return None
            if self._failures[host] and incoming.path != "/robots.txt":
                return self._failures[host].popleft()
        server = self.servers.get(host)
        if server is None:
            return Reply(421, {"Content-Type": "text/plain"}, b"no such host here")
        return server.handle(incoming)
