"""Lists of follows: Mastodon's CSV, OPML, plain lines, and the program's own follows.yaml."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.config.follow_files import parse_follow_file
from fedpull.config.model import Every, Follow
from fedpull.config.problems import ConfigError
from fedpull.config.runtime_follows import load_runtime, save_runtime
from fedpull.errors import StoreError

HEADER = "Account address,Show boosts,Notify on new posts,Languages\n"
A, B = "@a@one.example", "@b@two.example"


@pytest.mark.parametrize(
    ("name", "text", "actors"),
    [
        pytest.param("f.csv", HEADER + "a@one.example,true,false,\n", [A], id="csv with header"),
        pytest.param("f.csv", "a@one.example,true,false,\n", [A], id="csv without header"),
        pytest.param("f.csv", "a@one.example\nb@two.example", [A, B], id="csv of one column"),
        pytest.param("f.txt", HEADER + "a@one.example,true,,\n", [A], id="csv by its header"),
        pytest.param("f.txt", "a@one.example,true,,\n", [A], id="csv by its first row"),
        pytest.param(
            "f", "\ufeff" + HEADER + '"a@one.example",true,,\n', [A], id="byte order mark"
        ),
        pytest.param(
            "f.csv", HEADER.strip() + "\r\na@one.example,true,,\r\n", [A], id="lines end in CRLF"
        ),
        pytest.param("f.csv", 'a@one.example,true,false,"en, de"\n', [A], id="comma in quotes"),
        pytest.param("f.csv", "#Account address\na@one.example\n", [A], id="header after a hash"),
        pytest.param(
            "f.csv",
            "Show boosts,Account address\ntrue,a@one.example",
            [A],
            id="columns in any order",
        ),
        pytest.param("f.csv", "\n# mine\n\na@one.example,,,\n", [A], id="csv with comments"),
        pytest.param("f.txt", "# mine\n@a@one.example  # a friend\n\n", [A], id="plain lines"),
        pytest.param(
            "f.txt", "acct:a@one.example\r\nb@two.example", [A, B], id="all kinds of lines"
        ),
        pytest.param(
            "f.txt",
            "https://One.example/a#main # there",
            ["https://one.example/a#main"],
            id="a fragment is no comment",
        ),
        pytest.param("f.txt", "@a@one.example\nA@ONE.example\n", [A], id="one actor twice"),
        pytest.param("f.txt", "", [], id="empty"),
        pytest.param(
            "f.opml",
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<opml version="2.0"><body>'
            '<outline text="Freunde"><outline text="Ä" xmlUrl="https://one.example/@a.rss"/></outline>'
            "</body></opml>",
            [A],
            id="opml names a profile by its feed",
        ),
        pytest.param(
            "f.xml",
            '<opml><body><outline xmlUrl="https://x.example/feed" htmlUrl="https://one.example/@a"/>'
            '<OUTLINE title="@b@two.example" URL="https://two.example/users/b"/></body></opml>',
            [A, B],
            id="opml prefers a handle",
        ),
        pytest.param(
            "f.opml",
            '<opml><body><outline xmlUrl="https://x.example/users/b.rss"/></body></opml>',
            ["https://x.example/users/b"],
            id="opml with the feed of an actor",
        ),
    ],
)
def test_lists_of_other_programs_are_read(name: str, text: str, actors: list[str]) -> None:
    """Every form gives its actors in order, each once, without a problem."""
    found = parse_follow_file(name, text)

    assert [follow.actor for follow in found.follows] == actors
    assert found.problems == ()
    assert len(found.lines) == len(actors)


def test_hidden_boosts_stay_hidden() -> None:
    """Mastodon's column Show boosts becomes `boosts`; all else has the defaults."""
    text = HEADER + "a@one.example,false,true,\nb@two.example,TRUE,,\n"

    found = parse_follow_file("f.csv", text)

    assert found.follows == (Follow(actor=A, boosts=False), Follow(actor=B))
    assert found.lines == (2, 3)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        pytest.param(
            "f.txt",
            "# mine\nalice\n",
            "f.txt:2: 'alice' is neither a handle nor an https URI: "
            "expected @user@host or https://...",
            id="name without a host",
        ),
        pytest.param("f.csv", HEADER + "alice,true,,", "f.csv:2: 'alice' is neither", id="csv"),
        pytest.param("f.csv", HEADER + ",true,,", "f.csv:2: '' is neither", id="empty cell"),
        pytest.param(
            "f.csv",
            HEADER + "a@one.example,perhaps,,",
            "f.csv:2: 'perhaps' in the column Show boosts is neither true nor false: "
            "expected true or false",
            id="boosts",
        ),
        pytest.param(
            "f.csv", '"x\ny",true\n"z\n', "f.csv:1: 'x\\ny' is neither", id="a cell of two lines"
        ),
        pytest.param("f.csv", "a" * 200_000, "f.csv:1: is not CSV", id="endless cell"),
        pytest.param(
            "f.opml",
            "<opml><body>\n<outline xmlUrl='ftp://x'/></body></opml>",
            "f.opml:2: 'ftp://x' is neither",
            id="opml with another scheme",
        ),
        pytest.param(
            "f.opml",
            "<opml><body>\n<outline type='rss'/></body></opml>",
            "f.opml:2: an outline without an address",
            id="opml without an address",
        ),
        pytest.param(
            "f.opml",
            "<opml>\n<body",
            "f.opml:2: is not OPML: unclosed token at column 1: expected well-formed XML",
            id="opml that breaks off",
        ),
        pytest.param(
            "f.opml",
            '<!DOCTYPE x [<!ENTITY a "b">]><opml/>',
            "f.opml:1: declares XML entities",
            id="opml with entities",
        ),
        pytest.param(
            "f.opml",
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><opml/>',
            "f.opml:1: declares XML entities",
            id="opml that would read files",
        ),
    ],
)
def test_a_bad_line_is_named_with_its_number(name: str, text: str, line: str) -> None:
    """The problem has file and line, the reason, and what was expected."""
    assert str(parse_follow_file(name, text).problems[0]).startswith(line)


