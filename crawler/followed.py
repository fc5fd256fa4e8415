"""Which actors are followed: the operator's file, the files that it names, and our own list.

Reads and writes the lists; what a follow does is `follows`. The operator's file is never rewritten:
what is added at run time stands in `follows.yaml` beside it, which is written whole and atomically.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from ..config.follow_files import parse_follow_file
from ..config.load import Loaded, read_text
from ..config.model import Follow
from ..config.names import same_actor_key
from ..config.parse import parse_follow
from ..config.runtime_follows import load_runtime, save_runtime
from ..config.url_rules import check_actor, url_rules
from ..errors import BadInput, NotFound
from .protocol.handle import parse_actor

log = logging.getLogger(__name__)


class FollowList:
    """The configured follows; the operator's come first and win."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._http = loaded.config.network.http
        own = load_runtime(loaded.follows_path, http=self._http)
        self._own = {same_actor_key(follow.actor): follow for follow in own}

    def all(self) -> list[Follow]:
        """Every follow, once."""
        found = {same_actor_key(follow.actor): follow for follow, _ in self._operators()}
        return list({**self._own, **found}.values())

    def add(self, entry: str | Mapping[str, Any]) -> Follow:
        """Add an entry to `follows.yaml`, or replace it; BadInput names what is wrong with it."""
        follow = parse_follow(entry, http=self._http)
        check_actor(follow.actor, url_rules(self._loaded.config))
        key = same_actor_key(follow.actor)
        place = self._place(key)
        if place is not None:
            raise BadInput(follow.actor, f"is followed already, at {place}")
        self._own[key] = follow
        self._save()
        return follow

    def remove(self, actor: str) -> str:
        """Remove an entry of `follows.yaml`; the actor as it stood there."""
        named = str(parse_actor(actor, http=self._http))
        key = same_actor_key(named)
        if key in self._own:
            removed = self._own.pop(key)
            self._save()
            return removed.actor
        place = self._place(key)
        if place is not None:
            reason = f"stands in the operator's own list, at {place}"
            raise BadInput(named, reason, "that line to be removed by hand")
        raise NotFound(named, "is not followed")

    def _save(self) -> None:
        save_runtime(self._loaded.follows_path, self._own.values())

    def _operators(self) -> Iterator[tuple[Follow, str]]:
        """The operator's follows and where each stands."""
        config, path = self._loaded.config, self._loaded.path
        lines = self._loaded.follow_lines
        for index, follow in enumerate(config.follow):
            line = lines[index] if index < len(lines) else 0
            yield follow, f"{path}:{line}" if line else f"follow[{index}] of {path}"
        for file in config.follow_files:
            parsed = parse_follow_file(file.name, read_text(file), http=self._http)
            for problem in parsed.problems:
                log.warning("%s", problem)
            for follow, line in zip(parsed.follows, parsed.lines, strict=True):
                yield follow, f"{file}:{line}"

    def _place(self, key: str) -> str | None:
        places = (at for follow, at in self._operators() if same_actor_key(follow.actor) == key)
        return next(places, None)
