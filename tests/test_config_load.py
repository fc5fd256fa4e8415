"""Finding, reading and loading the file: paths, YAML's traps, syntax errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.config.load import find_config, load, read_text
from fedpull.config.model import Config, Every, Network, Politeness
from fedpull.config.problems import ConfigError
from fedpull.config.units import Rate
from fedpull.config.yaml_text import read_yaml, write_yaml


def loaded(folder: Path, text: str) -> Config:
    """The configuration of a file with this text, `fedpull.yaml` in the folder."""
    path = folder / "fedpull.yaml"
    path.write_text(text, "utf-8")
    return load(path, environ={"HOME": "/home/me"}, data_home=Path("/nowhere")).config


def refusal(folder: Path, text: str) -> str:
    """The lines that this text is refused with."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("# nothing yet\n", id="only comments"),
        pytest.param("\ufeff---\n", id="byte order mark and a document start"),
        pytest.param("{}", id="an empty mapping"),
    ],
)
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    """Nothing has to be set."""
    expected = Config().store.model_copy(update={"path": tmp_path / "data"})

    assert loaded(tmp_path, text) == Config().model_copy(update={"store": expected})


def test_values_become_plain_numbers(tmp_path: Path) -> None:
    """Durations are seconds, sizes bytes, rates a count and seconds."""
    config = loaded(
        tmp_path,
        """
        politeness: {gap: 0s, pages: 5/m}
        network: {timeout: 1m, max_bytes: 2MiB, allow: [127.0.0.0/8], connect_to: {"*:443": "a:1"}}
        freshness: {types: {Person: 1d}}
        follow: [{actor: alice@B.example, types: ["as:Event", Event], backfill: all}, "https://C.d/"]
        """,
    )

    assert (config.politeness.gap, config.politeness.pages) == (0.0, (Rate(5, 60.0),))
    several = loaded(tmp_path, "politeness: {pages: [1000/1d, 100/15m]}").politeness
    assert several.pages == (Rate(100, 900.0), Rate(1000, 86_400.0))
    assert (config.network.timeout, config.network.max_bytes) == (60.0, 2 * 2**20)
    assert config.network.connect_target("any.example", 443) == ("a", 1)
    assert config.freshness.types == {"default": "adaptive", "Person": 86400.0}
    assert (config.freshness.age("Person"), config.freshness.age("Note")) == (86400.0, "adaptive")
    assert [follow.actor for follow in config.follow] == ["@alice@b.example", "https://c.d/"]
    assert config.follow[0].types == ("Event",)


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        pytest.param("all", None, id="all of them"),
        pytest.param("none", 0, id="none"),
        pytest.param("0", 0, id="zero"),
        pytest.param("50", 50, id="a number"),
    ],
)
def test_backfill_is_a_number_all_or_none(tmp_path: Path, written: str, limit: int | None) -> None:
    """The limit is None for all posts and 0 for none."""
    config = loaded(tmp_path, f'follow: [{{actor: "@a@b.example", backfill: {written}}}]')

    assert config.follow[0].backfill_limit == limit


def test_http_actors_need_network_http(tmp_path: Path) -> None:
    """`network.http` decides what the URI of an actor may be."""
    text = 'follow: ["http://a.example/b"]\n'

    assert "is neither a handle nor an https URI" in refusal(tmp_path, text)
    config = loaded(tmp_path, text + "network: {http: true}\n")
    assert config.follow[0].actor == "http://a.example/b"


def test_models_can_be_built_in_python() -> None:
    """In code, seconds are floats and what is impossible is still refused."""
    assert Politeness(gap=0.5).gap == 0.5
    assert Every(min=1.0) == Every(min=1.0, max=604800.0)
    assert Network(timeout=3).timeout == 3.0
    with pytest.raises(ValueError, match="too short"):
        Every(min=0.5)


