"""The file of what was forgotten: it only grows, keeps its secrets, and loses no line."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fedpull.config.blocklist_files import read_blocklists
from fedpull.config.forgotten_file import append, load_forgotten
from fedpull.config.problems import ConfigError
from fedpull.crawler.protocol.forgotten import hashed, line
from fedpull.errors import BadInput, StoreError

ONE, TWO = "https://a.example/1", "https://a.example/2"
AT = "2026-01-31T12:00:00Z"


def forget(file: Path, uri: str) -> None:
    append(file, lambda salt: line(AT, "id", [hashed(salt, uri)]))


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """With a salt of its own, so that two files tell nothing of each other."""
    one, two = tmp_path / "one", tmp_path / "two"
    assert not load_forgotten(one)
    forget(one, ONE)
    forget(two, ONE)

    assert stat.S_IMODE(one.stat().st_mode) == 0o600
    assert load_forgotten(one).names(ONE)
    assert not load_forgotten(one).hashes & load_forgotten(two).hashes
    assert "a.example" not in one.read_text("utf-8")


def test_lines_are_only_added(tmp_path: Path) -> None:
    """Whatever is written later, what was written stays."""
    file = tmp_path / "forgotten"
    texts = []
    for uri in (ONE, TWO, ONE):
        forget(file, uri)
        texts.append(file.read_text("utf-8"))

    assert texts[2].startswith(texts[1])
    assert texts[1].startswith(texts[0])


def test_a_last_line_without_an_end_counts(tmp_path: Path) -> None:
    """An editor has left the line break out; what is written next is a line of its own."""
    file = tmp_path / "forgotten"
    forget(file, ONE)
    with file.open("a") as opened:
        opened.write(f"{AT} domain spam.example")

    assert load_forgotten(file).covers("www.spam.example")
    forget(file, TWO)
    assert load_forgotten(file).names(TWO)
    assert load_forgotten(file).covers("spam.example")
    assert len(load_forgotten(file).entries) == 3


@pytest.mark.parametrize("cut", ["", "fedpull-forgotten 1 ", f"{AT} domain spam.exam"])
def test_a_crash_leaves_the_file_as_it_was(tmp_path: Path, cut: str) -> None:
    """What is being written takes its name when it is whole; half of it is nobody's wish."""
    file = tmp_path / "forgotten"
    forget(file, ONE)
    before = file.read_bytes()
    (tmp_path / ".forgotten.new").write_text(cut, "utf-8")

    assert [one.kind for one in load_forgotten(file).entries] == ["id"]
    forget(file, TWO)
    assert file.read_bytes().startswith(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["forgotten"]


def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    """Whoever keeps it elsewhere finds what was added there."""
    file, link = tmp_path / "kept" / "forgotten", tmp_path / "forgotten"
    file.parent.mkdir()
    forget(file, ONE)
    link.symlink_to(file)
    forget(link, TWO)

    assert link.is_symlink()
    assert load_forgotten(file).names(TWO)


@pytest.mark.parametrize(
    "text",
    ["", "hello\n", "\xff\n", f"fedpull-forgotten 1 {'0' * 32}\n?\n", f"{'x' * 9}\n{AT} domain"],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    """It is not known then who is not to be served."""
    file = tmp_path / "forgotten"
    file.write_text(text, "latin-1")

    with pytest.raises(BadInput, match="forgotten"):
        load_forgotten(file)


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """A folder in its place is not the same as nothing."""
    (tmp_path / "forgotten").mkdir()

    with pytest.raises(StoreError, match="cannot be read"):
        load_forgotten(tmp_path / "forgotten")


def test_every_blocklist_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """All at once, as the errors of a configuration are."""
    there, gone, folder = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"
    there.write_text("spam.example\n", "utf-8")
    folder.mkdir()

    with pytest.raises(ConfigError) as raised:
        read_blocklists([there, gone, folder])

    text = str(raised.value)
    assert text.count("blocklists: ") == 2
    assert "b.csv: cannot be read" in text
    assert "c.csv: cannot be read" in text
    assert [one.blocks.suspends("spam.example") for one in read_blocklists([there])] == [True]
