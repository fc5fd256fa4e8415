"""Endpoint descriptions and connect_to: read without opening anything."""

from __future__ import annotations

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.testing import MemoryReactorClock

from fedpull.config.connect_to import parse_rules, target_of
from fedpull.config.endpoint import parse_endpoint
from fedpull.config.problems import ConfigError
from fedpull.errors import BadInput

GOOD = [
    pytest.param("tcp:8787:interface=127.0.0.1", True, id="loopback"),
    pytest.param("tcp:0:interface=127.0.0.1", True, id="any free port of the loopback"),
    pytest.param("tcp:port=8787:interface=127.0.0.2", True, id="loopback is a whole network"),
    pytest.param("tcp:8787:interface=localhost", True, id="loopback by its name"),
    pytest.param(r"tcp:8787:interface=\:\:1", True, id="escaped IPv6 loopback"),
    pytest.param(r"tcp6:8787:interface=\:\:1", True, id="tcp6 on the loopback"),
    pytest.param("unix:/run/fedpull.sock", True, id="unix socket"),
    pytest.param("unix:/run/fedpull.sock:mode=660:lockfile=0", True, id="unix with its options"),
    pytest.param(r"unix:/run/a\:b\=c", True, id="unix with escaped marks"),
    pytest.param("tcp:8787", False, id="no interface means all of them"),
    pytest.param("tcp:8787:interface=0.0.0.0", False, id="all interfaces"),
    pytest.param("tcp:8787:interface=192.168.1.5", False, id="an address of the network"),
    pytest.param("tcp6:8787", False, id="all interfaces of IPv6"),
]


@pytest.mark.parametrize(("text", "private"), GOOD)
def test_a_description_says_who_can_connect(text: str, private: bool) -> None:
    """Only the loopback and unix sockets are out of the reach of other machines."""
    assert parse_endpoint(text).private is private


@pytest.mark.parametrize(("text", "private"), GOOD)
def test_what_is_accepted_twisted_accepts(text: str, private: bool) -> None:
    """A description that passes here is no traceback later, and written back it is the same."""
    reactor = MemoryReactorClock()

    first = serverFromString(reactor, text)
    again = serverFromString(reactor, str(parse_endpoint(text)))

    assert vars(first) == vars(again)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("8787", id="a bare port"),
        pytest.param("127.0.0.1:8787", id="host and port, as everywhere else"),
        pytest.param("http:8787", id="a kind that there is not"),
        pytest.param("tcp", id="no port"),
        pytest.param("tcp:", id="an empty port"),
        pytest.param("tcp:x", id="a port that is a word"),
        pytest.param("tcp:65536", id="a port beyond the last"),
        pytest.param("tcp:8787:127.0.0.1", id="an interface without its name"),
        pytest.param("tcp:8787:interfaces=127.0.0.1", id="a misspelt argument"),
        pytest.param("tcp:8787:interface=lo", id="an interface that is no address"),
        pytest.param("tcp:8787:interface=::1", id="IPv6 that is not escaped"),
        pytest.param("tcp:8787:interface=127.0.0.1:interface=127.0.0.1", id="an argument twice"),
        pytest.param("tcp:8787:port=1", id="the port twice"),
        pytest.param("unix:", id="a socket without a path"),
    ],
)
def test_what_twisted_would_trip_over_is_refused(text: str) -> None:
    """The error names the description and shows a right one."""
    with pytest.raises(BadInput) as caught:
        parse_endpoint(text)

    assert repr(text) in str(caught.value)
    assert "expected" in str(caught.value)


RULES = {
    "*:443": "127.0.0.1:1",
    "*.example:443": "127.0.0.1:2",
    "*.b.example:443": "127.0.0.1:3",
    "A.b.example:443": "[::1]:4",
    "a.b.example:8443": "proxy.lan:5",
}


@pytest.mark.parametrize(
    ("host", "port", "target"),
    [
        pytest.param("a.b.example", 443, ("::1", 4), id="the exact name first"),
        pytest.param("A.B.example.", 443, ("::1", 4), id="whatever its case and final dot"),
        pytest.param("c.b.example", 443, ("127.0.0.1", 3), id="then the longer suffix"),
        pytest.param("b.example", 443, ("127.0.0.1", 2), id="a suffix is not the name itself"),
        pytest.param("example", 443, ("127.0.0.1", 1), id="then any host"),
        pytest.param("badexample", 443, ("127.0.0.1", 1), id="a suffix begins at a dot"),
        pytest.param("a.b.example", 8443, ("proxy.lan", 5), id="the port counts"),
        pytest.param("c.b.example", 8443, None, id="no rule for that port"),
        pytest.param("[2001:db8::1]", 443, ("127.0.0.1", 1), id="an address of IPv6"),
    ],
)
def test_the_most_specific_rule_wins(host: str, port: int, target: tuple[str, int] | None) -> None:
    """Connections go where the narrowest pattern says, in whatever order they stand."""
    backwards = dict(reversed(RULES.items()))

    assert target_of(parse_rules(RULES), host, port) == target
    assert target_of(parse_rules(backwards), host, port) == target


def test_every_wrong_rule_is_named() -> None:
    """All wrong lines of the mapping are reported, each by its pattern."""
    wrong = {
        "*.example": "127.0.0.1:1",
        "a.example:443": "127.0.0.1",
        "b.example:0": "127.0.0.1:1",
        "B.b.example:443": "127.0.0.1:1",
        "b.B.example:443": "127.0.0.1:1",
        "[::g]:443": "127.0.0.1:1",
        "x.example:443": 9443,
    }

    with pytest.raises(ConfigError) as caught:
        parse_rules(wrong)

    assert [problem.path for problem in caught.value.errors] == [
        '["*.example"]',
        '["a.example:443"]',
        '["b.example:0"]',
        '["b.B.example:443"]',
        '["[::g]:443"]',
        '["x.example:443"]',
    ]
