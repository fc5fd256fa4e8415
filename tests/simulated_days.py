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
from fedpull.tests.fediverse.families.unpaged import StaticSite
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
        self._past: float | None = START - 40 * DAY  # when the accounts were made
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
                self._past = START + one.at * DAY
                self._do(one)
        self._past = None
        self.groups = [self._group(*each) for each in zip(self.accounts, self.rates, strict=True)]
        self._ahead = [one for one in plan if one.at > 0]

    def now(self) -> float:
        return self._clock.true() if self._past is None else self._past

    def _group(self, account: Account, rate: float) -> str:
        """How often an account posts, in a word; its outbox may not show it."""
        shown = account.server.public_objects(account)
        return group(rate) if shown or not account.posts else "hidden"

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
        if self.asked:
            day = (self.asked[-1].at - START) / DAY
            print(f"day {day:.1f}: {len(self.asked)} requests", end="\r", file=sys.stderr)

    def _do(self, one: Happening) -> None:
        account, posts = self.accounts[one.actor], self._posts[one.actor]
        if one.verb == "post":
            post = account.post(f"Post {one.post} of {account.user}.", published=self.now())
            posts.append(post)
        elif posts[one.post].deleted is not None:
            return
        else:
            post = posts[one.post]
            # What an outbox does not show is not there to be found.
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
                    group=self.groups[one.actor],
                )
            )

    def shown(self) -> set[str]:
        """What the outboxes offer now."""
        accounts = self.accounts
        return set().union(*(account.server.public_objects(account) for account in accounts))

    def follows(self) -> list[str]:
        """By handle; a site of static files tells WebFinger of one account only."""
        return [
            account.actor_id if isinstance(account.server, StaticSite) else account.handle
            for account in self.accounts
        ]

    def outboxes(self) -> dict[tuple[str, str], str]:
        """By host and path: how often its account posts."""
        return {
            (account.server.host, account.outbox_url.removeprefix(account.server.base)): name
            for account, name in zip(self.accounts, self.groups, strict=True)
        }


class Life:
    """One scenario, lived through."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = SteppingClock(START)
        self.world = World(scenario, self.clock)
        self.changes: list[tuple[float, Change]] = []
        self._file = folder / "fedpull.yaml"
        self._findings: list[str] = []

    def configure(self) -> None:
        scenario = self.scenario
        config = self.world.fediverse.config(
            politeness={"gap": f"{scenario.gap:g}s", "pages": f"{scenario.pages}/15m"},
            freshness={"budget": f"{scenario.budget}/h"},
            store={"path": "data", "max_bytes": "2GiB"},
            follow=self.world.follows(),
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
        told = report(
            scenario,
            START,
            world.asked,
            world.happened,
            self.changes,
            world.outboxes(),
            world.shown(),
        )
        seconds = round(time.monotonic() - began, 1)
        return {**told, "findings": self._findings, "seconds": seconds}

    async def _up(self, since: float, until: float, linger: float = 0.0) -> float:
        """The daemon runs from one time to another, and on until all is found."""
        loaded = load(self._file, environ={}, data_home=self._file.parent)
        daemon = build(loaded, self.clock)
        daemon.works.opened.store.on_change(self._changed)
        await daemon.start(api=False)
        stepper = Stepper(self.clock, daemon.works)
        try:
            await self._run(stepper, since, until)
            while linger > 0 and found(self.world.happened, self.changes, self.world.shown())[1]:
                linger -= DAY
                until += DAY
                await stepper.run(until)
                self.world.harvest()
            self._findings = [str(one) for one in daemon.query.check().findings][:20]
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
