"""Raw values, as YAML or JSON gave them, to a Config or a Follow; all their errors at once.

It reads no file. Invariant: every problem of the value is in the one ConfigError, also those that a
check over several sections finds while an unrelated section is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from ..errors import BadInput
from . import names
from .fields import HTTP, WRITTEN
from .model import DOUBTFUL, Config, Follow
from .problems import ConfigError, Problem, at, problems_of
from .units import shown


def parse_config(raw: object) -> Config:
    """The whole configuration; nothing at all (an empty file) means the defaults."""
    if raw is None:
        return Config()
    if not isinstance(raw, dict):
        raise ConfigError(
            [Problem("", f"{shown(raw)} is not a mapping", "settings as `name: value`")]
        )
    network = raw.get("network")
    http = isinstance(network, dict) and network.get("http") is True
    context = {WRITTEN: True, HTTP: http}
    problems = list(_repeated(raw.get("follow"), http=http))
    try:
        config = Config.model_validate(raw, context=context)
    except ValidationError as error:
        found = [*problems_of(Config, error), *_between_the_good(raw, error, context)]
        problems = [*found, *problems]
        raise ConfigError(problems) from error
    if problems:
        raise ConfigError(problems)
    return config


def parse_follow(entry: object, *, http: bool = False) -> Follow:
    """One entry as in the YAML: text or a mapping. `http` is `network.http`.

    Paths in errors start at the entry.
    """
    try:
        return Follow.model_validate(entry, context={WRITTEN: True, HTTP: http})
    except ValidationError as error:
        raise ConfigError(list(problems_of(Follow, error))) from error


def _between_the_good(
    raw: dict[Any, Any], error: ValidationError, context: dict[str, Any]
) -> Iterator[Problem]:
    """pydantic checks across fields only when all are right: ask again without the wrong ones."""
    wrong = {details["loc"][0] for details in error.errors() if details["loc"]}
    if not wrong:
        return
    rest = {key: value for key, value in raw.items() if key not in wrong}
    try:
        Config.model_validate(rest, context={**context, DOUBTFUL: wrong})
    except ValidationError as second:
        yield from problems_of(Config, second)


def _repeated(follows: object, *, http: bool) -> Iterator[Problem]:
    """Two entries for one actor would contradict each other without a word."""
    first: dict[str, int] = {}
    for position, entry in enumerate(follows if isinstance(follows, list) else ()):
        text = entry.get("actor") if isinstance(entry, dict) else entry
        if not isinstance(text, str):
            continue
        try:
            key = names.same_actor_key(names.actor(text, http=http))
        except BadInput:
            continue  # reported where it stands
        if key in first:
            reason = f"{shown(text)} is followed already, by follow[{first[key]}]"
            yield Problem(at(("follow", position, "actor")), reason, "each actor once")
        first.setdefault(key, position)
