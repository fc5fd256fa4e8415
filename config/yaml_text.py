"""YAML text to plain values and back; the one module that imports `yaml`.

It is read by the core rules of version 1.2, not 1.1: `on`, `no`, `22:30`, `017` and `1e3` are text,
so that nothing an operator writes becomes a switch, a number of minutes or an octal number. What a
value may be is not decided here. Invariant: reading costs no more than the text is long, whatever
its aliases, and what YAML only lets pass (a key twice, a tag) is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .problems import ConfigError, Location, Problem, at

# Our deepest key lies four levels down. libyaml's own composer has no limit and ends the process.
MAX_DEPTH = 20
# libyaml is ten times quicker than Python's parser, and `follows.yaml` may hold thousands of lines.
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
# No leading zeros (017 was octal once), and no more digits than a number of ours can have.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}")


@dataclass(frozen=True, slots=True)
class Yaml:
    """What a YAML text holds, what is wrong with it as YAML, and the lines of lists' entries."""

    value: object
    problems: tuple[Problem, ...]
    lines: Mapping[Location, int]


def read_yaml(name: str, text: str) -> Yaml:
    """The value of a YAML text; ConfigError where it is no YAML, with line and column."""
    reader = _Reader(name, yaml.parse(text, Loader=_PARSER))
    try:
        value = reader.document()
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax(name, text, error)]) from error
    except yaml.YAMLError as error:  # the rest is about characters, and has no line
        reason = "holds characters that no text has"
        raise ConfigError([Problem(name, reason, "YAML")]) from error
    return Yaml(value, tuple(reader.problems), reader.lines)


def write_yaml(value: object) -> str:
    """YAML that `read_yaml` reads back to the same value, if its text is printable."""
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)


class _Reader:
    """Makes values of the parser's events, and collects what a configuration must not hold."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.problems: list[Problem] = []
        self.lines: dict[Location, int] = {}
        self._name = name
        self._events = events
        # An alias is one value however often it is named: nine lines cannot grow to gigabytes.
        self._anchors: dict[str, Any] = {}

    def document(self) -> Any:
        """The value of the one document; None when there is none."""
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), ())
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _error("a second document begins", after)
        return value

    def _value(self, event: Any, path: Location) -> Any:
        if len(path) > MAX_DEPTH:
            raise _error("nested too deeply", event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise _error(f"*{event.anchor} refers to nothing that stands before it", event)
            return self._anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path)
        else:
            value = self._mapping(path)
        if event.tag not in (None, "!"):
            self._problem(path, f"has the tag {event.tag!r}", "a value without a tag")
        if event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _list(self, path: Location) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            inner = (*path, len(values))
            self.lines[inner] = _line(event)
            values.append(self._value(event, inner))
        return values

    def _mapping(self, path: Location) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _error("a key that is no word", event)
            key, line = str(event.value), _line(event)
            value = self._value(next(self._events), (*path, key))
            if key in values:
                reason = f"stands there twice, on lines {lines[key]} and {line}"
                self._problem((*path, key), reason, "each key once")
            lines.setdefault(key, line)
            values.setdefault(key, value)
        return values

    def _problem(self, path: Location, reason: str, expected: str) -> None:
        self.problems.append(Problem(at(path) or self._name, reason, expected))


def _scalar(event: Any) -> object:
    text = str(event.value)
    if not event.implicit[0]:  # in quotes, or a block of text
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _error(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def _syntax(name: str, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    character = lines[line][column : column + 1] if line < len(lines) else ""
    where = f"line {line + 1}, column {column + 1}"
    if "cannot start any token" in (error.problem or ""):
        reason, expected = f"{where}: {character!r} cannot start a value", "quotes around the value"
        if character == "@":
            expected = 'quotes, as in "@alice@example.social"'
        if character == "\t":
            reason, expected = f"{where}: a tab is no indentation", "spaces"
        return Problem(name, reason, expected)
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return Problem(name, f"{where}: is not YAML: {said}", "YAML")
