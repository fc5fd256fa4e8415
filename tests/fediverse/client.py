"""A small client for the simulated hosts, for tests of them; it follows and judges nothing.

It reaches every host over the world's one port, with the host's name in TLS and in `Host`.
"""

from __future__ import annotations

import http.client
import json
import ssl
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from .documents import ACTIVITY_JSON
from .world import Fediverse


class Answer:
    """What came back, read whole; header names in lower case."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.body[:300]!r}"


class _Tls(http.client.HTTPConnection):
    """A TLS connection to one place that asks for the name of another."""

    def __init__(self, world: Fediverse, host: str, timeout: float) -> None:
        super().__init__("127.0.0.1", world.port, timeout=timeout)
        self._name = host
        self._context = ssl.create_default_context(cafile=str(world.ca_file))

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


class Client:
    """A context manager that keeps one connection for each host."""

    def __init__(self, world: Fediverse, *, timeout: float = 20.0) -> None:
        self.world = world
        self.timeout = timeout
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def get(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Answer:
        """One answer, whatever its status. The connection is dropped when it breaks."""
        parts = urlsplit(url)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        given = {"Host": parts.netloc, "Accept": ACTIVITY_JSON, "User-Agent": "test"}
        connection = self._connection(parts.netloc)
        try:
            lower = {name.lower() for name in headers or {}}
            kept = {name: value for name, value in given.items() if name.lower() not in lower}
            connection.request(method, target, body, {**kept, **(headers or {})})
            return Answer(connection.getresponse())
        except (OSError, http.client.HTTPException):
            self._connections.pop(parts.netloc).close()
            raise

    def json(self, url: str) -> Any:
        """The document at a URL, which must answer 200."""
        answer = self.get(url)
        if answer.status != 200:
            raise AssertionError(f"{url}: {answer}")
        return answer.json

    def _connection(self, host: str) -> http.client.HTTPConnection:
        if host not in self._connections:
            plain = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=self.timeout)
            tls = self.world.tls
            self._connections[host] = _Tls(self.world, host, self.timeout) if tls else plain
        return self._connections[host]

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
