"""Every wrong thing that a person can type is told in one clear line, with the right exit code."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fedpull.cli.main import main, program

CONFIG = """\
contact: https://operator.example/
follow: ["@alice@events.example"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, in which the commands are typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEDPULL_CONFIG", raising=False)
    monkeypatch.delenv("FEDPULL_DEBUG", raising=False)
    (tmp_path / "fedpull.yaml").write_text(CONFIG)
    (tmp_path / "bad.yaml").write_text("politness: {}\nstore: {history: many}\n")
    (tmp_path / "broken.yaml").write_text("follow: [@alice@events.example]\n")
    (tmp_path / "identity.yaml").write_text("identity: {url: https://pull.example.org}\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bad.csv").write_text("Account address,Show boosts\nalice,true\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "bomb.opml").write_text(
        '<!DOCTYPE o [<!ENTITY a "x">]><opml><body><outline text="&a;"/></body></opml>'
    )
    return tmp_path


HANDLE = "'alice' is neither a handle nor an https URI: expected @user@host or https://..."
WRONG = [
    # what is typed, the exit code, what the line must say
    ("nothing", 2, "No such command 'nothing'"),
    ("pul", 2, "No such command 'pul'"),
    ("--nothing", 2, "No such option '--nothing'"),
    ("get", 2, "Missing argument 'ID'"),
    ("get a b", 2, "unexpected extra argument"),
    ("get --what https://a.example/", 2, "No such option '--what'"),
    ("get alice", 2, f"ID: {HANDLE}"),
    ("get ftp://a.example/x", 2, "ID: ftp://a.example/x has the scheme ftp"),
    ("get https://", 2, "ID: https://"),
    ("get https://user:pw@a.example/", 2, "holds a user name"),
    ("get https://a.example/1", 3, "https://a.example/1: is not in the cache"),
    ("get @bob@events.example", 3, "@bob@events.example: is not in the cache"),
    ("explain https://a.example/1", 3, "is not in the cache"),
    ("explain nonsense", 2, "ID: 'nonsense' is neither a handle nor an https URI"),
    ("pull alice", 2, f"ACTOR: {HANDLE}"),
    ("pull @@", 2, "ACTOR: '@@' is not a handle"),
    ("pull @alice@", 2, "'@alice@' has a host that is no DNS name: expected @user@host"),
    ("pull @alice@127.0.0.1", 2, "has an address for a host"),
    ("pull '@alice@ex ample'", 2, "has a host that is no DNS name"),
    ("fetch alice", 2, f"ID_OR_HANDLE: {HANDLE}"),
    ("fetch mailto:a@b.example", 2, "ID_OR_HANDLE"),
    ("fetch https://a.example/ --depth -1", 2, "--depth: '-1' is not a whole number"),
    ("fetch https://a.example/ --depth 9999", 2, "--depth: 9999 is out of bounds"),
    ("fetch https://a.example/ --wait 30", 2, "--wait: '30' is not a duration"),
    ("list --limit 0", 2, "--limit: 0 is out of bounds"),
    ("list --limit -5", 2, "--limit: '-5' is not a whole number"),
    ("list --limit ten", 2, "--limit: 'ten' is not a whole number"),
    ("list --since yesterday", 2, "--since: 'yesterday' is not a time"),
    ("list --since 2026-13-01", 2, "--since: '2026-13-01' is not a time: expected a date such as"),
    ("list --until 5", 2, "--until: '5' is not a time"),
    ("list --type event", 2, "--type: 'event' is not a known type: expected Event"),
    ("list --actor alice", 2, f"--actor: {HANDLE}"),
    ("list --actor @bob@events.example", 3, "@bob@events.example: is not in the cache"),
    ("list --follow alice", 2, f"--follow: {HANDLE}"),
    ("list --in-reply-to x", 2, "--in-reply-to: x is not an absolute URI"),
    ("list --actor", 2, "Option '--actor' requires an argument"),
    ("list extra", 2, "unexpected extra argument"),
    ("changes --since last", 2, "--since: 'last' is not a whole number"),
    ("changes --since -1", 2, "--since: '-1' is not a whole number"),
    ("follow alice", 2, f"actor: {HANDLE}"),
    ("follow @bob@a.example --backfill some", 2, "backfill: 'some' is not a number of posts"),
    ("follow @bob@a.example --type event", 2, "types[0]: 'event' is not a known type"),
    ("follow @alice@events.example", 2, "is followed already"),
    ("unfollow alice", 2, f"ACTOR: {HANDLE}"),
    ("unfollow @alice@events.example", 2, "stands in the operator's own"),
    ("unfollow @bob@events.example", 3, "is not followed"),
    ("import", 2, "Missing argument 'FILE'"),
    ("import nothing.csv", 2, "nothing.csv: cannot be read: No such file or directory"),
    ("import .", 2, "cannot be read: Is a directory"),
    ("import empty.csv", 2, "empty.csv: names nobody to follow"),
    ("import binary.csv", 2, "is not UTF-8 text"),
    ("init .", 2, "fedpull.yaml: is there already"),
    ("init fedpull.yaml", 2, "fedpull.yaml: "),
    ("key rotate", 2, "identity: is not set"),
    ("key rotate --overlap soon", 2, "--overlap: 'soon' is not a duration"),
    ("key rotate -c identity.yaml", 2, "actor.pem: is not there: expected the keys that `fedp"),
    ("-c nothing.yaml list", 2, "nothing.yaml: cannot be read: No such file or directory"),
    ("list -c nothing.yaml", 2, "nothing.yaml: cannot be read: No such file or directory"),
    ("list -c .", 2, "cannot be read: Is a directory"),
    ("run -c broken.yaml", 2, 'expected quotes, as in "@alice@example.social"'),
    ("demo --dir fedpull.yaml", 2, "fedpull.yaml"),
]


@pytest.mark.parametrize(("typed", "code", "said"), WRONG, ids=[typed for typed, _, _ in WRONG])
def test_wrong_input(
    folder: Path, capfd: pytest.CaptureFixture[str], typed: str, code: int, said: str
) -> None:
    """One line on stderr, nothing on stdout, and nothing is made."""
    before = sorted(os.listdir(folder))

    result = main(shlex.split(typed))

    out, err = capfd.readouterr()
    assert (result, out) == (code, "")
    assert said in err
    assert err.startswith("fedpull: ")
    assert err.count("\n") == 1
    assert sorted(os.listdir(folder)) == before


def test_all_errors_of_a_configuration(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A wrong configuration is told whole, a line for each error."""
    assert main(["list", "-c", "bad.yaml"]) == 2

    whole = "expected a whole number from 0 to 1000"
    assert sorted(capfd.readouterr().err.splitlines()) == [
        "fedpull: politness: is not a known key: expected politeness",
        f"fedpull: store.history: 'many' is not a whole number: {whole}",
    ]


def test_a_list_of_which_no_line_can_be_read(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every bad line is told with its number, then that nothing was left."""
    assert main(["import", "bad.csv"]) == 2
    assert capfd.readouterr().err.splitlines() == [
        f"fedpull: bad.csv:2: {HANDLE}",
        "fedpull: bad.csv: names nobody to follow: expected handles or actor URIs, one a line",
    ]
    assert main(["import", "bomb.opml"]) == 2
    assert "bomb.opml:1: declares XML entities" in capfd.readouterr().err


def test_nobody_to_pull(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`pull` without anybody followed says what to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEDPULL_CONFIG", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))

    assert main(["pull"]) == 2
    assert capfd.readouterr().err == (
        "fedpull: nobody is followed: expected an ACTOR, or `fedpull follow ACTOR` first\n"
    )


def test_without_a_command(capfd: pytest.CaptureFixture[str]) -> None:
    """`fedpull` alone shows what there is, as wrong usage."""
    assert main([]) == 2

    out, err = capfd.readouterr()
    assert out == ""
    assert "Commands:" in err


COMMANDS = (
    *("init", "run", "pull", "fetch", "get", "list", "changes", "explain", "follow", "unfollow"),
    *("follows", "import", "status", "hosts", "check", "key", "key rotate", "demo"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Every command says what it does, before anything is read or made."""
    assert main([*command.split(), "--help"]) == 0
    assert main([*command.split(), "-h"]) == 0

    out, err = capfd.readouterr()
    assert out.startswith(f"Usage: fedpull {command}")
    assert err == ""


@pytest.fixture
def broken() -> Iterator[str]:
    """The name of a command with a bug in it."""

    @click.command("broken")
    def command() -> None:
        raise ValueError("not\nforeseen")

    program.add_command(command)
    yield "broken"
    del program.commands["broken"]


def test_a_bug_is_called_one(broken: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw exits 1 in one line; with --debug it shows where it happened."""
    assert main([broken]) == 1
    assert capfd.readouterr().err == (
        "fedpull: ValueError: not foreseen: this is a bug; --debug shows where\n"
    )
    with pytest.raises(ValueError, match="foreseen"):
        main(["--debug", broken])
