"""What the documents say of commands and calls is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from api_cases import NOW, Origin, Store
from test_shapes import PROMISED

from fedpull.cache.api_gate import ApiSettings
from fedpull.cache.api_http import TITLES
from fedpull.cache.api_routes import Api
from fedpull.cache.feed import Feed
from fedpull.cli.main import program

DOCS = Path(__file__).resolve().parent.parent / "docs"
COMMANDS = (DOCS / "commands.md").read_text("utf-8")
API = (DOCS / "api.md").read_text("utf-8")
EVERYWHERE = {"-c", "--config", "--debug", "--json", "--help", "-h"}


def section(name: str) -> str:
    """The part of the manual about a command."""
    parts = re.split(r"^### `fedpull ([a-z]+)", COMMANDS, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[name]


def parameters(command: click.Command) -> list[click.Parameter]:
    """A command's own, and those of what stands under it (`key rotate`)."""
    under = command.commands.values() if isinstance(command, click.Group) else ()
    return [*command.params, *(found for inner in under for found in parameters(inner))]


@pytest.mark.parametrize("name", sorted(program.commands))
def test_every_command_and_its_options(name: str) -> None:
    """Each command has a section of the manual, which names its options and no others."""
    options = {
        option
        for parameter in parameters(program.commands[name])
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = set(re.findall(r"`(--[a-z-]+)", section(name)))

    assert named - EVERYWHERE == options - EVERYWHERE


def test_no_command_that_is_not_there() -> None:
    """The manual names no other commands."""
    assert set(re.findall(r"^### `fedpull ([a-z]+)", COMMANDS, re.MULTILINE)) == set(
        program.commands
    )


def test_every_call(tmp_path: Path) -> None:
    """The manual of the API names exactly the calls that there are."""
    store = Store(tmp_path)
    api = Api(store.query, Origin(store), ApiSettings(), lambda: NOW, Feed(store.query))
    store.close()
    there = {(one.method, one.path) for one in api.operations}

    named = set(re.findall(r"^\| `(GET|POST|DELETE) ([^?` ]+)", API, re.MULTILINE))

    assert named == there


def test_every_problem() -> None:
    """The manual names every type of problem."""
    assert set(re.findall(r"/problems/([a-z-]+)`", API)) == set(TITLES)


@pytest.mark.parametrize("name", ["reference", "collection", "change", "version", "follow", "host"])
def test_every_field(name: str) -> None:
    """The manual names every field of a shape."""
    listed = API.partition(f"- **{name}**")[2].partition("\n- **")[0]

    assert set(PROMISED[name][0]) <= set(re.findall(r"`(\w+)`", listed))
