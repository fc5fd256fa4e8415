"""What a robots.txt says to us, by RFC 9309: its lines that are for Fedpull, and what they allow.

It fetches nothing and knows no hosts. Of a file only the group that binds us is kept, as it was
written, so that a verdict can name its line. Invariants: no bytes make the parser raise; parsing
and judging take time in proportion to their input, whatever patterns it holds.

    group:   all that name our token; else all that name `*`; else everything is allowed
    match:   the longest pattern wins, `Allow` among equals; `*` is anything, a last `$` the end
    escapes: %61 and a are one, %2F and / are two; `*` and `$` in a URL are %2A and %24 in a pattern
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from .record import record
from .uri import shown

TOKEN = "fedpull"  # the product token of our User-Agent, in lower case
# RFC 9309 section 2.5: at least that much must be parsed; nobody has more to say to us.
MAX_BYTES = 500 * 1024

# `Crawl-delay` is in no RFC; GoToSocial, WordPress plugins and many others write it. Of what ends a
# list of agents it counts as a rule: `User-agent: *`, a delay and then a bad bot's group are two.
_LINE = re.compile(
    r"^[ \t]*(user[- ]?agent|allow|disallow|crawl-delay)[ \t]*:([^#\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_TOKEN = re.compile(r"[A-Za-z_-]+")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})|([^\x21-\x7e])", re.DOTALL)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_STARS = re.compile(r"\*{2,}")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{0,9})?")
# Three times the longest URL: what matches one cannot be longer.
_LONGEST = 3 * 2048
# Files in the wild have a few dozen patterns with `*`; each star costs a search in the URL.
_MOST_STARS = 2_000
# What is kept is compiled again whenever it is looked up, while all else waits: 250,000 is 5,000
# rules of common length and some 20 ms. What is beyond counts as one rule for everything.
_MOST_WORK = 250_000
_WORK_OF_A_RULE = 30


class Ruling(NamedTuple):
    """Whether a URL may be asked for, and the line that says so; empty where none does."""

    allowed: bool
    line: str = ""


class _Rule(NamedTuple):
    length: int
    allow: bool
    head: str  # before the first `*`
    parts: tuple[str, ...]  # behind each `*`
    ends: bool  # with `$`
    line: str

    def matches(self, target: str) -> bool:
        if not target.startswith(self.head):
            return False
        if not self.parts:
            return not self.ends or len(target) == len(self.head)
        at = len(self.head)
        for part in self.parts[:-1]:
            at = target.find(part, at)
            if at < 0:
                return False
            at += len(part)
        last = self.parts[-1]
        if self.ends:
            return len(target) - len(last) >= at and target.endswith(last)
        return target.find(last, at) >= 0


@record(frozen=True, slots=True)
class Rules:
    """The group of a file that binds us. `agent` is whom it names: our token, `*`, or nobody."""

    agent: str = ""
    lines: tuple[str, ...] = ()  # "Disallow: /users/", as written
    delay: float | None = None
    _sorted: tuple[_Rule, ...] = field(default=(), compare=False, repr=False)

    def judge(self, target: str) -> Ruling:
        """What the rules say of the path and query of a URL."""
        if target == "/robots.txt":  # RFC 9309 section 2.2.2
            return Ruling(True)
        target = _octets(target).replace("*", "%2A").replace("$", "%24")
        for rule in self._sorted:
            if rule.matches(target):
                return Ruling(rule.allow, f"{shown(rule.line)} (User-agent: {self.agent})")
        return Ruling(True)


@dataclass(slots=True)
class _Group:
    named: bool = False
    lines: list[str] = field(default_factory=list)
    delay: float | None = None

    def add(self, key: str, value: str) -> None:
        if key == "crawl-delay":
            number = _NUMBER.match(value)
            if number is not None:
                self.delay = max(float(number[0]), self.delay or 0.0)
        elif value and len(value) <= _LONGEST:  # an empty pattern matches nothing
            self.lines.append(f"{key.capitalize()}: {value}")


def parse(body: bytes) -> Rules:
    """The rules for us in a robots.txt, or in what was served as one."""
    ours, anyone = _Group(), _Group()
    open_groups: list[_Group] = []
    naming = False
    for found in _LINE.finditer(_text(body)):
        key, value = found[1].lower(), found[2].strip()
        if not key.startswith("user"):
            naming = False
            for group in open_groups:
                group.add(key, value)
            continue
        if not naming:
            open_groups = []
        naming = True
        names = _named(value, ours, anyone)
        if names is not None:
            names.named = True
            if not any(group is names for group in open_groups):
                open_groups.append(names)
    chosen, agent = (ours, TOKEN) if ours.named else (anyone, "*")
    if not chosen.named:
        return Rules()
    return rules(agent, chosen.lines, chosen.delay)


def rules(agent: str, lines: list[str], delay: float | None) -> Rules:
    """The rules that these lines are, as `parse` found them or as they were kept."""
    kept: list[str] = []
    compiled, stars, work = [], 0, 0
    for line in dict.fromkeys(lines):
        cost = len(line) + _WORK_OF_A_RULE
        if work + cost > _MOST_WORK:
            if line.startswith("Allow"):
                continue
            # Too many to tell them apart: as far as can be told, more is meant to be forbidden.
            kept.append(line)
            compiled.append(_Rule(1, False, "/", (), False, line))
            break
        work += cost
        rule = _compile(line)
        kept.append(line)
        stars += len(rule.parts)
        if rule.parts and stars > _MOST_STARS:
            if rule.allow:
                continue
            # Too many to search for: the same.
            rule = rule._replace(parts=(), ends=False)
        compiled.append(rule)
    compiled.sort(key=lambda rule: (-rule.length, not rule.allow))
    return Rules(agent, tuple(kept), delay, tuple(compiled))


def _text(body: bytes) -> str:
    """Latin-1, so that each octet is a character: what is compared are octets."""
    text = body[:MAX_BYTES].removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    return text.replace("\r", "\n") if "\r" in text else text


def _named(value: str, ours: _Group, anyone: _Group) -> _Group | None:
    if value[:1] == "*" and not value[1:2].strip():
        return anyone
    token = _TOKEN.match(value)
    return ours if token is not None and token[0].lower() == TOKEN else None


def _compile(line: str) -> _Rule:
    key, _, pattern = line.partition(": ")
    ends = pattern.endswith("$")
    plain = _octets(pattern[:-1] if ends else pattern)
    if "$" in plain:
        plain = plain.replace("$", "%24")
    head, parts = plain, list[str]()
    if "*" in plain:
        head, *parts = _STARS.sub("*", plain).split("*")
    return _Rule(len(plain) + ends, key == "Allow", head, tuple(parts), ends, line)


def _octets(text: str) -> str:
    """One spelling of a path: what need not be escaped is not, what must be is."""
    return _ESCAPED.sub(_octet, text) if _ESCAPED.search(text) else text


def _octet(found: re.Match[str]) -> str:
    if found[1] is None:
        return "".join(f"%{octet:02X}" for octet in found[2].encode("latin-1", "replace"))
    octet = int(found[1], 16)
    return chr(octet) if octet in _UNRESERVED else f"%{octet:02X}"
