"""A Scrapy spider that lives on leases: it asks for what it is handed, and hands answers over.

It parses nothing and follows no links: what an answer means is ingest's business. Invariant: each
lease becomes exactly one request and comes back as exactly one answer or failure; `start` never
raises, since a spider whose start fails is closed by the engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, ClassVar, Self

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from ..cache.records import Kind, Lease
from .answer import FetchFailed, Stopped
from .asking import asks
from .handler import ASK_KEY, EGRESS_SETTING, AnswerResponse
from .trail import asked, number_of, on_debug
from .works import Works

log = logging.getLogger(__name__)


class LeaseSpider(Spider):
    """Base of both spiders; `kinds` are the leases that it takes in the daemon."""

    kinds: ClassVar[frozenset[Kind]]
    works: Works
    _leases: asyncio.Queue[Lease]

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        works: Works = kwargs.pop("works")
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.works = works
        spider._leases = works.dispatcher.route(cls.kinds)
        crawler.settings.set(EGRESS_SETTING, works.egress, priority="spider")
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """One request for each lease, for as long as the crawl runs."""
        while True:
            self.crawl(await self._leases.get())
        yield  # an async generator that hands its requests to the engine itself

    def crawl(self, lease: Lease) -> None:
        """Into the engine's scheduler; a yield would cost each request a turn of the loop."""
        try:
            request = self.request(lease)
        except Exception:  # whom robots.txt binds is looked up in the store
            log.exception("%s was not asked for; its lease runs out by itself", lease.url)
            self.works.dispatcher.finished()
            return
        asked(lease)
        self.crawler.engine.crawl(request)

    def request(self, lease: Lease) -> Request:
        """The one request that a lease allows."""
        ask = asks(lease, self.works.scope.of(lease))
        if on_debug():
            ask = replace(ask, number=number_of(lease))
        return Request(
            lease.url,
            callback=self.answered,
            errback=self.failed,
            cb_kwargs={"lease": lease},
            # Our URLs are canonical already, and an id is asked for as it is written.
            meta={ASK_KEY: ask, "verbatim_url": True},
            dont_filter=True,
        )

    def answered(self, response: Response, lease: Lease) -> None:
        assert isinstance(response, AnswerResponse)
        self.works.ingestor.answered(lease, response.answer)

    def failed(self, failure: Failure) -> None:
        lease: Lease = failure.request.cb_kwargs["lease"]  # type: ignore[attr-defined]
        error = failure.value
        if isinstance(error, Stopped):
            return  # the process is going down; the next start takes the lease back
        if not isinstance(error, FetchFailed):
            error = FetchFailed(lease.url, f"{type(error).__name__}: {error}", kind="protocol")
        self.works.ingestor.failed(lease, error)
