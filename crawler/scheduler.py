"""Scrapy's scheduler, reduced to a queue in memory.

What is due, when and in which order is the frontier's business; it has leased every request that
arrives here. So nothing is filtered as a duplicate (a refresh asks for a known URL), no fingerprint
is computed, nothing is pickled to disk. Invariant: first in, first out, each request once.
"""

from __future__ import annotations

from collections import deque

from scrapy import Request
from scrapy.core.scheduler import BaseScheduler


class FifoScheduler(BaseScheduler):
    """Leased requests on their way to the downloader."""

    def __init__(self) -> None:
        self._queue: deque[Request] = deque()

    def has_pending_requests(self) -> bool:
        return bool(self._queue)

    def enqueue_request(self, request: Request) -> bool:
        self._queue.append(request)
        return True

    def next_request(self) -> Request | None:
        return self._queue.popleft() if self._queue else None
