"""The way from the simulated hosts to what stands behind a TLS proxy: Fedpull's public listener.

The proxy is this class: it takes `https://pull.example/...`, speaks plain HTTP to the listener with
that name in `Host`, and says whom it speaks for in `X-Forwarded-For`. It judges nothing, and keeps
a record of what it carried.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .signatures import Message


@dataclass(frozen=True, slots=True)
class Told:
    """An answer of the listener, read whole; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Carried:
    """One request that a host made of the listener. Status 0: it could not be reached."""

    host: str
    method: str
    url: str
    signed: bool
    status: int


class Reach:
    """Where origins that are no simulated hosts are answered."""

    def __init__(self, timeout: float = 20.0) -> None:
        self.timeout = timeout
        self.carried: list[Carried] = []
        self._addresses: dict[str, str] = {}
        self._lock = threading.Lock()

    def lead(self, origin: str, address: str) -> None:
        """From now on the origin is answered at `HOST:PORT`, also written as a URL."""
        with self._lock:
            self._addresses[origin] = address.strip().removeprefix("http://").rstrip("/")

    @property
    def origin(self) -> str:
        """The one origin that can be reached."""
        [origin] = self._addresses
        return origin

    def leads_to(self, url: str) -> bool:
        return self._address(url) is not None

    def _address(self, url: str) -> str | None:
        parts = urlsplit(url)
        return self._addresses.get(f"{parts.scheme}://{parts.netloc}")

    def carry(self, message: Message, host: str = "", client: str = "203.0.113.7") -> Told:
        """One request and its answer. OSError or HTTPException when there is none."""
        address = self._address(message.url)
        status = 0
        try:
            if address is None:
                raise ConnectionRefusedError(f"nobody answers for {message.url}")
            told = self._ask(address, message, client)
            status = told.status
        finally:
            signed = "signature" in message.headers
            with self._lock:
                self.carried.append(Carried(host, message.method, message.url, signed, status))
        return told

    def _ask(self, address: str, message: Message, client: str) -> Told:
        name, _, port = address.rpartition(":")
        connection = http.client.HTTPConnection(name, int(port), timeout=self.timeout)
        proxied = {"host": urlsplit(message.url).netloc, "x-forwarded-for": client}
        # A body that was altered has the length that it has: forgery stops short of the framing.
        framed = {"content-length": str(len(message.body))} if message.body else {}
        try:
            connection.request(
                message.method,
                message.target,
                message.body or None,
                {**proxied, **message.headers, **framed},
            )
            response = connection.getresponse()
            headers = {key.lower(): value for key, value in response.getheaders()}
            return Told(response.status, headers, response.read())
        finally:
            connection.close()
