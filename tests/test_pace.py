"""How often something changes and is asked, as it is told, and when a reader makes us look."""

from __future__ import annotations

from typing import Any

import pytest
from api_cases import NOW, known

from fedpull.cache.pace import BECAUSE, changes_a_day, doubtful, overdue, pace
from fedpull.cache.spans import every
from fedpull.cache.views import BOUNDS, Attempt, State
from fedpull.cache.why import why
from fedpull.crawler.protocol.assumptions import PRICE_FLOOR

DAY = 86_400.0
HOUR = 3_600.0


def watched(**more: Any) -> Any:
    """An actor that is expected to change three times a month, verified an hour ago."""
    values = {
        "kind": "actor",
        "rate": 0.1,
        "exposure": 4.0,
        "weight": 1.0,
        "bound": "price",
        "interval": 6 * HOUR,
        "next_check": NOW + 5 * HOUR,
    }
    return known(**{**values, **more})


@pytest.mark.parametrize(
    ("record", "text"),
    [
        pytest.param(known(), None, id="what is not watched"),
        pytest.param(watched(), "about 3 changes a month", id="a month"),
        pytest.param(watched(rate=0.2), "about 1 change a week", id="a week"),
        pytest.param(watched(rate=1.4), "about 1 change a day", id="a day"),
        pytest.param(watched(rate=40), "about 40 changes a day", id="many a day"),
        pytest.param(watched(rate=240), "about 10 changes an hour", id="an hour"),
        pytest.param(watched(rate=0.01), "about 4 changes a year", id="a year"),
        pytest.param(watched(rate=0.0001), "less than one change a year", id="hardly ever"),
        pytest.param(watched(kind="outbox", rate=4), "about 4 new posts a day", id="an outbox"),
        pytest.param(watched(kind="listing", rate=1), "about 1 new item a day", id="a listing"),
        pytest.param(
            watched(kind="post", published=NOW - DAY, rate=0.1),
            "about 2 changes a month",
            id="a post of yesterday",
        ),
        pytest.param(
            watched(kind="post", published=NOW - 100 * DAY, rate=0.1),
            "less than one change a year",
            id="a post of last winter",
        ),
        pytest.param(
            watched(kind="post", published=NOW + DAY, rate=0.1),
            "about 4 changes a week",
            id="a post of tomorrow",
        ),
    ],
)
def test_pace_in_words(record: Any, text: str | None) -> None:
    """The unit is the one in which people would count."""
    assert pace(record, NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "every second"),
        (120, "every 2 minutes"),
        (HOUR, "every hour"),
        (6 * HOUR, "every 6 hours"),
        (DAY, "every day"),
        (30 * DAY, "every 30 days"),
    ],
)
def test_how_often(seconds: float, text: str) -> None:
    """One unit is not counted."""
    assert every(seconds) == text


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        pytest.param(
            watched(),
            "Fresh: its origin served it 1 hour ago; with about 3 changes a month it is checked "
            "every 6 hours (as often as the budget allows), next in 5 hours.",
            id="fresh",
        ),
        pytest.param(
            watched(bound="type", interval=DAY, next_check=NOW - 2 * HOUR),
            "Stale: its origin served it 1 hour ago, and the next check has been due for 2 hours; "
            "with about 3 changes a month it is checked every day (as is set for its type).",
            id="stale",
        ),
        pytest.param(
            watched(
                kind="outbox", rate=4, cls="collection", state="unknown", fetched_at=None, log=()
            ),
            "Known, but not fetched yet. It is looked at again in 5 hours.",
            id="never asked",
        ),
    ],
)
def test_the_sentence(record: Any, sentence: str) -> None:
    """`why` says how often it is asked, and what decided that."""
    assert why(record, NOW) == sentence


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (30, "For another 30 seconds whoever asks is told so without a request."),
        (-5, "The next one to ask for it makes a request."),
    ],
)
def test_what_failed_is_not_said_to_be_asked_again(left: float, sentence: str) -> None:
    """What was never held is asked again only when somebody wants it."""
    log = (Attempt(NOW - 30, "on_demand", 404, "not found: status 404"),)
    nothing = {"state": State.FAILED, "fetched_at": None, "verified_at": None, "log": log}
    record = known(**nothing, failures=1, last_error="status 404", next_check=NOW + left)

    assert why(record, NOW) == f"Not held: an attempt failed (status 404). {sentence}"


def test_every_bound_has_words() -> None:
    """Whatever decided an interval is told."""
    assert set(BECAUSE) == set(BOUNDS)


def test_priority() -> None:
    """An hour of six is a sixth; what was never verified has none."""
    assert overdue(watched(), NOW) == pytest.approx(1 / 6)
    assert overdue(watched(verified_at=None), NOW) is None
    assert changes_a_day(known(), NOW) is None


@pytest.mark.parametrize(
    ("record", "price", "doubt"),
    [
        pytest.param(watched(), PRICE_FLOOR, False, id="an hour of a quiet actor"),
        pytest.param(watched(verified_at=NOW - 5 * HOUR), PRICE_FLOOR, True, id="five hours"),
        pytest.param(watched(rate=5.0), PRICE_FLOOR, True, id="an hour of a busy one"),
        pytest.param(watched(rate=5.0), 1.0, False, id="when requests are dear"),
        pytest.param(watched(rate=5.0), None, False, id="when nobody knows the price"),
        pytest.param(watched(rate=5.0, not_before=NOW + 60), PRICE_FLOOR, False, id="by max-age"),
        pytest.param(watched(kind="outbox", rate=50), PRICE_FLOOR, False, id="no document"),
        pytest.param(known(), PRICE_FLOOR, False, id="not watched"),
        pytest.param(None, PRICE_FLOOR, False, id="not known"),
        pytest.param(
            watched(kind="post", published=NOW - HOUR - 60, rate=0.1), PRICE_FLOOR, True, id="young"
        ),
        pytest.param(
            watched(kind="post", published=NOW - 30 * DAY, rate=0.1), PRICE_FLOOR, False, id="old"
        ),
        pytest.param(
            watched(kind="post", published=NOW + DAY, rate=0.1), PRICE_FLOOR, False, id="not born"
        ),
        pytest.param(
            watched(kind="post", published=NOW - DAY, verified_at=NOW + DAY),
            PRICE_FLOOR,
            False,
            id="verified ahead of time",
        ),
        pytest.param(watched(rate=5.0, bound="type"), PRICE_FLOOR, False, id="of a fixed age"),
    ],
)
def test_a_copy_in_doubt(record: Any, price: float | None, doubt: bool) -> None:
    """Who reads a copy that is probably outdated has it looked at, if that is worth a request."""
    assert doubtful(record, price, NOW) is doubt
