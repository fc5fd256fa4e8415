"""A spider as Scrapy's tutorial teaches it, with a pipeline that stores each item into SQLite.

Scrapy's settings are its defaults, apart from the concurrency (that of the others) and the log
level. SQLite's are its defaults as well, or a write-ahead log with every commit synced (`wal`). It
verifies nothing: neither certificates (Scrapy's default) nor whose document it is.

    python stock_scrapy.py PLAN [ITEMS_PER_COMMIT [JOURNAL_MODE]]
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import scrapy
from plan import Plan, load
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response


class Document(scrapy.Item):
    id = scrapy.Field()
    type = scrapy.Field()
    published = scrapy.Field()
    json = scrapy.Field()


class SqlitePipeline:
    def __init__(self, path: str, per_commit: int, journal: str) -> None:
        self._path, self._per_commit, self._journal = path, per_commit, journal
        self._waiting = 0

    @classmethod
    def from_crawler(cls, crawler: Any) -> SqlitePipeline:
        settings = crawler.settings
        per_commit = settings.getint("BENCH_PER_COMMIT")
        return cls(settings["BENCH_DATABASE"], per_commit, settings["BENCH_JOURNAL"])

    def open_spider(self) -> None:
        self._db = sqlite3.connect(self._path)
        self._db.execute(f"PRAGMA journal_mode = {self._journal}")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS documents"
            " (id TEXT PRIMARY KEY, type TEXT, published TEXT, json TEXT)"
        )

    def close_spider(self) -> None:
        self._db.commit()
        self._db.close()

    def process_item(self, item: Any) -> Any:
        self._db.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
            (item["id"], item["type"], item["published"], item["json"]),
        )
        self._waiting += 1
        if self._waiting >= self._per_commit:
            self._db.commit()
            self._waiting = 0
        return item


class OutboxSpider(scrapy.Spider):
    name = "outbox"
    plan: Plan

    async def start(self) -> AsyncIterator[Any]:
        known = self.plan.outboxes
        for url in known or self.plan.actors:
            yield self.ask(url, self.parse_page if known else self.parse_actor)

    def ask(self, url: str, callback: Any) -> scrapy.Request:
        local, host = self.plan.local(url)
        headers = {"Host": host, "Accept": "application/activity+json"}
        return scrapy.Request(local, callback=callback, headers=headers)

    def parse_actor(self, response: Response) -> Iterator[Any]:
        actor = json.loads(response.body)
        yield document(actor)
        yield self.ask(actor["outbox"], self.parse_page)

    def parse_page(self, response: Response) -> Iterator[Any]:
        page = json.loads(response.body)
        for item in page.get("orderedItems", ()):
            if isinstance(item, str):
                yield self.ask(item, self.parse_object)
            else:
                yield document(item["object"])
        for link in ("first", "next"):
            if link in page:
                yield self.ask(page[link], self.parse_page)

    def parse_object(self, response: Response) -> Iterator[Any]:
        yield document(json.loads(response.body))


def document(value: dict[str, Any]) -> Document:
    return Document(
        id=value["id"],
        type=value["type"],
        published=value.get("published"),
        json=json.dumps(value),
    )


def main(plan_path: str, per_commit: str = "1", journal: str = "delete") -> None:
    plan = load(plan_path)
    process = CrawlerProcess(
        {
            "LOG_LEVEL": "INFO",
            "DOWNLOAD_DELAY": 0,
            "CONCURRENT_REQUESTS": plan.concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": plan.concurrency,
            "ITEM_PIPELINES": {SqlitePipeline: 100},
            "BENCH_DATABASE": str(Path(plan_path).with_name("scrapy.sqlite")),
            "BENCH_PER_COMMIT": per_commit,
            "BENCH_JOURNAL": journal,
        }
    )
    process.crawl(OutboxSpider, plan=plan)
    process.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
