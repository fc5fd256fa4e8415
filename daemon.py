"""The composition root: builds the parts, starts them, waits, stops them in reverse.

`build(config, clock)` is the one seam for time: simulated days run this very composition with a
stepping clock. Nothing is decided here. Invariant: what was started is stopped, in reverse, in
under ten seconds, whatever is being fetched.

    store -> frontier -> spiders on Scrapy's engine -> dispatcher -> public listener -> private API
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .cache.lock import is_locked
from .cache.ports import Query
from .cache.sampler import Sampler
from .cache.series import FINE, Series
from .cache.verbs import Verbs
from .config.load import Loaded
from .crawler.clock import Clock, SystemClock
from .crawler.open import open_works
from .crawler.watching import Watching
from .crawler.works import Works
from .errors import FedpullError, StoreError

if TYPE_CHECKING:  # it needs an extra
    from .cache.search_feed import SearchFeed

T = TypeVar("T")
LogAs = Callable[[str, str], None]  # the level, the format
log = logging.getLogger(__name__)

# Scrapy waits for running downloads when it stops; after this many seconds they are cut instead,
# and their leases give them back.
_STOP_PATIENCE = 3.0
# In the store's folder: where each listener really listens.
_API_FILE = "api"
_INBOX_FILE = "inbox"


class Daemon:
    """Everything that runs in one process, on one loop."""

    def __init__(self, works: Works) -> None:
        self._works = works
        self._crawls: list[tuple[Any, asyncio.Task[None]]] = []
        self._ports: dict[str, Any] = {}  # by the file that tells the address
        self._fatal: asyncio.Event = asyncio.Event()
        self._reloading: set[asyncio.Task[None]] = set()
        self._one_reload = asyncio.Lock()
        self._sampler: Sampler | None = None
        self._watching: Watching | None = None
        self._search: SearchFeed | None = None

    @property
    def query(self) -> Query:
        return self._works.opened.query

    @property
    def verbs(self) -> Verbs:
        return self._works

    @property
    def works(self) -> Works:
        return self._works

    @property
    def crawlers(self) -> list[Any]:
        """Scrapy's crawlers, one for each spider, while they run."""
        return [crawler for crawler, _ in self._crawls]

    async def start(self, *, follow: bool = True, api: bool = True) -> None:
        """Start the spiders, the public listener, the dispatcher and, with `api`, the private one.

        Whoever we sign for asks for our actor before answering, so it is served before anything is
        asked, also while a single command runs (`api` is false): one that cannot signs nothing.

        `follow`: keep the configured follows going; a single command only does what it was told.
        """
        if api:
            self._watching = Watching(self._works, os.environ, _notify)
            self._watching.start()
        self._start_spiders()
        await self._listen_in_public(needed=api)
        sampler = self._sample() if api else None
        await self._works.start(follow=follow)
        if sampler is not None:
            self._index_words()
            await self._listen(sampler.series)
        _settle_memory()

    async def stop(self) -> None:
        """Stop in reverse order."""
        for file, port in reversed(self._ports.items()):
            (self._works.loaded.store_path / file).unlink(missing_ok=True)
            await port.close()
        if self._reloading:
            await asyncio.wait(self._reloading)
        if self._sampler is not None:
            self._sampler.save()
        if self._search is not None:
            await asyncio.to_thread(self._search.stop)
        self._works.dispatcher.stop()
        await self._stop_spiders()
        if self._watching is not None:
            await self._watching.stop()
        await self._works.stop()

    def reload(self, again: Callable[[], Loaded], log_as: LogAs) -> None:
        """Read the configuration anew, and all that it names, behind the caller; the log tells what
        came of it. One after the other, however often it is asked for."""
        task = asyncio.ensure_future(self._reload(again, log_as))
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reload(self, again: Callable[[], Loaded], log_as: LogAs) -> None:
        from .crawler.reloading import take_up

        async with self._one_reload:
            _notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                await take_up(self._works, await asyncio.to_thread(again))
                wanted = self._works.loaded.config.log
                log_as(wanted.level, wanted.format)
            except FedpullError as error:
                for line in str(error).splitlines():
                    log.error("configuration and the blocklists stay as they were: %s", line)
            finally:
                _notify("READY=1")

    async def failed(self) -> None:
        """Return when a spider has closed by itself, which it never should."""
        await self._fatal.wait()

    def _start_spiders(self) -> None:
        from .crawler.engine import LeanCrawler
        from .crawler.settings import settings_for
        from .spiders.outbox import OutboxSpider
        from .spiders.reference import ReferenceSpider

        for spider in (OutboxSpider, ReferenceSpider):
            crawler = LeanCrawler(spider, settings_for({}))
            task = asyncio.ensure_future(crawler.crawl_async(works=self._works))
            task.add_done_callback(lambda _: self._fatal.set())
            self._crawls.append((crawler, task))

    async def _stop_spiders(self) -> None:
        stopping = [asyncio.ensure_future(crawler.stop_async()) for crawler, _ in self._crawls]
        tasks = [*stopping, *(task for _, task in self._crawls)]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=_STOP_PATIENCE)
        if late:
            await self._works.egress.close()
            _, late = await asyncio.wait(late, timeout=_STOP_PATIENCE)
        for task in late:
            task.cancel()
        for _, task in self._crawls:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    def _sample(self) -> Sampler:
        """Have the counters looked at, for the plots of the page."""
        works = self._works
        sampler = Sampler(self.query, works, works.loaded.store_path, works.clock.now)
        sampler.begin()
        works.ticker.every(FINE, "sample", sampler.sample)
        self._sampler = sampler
        return sampler

    def _index_words(self) -> None:
        """Keep the search index in step, where the extra for it is installed."""
        from .cache.search import is_installed

        if not is_installed():
            return
        from .cache.search_feed import SearchFeed

        self._search = SearchFeed(self._works.loaded.store_path)
        self._works.opened.store.on_change(self._search.told)
        self._search.start()

    async def _listen(self, series: Series) -> None:
        from twisted.internet import reactor

        from .cache.api_gate import settings_for
        from .cache.api_server import build_site
        from .cache.feed import Feed

        config = self._works.loaded.config
        settings = settings_for(config.listen.api, config.api.token_file)
        feed = Feed(self.query)
        self._works.opened.store.on_change(feed.told)
        now = self._works.clock.now
        site = build_site(self.query, self.verbs, settings, now, feed, reactor, series)
        address = await self._open(_API_FILE, config.listen.api, site)
        log.info("the API listens on %s", address)

    async def _listen_in_public(self, *, needed: bool) -> None:
        presence = self._works.presence
        if presence is None:
            return
        from twisted.internet import reactor

        description = self._works.loaded.config.listen.inbox
        try:
            address = await self._open(_INBOX_FILE, description, presence.site(reactor))
        except StoreError as error:
            if needed:
                raise
            log.error("%s; nothing is signed, as nobody could verify it", error)
            self._works.egress.sign_nothing()
            return
        log.info("the inbox of %s listens on %s", presence.instance.handle, address)

    async def _open(self, file: str, description: str, site: Any) -> str:
        from twisted.internet import reactor

        from .cache.listening import listen

        port = await listen(reactor, description, site, f"listen.{file}")
        self._ports[file] = port
        path = self._works.loaded.store_path / file
        try:
            path.write_text(port.address, "utf-8")
        except OSError as error:  # a full disk is no reason not to serve what is there
            reason = f"cannot be written ({error.strerror}), so commands do not find this daemon"
            log.error("%s: %s: restart it once there is room", path, reason)
        return str(port.address)


