"""Whether it is our own network that is out: nobody answers, whoever is asked. It asks nobody.

A single host that is silent is that host's business. Invariants: the word of fewer than five hosts
never counts; what is remembered is bounded.
"""

from __future__ import annotations

from collections import Counter

from .answer import FailureKind, FetchFailed

_HOSTS = 5
_REQUESTS = 20
# What says something about the way to others, and not about what they answer.
_ON_THE_WAY: frozenset[FailureKind] = frozenset({"name", "connect", "tls", "timeout"})


class Outage:
    """On the loop's thread."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._kinds: Counter[FailureKind] = Counter()

    def heard(self) -> None:
        """Somebody has answered."""
        if self._kinds:
            self._hosts.clear()
            self._kinds.clear()

    def failed(self, error: FetchFailed) -> None:
        """A request was lost."""
        if any(hop.status is not None for hop in error.hops):
            self.heard()
        elif error.kind in _ON_THE_WAY and error.hops:
            self._kinds[error.kind] += 1
            if len(self._hosts) < _HOSTS:
                self._hosts.add(error.hops[0].host)

    def doubts(self) -> tuple[str, ...]:
        """What an operator is told in the status and at /readyz."""
        lost = self._kinds.total()
        if lost < _REQUESTS or len(self._hosts) < _HOSTS:
            return ()
        kind = self._kinds.most_common(1)[0][0]
        silent = f"nobody has answered the last {lost} requests (mostly: {kind})"
        return (f"network: {silent}: expected a way to the Internet; see `fedpull doctor`",)
