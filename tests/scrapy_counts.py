"""One pull in a process of its own, counted at every station of Scrapy.

Started by a test as `python scrapy_counts.py CONFIG`; prints the counts as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from scrapy import Spider, signals
from scrapy.http import Response

from fedpull import daemon
from fedpull.config.load import load


async def counted(running: daemon.Daemon) -> dict[str, Any]:
    """Pull everybody, listening to the engines' own signals."""
    seen: Counter[str] = Counter()

    def scheduled(request: object, spider: Spider) -> None:
        seen["scheduled"] += 1

    def received(response: Response, spider: Spider) -> None:
        seen["received"] += 1

    crawlers = running.crawlers
    for crawler in crawlers:
        crawler.signals.connect(scheduled, signals.request_scheduled)
        crawler.signals.connect(received, signals.response_received)
    await running.verbs.pull()
    seen["downloaded"] = sum(crawler.engine.downloader.fetched for crawler in crawlers)
    seen["callbacks"] = running.works.ingestor.answers
    return dict(seen)


if __name__ == "__main__":
    loaded = load(Path(sys.argv[1]), environ={}, data_home=Path("/nonexistent"))
    print(json.dumps(daemon.once(loaded, counted)))
