"""One crawl with our settings in a process of its own (the reactor is one to a process).

Started by tests as `python scrapy_crawl.py PORT COUNT`: every URL leads to PORT on loopback. Prints
what the spider was given, and what the process had open, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.http import Response
from scrapy.utils.reactor import install_reactor
from twisted.python.failure import Failure

from fedpull.crawler import settings
from fedpull.crawler.answer import Ask
from fedpull.crawler.handler import ASK_KEY, EGRESS_SETTING, AnswerResponse

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
FOREIGN = ["file:///etc/passwd", "data:text/plain,x", "ftp://a.example/x", "s3://a/x"]


class Probe(Spider):
    """Asks for COUNT documents, one of them twice, one that is not there, and foreign schemes."""

    name = "probe"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: dict[str, Any] = {"documents": [], "errors": {}, "listening": -1}

    async def start(self) -> AsyncIterator[Any]:
        for number in [*range(COUNT), 0]:
            url = f"http://a.example/{number}"
            yield self._request(url, meta={ASK_KEY: Ask(url)})
        yield self._request("http://a.example/html")
        for url in FOREIGN:
            yield self._request(url)

    def _request(self, url: str, **more: Any) -> Request:
        return Request(url, callback=self.got, errback=self.lost, **more)

    def got(self, response: Response) -> None:
        assert isinstance(response, AnswerResponse)
        assert response.body == response.answer.body
        self.seen["documents"].append([response.url, response.status])
        self.seen["listening"] = listening()

    def lost(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]
        self.seen["errors"][request.url] = type(failure.value).__name__


def listening() -> int:
    """How many TCP sockets of this process listen."""
    inodes = set()
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                inodes.add(f"socket:[{fields[9]}]")
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += os.readlink(descriptor) in inodes
        except OSError:
            continue
    return count


async def crawl() -> None:
    from wire_server import WireServer, door_to

    async with door_to(WireServer(b"", port=PORT)) as door:
        runner = AsyncCrawlerRunner(
            settings.settings_for({EGRESS_SETTING: door.egress, "SPIDER_MODULES": []})
        )
        crawler = runner.create_crawler(Probe)
        await crawler.crawl_async()
        assert isinstance(crawler.spider, Probe)
        loop = asyncio.get_running_loop()
        print(json.dumps({**crawler.spider.seen, "loop": type(loop).__module__}))


def main() -> None:
    install_reactor(settings.TWISTED_REACTOR, settings.ASYNCIO_EVENT_LOOP)
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    def run() -> None:
        done = Deferred.fromFuture(asyncio.ensure_future(crawl()))
        done.addErrback(lambda failure: print(failure.getTraceback(), file=sys.stderr))
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(run)
    reactor.run()


if __name__ == "__main__":
    main()
