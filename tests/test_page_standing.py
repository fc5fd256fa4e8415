"""How a follow or a host is doing, in a word and a sentence: late says what it waits for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from api_cases import NOW

from fedpull.cache.page_standing import hindrance, of_follow, of_host
from fedpull.cache.records import Follow, Host, Totals
from fedpull.cache.verbs import Running

FOLLOW = Follow(
    key="@a@a.example",
    last_success=NOW - 600,
    next_check=NOW + 600,
    interval=1_200.0,
    complete=True,
    objects=5,
)
HOST = Host("a.example:443", "ok", None, 0, None, 10)
LATE: dict[str, Any] = {"next_check": NOW - 3_600}


@pytest.mark.parametrize(
    ("follow", "host", "hindered", "level", "word", "says"),
    [
        pytest.param({}, {}, None, "ok", "up to date", "Next in 10 minutes", id="in time"),
        pytest.param(
            {"next_check": NOW - 100}, {}, None, "ok", "up to date", "Next now", id="a little over"
        ),
        pytest.param(
            {"next_check": NOW - 200, "interval": 86_400.0}, {}, None, "ok", "up to date", "",
            id="little for its interval",
        ),
        pytest.param(LATE, {}, None, "late", "late", "other requests go before it", id="late"),
        pytest.param(
            LATE, {"state": "paused", "until": NOW + 300}, None, "late", "late",
            "its host is given a pause for another 5 minutes", id="its host is paused",
        ),
        pytest.param(
            LATE, {"state": "dead", "last_error": "timeout"}, None, "late", "late",
            "its host does not answer (timeout)", id="its host is dead",
        ),
        pytest.param(
            LATE, {"backlog": 40}, None, "late", "late", "its host has more to be asked",
            id="its host is busy",
        ),
        pytest.param(
            LATE, {"state": "dead"}, "contact is not set", "late", "late", "contact is not set",
            id="nobody is asked",
        ),
        pytest.param(
            {"last_error": "status 404"}, {}, None, "bad", "failing", "status 404", id="it failed"
        ),
        pytest.param(
            {"last_success": None, "last_error": "tls"}, {}, None, "bad", "failing", "never read",
            id="it always failed",
        ),
        pytest.param({"last_success": None}, {}, None, "busy", "first read", "", id="it is new"),
        pytest.param(
            {"last_success": None}, {"state": "unwelcome"}, None, "late", "waiting",
            "keeps refusing us", id="it is new at a host that refuses us",
        ),
        pytest.param({"complete": False}, {}, None, "busy", "reading back", "", id="backfill"),
        pytest.param({"blocked": "https://b"}, {}, None, "off", "blocks us", "", id="it blocks us"),
    ],
)  # fmt: skip
def test_a_follow(
    follow: dict[str, Any],
    host: dict[str, Any],
    hindered: str | None,
    level: str,
    word: str,
    says: str,
) -> None:
    """Every follow has a word for how it is, and what is late has a reason."""
    standing = of_follow(replace(FOLLOW, **follow), replace(HOST, **host), hindered, NOW)

    assert (standing.level, standing.word) == (level, word)
    assert says in standing.why
    assert standing.why.endswith(".")


@pytest.mark.parametrize(
    ("host", "level", "says"),
    [
        ({}, "ok", "It answers."),
        ({"state": "paused", "until": NOW + 90}, "late", "asked again in 2 minutes"),
        (
            {"state": "dead", "why": "has failed 9 times in a row (tls)"},
            "bad",
            "Has failed 9 times",
        ),
        ({"state": "slow", "last_error": "status 429"}, "busy", "Last error: status 429"),
        ({"backlog": 7, "lag": 7_200.0}, "ok", "7 of its sources are due, for up to 2 hours"),
        ({"state": "blocked"}, "off", "blocked by the operator"),
        ({"state": "something new"}, "busy", "something new"),
    ],
)
def test_a_host(host: dict[str, Any], level: str, says: str) -> None:
    """Every state has its sentence, also one that a newer version has come up with."""
    standing = of_host(replace(HOST, **host), NOW)

    assert standing.level == level
    assert says in standing.why


def test_what_keeps_us_from_asking_anybody() -> None:
    """A full store or a daemon that fetches nothing is why everything is late."""
    ready = Running("1", 1.0, 0, True)

    assert hindrance(ready, Totals()) is None
    assert "store" in (hindrance(ready, Totals(read_only=True)) or "")
    waiting = replace(ready, ready=False, reasons=("contact is not set",))
    assert hindrance(waiting, Totals()) == "contact is not set"
