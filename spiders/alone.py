"""What lets a spider of ours also run by itself, under `scrapy crawl`.

Then there is no daemon around it: it opens the store (and is its one writer), takes every kind of
lease, runs one errand, and ends the crawl. In the daemon none of this happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Self

from scrapy.crawler import Crawler

from ..cache.records import Kind, Lease
from ..cache.verbs import Verbs
from ..config.load import load_found
from ..crawler.clock import SystemClock
from ..crawler.open import open_works
from ..crawler.protocol.handle import parse_actor
from ..crawler.spider import LeaseSpider
from ..errors import BadInput, FedpullError


class CrawlOfItsOwn(LeaseSpider):
    """A lease spider with an errand for when nobody else gives it work."""

    errand_argument: ClassVar[str]  # the `-a` that says what a crawl of its own is for
    _alone = False

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        if "works" in kwargs:
            return super().from_crawler(crawler, *args, **kwargs)
        named = f"-a {cls.errand_argument}"
        if not kwargs.get(cls.errand_argument):
            raise BadInput(named, "is missing", f"{named}=@user@host or https://...")
        parse_actor(kwargs[cls.errand_argument])
        loaded = load_found(None, os.environ)
        works = open_works(loaded, SystemClock())
        spider = super().from_crawler(crawler, *args, works=works, **kwargs)
        spider._alone = True
        spider._leases = works.dispatcher.route(Kind)
        return spider

    @abstractmethod
    async def errand(self, verbs: Verbs) -> None:
        """What a crawl of its own is for."""

    async def start(self) -> AsyncIterator[Any]:
        if not self._alone:
            async for request in super().start():
                yield request
            return
        await self.works.start(follow=False)
        errand = asyncio.ensure_future(self._run_errand())
        while (lease := await self._next_lease(errand)) is not None:
            self.crawl(lease)
        await self.works.stop()

    async def _run_errand(self) -> None:
        try:
            await self.errand(self.works)
        except FedpullError as error:
            self.logger.error("%s", error)

    async def _next_lease(self, errand: asyncio.Future[None]) -> Lease | None:
        """The next lease; None once the errand is done."""
        lease = asyncio.ensure_future(self._leases.get())
        waited: set[asyncio.Future[Any]] = {lease, errand}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if lease.done():
            return lease.result()
        lease.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await lease
        return None
