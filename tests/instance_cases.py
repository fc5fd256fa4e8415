"""Our actor for tests, and what it answers. Its keys are made once in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from store_cases import store_at

from fedpull.cache.api_http import Answer
from fedpull.config.model import Identity
from fedpull.crawler import key_file
from fedpull.crawler.instance import Instance
from fedpull.crawler.public import PublicDocuments
from fedpull.crawler.published import Published

URL = "https://pull.example.org"
ACTOR = f"{URL}/actor"
NOW, DAY = 1_800_000_000.0, 86_400.0


@lru_cache
def keys_once() -> bytes:
    """A key file's text; making the keys for each test would take longer than the tests."""
    with TemporaryDirectory() as folder:
        key_file.create(Path(folder, "actor.pem"))
        return Path(folder, "actor.pem").read_bytes()


def made(path: Path, contact: str | None = "https://example.org/about", **said: str) -> Instance:
    keys = path / "actor.pem"
    keys.touch(0o600)
    keys.write_bytes(keys_once())
    return Instance(Identity.model_validate({"url": URL, "key_file": str(keys)} | said), contact)


@contextmanager
def documents_of(we: Instance) -> Iterator[PublicDocuments]:
    """Seven follow us, we are subscribed to two, and nothing was published."""
    with store_at(we.identity.key_file.parent / "store") as opened:
        published = Published(we, opened.query)
        yield PublicDocuments(we, "1.2.3", lambda: 7, lambda: 2, published)


def got(
    documents: PublicDocuments, path: str, query: str = "", now: float = NOW, **headers: str
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = documents.answer(path, query, named, now)
    assert answer is not None
    return answer


def value(answer: Answer) -> Any:
    return json.loads(answer.body)


def header(answer: Answer, name: str) -> str | None:
    return dict(answer.headers).get(name)
