"""The Moderator port on LMDB: puts the operator's policy in force, and has it carried out.

The rules are in `permission`, `sweep` and `purge`; which ids are let go is `unreferenced`'s.
Invariant: once `enforce` is done, nothing that
the policy refuses comes in; once `sweep` has returned, nothing of it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ..crawler.protocol.policy import Policy
from ..crawler.protocol.quotas import Limits
from . import policy_rows, sweep
from .environment import Environment
from .eviction import Evictor
from .unreferenced import Collector
from .verbs import Swept
from .writer import Writer


class LmdbModerator:
    """See `ports.Moderator`."""

    def __init__(self, environment: Environment, writer: Writer, limits: Limits) -> None:
        self._environment = environment
        self._writer = writer
        self._collector = Collector(environment, writer, limits)
        self._evictor = Evictor(environment, writer)

    def enforce(self, policy: Policy) -> Future[None]:
        return self._writer.enforce(policy)

    def has_forgotten(self, policy: Policy) -> bool:
        return sweep.has_forgotten(self._environment, policy)

    def had_forgotten(self) -> bool:
        return self._environment.read(policy_rows.had_forgotten)

    def is_done(self, policy: Policy) -> bool:
        return sweep.is_done(self._environment, policy)

    def sweep(self, policy: Policy, now: float, stopped: Callable[[], bool]) -> Swept | None:
        return sweep.sweep(self._environment, self._writer, policy, now, stopped)

    def tells(self) -> bool:
        return sweep.tells(self._environment)

    def tidy(self, now: float, stopped: Callable[[], bool]) -> None:
        sweep.tidy(self._environment, self._writer, now, stopped)

    def collect(self, now: float, stopped: Callable[[], bool]) -> int:
        return self._collector.collect(now, stopped)

    def make_room(self, now: float, stopped: Callable[[], bool]) -> int:
        return self._evictor.make_room(now, stopped)
