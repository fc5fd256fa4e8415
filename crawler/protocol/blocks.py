"""Which domains are blocked, and how much of them: rules in force, their match, their difference.

Values only: it reads no list (`blocklist` does) and asks nobody. A rule covers its domain and all
below it. Invariants: of all rules that cover a host the strictest holds, so that no list can open
what another has closed; a look-up costs one dictionary access for each label of the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

Severity = Literal["silence", "suspend"]
_MOST_KNOWN = 10_000
_RANK: Mapping[Severity | None, int] = {None: 0, "silence": 1, "suspend": 2}


@dataclass(frozen=True, slots=True)
class Blocks:
    """The rules of all lists together, by domain."""

    rules: Mapping[str, Severity] = field(default_factory=dict)
    # Our own host: a list that others have made may name it, or what it is below.
    spared: str = ""
    # Ten thousand ids of one host in a row are one look-up.
    _known: dict[str, Severity | None] = field(default_factory=dict, compare=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rules)

    def severity(self, host: str) -> Severity | None:
        """The strictest rule that covers a host (in its one spelling); None: none does."""
        try:
            return self._known[host]
        except KeyError:
            if len(self._known) >= _MOST_KNOWN:  # a hostile host mints names
                self._known.clear()
            found = self._known[host] = self._severity(host)
            return found

    def _severity(self, host: str) -> Severity | None:
        found: Severity | None = None
        if host == self.spared:
            return None
        for domain in suffixes(host):
            rule = self.rules.get(domain)
            if rule == "suspend":
                return rule
            found = rule or found
        return found

    def suspends(self, host: str) -> bool:
        return self.severity(host) == "suspend"

    @property
    def digest(self) -> str:
        """Equal for equal rules: by it a store knows which ones were carried out."""
        lines = "\n".join(f"{domain} {self.rules[domain]}" for domain in sorted(self.rules))
        return blake2b(lines.encode(), digest_size=16).hexdigest()


def suffixes(host: str) -> Iterator[str]:
    """A host, and every domain that it is below. An address is below nothing."""
    yield host
    if host.rpartition(".")[2].isdigit():
        return
    at = host.find(".")
    while at >= 0:
        yield host[at + 1 :]
        at = host.find(".", at + 1)


def stricter(one: Severity | None, other: Severity | None) -> Severity | None:
    return one if _RANK[one] >= _RANK[other] else other


@dataclass(frozen=True, slots=True)
class Difference:
    """What would change if other rules came into force."""

    added: tuple[tuple[str, Severity], ...] = ()
    removed: tuple[tuple[str, Severity], ...] = ()
    changed: tuple[tuple[str, Severity, Severity], ...] = ()  # domain, was, will be


def difference(now: Blocks, then: Blocks) -> Difference:
    """Rule by rule, in the order of the domains."""
    was, will = now.rules, then.rules
    return Difference(
        tuple((one, will[one]) for one in sorted(will.keys() - was.keys())),
        tuple((one, was[one]) for one in sorted(was.keys() - will.keys())),
        tuple(
            (one, was[one], will[one])
            for one in sorted(was.keys() & will.keys())
            if was[one] != will[one]
        ),
    )
