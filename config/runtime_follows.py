"""`follows.yaml`, the program's own file: follows that were added while it ran.

It never touches the operator's configuration. Invariant: at any moment, also after a crash, the
file holds either all of the old follows or all of the new ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import StoreError
from .load import read_text
from .model import Every, Follow
from .parse import parse_follow
from .problems import ConfigError, Problem
from .units import format_duration
from .yaml_text import read_yaml, write_yaml

_HEADER = """\
# Follows that were added with `fedpull follow`, `fedpull import` or the API.
# Fedpull rewrites this file; comments are lost. Lasting ones belong into the configuration.
"""
# Whom one follows is nobody else's business.
_MODE = 0o600


def load_runtime(path: Path, *, http: bool = False) -> tuple[Follow, ...]:
    """The follows of the file, none when it is not there; ConfigError names all that is wrong."""
    if not path.exists():
        return ()
    found = read_yaml(path.name, read_text(path))
    value = {} if found.value is None else found.value
    entries = value.get("follow") if isinstance(value, dict) else None
    problems = list(found.problems)
    if value and not (isinstance(value, dict) and value.keys() == {"follow"}):
        problems.append(Problem(path.name, "holds something else", "one key, `follow`"))
    elif entries is not None and not isinstance(entries, list):
        problems.append(Problem("follow", "is not a list", "a list of follows"))
    follows: list[Follow] = []
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        try:
            follows.append(parse_follow(entry, http=http))
        except ConfigError as error:
            where = f"follow[{position}]"
            problems += [
                replace(p, path=f"{where}.{p.path}" if p.path else where) for p in error.errors
            ]
    if problems:
        raise ConfigError([_within(path.name, problem) for problem in problems])
    return tuple(follows)


def _within(name: str, problem: Problem) -> Problem:
    return problem if problem.path == name else replace(problem, path=f"{name}: {problem.path}")


def save_runtime(path: Path, follows: Iterable[Follow]) -> None:
    """Replace the file's follows; StoreError when that cannot be made to last."""
    text = _HEADER + write_yaml({"follow": [to_entry(follow) for follow in follows]})
    # One name, so that a crash leaves at most one such file, which the next save overwrites.
    new = path.with_name(f".{path.name}.new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a crash can bring the old name back
        finally:
            os.close(folder)
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise StoreError(str(path), reason, "a folder that Fedpull may write to") from error


def to_entry(follow: Follow) -> str | dict[str, object]:
    """A follow as an entry of the YAML: what is not the default, just the actor if nothing is."""
    plain = Follow.model_construct(actor=follow.actor)
    entry: dict[str, object] = {
        name: _written(value)
        for name, value in follow
        if name == "actor" or value != getattr(plain, name)
    }
    return entry if len(entry) > 1 else follow.actor


def _written(value: object) -> object:
    if isinstance(value, Every):
        return {name: format_duration(bound) for name, bound in value}
    return list(value) if isinstance(value, tuple) else value