def test_a_bad_line_leaves_the_others() -> None:
    """All bad lines are reported, and the good ones are follows."""
    found = parse_follow_file("f.txt", f"x\n{A}\ny\n{B}\n")

    assert [follow.actor for follow in found.follows] == [A, B]
    assert [problem.path for problem in found.problems] == ["f.txt:1", "f.txt:3"]


@given(
    st.sampled_from(["f.csv", "f.txt", "f.opml"]), st.text(alphabet=st.characters(codec="utf-8"))
)
def test_any_text_is_follows_or_problems(name: str, text: str) -> None:
    """No text makes the reader fail."""
    found = parse_follow_file(name, ("<opml>" if name == "f.opml" else "") + text)

    assert all(problem.path.startswith(f"{name}:") for problem in found.problems)


FOLLOWS = (
    Follow(actor=A),
    Follow(actor="https://two.example/ü?b=1#c", types=("Event", "https://x.example/T")),
    Follow(actor=B, backfill="all", boosts=False, replies=2, every=Every(min=1.5), subscribe=True),
)


def test_runtime_follows_are_read_back(tmp_path: Path) -> None:
    """What is saved is loaded, in order; only the owner may read it."""
    path = tmp_path / "follows.yaml"

    save_runtime(path, FOLLOWS[:1])
    save_runtime(path, FOLLOWS)

    assert load_runtime(path) == FOLLOWS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["follows.yaml"]


def test_runtime_follows_are_written_as_in_the_configuration(tmp_path: Path) -> None:
    """A follow with defaults is its actor; others name what differs."""
    path = tmp_path / "follows.yaml"

    save_runtime(path, [FOLLOWS[0], Follow(actor=B, every=Every(min=60))])

    text = path.read_text()
    assert text.startswith("# Follows that were added with")
    assert text.partition("follow:")[2] == (
        "\n- '@a@one.example'\n- actor: '@b@two.example'\n  every:\n    min: 1m\n    max: 7d\n"
    )


def test_no_file_means_no_runtime_follows(tmp_path: Path) -> None:
    """The file need not be there."""
    assert load_runtime(tmp_path / "follows.yaml") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", None, id="empty"),
        pytest.param("follow:\n", None, id="no entries"),
        pytest.param("[]", None, id="empty list"),
        pytest.param("- a", "follows.yaml: holds something else", id="list"),
        pytest.param("x: 1", "follows.yaml: holds something else", id="another key"),
        pytest.param("follow: x", "follows.yaml: follow: is not a list", id="no list"),
        pytest.param("follow: [x]", "follows.yaml: follow[0].actor: 'x' is neither", id="entry"),
        pytest.param("follow: [3]", "follows.yaml: follow[0]: 3 is not a follow", id="number"),
        pytest.param("a: 1\na: 2", "follows.yaml: a: stands there twice", id="key twice"),
        pytest.param("a: [", "follows.yaml: line", id="no YAML"),
    ],
)
def test_a_broken_follows_file_is_named(tmp_path: Path, text: str, message: str | None) -> None:
    """Problems begin with the file's name, since the path is not the configuration's."""
    path = tmp_path / "follows.yaml"
    path.write_text(text)

    if message is None:
        assert load_runtime(path) == ()
        return
    with pytest.raises(ConfigError) as caught:
        load_runtime(path)
    assert str(caught.value).startswith(message)


def test_a_save_that_fails_leaves_the_old_follows(tmp_path: Path) -> None:
    """The new file takes the old one's name only when it is whole."""
    path = tmp_path / "follows.yaml"
    save_runtime(path, FOLLOWS)
    (tmp_path / ".follows.yaml.new").mkdir()

    with pytest.raises(StoreError, match="cannot be written: Is a directory"):
        save_runtime(path, [])

    assert load_runtime(path) == FOLLOWS