def test_a_block_of_text_is_one_line(tmp_path: Path) -> None:
    """A folded block may hold a long sentence; the line break at its end does not count."""
    summary = "summary: >\n    Reads posts.\n    Blocks: mail us.\n"
    text = f"identity:\n  url: https://a.example\n  {summary}"

    identity = loaded(tmp_path, text).identity

    assert identity
    assert identity.summary == "Reads posts. Blocks: mail us."


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """Every file that is named is looked for beside the configuration, or at home after `~`."""
    config = loaded(
        tmp_path,
        """
        identity: {url: "https://Pull.example.org/"}
        listen: {api: "unix:api.sock:mode=660", inbox: "unix:/run/inbox.sock"}
        api: {token_file: token}
        store: {path: ~/store}
        follow_files: [a.csv, /etc/b.csv]
        blocklists: [blocks.csv]
        network: {ca_file: ca.pem}
        """,
    )

    assert config.identity
    assert config.identity.url == "https://pull.example.org"
    assert config.identity.key_file == tmp_path / "keys/actor.pem"
    assert config.listen.api == f"unix:{tmp_path}/api.sock:mode=660"
    assert config.listen.inbox == "unix:/run/inbox.sock"
    assert config.api.token_file == tmp_path / "token"
    assert config.store.path == Path("/home/me/store")
    assert config.follow_files == (tmp_path / "a.csv", Path("/etc/b.csv"))
    assert config.blocklists == (tmp_path / "blocks.csv",)
    assert config.network.ca_file == tmp_path / "ca.pem"


