"""A loop over aiohttp that signs and posts, as a server's job queue does: what sending costs.

It verifies certificates, signs each request with RSA-2048 as Mastodon does, and retries nothing.
With a database it takes each delivery from a table of SQLite and removes it when it was taken, a
commit for each (the write-ahead log is synced at checkpoints only, as its users mostly set it).
Prints how many were taken.

    python aiohttp_post.py PLAN [DATABASE]
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sqlite3
import ssl
import sys
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

_TYPE = "application/activity+json"


class Sender:
    def __init__(self, plan: Any, session: aiohttp.ClientSession, database: str | None) -> None:
        self.plan, self.session = plan, session
        self.key: Any = serialization.load_pem_private_key(plan["key"].encode(), None)
        self.database = None if database is None else _queue(database, plan)
        self.waiting = self._waiting()
        self.taken = 0

    def _waiting(self) -> Iterator[tuple[int, str, bytes]]:
        activities = [Path(file).read_bytes() for file in self.plan["activities"]]
        number = 0
        for body in activities:
            for inbox in self.plan["inboxes"]:
                number += 1
                yield number, inbox, body

    async def run(self) -> None:
        await asyncio.gather(*(self._work() for _ in range(self.plan["concurrency"])))

    async def _work(self) -> None:
        for number, inbox, body in self.waiting:
            parts = urlsplit(inbox)
            local = f"https://127.0.0.1:{self.plan['port']}{parts.path}"
            async with self.session.post(
                local, data=body, headers=self._headers(inbox, body), server_hostname=parts.netloc
            ) as response:
                response.raise_for_status()
                await response.read()
            self.taken += 1
            if self.database is not None:
                self.database.execute("DELETE FROM deliveries WHERE id = ?", (number,))
                self.database.commit()

    def _headers(self, inbox: str, body: bytes) -> dict[str, str]:
        parts = urlsplit(inbox)
        digest = "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        signed = {
            "(request-target)": f"post {parts.path}",
            "host": parts.netloc,
            "date": formatdate(usegmt=True),
            "digest": digest,
            "content-type": _TYPE,
        }
        text = "\n".join(f"{name}: {value}" for name, value in signed.items())
        made = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        signature = (
            f'keyId="{self.plan["key_id"]}",algorithm="rsa-sha256",'
            f'headers="{" ".join(signed)}",signature="{base64.b64encode(made).decode()}"'
        )
        del signed["(request-target)"]
        return {**signed, "signature": signature}


def _queue(file: str, plan: Any) -> sqlite3.Connection:
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("PRAGMA synchronous = normal")
    database.execute("CREATE TABLE deliveries (id INTEGER PRIMARY KEY, inbox TEXT, activity TEXT)")
    rows = ((inbox, activity) for activity in plan["activities"] for inbox in plan["inboxes"])
    database.executemany("INSERT INTO deliveries (inbox, activity) VALUES (?, ?)", rows)
    database.commit()
    return database


async def main(plan: Any, database: str | None) -> None:
    context = ssl.create_default_context(cafile=plan["ca_file"])
    connector = aiohttp.TCPConnector(limit=plan["concurrency"], ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        sender = Sender(plan, session, database)
        await sender.run()
    print(sender.taken)


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    asyncio.run(main(told, sys.argv[2] if len(sys.argv) > 2 else None))
