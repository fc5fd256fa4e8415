"""The options that every command has, before or after its name, and how a command is declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .session import Session

F = TypeVar("F", bound=Callable[..., Any])


def _session(context: click.Context) -> Session:
    return context.ensure_object(Session)


def _config(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(context).config_option = Path(value)


def _debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        _session(context).debug = True


_FILTERS = (
    ("actor", "A", "Written by this actor: a URI or a handle."),
    ("follow", "A", "Offered by this followed actor, boosts included."),
    ("type", "T", "Of this type, such as Note or Event."),
    ("tag", "H", "With this hashtag."),
    ("in_reply_to", "ID", "Answers to this object."),
    ("context", "ID", "Of this conversation."),
    ("since", "T", "Not before: a date, a time, or an age such as 2d."),
    ("until", "T", "Before: a date, a time, or an age such as 2d."),
    ("starts_since", "T", "That start then or later, soonest first; +7d: in seven days."),
    ("starts_until", "T", "That start before, soonest first."),
    ("order", "ORDER", "published: newest first; start: soonest first."),
    ("q", "WORDS", 'That say all these words; "a phrase", -without, begin*.'),
)


def common(function: F) -> F:
    """`-c FILE` and `--debug`."""
    option = click.option(
        *("-c", "--config"),
        metavar="FILE",
        expose_value=False,
        callback=_config,
        help="The configuration file.  [default: $FEDPULL_CONFIG, else ./fedpull.yaml]",
    )
    debug = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_debug,
        help="Show where an unforeseen error happened.",
    )
    return option(debug(function))


def json_option(function: F) -> F:
    """`--json`: what the matching API call answers, as one JSON value."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(
        function
    )


def filter_options(function: F) -> F:
    """Which objects, by the names of the API's parameters."""
    for name, metavar, text in reversed(_FILTERS):
        function = click.option(option_name(name), name, metavar=metavar, help=text)(function)
    return function


def option_name(name: str) -> str:
    """What a command calls a parameter of the API."""
    return "--search" if name == "q" else "--" + name.replace("_", "-")


def examples(*lines: str) -> str:
    """An epilog that shows how a command is called."""
    return "\b\nExamples:\n" + "\n".join(f"  fedpull {line}" for line in lines)


pass_session = click.make_pass_decorator(Session, ensure=True)
