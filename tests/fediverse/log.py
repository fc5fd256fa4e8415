"""What was asked of the simulated hosts, in order; it judges nothing.

Every request that was read whole is logged exactly once, when it is answered; a connection that was
closed in answer has status 0.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it came over the wire; header names are in lower case."""

    at: float
    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    status: int
    peer: tuple[str, int]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class RequestLog:
    """An append-only list that may be read while the hosts write to it.

    A mark is the number of requests ever logged, so it stays valid after `clear`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Request] = []
        self._dropped = 0

    def add(self, request: Request) -> None:
        with self._lock:
            self._entries.append(request)

    @property
    def entries(self) -> tuple[Request, ...]:
        with self._lock:
            return tuple(self._entries)

    def mark(self) -> int:
        with self._lock:
            return self._dropped + len(self._entries)

    def since(self, mark: int) -> tuple[Request, ...]:
        with self._lock:
            return tuple(self._entries[max(0, mark - self._dropped) :])

    def clear(self) -> None:
        with self._lock:
            self._dropped += len(self._entries)
            self._entries.clear()

    def count(
        self, host: str | None = None, path_contains: str | None = None, *, since: int = 0
    ) -> int:
        """How many requests a host got; `path_contains` looks at path and query."""
        return sum(
            (host is None or request.host == host)
            and (path_contains is None or path_contains in request.target)
            for request in self.since(since)
        )