def _settle_memory() -> None:
    """Tell the collector of cycles what stays, and to look less often.

    What a start has built lives as long as the process, and a parsed document makes hundreds of
    containers without any cycle: by default every other one had the collector walk them all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def build(loaded: Loaded, clock: Clock, *, anonymous: bool = False) -> Daemon:
    """Put everything together; nothing runs yet. Raises StoreLocked beside another writer.

    `anonymous`: fetch from public hosts even where `contact` is not set.
    """
    return Daemon(open_works(loaded, clock, anonymous=anonymous))


def api_address(store_path: Path) -> str | None:
    """Where the API of the daemon that writes this store listens; None when none runs."""
    if not is_locked(store_path):
        return None
    try:
        return (store_path / _API_FILE).read_text("utf-8") or None
    except FileNotFoundError:
        return None


def run(loaded: Loaded, again: Callable[[], Loaded], log_as: LogAs) -> int:
    """The daemon in the foreground, until SIGTERM or SIGINT. The exit code.

    `again` reads the configuration anew, for SIGHUP; `log_as` logs at another level, in another
    format.
    """
    return _in_reactor(lambda: _run(loaded, again, log_as))


def once(loaded: Loaded, errand: Callable[[Daemon], Awaitable[T]]) -> T:
    """Run one errand on a daemon without API, and stop it: a command beside no running daemon."""

    async def body() -> T:
        daemon = build(loaded, SystemClock(), anonymous=True)
        try:
            await daemon.start(follow=False, api=False)
            return await errand(daemon)
        finally:
            await daemon.stop()

    return _in_reactor(body)


async def _run(loaded: Loaded, again: Callable[[], Loaded], log_as: LogAs) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        if stop.is_set():
            os._exit(128 + number)  # told twice: at once
        log.info("%s: stopping", number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    # Unheard, the signal would end the process; one that comes early is acted upon a little later.
    early: list[bool] = []
    loop.add_signal_handler(signal.SIGHUP, early.append, True)
    daemon = build(loaded, SystemClock())
    try:
        await daemon.start()
        loop.add_signal_handler(signal.SIGHUP, daemon.reload, again, log_as)
        if early:
            daemon.reload(again, log_as)
        _tell(daemon)
        _notify("READY=1")
        failed = asyncio.ensure_future(daemon.failed())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({failed, stopped}, return_when=asyncio.FIRST_COMPLETED)
        broken = failed.done() and not stopped.done()
        failed.cancel()
        stopped.cancel()
        if broken:
            log.error("a spider has ended by itself: this is a bug")
        return 1 if broken else 0
    finally:
        _notify("STOPPING=1")
        await daemon.stop()


def _tell(daemon: Daemon) -> None:
    """What an operator wants to see after a start."""
    running, totals = daemon.verbs.running(), daemon.query.totals()
    log.info(
        "Fedpull %s: %d follows, %d documents", running.version, totals.follows, totals.documents
    )
    for reason in running.reasons:
        log.warning("%s", reason)


def _in_reactor(body: Callable[[], Awaitable[T]]) -> T:
    """Run `body` on Twisted's asyncio reactor with uvloop, installed before anything imports it."""
    from scrapy.utils.reactor import install_reactor

    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor", "uvloop.Loop")
    from twisted.internet import reactor as installed

    reactor: Any = installed
    task: list[asyncio.Future[T]] = []

    def begin() -> None:
        task.append(asyncio.ensure_future(body()))
        task[0].add_done_callback(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    return task[0].result()


def _notify(state: str) -> None:
    """sd_notify(3): tell systemd, when it asked to be told."""
    if "NOTIFY_SOCKET" in os.environ:
        from sdnotify import SystemdNotifier

        SystemdNotifier().notify(state)
