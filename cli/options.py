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


def examples(*lines: str) -> str:
    """An epilog that shows how a command is called."""
    return "\b\nExamples:\n" + "\n".join(f"  fedpull {line}" for line in lines)


pass_session = click.make_pass_decorator(Session, ensure=True)
