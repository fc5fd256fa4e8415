"""What has changed between two readings of the configuration, and what of it a process can take up.

Pure. Invariant: what cannot be taken up while the process runs stays as it was, and has a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .model import Config, Section

# What is built once and used by everything (the store, the listeners, the door, who we are), and
# what the store's plans were made with, needs a new process.
_AT_ONCE = frozenset(
    {
        *("follow", "follow_files", "blocklists", "log.level", "log.format"),
        *("politeness.concurrency", "politeness.gap", "politeness.pages"),
        *("politeness.robots", "politeness.robots_allow"),
    }
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys as they are written, `politeness.gap`; `config` has those that are `taken`."""

    config: Config
    taken: tuple[str, ...]
    left: tuple[str, ...]  # take effect after a restart


def changes(running: Config, written: Config) -> Changes:
    """Between the configuration that is in force and the one that is written now."""
    changed = _changed(running, written)
    left = [key for key in changed if key not in _AT_ONCE]
    old, new = running.politeness.robots, written.politeness.robots
    if old != new and "off" in (old, new):  # what asks for robots.txt is there, or it is not
        left.append("politeness.robots")
    taken = tuple(key for key in changed if key not in left)
    return Changes(_with(running, written, taken), taken, tuple(left))


def _changed(old: Config, new: Config) -> list[str]:
    keys: list[str] = []
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, Section) and isinstance(after, Section):
            parts = type(before).model_fields
            differ = (part for part in parts if getattr(before, part) != getattr(after, part))
            keys += [f"{name}.{part}" for part in differ]
        elif before != after:
            keys.append(name)
    return keys


def _with(running: Config, written: Config, taken: tuple[str, ...]) -> Config:
    update: dict[str, Any] = {}
    for key in taken:
        name, _, part = key.partition(".")
        if part:
            section = update.get(name) or getattr(running, name)
            value = getattr(getattr(written, name), part)
            update[name] = section.model_copy(update={part: value})
        else:
            update[name] = getattr(written, name)
    return running.model_copy(update=update)
