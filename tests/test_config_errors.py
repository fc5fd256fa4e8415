"""What a wrong configuration says: every problem, in plain words, at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedpull.config.model import Config
from fedpull.config.parse import parse_config, parse_follow
from fedpull.config.problems import ConfigError, field_paths

ALICE = {"actor": "@alice@b.example"}
IDENTITY = {"url": "https://pull.example.org"}


def errors_of(raw: object) -> list[str]:
    """The lines that this configuration is refused with."""
    with pytest.raises(ConfigError) as caught:
        parse_config(raw)
    return str(caught.value).splitlines()


def within(path: str, value: object) -> dict[str, object]:
    """`within("a.b", 1)` is `{"a": {"b": 1}}`."""
    section, _, key = path.partition(".")
    return {section: {key: value} if key else value}


def test_a_name_without_a_host_is_the_example_of_the_manual() -> None:
    """The line names the entry, quotes the value and shows both right forms."""
    follow = ["@a@one.example", "@b@two.example", "alice"]

    assert errors_of({"follow": follow}) == [
        "follow[2].actor: 'alice' is neither a handle nor an https URI: expected @user@host or https://..."
    ]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        pytest.param("politness", {}, "is not a known key: expected politeness", id="near key"),
        pytest.param("Follow", [], "is not a known key: expected follow", id="key in capitals"),
        pytest.param(
            "network.max-bytes", 1, "is not a known key: expected max_bytes", id="hyphen in a key"
        ),
        pytest.param(
            "gap", "2s", "is not a known key: expected politeness.gap", id="key of another section"
        ),
        pytest.param(
            "max_bytes",
            1,
            "is not a known key: expected store.max_bytes or network.max_bytes",
            id="key of two other sections",
        ),
        pytest.param(
            "api.zzz", 1, "is not a known key: expected one of token_file", id="no key is near"
        ),
        pytest.param(
            "politeness",
            None,
            "is empty: expected settings below it, or leave the key out",
            id="section without settings",
        ),
        pytest.param(
            "politeness",
            "2s",
            "'2s' is not a mapping: expected settings below it, as `name: value`",
            id="text for a section",
        ),
        pytest.param(
            "follow",
            None,
            "is empty: expected a list ([] for none), or leave the key out",
            id="list without entries",
        ),
        pytest.param(
            "follow",
            "@a@b.example",
            "'@a@b.example' is not a list: expected a list, such as [a, b]",
            id="text for a list",
        ),
        pytest.param("network.ports", [], "is an empty list: expected at least one", id="no ports"),
        pytest.param("network.http", "on", "'on' is neither true nor false", id="on is not true"),
        pytest.param("network.http", 1, "1 is neither true nor false", id="one is not true"),
        pytest.param(
            "politeness.robots",
            False,
            "false is not one of the choices: expected crawl, strict or off",
            id="off that became false on its way",
        ),
        pytest.param(
            "politeness.gap",
            5,
            "5 has no unit: expected a number and its unit, such as 30s, 5m, 2h or 1d",
            id="bare number for a duration",
        ),
        pytest.param("politeness.gap", None, "nothing is not a duration", id="null duration"),
        pytest.param(
            "politeness.concurrency",
            0,
            "0 is out of bounds: expected a whole number from 1 to 64",
            id="no connections",
        ),
        pytest.param(
            "politeness.concurrency", "1", "'1' is not a whole number", id="number in quotes"
        ),
        pytest.param("politeness.concurrency", True, "true is not a whole number", id="true"),
        pytest.param("politeness.pages", 100, "100 is not a rate", id="bare number for a rate"),
        pytest.param(
            "politeness.pages",
            [],
            "is an empty list: expected a count and a time, such as 100/15m or 20000/h, or a list"
            " of such rates",
            id="no rates",
        ),
        pytest.param(
            "politeness.pages",
            ["100/15m", "0/1d"],
            "'0/1d' allows nothing or everything",
            id="one of several rates",
        ),
        pytest.param(
            "politeness.pages",
            ["100/h", "200/1h"],
            "two rates are for the same time: expected one rate for each time",
            id="two rates for an hour",
        ),
        pytest.param(
            "politeness.pages",
            ["1/s", "9/m", "99/h", "999/d", "9999/7d"],
            "5 rates are too many: expected at most 4",
            id="too many rates",
        ),
        pytest.param(
            "politeness.robots_allow",
            ["https://a.example/"],
            "[0]: 'https://a.example/' is not a host name",
            id="address for a host",
        ),
        pytest.param("store.max_bytes", "64GB", "'64GB' is not a size", id="decimal size"),
        pytest.param(
            "store.max_bytes", 0, "0 is too small: expected 64KiB or more", id="store of no size"
        ),
        pytest.param("store.path", None, "is empty: expected a file or folder", id="null path"),
        pytest.param("store.path", "", "is empty: expected a file or folder", id="empty path"),
        pytest.param(
            "store.group",
            100,
            "100 is not text: expected the name of a group; put it in quotes",
            id="number for text",
        ),
        pytest.param("contact", True, "true is not text", id="true for text"),
        pytest.param("contact", "a\nb", "has characters that cannot be printed", id="line break"),
        pytest.param("contact", "me", "'me' is neither a web page nor a mail", id="contact"),
        pytest.param("contact", "https://a.example/()", "is neither a web page", id="brackets"),
        pytest.param(
            "contact", "https://bücher.example/", "has letters that a header", id="not ASCII"
        ),
        pytest.param(
            "identity",
            {},
            ".url: is missing: expected the public address of the inbox listener",
            id="identity without an address",
        ),
        pytest.param(
            "identity",
            {"url": "https://a.example/b"},
            ".url: 'https://a.example/b' is more than a host: expected https://a.example",
            id="address with a path",
        ),
        pytest.param(
            "identity",
            {"url": "http://a.example"},
            ".url: 'http://a.example' is not encrypted: expected https://..., or network.http",
            id="address without TLS",
        ),
        pytest.param(
            "identity",
            IDENTITY | {"username": "a b"},
            ".username: 'a b' is not a user name",
            id="user name with a space",
        ),
        pytest.param(
            "identity",
            IDENTITY | {"followers": "some"},
            ".followers: 'some' is not one of the choices: expected all, ask or none",
            id="unknown choice",
        ),
        pytest.param(
            "identity",
            IDENTITY | {"trusted_proxies": ["10.1.2.3/8"]},
            ".trusted_proxies[0]: '10.1.2.3/8' is an address inside a network: expected 10.0.0.0/8",
            id="address with the prefix of its network",
        ),
        pytest.param("network.allow", ["lan"], "[0]: 'lan' is not a network", id="no network"),
        pytest.param("network.ports", [0], "[0]: 0 is out of bounds", id="port zero"),
        pytest.param("network.local_names", ["*"], "[0]: '*' is not a name", id="any name"),
        pytest.param("network.connect_to", [], "a list is not a mapping", id="list of targets"),
        pytest.param(
            "network.connect_to",
            {"*:443": "127.0.0.1"},
            "[\"*:443\"]: '127.0.0.1' is not a host and a port",
            id="target without a port",
        ),
        pytest.param("network.timeout", "0s", "'0s' is too short", id="no time at all"),
        pytest.param(
            "delivery.retry", [], " is an empty list: expected at least one entry", id="no pause"
        ),
        pytest.param("delivery.retry", ["1m", 5], "[1]: 5 has no unit", id="second of a list"),
        pytest.param(
            "freshness.types",
            {"Person": 1},
            ".Person: 1 has no unit: expected adaptive, or a number and its unit",
            id="age without a unit",
        ),
        pytest.param(
            "freshness.types",
            {"person": "1d"},
            ".person: 'person' is not a known type: expected Person",
            id="type in lower case",
        ),
        pytest.param("log.level", "loud", "'loud' is not one of the choices", id="log level"),
        pytest.param(
            "listen.api",
            "tcp:8787",
            "'tcp:8787' can be reached by other machines: expected api.token_file to be set",
            id="open API without a token",
        ),
        pytest.param(
            "listen.inbox",
            "tcp:8787:interface=127.0.0.1",
            "is the same as listen.api",
            id="one port for two listeners",
        ),
        pytest.param("listen.api", 8787, "8787 is not text", id="bare port"),
    ],
)
def test_a_wrong_value_is_one_line(path: str, value: object, line: str) -> None:
    """The line begins with the path, and says what is wrong and what was expected."""
    lines = errors_of(within(path, value))

    assert len(lines) == 1
    assert lines[0].startswith(path)
    assert line in lines[0]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        pytest.param("alice", "actor: 'alice' is neither a handle", id="no host"),
        pytest.param(3, "3 is not a follow: expected @user@host or https://...", id="number"),
        pytest.param(["@a@b.example"], "a list is not a follow", id="list"),
        pytest.param({}, "actor: is missing: expected @user@host", id="no actor"),
        pytest.param({"actor": 3}, "actor: 3 is not text", id="number for an actor"),
        pytest.param("http://a.example/b", "is neither a handle nor an https URI", id="no TLS"),
        pytest.param("@a@b_ c.example", "actor: '@a@b_ c.example' has a host", id="host"),
        pytest.param(
            ALICE | {"types": "Event"}, "types: 'Event' is not a list", id="one type, no list"
        ),
        pytest.param(ALICE | {"types": []}, "types: is an empty list", id="no type at all"),
        pytest.param(
            ALICE | {"types": ["event"]}, "types[0]: 'event' is not a known type", id="case"
        ),
        pytest.param(ALICE | {"types": [3]}, "types[0]: 3 is not text", id="number for a type"),
        pytest.param(
            ALICE | {"backfill": -1}, "backfill: -1 is not a number of posts", id="negative"
        ),
        pytest.param(
            ALICE | {"backfill": "some"}, "expected a number, all or none", id="some posts"
        ),
        pytest.param(ALICE | {"backfill": True}, "backfill: true is not", id="true for a number"),
        pytest.param(
            ALICE | {"replies": 1.5}, "replies: 1.5 is not a whole number", id="half a level"
        ),
        pytest.param(ALICE | {"every": "2m"}, "every: '2m' is not a mapping", id="one interval"),
        pytest.param(
            ALICE | {"every": {"min": "0.5s"}}, "every.min: '0.5s' is too short", id="too often"
        ),
        pytest.param(
            ALICE | {"every": {"min": "8d"}}, "every: min (8d) is longer than max (7d)", id="min"
        ),
        pytest.param(ALICE | {"interval": "2m"}, "interval: is not a known key", id="unknown key"),
    ],
)
def test_a_wrong_follow_is_one_line(entry: object, line: str) -> None:
    """Paths begin at the entry, for the API and the command line."""
    with pytest.raises(ConfigError) as caught:
        parse_follow(entry)

    assert line in str(caught.value)
    assert len(caught.value.errors) == 1


def test_all_problems_are_reported_at_once() -> None:
    """Also those between sections, while unrelated sections are wrong."""
    raw = {
        "contact": "me",
        "listen": {"api": "tcp:1", "inbox": "tcp:1"},
        "follow": ["@a@b.example", "x", "@A@B.example"],
        "politeness": {"gap": 5, "robots": "on"},
    }

    paths = [line.partition(": ")[0] for line in errors_of(raw)]

    assert sorted(paths) == [
        "contact",
        "follow[1].actor",
        "follow[2].actor",
        "listen.api",
        "listen.inbox",
        "politeness.gap",
        "politeness.robots",
    ]


def test_no_check_judges_what_nobody_wrote() -> None:
    """A token file that cannot be read as a path is one problem, not also a missing token."""
    raw = {"listen": {"api": "tcp:8787"}, "api": {"token_file": 3}}

    assert [line.partition(": ")[0] for line in errors_of(raw)] == ["api.token_file"]


def test_an_actor_is_followed_once() -> None:
    """A second entry names the first, whatever the case of the handle."""
    raw = {"follow": ["@alice@b.example", {"actor": "acct:Alice@B.example", "replies": 3}]}

    (line,) = errors_of(raw)

    assert line.startswith("follow[1].actor: 'acct:Alice@B.example' is followed already")
    assert line.endswith("by follow[0]: expected each actor once")


def test_the_first_problem_is_the_errors_own() -> None:
    """A ConfigError can be answered like any other error: 400, exit code 2, one subject."""
    with pytest.raises(ConfigError) as caught:
        parse_config({"log": {"level": "loud"}})

    assert (caught.value.http_status, caught.value.exit_code) == (400, 2)
    assert caught.value.subject == "log.level"
    assert caught.value.expected == "debug, info, warning or error"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@settings(max_examples=400)
@given(st.sampled_from([p for p in field_paths(Config) if p.count(".") < 2]), anything)
def test_whatever_stands_there_the_words_are_ours(path: str, value: object) -> None:
    """Any value of any key is accepted or refused in plain words, never with a traceback."""
    raw: dict[str, object] = within(path, value)
    if path.startswith("follow."):
        raw = {"follow": [{"actor": "@a@b.example"} | {path.partition(".")[2]: value}]}
    try:
        parse_config(raw)
    except ConfigError as error:
        for problem in error.errors:
            assert problem.path.startswith(path.partition(".")[0])
            assert "nput should" not in str(problem)
            assert "valid" not in problem.reason or "no valid" in problem.reason
            assert "\n" not in str(problem)
