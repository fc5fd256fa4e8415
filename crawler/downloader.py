"""Scrapy's downloader without what we have switched off, and a log formatter that says less.

The downloader keeps no slots and no delays (politeness is the frontier's), calls no downloader
middleware and sends no signal for a request that reaches or leaves it: on a request to the same
machine these cost more than the exchange itself. Invariant: every request goes to the download
handler of its scheme, once, and what that gives or raises goes back to the engine.
"""

from __future__ import annotations

from typing import Any

from scrapy import Request, Spider
from scrapy.core.downloader import Downloader
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.logformatter import LogFormatter
from scrapy.utils.defer import deferred_from_coro
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class LeanDownloader(Downloader):
    """Straight from the engine to the handler; `fetched` counts what came back as a response."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.fetched = 0

    async def answer(self, request: Request) -> Response:
        """What the handler gives or raises."""
        self.active.add(request)
        try:
            response: Response = await self.handlers.download_request_async(request)
        finally:
            self.active.remove(request)
        self.fetched += 1
        return response

    def fetch(self, request: Request, spider: Spider | None = None) -> Deferred[Response | Request]:
        return deferred_from_coro(self.answer(request))


class QuietLogFormatter(LogFormatter):
    """No line for each response; what fails is told by whoever asked."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> Any:
        return None

    def scraped(self, item: Any, response: Response | Failure | None, spider: Spider) -> Any:
        return None
