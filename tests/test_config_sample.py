"""The file that `fedpull init` writes, and the manual's tables, stay in step with the model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fedpull.config.load import load
from fedpull.config.model import Config, Follow, Identity
from fedpull.config.parse import parse_config
from fedpull.config.problems import field_paths
from fedpull.config.sample import sample_yaml
from fedpull.config.yaml_text import read_yaml

MANUAL = Path(__file__).parent.parent / "docs" / "configuration.md"


def switched_on() -> dict[str, Any]:
    """The sample's values with every setting that it only shows switched on."""
    # One space after the `#` is prose, at the beginning of a line or after a value.
    found = read_yaml("sample", re.sub(r"^#(?! \S|$)", "", sample_yaml(), flags=re.MULTILINE))
    assert not found.problems
    assert isinstance(found.value, dict)
    return found.value


def keys(value: object, prefix: str = "") -> set[str]:
    """The keys of a mapping as `politeness.gap`; those of list entries as `follow.actor`."""
    if isinstance(value, list):
        return set().union(*(keys(entry, prefix) for entry in value))
    found: set[str] = set()
    for key, inner in value.items() if isinstance(value, dict) else ():
        found |= {prefix + key} | keys(inner, f"{prefix}{key}.")
    return found


def test_the_sample_is_exactly_the_defaults(tmp_path: Path) -> None:
    """An operator who changes nothing gets what an empty file gives."""
    for name, text in (("sample.yaml", sample_yaml()), ("empty.yaml", "")):
        (tmp_path / name).write_text(text)
    sample, empty = (
        load(tmp_path / name, environ={}, data_home=tmp_path)
        for name in ("sample.yaml", "empty.yaml")
    )

    assert sample.config == empty.config


def test_the_sample_names_every_key() -> None:
    """Every key of every model stands in it, and no other."""
    # The types of `freshness.types` and the patterns of `connect_to` are the operator's words.
    named = {key for key in keys(switched_on()) if not key.startswith("freshness.types.")}

    assert named == PATHS


def test_what_the_sample_only_shows_is_valid() -> None:
    """Taking away every `#` gives a configuration without a problem."""
    config = parse_config(switched_on())

    assert config.identity
    assert len(config.follow) == 2


def test_what_the_sample_only_shows_are_the_defaults() -> None:
    """Also the values of what is switched off are those that hold when they are left out."""
    config = parse_config(switched_on())
    assert config.identity

    assert config.identity == Identity(url=config.identity.url)
    assert config.follow[0] == Follow(actor=config.follow[0].actor)
    assert config.follow[1] == Follow(actor=config.follow[1].actor, types=("Event",))


def test_the_sample_fits_a_terminal() -> None:
    """No line is longer than 100 characters, and none ends in blanks."""
    lines = sample_yaml().splitlines()

    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)


PATHS = set(field_paths(Config))
SECTIONS = {path for path in PATHS if any(p.startswith(f"{path}.") for p in PATHS)}
# These two hold keys as well, but may be left out as a whole.
WITHOUT_DEFAULT = SECTIONS - {"identity", "follow"} | {"identity.url", "follow.actor"}
NEEDED = {"identity": {"url": "https://pull.example.org"}, "follow": {"actor": "@a@b.example"}}


def manual() -> dict[str, str]:
    """The default of every key in the manual's tables."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*?) \| ", MANUAL.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return dict(rows)


def with_key(path: str, *value: object) -> Config:
    """A configuration with that key set, or left out, and what must stand beside it."""
    *sections, key = path.split(".")
    inner: dict[str, Any] = dict(zip([key], value, strict=False))
    for section in reversed(sections):
        entry = NEEDED.get(section, {}) | inner
        inner = {section: [entry] if section == "follow" else entry}
    return parse_config(inner)


def test_the_manual_has_every_key() -> None:
    """Every key of every model has one row, and there is no other."""
    assert set(manual()) == PATHS


def test_the_manual_says_what_has_no_default() -> None:
    """Sections have their keys' defaults; an address and an actor must be given."""
    rows = manual()

    assert {p for p in PATHS if rows[p] in ("its keys'", "must be given")} == WITHOUT_DEFAULT
    assert {p for p in PATHS if rows[p] == "must be given"} == {"identity.url", "follow.actor"}


@pytest.mark.parametrize("path", sorted(PATHS - WITHOUT_DEFAULT))
def test_the_manual_has_the_default(path: str) -> None:
    """To set a key to what the manual calls its default changes nothing."""
    cell = manual()[path]
    value = read_yaml("manual", cell.strip("`")).value if cell.startswith("`") else None

    assert with_key(path, value) == with_key(path)
