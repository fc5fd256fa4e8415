"""Which actors are followed: the operator's file, the files that it names, and our own list.

Reads and writes the lists; what a follow does is `follows`. The operator's file is never rewritten:
what is added at run time stands in `follows.yaml` beside it, which is written whole and atomically.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..config.follow_files import parse_follow_file
from ..config.load import Loaded
from ..config.model import Follow
from ..config.parse import parse_follow
from ..config.runtime_follows import load_runtime, save_runtime
from ..errors import BadInput, NotFound
from .protocol.handle import parse_actor

log = logging.getLogger(__name__)


class FollowList:
    """The configured follows; the operator's come first and win."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._path: Path = loaded.follows_path
        self._own = {follow.actor: follow for follow in load_runtime(self._path)}

    def all(self) -> list[Follow]:
        """Every follow, once."""
        found = {follow.actor: follow for follow in self._operators()}
        return list({**self._own, **found}.values())

    def add(self, entry: str | Mapping[str, Any]) -> Follow:
        """Add an entry to `follows.yaml`; BadInput names what is wrong with it."""
        follow = parse_follow(entry)
        if any(follow.actor == known.actor for known in self._operators()):
            raise BadInput(follow.actor, f"is followed already, in {self._loaded.path}")
        self._own[follow.actor] = follow
        self._save()
        return follow

    def remove(self, actor: str) -> str:
        """Remove an entry of `follows.yaml`; the key that it had."""
        key = str(parse_actor(actor))
        if key in self._own:
            del self._own[key]
            self._save()
            return key
        place = self._place(key)
        if place is not None:
            raise BadInput(
                key, f"stands in the operator's own list ({place})", "it to be removed there"
            )
        raise NotFound(key, "is not followed")

    def _save(self) -> None:
        save_runtime(self._path, tuple(self._own.values()))

    def _operators(self) -> Iterator[Follow]:
        yield from self._loaded.config.follow
        for path in self._loaded.config.follow_files:
            yield from self._file(path)

    def _file(self, path: Path) -> Iterator[Follow]:
        parsed = parse_follow_file(path.name, path.read_text("utf-8-sig"))
        for problem in parsed.problems:
            log.warning("%s", problem)
        yield from parsed.follows

    def _place(self, key: str) -> str | None:
        for index, follow in enumerate(self._loaded.config.follow):
            if follow.actor == key:
                return f"follow[{index}] of {self._loaded.path}"
        for path in self._loaded.config.follow_files:
            if any(follow.actor == key for follow in self._file(path)):
                return str(path)
        return None
