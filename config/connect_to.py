"""Where connections really go: `network.connect_to`, as curl's --connect-to. Values only.

It resolves and connects nothing. Invariant: the most specific pattern wins, whatever the order of
the file, so that adding `*:443` never takes a host away from its own line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

from ..errors import BadInput
from .problems import ConfigError, Problem, at
from .units import shown

A_PATTERN = '"host:443", "*.example:443" or "*:443"'
A_TARGET = '"127.0.0.1:9443", "[::1]:9443" or "name:port"'

_LABELS = r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?"
_PATTERN = re.compile(rf"(\*|(?:\*\.)?{_LABELS}|\[[0-9a-f:.]+\]):([0-9]{{1,5}})")
_TARGET = re.compile(rf"({_LABELS}|\[[0-9a-f:.]+\]):([0-9]{{1,5}})")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: connections for `host` (exact, `*.suffix` or `*`) and `port` go to `target`."""

    host: str
    port: int
    target: tuple[str, int]

    @property
    def rank(self) -> tuple[bool, int]:
        """Sorts exact names first, then the longer suffix: `*.b.example` before `*.example`."""
        return self.host.startswith("*"), -len(self.host)

    def matches(self, host: str, port: int) -> bool:
        if port != self.port:
            return False
        return self.host in ("*", host) or (self.host[:1] == "*" and host.endswith(self.host[1:]))


def parse_rules(mapping: Mapping[Any, Any]) -> tuple[Rule, ...]:
    """The rules of the mapping, most specific first; a ConfigError names every bad line."""
    rules: dict[tuple[str, int], Rule] = {}
    problems: list[Problem] = []
    for pattern, target in mapping.items():
        try:
            key = _endpoint(_PATTERN, pattern, "", A_PATTERN)
            if key in rules:
                raise BadInput("", "stands there twice", "each host and port once")
            rules[key] = Rule(*key, _endpoint(_TARGET, target, shown(target), A_TARGET))
        except BadInput as error:
            reason = f"{error.subject} {error.reason}".strip()
            problems.append(Problem(at([str(pattern)]), reason, error.expected))
    if problems:
        raise ConfigError(problems)
    return tuple(sorted(rules.values(), key=lambda rule: rule.rank))


def target_of(rules: tuple[Rule, ...], host: str, port: int) -> tuple[str, int] | None:
    """Where a connection for this host and port goes, or None when it goes where it says."""
    name = host.strip("[]").rstrip(".").lower()
    return next((rule.target for rule in rules if rule.matches(name, port)), None)


def _endpoint(grammar: re.Pattern[str], value: object, subject: str, form: str) -> tuple[str, int]:
    refusal = BadInput(subject, "is not a host and a port", form)
    match = grammar.fullmatch(value.lower()) if isinstance(value, str) else None
    if match is None or not 0 < int(match[2]) < 65_536:
        raise refusal
    host = match[1]
    if host.startswith("["):
        try:
            host = str(IPv6Address(host[1:-1]))
        except ValueError as error:
            raise refusal from error
    return host, int(match[2])
