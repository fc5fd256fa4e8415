"""The operator's word on whom we have to do with: what is forgotten, and the one place to ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.blocks import Blocks
from fedpull.crawler.protocol.forgotten import (
    PREFIX,
    first_line,
    hashed,
    line,
    parse_forgotten,
)
from fedpull.crawler.protocol.handle import Handle
from fedpull.crawler.protocol.policy import OPEN, Policy
from fedpull.errors import BadInput, Refused

SALT = bytes(range(16))
AT = "2026-01-31T12:00:00Z"
BOB = "https://h.example/users/bob"
POST = "https://h.example/notes/7?lang=en"


def forgetting(*wishes: str) -> str:
    text = first_line(SALT)
    for wish in wishes:
        if "/" in wish:
            text += line(AT, "id", [hashed(SALT, wish)])
        else:
            text += line(AT, "domain", [wish])
    return text


POLICY = Policy(
    Blocks({"spam.example": "suspend", "loud.example": "silence", "2a00::1": "suspend"}),
    parse_forgotten("forgotten", forgetting(BOB, POST, "gone.example")),
)


@pytest.mark.parametrize(
    ("uri", "verdict"),
    [
        pytest.param("https://h.example/users/alice", None, id="somebody else"),
        pytest.param(BOB, "forgotten", id="the actor"),
        pytest.param(f"{BOB}/statuses/1", "forgotten", id="what is named below the actor"),
        pytest.param(f"{BOB}/statuses/1/activity", "forgotten", id="far below"),
        pytest.param(f"{BOB}#main-key", "forgotten", id="the actor's key"),
        pytest.param(f"{BOB}/outbox?page=true", "forgotten", id="a page of its outbox"),
        pytest.param(f"{BOB}by", None, id="a name that only begins like it"),
        pytest.param("https://h.example/users", None, id="what it lies in"),
        pytest.param(POST, "forgotten", id="one post"),
        pytest.param("https://h.example/notes/7", None, id="the post's URL without its query"),
        pytest.param("https://gone.example/x", "forgotten", id="a forgotten domain"),
        pytest.param("https://a.gone.example/x", "forgotten", id="below a forgotten domain"),
        pytest.param("https://spam.example:8443/x", "blocked", id="blocked, on another port"),
        pytest.param("http://www.spam.example/x", "blocked", id="blocked, without TLS"),
        pytest.param("https://loud.example/x", None, id="silenced only"),
        pytest.param("https://[2A00:0::1]/x", "blocked", id="a blocked address"),
        pytest.param("https://[2a00::1]:8443/x", "blocked", id="it on another port"),
        pytest.param("https://[2a00::2]/x", None, id="another address"),
        pytest.param(f"{PREFIX}0123", "forgotten", id="a name that stands for another"),
        pytest.param("no URI", None, id="what is no URI"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_verdict_on(uri: str, verdict: str | None) -> None:
    """Blocked, forgotten, or neither."""
    assert POLICY.verdict(uri) == verdict
    assert (POLICY.refusal(uri) is not None) == (verdict is not None)


def test_a_handle_is_refused_by_its_host() -> None:
    """Before its server is asked whom it names."""
    with pytest.raises(Refused, match="blocked"):
        POLICY.refuse_actor(Handle("x", "www.spam.example"))
    POLICY.refuse_actor(Handle("x", "h.example"))


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        pytest.param("spam.example:443", "blocked", id="with its port"),
        pytest.param("a.spam.example", "blocked", id="without"),
        pytest.param("[2a00::1]:443", "blocked", id="an address with its port"),
        pytest.param("[2a00::1]", "blocked", id="an address without"),
        pytest.param("[2a00::2]:443", None, id="another address"),
        pytest.param("gone.example:8443", "forgotten", id="forgotten"),
    ],
)
def test_the_verdict_on_a_whole_host(name: str, verdict: str | None) -> None:
    """As the table of hosts names it."""
    assert POLICY.host(name) == verdict


def test_a_silenced_host_is_not_refused() -> None:
    """It is only not discovered, and not listed among others'."""
    assert POLICY.silences("https://www.loud.example/1")
    assert not POLICY.silences("https://spam.example/1")
    assert not OPEN.silences("https://www.loud.example/1")


def test_what_is_forgotten_has_a_name_that_tells_nothing() -> None:
    """The same for the same id, another with another salt, and none for what is not forgotten."""
    name = POLICY.name(BOB)

    assert name.startswith(PREFIX)
    assert "bob" not in name
    assert POLICY.name(name) == name
    assert POLICY.name("https://h.example/users/alice") == "https://h.example/users/alice"
    assert hashed(bytes(16), BOB) not in name


def test_an_undo_takes_back_one_wish() -> None:
    """A later line holds; a further one may forget it again."""
    undone = forgetting(BOB, "gone.example") + line(AT, "id", [hashed(SALT, BOB)], undo=True)
    policy = Policy(forgotten=parse_forgotten("forgotten", undone))
    assert policy.verdict(BOB) is None
    assert policy.verdict("https://gone.example/") == "forgotten"

    again = undone + line(AT, "id", [hashed(SALT, BOB)])
    assert Policy(forgotten=parse_forgotten("forgotten", again)).verdict(BOB) == "forgotten"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("forgotten\n", id="another beginning"),
        pytest.param(first_line(SALT) + "what is this\n", id="a line of something else"),
        pytest.param(first_line(SALT) + f"{AT} id 0123\n", id="a hash that is cut short"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(text: str) -> None:
    """It may hold somebody's wish, so it is never passed over."""
    with pytest.raises(BadInput, match="forgotten:"):
        parse_forgotten("forgotten", text)


@given(st.text())
def test_no_uri_breaks_the_verdict(text: str) -> None:
    """Whatever stands in a document may be asked about."""
    POLICY.verdict(text)
    POLICY.name(text)
    POLICY.silences(text)
