"""A configuration that was read anew, put in force on what runs: follows, politeness, blocklists.

What can be taken up at all is `config.changes`'s to say; the log's level is its owner's. Invariant:
nothing changes unless all that is named could be read: the file, its lists of follows, its
blocklists.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace

from ..config.blocklist_files import read_blocklists
from ..config.changes import Changes, changes
from ..config.load import Loaded
from .followed import FollowList
from .works import Works, politeness

log = logging.getLogger(__name__)


async def take_up(works: Works, fresh: Loaded) -> Changes:
    """Put in force what can be; ConfigError, and all as it was, where something cannot be read."""
    found = changes(works.loaded.config, fresh.config)
    loaded = replace(works.loaded, config=found.config, follow_lines=fresh.follow_lines)
    await asyncio.to_thread(lambda: FollowList(loaded).all())
    await asyncio.to_thread(read_blocklists, found.config.blocklists)
    works.loaded = works.moderation.loaded = loaded
    works.followed = FollowList(loaded)  # read once more: somebody may have added one meanwhile
    works.left = found.left
    await works.moderation.reload()
    await _be_polite(works, found.taken)
    await _follow(works)
    _tell(found)
    return found


async def _be_polite(works: Works, taken: Iterable[str]) -> None:
    """For every turn from now on; what is under way ends as it began."""
    config = works.loaded.config
    if any(key.startswith("politeness.") for key in taken):
        await asyncio.wrap_future(works.opened.frontier.be_polite(politeness(config)))
        works.scope = replace(works.scope, mode=config.politeness.robots)
        if works.gate is not None:
            works.gate.exempt(config.politeness.robots_allow)
        works.dispatcher.poke()


async def _follow(works: Works) -> None:
    """Bring what is followed in line, as a start does."""
    configured = works.moderation.strike(works.followed.all())
    before = {rules.actor: rules for rules in works.follows.configured}
    after = {rules.actor: rules for rules in configured}
    if before == after:
        return
    subscriptions = None if works.presence is None else works.presence.subscriptions
    if subscriptions is not None:
        await subscriptions.align(configured)
    for key in before.keys() - after.keys():
        if subscriptions is not None:
            await subscriptions.remove(key)
        await works.follows.remove(key)
    configured = works.moderation.strike(works.followed.all())  # as above
    await works.follows.start(configured, queue=True)
    if subscriptions is not None:
        await subscriptions.start(configured)
    added, gone = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    changed = sum(before[key] != after[key] for key in before.keys() & after.keys())
    log.info("follows: %d are new, %d are gone, %d have changed", added, gone, changed)


def _tell(found: Changes) -> None:
    if found.taken:
        log.info("configuration: taken up: %s", ", ".join(found.taken))
    if found.left:
        log.warning("configuration: after a restart only: %s", ", ".join(found.left))
