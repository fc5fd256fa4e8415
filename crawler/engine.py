"""Scrapy's engine with straight ways between its stations, and the crawler that makes one.

For each response Scrapy starts eight tasks and takes as many turns of the event loop, so that
callbacks may be generators of whatever comes in parallel; ours are plain functions that hand an
answer over and give nothing back. Without these turns a response costs a third. Invariant: every
request goes from the scheduler through the downloader to its callback or errback, once, and the
engine's signals for what is scheduled and received are sent. In a version of Scrapy that has other
methods than these its own ways are taken, which do the same.
"""

from __future__ import annotations

import asyncio
from typing import Any

from scrapy import Request, signals
from scrapy.core.engine import ExecutionEngine
from scrapy.core.scraper import Scraper
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from .downloader import LeanDownloader


class LeanScraper(Scraper):
    """Calls what a request names, at once: a task for each turn costs more than the turn."""

    def enqueue_scrape(self, result: Response | Failure, request: Request) -> Deferred[None]:
        result.request = request  # type: ignore[union-attr]
        try:
            if isinstance(result, Response):
                assert request.callback is not None
                request.callback(result, **request.cb_kwargs)
            else:
                assert request.errback is not None
                request.errback(result)
        except Exception:  # noqa: BLE001 - told as Scrapy tells it; the crawl goes on
            self.handle_spider_error(Failure(), request, result)
        return succeed(None)


class LeanEngine(ExecutionEngine):
    """Asks the downloader as soon as something is scheduled, and scrapes as soon as it answers.

    One task does all of it for one request, and no Deferred: that would swallow a Ctrl-C.
    """

    downloader: LeanDownloader

    def __init__(self, crawler: Crawler, *args: Any, **kwargs: Any) -> None:
        super().__init__(crawler, *args, **kwargs)
        self.scraper: Scraper = LeanScraper(crawler)
        self._passing: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly

    def crawl(self, request: Request) -> None:
        if self.spider is None:
            raise RuntimeError(f"no open spider to crawl {request}")
        self._schedule_request(request)
        self._start_scheduled_requests()

    def _start_scheduled_request(self) -> bool:
        slot = self._slot
        assert slot is not None
        request = slot.scheduler.next_request()
        if request is None:
            return False
        slot.add_request(request)
        task = asyncio.ensure_future(self._pass(request))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        return True

    async def _pass(self, request: Request) -> None:
        """From the downloader to the spider."""
        result: Response | Failure
        try:
            result = await self.downloader.answer(request)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - who is cancelled answers, too
            result = Failure()
        else:
            self.signals.send_catch_log(
                signals.response_received, response=result, request=request, spider=self.spider
            )
        self.scraper.enqueue_scrape(result, request)
        assert self._slot is not None
        self._slot.remove_request(request)


class LeanCrawler(Crawler):
    """Makes the engine above. `scrapy crawl` has a crawler of its own, and Scrapy's engine."""

    def _create_engine(self) -> ExecutionEngine:
        return LeanEngine(self, lambda _: self.stop_async())
