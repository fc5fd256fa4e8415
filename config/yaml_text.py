"""YAML text to plain values and back; the one module that imports `yaml`.

It is read by the core rules of version 1.2, not 1.1: `on`, `no`, `22:30`, `017` and `1e3` are text,
so that nothing an operator writes becomes a switch, a number of minutes or an octal number. What a
value may be is not decided here. Invariant: reading costs no more than the text is long, whatever
its aliases, and what YAML only lets pass (a key twice, a tag) is a problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from .problems import ConfigError, Problem, at


@dataclass(frozen=True, slots=True)
class Yaml:
    """What a YAML text holds, what is wrong with it as YAML, and where `follow` entries begin."""

    value: object
    problems: tuple[Problem, ...]
    follow_lines: tuple[int, ...]


_KINDS = {
    "tag:yaml.org,2002:null": re.compile(r"~|null|Null|NULL|"),
    "tag:yaml.org,2002:bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    # No leading zeros (017 was octal once), and no more digits than a number of ours can have.
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})"),
    "tag:yaml.org,2002:float": re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}"),
}
_TEXT = "tag:yaml.org,2002:str"


def _resolvers() -> dict[Any, list[tuple[str, re.Pattern[str]]]]:
    return {None: [(tag, re.compile(f"(?:{form.pattern})$")) for tag, form in _KINDS.items()]}


# libyaml is ten times quicker, and `follows.yaml` may hold thousands of lines.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes only; the values are made by _Values, by the rules above."""

    yaml_implicit_resolvers = _resolvers()


def read_yaml(name: str, text: str) -> Yaml:
    """The value of a YAML text; ConfigError where it is no YAML, with line and column."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise ConfigError([_syntax(name, text, error)]) from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = "is not YAML, or nested too deeply"
        raise ConfigError([Problem(name, reason, "a mapping of settings")]) from error
    values = _Values(name)
    value = values.of(node, ()) if node is not None else None
    return Yaml(value, tuple(values.problems), _follow_lines(node))


def write_yaml(value: object) -> str:
    """YAML that `read_yaml` reads back to the same value."""
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=100)


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


class _Values:
    """Makes values of nodes, and collects what YAML lets pass and a configuration must not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        # By node: an alias is one value however often it is named, so that a handful of lines
        # cannot grow into gigabytes. None while the node is being made: then it holds itself.
        self._made: dict[int, Any] = {}

    def of(self, node: yaml.Node, path: tuple[int | str, ...]) -> Any:
        if id(node) in self._made:
            if (made := self._made[id(node)]) is self:
                self._problem(path, "refers to itself", "a value")
                return None
            return made
        self._made[id(node)] = self
        self._made[id(node)] = value = self._new(node, path)
        return value

    def _new(self, node: yaml.Node, path: tuple[int | str, ...]) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
            return [self.of(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            kind = _KINDS.get(node.tag)
            if node.tag == _TEXT or (kind and kind.fullmatch(node.value)):
                return _scalar(node.tag, node.value)
        self._problem(path, f"has the tag {node.tag!r}", "a value without a tag")
        return None

    def _mapping(self, node: yaml.MappingNode, path: tuple[int | str, ...]) -> dict[str, Any]:
        value: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(path, f"has a key on line {line} that is no word", "names as keys")
                continue
            key = str(key_node.value)
            if key in value:
                reason = f"stands there twice, on lines {lines[key]} and {line}"
                self._problem((*path, key), reason, "each key once")
                continue
            lines[key] = line
            value[key] = self.of(value_node, (*path, key))
        return value

    def _problem(self, path: tuple[int | str, ...], reason: str, expected: str) -> None:
        self.problems.append(Problem(at(path) or self.name, reason, expected))


def _scalar(tag: str, text: str) -> object:
    match tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
    return text


def _follow_lines(node: yaml.Node | None) -> tuple[int, ...]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == "follow" and isinstance(value, yaml.SequenceNode):
            return tuple(item.start_mark.line + 1 for item in value.value)
    return ()
