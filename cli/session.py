"""What one command needs of the world: configuration, store, a running daemon, the time.

Each is opened when it is first asked for, so that `--help` loads nothing. Invariant: a command that
only reads opens the store for reading, and so works beside a running daemon.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cache.ports import Query
    from ..client import Client
    from ..config.load import Loaded
    from ..crawler.protocol.handle import Handle

# Some seconds of work, of which a person wants to know what it is.
_MANY_BATCHES = 50


class Session:
    """One run of one command."""

    def __init__(self) -> None:
        self.config_option: Path | None = None
        self.debug = bool(os.environ.get("FEDPULL_DEBUG"))
        self._loaded: Loaded | None = None

    @property
    def loaded(self) -> Loaded:
        """The configuration; ConfigError names all that is wrong with it."""
        if self._loaded is None:
            self._loaded = self.read()
        return self._loaded

    def read(self) -> Loaded:
        """The configuration as it is written now."""
        from ..config.load import load_found

        # What was read from ./fedpull.yaml is not the defaults once that file is gone: they follow
        # nobody.
        found = None if self._loaded is None else self._loaded.path
        return load_found(found or self.config_option, os.environ)

    def now(self) -> float:
        from ..crawler.clock import SystemClock

        return SystemClock().now()

    @contextmanager
    def reading(self) -> Iterator[Query]:
        """The store's reader; of an empty store where there is none yet."""
        from ..cache.open import open_reader
        from ..cache.verify import look_before_opening
        from .no_store import NoStore, there_is_none

        path = self.loaded.store_path
        if there_is_none(path):
            yield NoStore()
            return
        look_before_opening(path)
        self._forget_again()
        opened = open_reader(path)
        try:
            yield opened.query
        finally:
            opened.close()

    def read_words(self) -> None:
        """Bring the search index up to date, where no daemon does it and this process may."""
        from ..cache import search
        from .no_store import there_is_none

        path = self.loaded.store_path
        if there_is_none(path) or not search.is_installed() or self.client() is not None:
            return
        from ..cache.search_feed import bring_up_to_date
        from ..errors import StoreError
        from . import output

        def told(batches: int) -> None:
            if batches == _MANY_BATCHES:
                output.note("reading the words of what is held, once")

        with contextlib.suppress(StoreError):
            bring_up_to_date(path, told)

    def _forget_again(self) -> None:
        """A store that was restored from a backup holds what was forgotten: nobody is shown it.

        Where another process writes the store, that one has seen to it."""
        if not self.loaded.forgotten_path.exists():
            return
        from ..crawler.moderation import carry_out, read_rules
        from ..errors import StoreLocked

        with contextlib.suppress(StoreLocked):
            carry_out(self.loaded, read_rules(self.loaded).policy, self.now())

    def refuse(self, actor: Handle | str) -> None:
        """Raise Refused for what is blocked or forgotten: then it is not only not there."""
        from ..crawler.moderation import read_rules

        read_rules(self.loaded).policy.refuse_actor(actor)

    def boosts(self) -> dict[str, bool]:
        """Of each configured follow whether what its actor announces is read."""
        from ..crawler.followed import FollowList

        return {follow.actor: follow.boosts for follow in FollowList(self.loaded).all()}

    def client(self) -> Client | None:
        """A client of the daemon that writes this store; None when none is running."""
        from ..daemon import api_address

        address = api_address(self.loaded.store_path)
        if address is None:
            return None
        from ..cache.api_gate import read_token
        from ..client import Client

        token_file = self.loaded.config.api.token_file
        client = Client(address, read_token(token_file) if token_file is not None else None)
        # A daemon that was killed leaves its address behind, and a `pull` may hold the lock now.
        return client if client.health() else None
