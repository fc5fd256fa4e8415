"""Scrapy's downloader without what we have switched off, and a log formatter that says less.

The downloader keeps no slots and no delays (politeness is the frontier's), calls no downloader
middleware and sends no signal for a request that reaches or leaves it: on a request to the same
machine these cost more than the exchange itself. Invariant: every request goes to the download
handler of its scheme, once, and what that gives or raises goes back to the engine.
"""

from __future__ import annotations

import asyncio
from typing import Any

from scrapy import Request, Spider
from scrapy.core.downloader import Downloader
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class LeanDownloader(Downloader):
    """Straight from the engine to the handler; `fetched` counts what came back as a response."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.fetched = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds them weakly

    def fetch(self, request: Request, spider: Spider | None = None) -> Deferred[Response | Request]:
        self.active.add(request)
        fetched: Deferred[Response | Request] = Deferred()
        task = asyncio.ensure_future(self._fetch(request, fetched))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return fetched

    async def _fetch(self, request: Request, fetched: Deferred[Response | Request]) -> None:
        """What waits for `fetched` runs in this task: a turn of the loop less."""
        result: Response | Failure
        try:
            result = await self.handlers.download_request_async(request)
            self.fetched += 1
        except BaseException:  # noqa: BLE001 - a cancelled task, too, has to answer for its request
            result = Failure()
        self.active.remove(request)
        fetched.callback(result)


class QuietLogFormatter(LogFormatter):
    """No line for each response; what fails is told by whoever asked."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> Any:
        return None

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> Any:
        return None
