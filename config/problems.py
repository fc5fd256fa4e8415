"""What is wrong with a configuration, in plain words: one line a problem, all problems at once.

It validates nothing: it turns what pydantic found into `path: what is wrong: what was expected`.
Invariant: no word of pydantic's own ever reaches an operator.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ..errors import BadInput
from .units import shown

Location = tuple[int | str, ...]

_CUSTOM = "fedpull"
_MANY = "fedpull_many"
_PLAIN = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One line: where, what is wrong there, and what would have been right (may be empty)."""

    path: str
    reason: str
    expected: str = ""

    def __str__(self) -> str:
        line = f"{self.path}: {self.reason}" if self.path else self.reason
        return f"{line}: expected {self.expected}" if self.expected else line


class ConfigError(BadInput):
    """Everything that is wrong with a file (or an entry) at once."""

    def __init__(self, errors: Sequence[Problem]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.path, first.reason, first.expected)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.errors)


def custom(error: BadInput) -> PydanticCustomError:
    """What a validator raises for a refused value: pydantic then collects it with the others."""
    reason = f"{error.subject} {error.reason}".strip()
    return PydanticCustomError(_CUSTOM, "{reason}", {"reason": reason, "expected": error.expected})


def custom_many(problems: Sequence[Problem]) -> PydanticCustomError:
    """What a check over several values raises: problems with paths relative to where it stands."""
    return PydanticCustomError(_MANY, "several", {"problems": tuple(problems)})


def at(location: Iterable[int | str]) -> str:
    """`('follow', 2, 'actor')` is `follow[2].actor`; a key that is no word stands in quotes."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            path += f".{part}" if path else part
        elif part != "[key]":  # pydantic's own word for: the key, not the value
            path += f"[{json.dumps(part, ensure_ascii=False)}]"
    return path


def problems_of(model: type[BaseModel], error: ValidationError) -> Iterator[Problem]:
    """Every problem that pydantic found while validating `model`."""
    for details in error.errors(include_url=False):
        if details["type"] == _MANY:
            prefix = at(details["loc"])
            for problem in details["ctx"]["problems"]:
                path = problem.path if problem.path[:1] in ("", "[") else f".{problem.path}"
                yield replace(problem, path=(prefix + path).removeprefix("."))
        else:
            yield _problem(model, details)


def _problem(model: type[BaseModel], details: ErrorDetails) -> Problem:
    location, value = details["loc"], details["input"]
    path = at(location)
    match details["type"]:
        case "fedpull":
            return Problem(path, details["ctx"]["reason"], details["ctx"]["expected"])
        case "extra_forbidden":
            return Problem(path, "is not a known key", _near(model, location))
        case "invalid_key":
            return Problem(path, "is not a known key", "a name")
        case "missing":
            return Problem(path, "is missing", _description(model, location))
        case "tuple_type" | "frozen_set_type" if value is None:
            return Problem(path, "is empty", "a list ([] for none), or leave the key out")
        case "tuple_type" | "frozen_set_type":
            return Problem(path, f"{shown(value)} is not a list", "a list, such as [a, b]")
        case _ if value is None:
            return Problem(path, "is empty", "settings below it, or leave the key out")
    return Problem(path, f"{shown(value)} is not a mapping", "settings below it, as `name: value`")


def _near(model: type[BaseModel], location: Location) -> str:
    """The nearest key of that place, or where a key of this very name belongs, else them all."""
    wrong = str(location[-1])
    known = list(_model_at(model, location[:-1]).model_fields)
    word = wrong.lower().replace("-", "_")
    # A slip of the pen is nearer than a key of another section; `gap` is not a slip for `api`.
    slip = difflib.get_close_matches(word, known, n=1, cutoff=0.8)
    near = difflib.get_close_matches(word, known, n=1)
    elsewhere = [path for path in field_paths(model) if path.rpartition(".")[2] == wrong]
    return " or ".join(slip or elsewhere or near) or f"one of {', '.join(known)}"


def _description(model: type[BaseModel], location: Location) -> str:
    field = _model_at(model, location[:-1]).model_fields[str(location[-1])]
    return field.description or "a value"


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel]:
    for part in location:
        if isinstance(part, str):
            model = _model_in(model.model_fields[part].annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Identity | None` or `tuple[Follow, ...]`, or None when it is a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)


def field_paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of the configuration, as `politeness.gap`; of list entries as `follow.actor`."""
    for name, field in model.model_fields.items():
        yield prefix + name
        if inner := _model_in(field.annotation):
            yield from field_paths(inner, f"{prefix}{name}.")
