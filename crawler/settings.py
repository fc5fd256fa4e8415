"""Scrapy's settings, for the daemon and for `scrapy crawl`: one way out, nothing else on.

It holds no configuration of Fedpull's (that is `config`). Invariant: everything of Scrapy's that
would open a connection, listen, follow, retry, remember or rewrite on its own is off; the frontier
and the door do these jobs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scrapy.settings import Settings, default_settings

BOT_NAME = "fedpull"
SPIDER_MODULES = ["fedpull.spiders"]
NEWSPIDER_MODULE = "fedpull.spiders"

# --- the one way out ------------------------------------------------------------------------------
# Scrapy's base also answers data:, file:, ftp: and s3: URLs, which remote documents may name.
_DOOR = "fedpull.crawler.handler.DoorHandler"
DOWNLOAD_HANDLERS = {
    **dict.fromkeys(default_settings.DOWNLOAD_HANDLERS_BASE),
    "http": _DOOR,
    "https": _DOOR,
}
DOWNLOADER = "fedpull.crawler.downloader.LeanDownloader"
# What Scrapy's own handler would do wrong; ours reads none of it, but nobody should find the
# unsafe defaults here should another handler ever be configured.
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_TLS_MIN_VERSION = "TLSv1.2"
DOWNLOAD_MAXSIZE = 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_TIMEOUT = 30

# --- nobody changes a request, an answer or the order of things -----------------------------------
DOWNLOADER_MIDDLEWARES = dict.fromkeys(default_settings.DOWNLOADER_MIDDLEWARES_BASE)
SPIDER_MIDDLEWARES = dict.fromkeys(default_settings.SPIDER_MIDDLEWARES_BASE)
DEFAULT_REQUEST_HEADERS: dict[str, str] = {}
COMPRESSION_ENABLED = False  # decoded by the door, which counts the decoded bytes
COOKIES_ENABLED = False
HTTPCACHE_ENABLED = False
HTTPPROXY_ENABLED = False  # reads http_proxy from the environment
METAREFRESH_ENABLED = False
REDIRECT_ENABLED = False
REFERER_ENABLED = False
RETRY_ENABLED = False  # asks again at once after 429, and knows no Retry-After
ROBOTSTXT_OBEY = False  # Scrapy's fails open; ours is a verdict before the lease
DEPTH_LIMIT = 0
DEPTH_STATS_VERBOSE = False

# --- politeness, order and duplicates are the frontier's ------------------------------------------
SCHEDULER = "fedpull.crawler.scheduler.FifoScheduler"
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
JOBDIR = None  # pickles
AUTOTHROTTLE_ENABLED = False
CONCURRENT_REQUESTS = 0  # no limit: the dispatcher has a number of places
CONCURRENT_REQUESTS_PER_DOMAIN = 1_000_000
DOWNLOAD_DELAY = 0
DOWNLOAD_DELAY_JITTER = 0
CONCURRENT_ITEMS = 1  # each response starts that many worker tasks; the default is a hundred

# --- nothing listens ------------------------------------------------------------------------------
EXTENSIONS = dict.fromkeys(default_settings.EXTENSIONS_BASE)
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False
FEEDS: dict[str, Any] = {}
ITEM_PIPELINES: dict[str, int] = {}

# --- the process around it ------------------------------------------------------------------------
TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
ASYNCIO_EVENT_LOOP = "uvloop.Loop"
STATS_CLASS = "scrapy.statscollectors.DummyStatsCollector"
STATS_DUMP = False
DOWNLOADER_STATS = False
LOG_LEVEL = "INFO"
LOG_FORMATTER = "fedpull.crawler.downloader.QuietLogFormatter"
LOGSTATS_INTERVAL = 0
MEMUSAGE_ENABLED = False
# Reads the source of every callback once to warn of a mistake that ours do not make.
WARN_ON_GENERATOR_RETURN_VALUE = False


def settings_for(overrides: Mapping[str, Any] | None = None) -> Settings:
    """A Settings object with the above, as `scrapy crawl` would load it, and `overrides`."""
    settings = Settings()
    settings.setmodule(__name__, priority="project")
    settings.setdict(dict(overrides or {}), priority="cmdline")
    return settings
