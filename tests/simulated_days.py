"""Simulated days: the real composition and the simulated Fediverse on one stepping clock.

`python simulated_days.py FOLDER SCENARIO` lives through the scenario (JSON), in a process of its
own because a process has one reactor, and prints what was asked and what was found, as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulated_report import Asked, Happened, found, report
from simulated_world import Happening, Scenario, group, happenings, rates
from stepping import Stepper, SteppingClock

from fedpull.cache import writer
from fedpull.cache.views import Change
from fedpull.config.load import load
from fedpull.daemon import _in_reactor, build
from fedpull.tests.fediverse.families import ALL, BY_NAME
from fedpull.tests.fediverse.model import Account, Post
from fedpull.tests.fediverse.world import Fediverse

START = 1_790_000_000.0
DAY = 86_400.0
_HARVEST = 3_600.0


class World:
    """The Fediverse of a scenario, and what happened in it."""

    def __init__(self, scenario: Scenario, clock: SteppingClock) -> None:
        self.scenario = scenario
        self._clock = clock
        self._at = START - 40 * DAY  # of the account's life before the crawl
        families = [BY_NAME[name] for name in scenario.families] or list(ALL)
        servers = [
            families[n % len(families)](f"{families[n % len(families)].family}-{n}.example")
            for n in range(scenario.hosts)
        ]
        self.fediverse = Fediverse(servers, clock=self.now)
        self.accounts: list[Account] = [
            servers[n % scenario.hosts].add_account(f"user{n}") for n in range(scenario.actors)
        ]
        self.rates = rates(scenario)
        self.happened: list[Happened] = []
        self.asked: list[Asked] = []
        self._posts: list[list[Post]] = [[] for _ in self.accounts]
        plan = happenings(scenario)
        for one in plan:
            if one.at <= 0:
                self._at = START + one.at * DAY
                self._do(one)
        self._at = START
        self._ahead = [one for one in plan if one.at > 0]

    def now(self) -> float:
        return max(self._at, self._clock.true())

    def start(self) -> None:
        """From now on everything happens at its time."""
        for one in self._ahead:
            self._clock.call_later(one.at * DAY, lambda one=one: self._do(one))  # type: ignore[misc]
        for at, days, host in self.scenario.outages:
            name = list(self.fediverse.servers)[host]
            self._clock.call_later(at * DAY, lambda name=name: self.fediverse.down(name))  # type: ignore[misc]
            self._clock.call_later(
                (at + days) * DAY,
                lambda name=name: self.fediverse.up(name),  # type: ignore[misc]
            )

    def harvest(self) -> None:
        """Take in what was asked since the last time; the log keeps every header otherwise."""
        for one in self.fediverse.log.entries:
            self.asked.append(Asked(one.at, one.host, one.target, one.status))
        self.fediverse.log.clear()

    def _do(self, one: Happening) -> None:
        account, posts = self.accounts[one.actor], self._posts[one.actor]
        if one.verb == "post":
            post = account.post(f"Post {one.post} of {account.user}.", published=self.now())
            posts.append(post)
        elif posts[one.post].deleted is not None:
            return
        else:
            post = posts[one.post]
            # What an outbox never showed cannot be found.
            if post.id not in account.server.public_objects(account):
                return
            if one.verb == "edit":
                account.edit(post, f"{post.text} Edited {int(self.now())}.")
            else:
                account.delete(post)
        if one.at > 0 and (one.verb != "post" or post.id in account.server.public_objects(account)):
            self.happened.append(
                Happened(
                    at=self.now(),
                    verb=one.verb,
                    id=post.id,
                    posted=post.published,
                    group=group(self.rates[one.actor]),
                    family=account.server.family,
                    text=post.text,
                )
            )

    def pages(self) -> dict[str, set[str]]:
        """By host: the paths of what are collection pages."""
        found: dict[str, set[str]] = {}
        for account in self.accounts:
            path = account.outbox_url.removeprefix(account.server.base)
            found.setdefault(account.server.host, set()).add(path)
        return found


class Life:
    """One scenario, lived through."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = SteppingClock(START)
        self.world = World(scenario, self.clock)
        self.changes: list[tuple[float, Change]] = []
        self._file = folder / "fedpull.yaml"

    def configure(self) -> None:
        scenario = self.scenario
        config = self.world.fediverse.config(
            politeness={"gap": f"{scenario.gap:g}s", "pages": f"{scenario.pages}/15m"},
            freshness={"budget": f"{scenario.budget}/h"},
            store={"path": "data", "max_bytes": "2GiB"},
            follow=[account.handle for account in self.world.accounts],
        )
        self._file.write_text(json.dumps(config), "utf-8")

    async def live(self) -> dict[str, Any]:
        began = time.monotonic()
        scenario = self.scenario
        with self.world.fediverse:
            self.configure()
            self.world.start()
            end = START + scenario.days * DAY
            at = START
            for down, days in sorted(scenario.down):
                at = await self._up(at, START + down * DAY)
                self.clock.step(at)
                while self.clock.step(at + days * DAY):
                    pass
                at += days * DAY
            await self._up(at, end, scenario.linger * DAY)
        world = self.world
        told = report(scenario, START, world.asked, world.happened, self.changes, world.pages())
        return {**told, "seconds": round(time.monotonic() - began, 1)}

    async def _up(self, since: float, until: float, linger: float = 0.0) -> float:
        """The daemon runs from one time to another, and on until all is found."""
        loaded = load(self._file, environ={}, data_home=self._file.parent)
        daemon = build(loaded, self.clock)
        daemon.works.opened.store.on_change(self._changed)
        await daemon.start(api=False)
        stepper = Stepper(self.clock, daemon.works)
        try:
            await self._run(stepper, since, until)
            while linger > 0 and found(self.world.happened, self.changes)[1]:
                linger -= DAY
                until += DAY
                await stepper.run(until)
                self.world.harvest()
        finally:
            await daemon.stop()
            self.world.harvest()
        return until

    async def _run(self, stepper: Stepper, since: float, until: float) -> None:
        jumps = sorted((START + at * DAY, by * DAY) for at, by in self.scenario.jumps)
        ahead = [jump for jump in jumps if since <= jump[0] < until]
        for at, by in [*ahead, (until, 0.0)]:
            while self.clock.true() < at:
                await stepper.run(min(at, self.clock.true() + _HARVEST))
                self.world.harvest()
            self.clock.jump(by)

    def _changed(self, changes: Sequence[Change]) -> None:
        """On the writer's thread; the time stands still meanwhile."""
        now = self.clock.true()
        self.changes.extend((now, change) for change in changes)


def main() -> None:
    writer._LINGER = 0.0  # nobody else will come while the time stands still
    folder, scenario = Path(sys.argv[1]), Scenario(**json.loads(sys.argv[2]))
    life = Life(folder, scenario)
    told = _in_reactor(life.live)
    print(json.dumps({"scenario": dataclasses.asdict(scenario), **told}))


if __name__ == "__main__":
    main()