def test_what_belongs_to_a_file_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is absolute even if the file was named relative to where we are."""
    monkeypatch.chdir(tmp_path)
    Path("fedpull.yaml").write_text('store: {path: s}\nfollow:\n  - "@a@b.c"\n\n  - "@d@e.f"\n')

    found = load(Path("fedpull.yaml"), environ={}, data_home=Path("/nowhere"))

    assert (found.base, found.store_path) == (tmp_path, tmp_path / "s")
    assert found.follows_path == tmp_path / "follows.yaml"
    assert found.follow_lines == (3, 5)


def test_an_aliased_list_has_no_lines(tmp_path: Path) -> None:
    """What stands in another list is followed all the same."""
    path = tmp_path / "fedpull.yaml"
    path.write_text("blocklists: &them ['@a@b.example']\nfollow: *them\n")

    found = load(path, environ={}, data_home=tmp_path)

    assert found.config.follow[0].actor == "@a@b.example"
    assert found.follow_lines == (0,)


@pytest.mark.parametrize(
    ("environ", "base"),
    [
        pytest.param({}, "/home/me/.local/share", id="not set"),
        pytest.param({"XDG_DATA_HOME": "/data"}, "/data", id="set"),
        pytest.param({"XDG_DATA_HOME": "data"}, "/home/me/.local/share", id="relative is ignored"),
    ],
)
def test_without_a_file_the_store_is_in_the_data_home(environ: dict[str, str], base: str) -> None:
    """The defaults hold, and the store is a folder of our name where programs keep data."""
    found = load(None, environ=environ, data_home=Path("/home/me/.local/share"))

    assert found.path is None
    assert found.store_path == found.config.store.path == Path(base, "fedpull")
    assert found.follows_path == Path(base, "fedpull", "follows.yaml")
    assert found.base == Path(base)


def test_the_file_is_the_named_one_else_the_one_that_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-c goes before the variable, the variable before ./fedpull.yaml, which may be missing."""
    monkeypatch.chdir(tmp_path)
    environ = {"FEDPULL_CONFIG": "/etc/f.yaml"}

    assert find_config(None, {}) is None
    assert find_config(None, {"FEDPULL_CONFIG": ""}) is None
    (tmp_path / "fedpull.yaml").touch()
    assert find_config(None, {}) == Path("fedpull.yaml")
    assert find_config(None, environ) == Path("/etc/f.yaml")
    assert find_config(Path("mine.yaml"), environ) == Path("mine.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "follow:\n  - @alice@b.example\n",
            "fedpull.yaml: line 2, column 5: '@' cannot start a value: "
            'expected quotes, as in "@alice@example.social"',
            id="handle without quotes",
        ),
        pytest.param(
            "log:\n\tlevel: info\n",
            "fedpull.yaml: line 2, column 1: a tab is no indentation: expected spaces",
            id="tab",
        ),
        pytest.param("a: [1", "fedpull.yaml: line", id="list that does not end"),
        pytest.param("a: b: c", "fedpull.yaml: line 1, column 5: is not YAML", id="two colons"),
        pytest.param("a: *b", "fedpull.yaml: line 1, column 4: is not YAML", id="unknown alias"),
        pytest.param("a: 1\n---\nb: 2", "fedpull.yaml: line 2", id="two documents"),
        pytest.param("a: \x01", "fedpull.yaml: holds characters", id="control character"),
        pytest.param("[" * 100_000, "fedpull.yaml: ", id="endlessly nested"),
        pytest.param("- a", "fedpull.yaml: a list is not a mapping", id="list"),
        pytest.param("hello", "fedpull.yaml: 'hello' is not a mapping", id="text"),
        pytest.param("!x {}", "fedpull.yaml: has the tag '!x'", id="tag on the whole"),
        pytest.param(
            "store: {group: !!binary aGk=}", "store.group: has the tag", id="tag on a value"
        ),
        pytest.param("store: {path: !!int x}", "store.path: has the tag", id="a false tag"),
        pytest.param(
            "follow: &f [*f]",
            "fedpull.yaml: line 1, column 13: is not YAML: *f refers",
            id="endless list",
        ),
        pytest.param(
            "[a]: 1", "fedpull.yaml: line 1, column 1: is not YAML: a key that", id="list as key"
        ),
        pytest.param("1: 2", "1: is not a known key: expected one of contact", id="number as key"),
        pytest.param(
            "log: {}\napi: {}\nlog: {level: debug}\n",
            "log: stands there twice, on lines 1 and 3: expected each key once",
            id="section twice",
        ),
        pytest.param(
            "politeness:\n  gap: 1s\n  gap: 2s\n",
            "politeness.gap: stands there twice, on lines 2 and 3",
            id="key twice",
        ),
    ],
)
def test_what_yaml_lets_pass_or_not_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Syntax errors have line and column; traps of YAML have the path."""
    refused = refusal(tmp_path, text)

    assert refused.startswith(message)
    assert "\n" not in refused


def test_a_key_twice_does_not_hide_the_other_problems(tmp_path: Path) -> None:
    """Also what YAML lets pass is reported together with the rest."""
    lines = refusal(tmp_path, "log: {level: loud, level: info}\napi: {tokn_file: x}\n").splitlines()

    paths = [line.partition(": ")[0] for line in lines]

    assert sorted(paths) == ["api.tokn_file", "log.level", "log.level"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("on", "on", id="on"),
        pytest.param("no", "no", id="no"),
        pytest.param("off", "off", id="off"),
        pytest.param("y", "y", id="y"),
        pytest.param("22:30", "22:30", id="minutes of 1.1's base 60"),
        pytest.param("1e3", "1e3", id="exponent"),
        pytest.param("017", "017", id="octal of 1.1"),
        pytest.param("0x1f", "0x1f", id="hexadecimal"),
        pytest.param("1_000", "1_000", id="digits in groups"),
        pytest.param("2026-01-01", "2026-01-01", id="date"),
        pytest.param(".inf", ".inf", id="infinity"),
        pytest.param("<<", "<<", id="merge"),
        pytest.param("=", "=", id="default value of 1.1"),
        pytest.param("9" * 40, "9" * 40, id="more digits than a number has"),
        pytest.param("true", True, id="true"),
        pytest.param("False", False, id="false"),
        pytest.param("~", None, id="null"),
        pytest.param("-12", -12, id="number"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("'12'", "12", id="number in quotes"),
    ],
)
def test_only_plain_numbers_and_switches_are_not_text(text: str, value: object) -> None:
    """Values are read by the rules of YAML 1.2."""
    found = read_yaml("x", f"a: {text}").value

    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_aliases_are_shared_and_not_copied() -> None:
    """Nine lines that unfold to a thousand million entries are nine lists."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    value = read_yaml("x", "\n".join(lines)).value

    assert isinstance(value, dict)
    assert value["a9"][0] is value["a9"][9] is value["a8"]


printable = st.text().filter(str.isprintable)  # the model admits no other text
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | printable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(printable, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_what_is_written_is_read_back(value: object) -> None:
    """write_yaml and read_yaml undo each other, whatever the text looks like."""
    assert read_yaml("x", write_yaml(value)).value == value


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "cannot be read: No such file or directory", id="missing"),
        pytest.param(b"a: 1\nb: \xff\n", "line 2: is not UTF-8 text", id="another encoding"),
    ],
)
def test_a_file_that_is_no_text_is_one_line(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    """The line names the file."""
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_text(path)

    assert str(caught.value).startswith(f"{path}: {message}: expected")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    """What cannot be read as a file is refused with the system's reason."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, environ={}, data_home=tmp_path)
