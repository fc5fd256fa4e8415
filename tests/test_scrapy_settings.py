"""Scrapy as we run it: everything unsafe is off, and every download goes through the door."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import default_settings
from scrapy.utils.conf import build_component_list
from wire_server import ACTIVITY, response, wire_server

from fedpull.crawler import settings
from fedpull.crawler.scheduler import FifoScheduler

ROOT = Path(__file__).parent.parent

OFF = [
    "AUTOTHROTTLE_ENABLED",
    "COMPRESSION_ENABLED",
    "COOKIES_ENABLED",
    "DOWNLOADER_STATS",
    "HTTPCACHE_ENABLED",
    "HTTPPROXY_ENABLED",
    "MEMUSAGE_ENABLED",
    "METAREFRESH_ENABLED",
    "REDIRECT_ENABLED",
    "REFERER_ENABLED",
    "REMOTE_CONTROL_ENABLED",
    "RETRY_ENABLED",
    "ROBOTSTXT_OBEY",
    "STATS_DUMP",
    "TELNETCONSOLE_ENABLED",
    "WARN_ON_GENERATOR_RETURN_VALUE",
]
VALUES: dict[str, Any] = {
    "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "DOWNLOAD_MAXSIZE": 1024 * 1024,
    "DOWNLOAD_TIMEOUT": 30,
    "DOWNLOAD_DELAY": 0,
    "CONCURRENT_ITEMS": 1,
    "CONCURRENT_REQUESTS": 0,
    "JOBDIR": None,
    "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
    "SPIDER_MODULES": ["fedpull.spiders"],
}


@pytest.mark.parametrize("name", OFF)
def test_it_is_off(name: str) -> None:
    """What Scrapy would do on its own, beside the frontier and the door."""
    assert name in dir(default_settings)
    assert settings.settings_for().getbool(name) is False


@pytest.mark.parametrize("name", VALUES)
def test_it_has_the_safe_value(name: str) -> None:
    """Scrapy's default is another one, or must not become one."""
    assert settings.settings_for()[name] == VALUES[name]


def test_only_http_and_https_have_a_handler_and_it_is_the_door() -> None:
    """Every other scheme of Scrapy's is switched off by name, also one that it may add."""
    handlers = settings.settings_for().getwithbase("DOWNLOAD_HANDLERS")
    door = "fedpull.crawler.handler.DoorHandler"

    assert {k: v for k, v in handlers.items() if v} == {"http": door, "https": door}
    assert set(default_settings.DOWNLOAD_HANDLERS_BASE) <= set(handlers)


@pytest.mark.parametrize("name", ["DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "EXTENSIONS"])
def test_no_component_of_scrapy_s_is_enabled(name: str) -> None:
    """No middleware rewrites a request or an answer, no extension listens or writes."""
    enabled = settings.settings_for().get_component_priority_dict_with_base(name)

    assert build_component_list(enabled) == []


def test_overrides_go_before_our_own() -> None:
    """What a caller passes wins."""
    assert settings.settings_for({"LOG_LEVEL": "ERROR"})["LOG_LEVEL"] == "ERROR"


def test_scrapy_cfg_names_these_settings() -> None:
    """`scrapy crawl` in the repository runs with the same ones."""
    config = ConfigParser()
    config.read(ROOT / "scrapy.cfg")

    assert config["settings"]["default"] == settings.__name__


def test_the_scheduler_is_a_queue() -> None:
    """First in, first out; the same request twice is two requests."""
    from scrapy import Request

    scheduler = FifoScheduler()
    first, second = Request("https://a.example/1"), Request("https://a.example/2")
    for request in (first, second, first):
        assert scheduler.enqueue_request(request)

    got = [scheduler.next_request() for _ in range(4)]

    assert got == [first, second, first, None]
    assert not scheduler.has_pending_requests()


async def test_every_document_passes_through_engine_door_and_callback(tmp_path: Path) -> None:
    """A crawl in a process of its own: nothing is filtered, nothing listens, nothing is written."""
    count = 20
    replies = {f"a.example/{number}": response() for number in range(count)}
    replies["a.example/html"] = response(b"<html>", kind="text/html")
    async with wire_server(replies) as wire:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).parent / "scrapy_crawl.py"),
            str(wire.port),
            str(count),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()

    assert process.returncode == 0, errors.decode()
    seen = json.loads(out or b"{}")
    urls = [f"http://a.example/{number}" for number in [*range(count), 0]]
    assert sorted(seen["documents"]) == sorted([url, 200] for url in urls), errors.decode()
    assert seen["errors"] == {
        "http://a.example/html": "FetchFailed",
        "file:///etc/passwd": "NotSupported",
        "data:text/plain,x": "NotSupported",
        "ftp://a.example/x": "NotSupported",
        "s3://a/x": "NotSupported",
    }
    assert len(wire.requests) == count + 2
    assert {seen.headers["accept"].split(",")[0] for seen in wire.requests} == {ACTIVITY}
    assert seen["listening"] == 0
    assert seen["loop"].startswith("uvloop")
    assert os.listdir(tmp_path) == []
