"""A loop over aiohttp that fetches and parses, and keeps nothing: what fetching alone costs.

It verifies certificates, and nothing else. Prints how many documents it saw.

    python bare_aiohttp.py PLAN
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from typing import Any

import aiohttp
from plan import Plan, load


class Loop:
    def __init__(self, plan: Plan, session: aiohttp.ClientSession) -> None:
        self.plan, self.session = plan, session
        self.seen = 0
        self.queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def run(self) -> None:
        known = self.plan.outboxes
        for url in known or self.plan.actors:
            self.queue.put_nowait(("page" if known else "actor", url))
        workers = [asyncio.ensure_future(self.work()) for _ in range(self.plan.concurrency)]
        await self.queue.join()
        for worker in workers:
            worker.cancel()

    async def work(self) -> None:
        while True:
            kind, url = await self.queue.get()
            self.take(kind, await self.fetch(url))
            self.queue.task_done()

    async def fetch(self, url: str) -> Any:
        local, host = self.plan.local(url)
        headers = {"Host": host, "Accept": "application/activity+json"}
        async with self.session.get(local, headers=headers, server_hostname=host) as response:
            response.raise_for_status()
            return json.loads(await response.read())

    def take(self, kind: str, value: Any) -> None:
        if kind != "page":
            self.seen += 1
        if kind == "actor":
            self.queue.put_nowait(("page", value["outbox"]))
        for item in value.get("orderedItems", ()):
            if isinstance(item, str):
                self.queue.put_nowait(("object", item))
            else:
                self.seen += 1
        for link in ("first", "next"):
            if kind == "page" and link in value:
                self.queue.put_nowait(("page", value[link]))


async def main(plan_path: str) -> None:
    plan = load(plan_path)
    context = ssl.create_default_context(cafile=plan.ca_file)
    connector = aiohttp.TCPConnector(limit=plan.concurrency, ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        loop = Loop(plan, session)
        await loop.run()
    print(loop.seen)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
