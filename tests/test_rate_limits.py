"""What is read of rate limits in an answer's headers, in all forms that servers send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.rate_limits import DAY, MOST_WINDOWS, announced, retry_after

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
WAITS: dict[str, tuple[dict[str, str], float | None]] = {
    "seconds": ({"retry-after": "120"}, 120.0),
    "no seconds": ({"retry-after": "0"}, 1.0),
    "far too many": ({"retry-after": "1000000000"}, 86_400.0),
    "digits without end": ({"retry-after": "9" * 5000}, 86_400.0),
    "a date": ({"retry-after": "Tue, 14 Nov 2023 22:15:20 GMT"}, 120.0),
    "a date in the past": ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 1.0),
    "a date with dashes": ({"retry-after": "Tuesday, 14-Nov-23 22:15:20 GMT"}, 120.0),
    "a date by a clock of its own": (
        {"retry-after": "Tue, 14 Nov 2023 23:15:20 GMT", "date": "Tue, 14 Nov 2023 23:13:20 GMT"},
        120.0,
    ),
    "negative": ({"retry-after": "-5"}, None),
    "an exponent": ({"retry-after": "1e9"}, None),
    "empty": ({"retry-after": ""}, None),
    "a word": ({"retry-after": "soon"}, None),
    "two headers": ({"retry-after": "120, 60"}, None),
    "digits of another script": ({"retry-after": "١٢"}, None),
    "nothing": ({}, None),
    "ISO (Mastodon)": ({"x-ratelimit-reset": "2023-11-14T22:15:20.000000Z"}, 120.0),
    "ISO with an offset": ({"x-ratelimit-reset": "2023-11-15T00:15:20+02:00"}, 120.0),
    "epoch (GoToSocial, before)": ({"x-ratelimit-reset": "1700000120"}, 120.0),
    "epoch with a fraction": ({"x-ratelimit-reset": "1700000120.5"}, 120.5),
    "epoch in milliseconds": ({"x-ratelimit-reset": "1700000120000"}, 120.0),
    "seconds to the reset": ({"x-ratelimit-reset": "30"}, 30.0),
    "a reset in the past": ({"x-ratelimit-reset": "1600000000"}, 1.0),
    "a reset in a year": ({"x-ratelimit-reset": "1731536000"}, 3_600.0),
    "no reset": ({"x-ratelimit-reset": "later"}, None),
    "both": ({"retry-after": "7", "x-ratelimit-reset": "1700000120"}, 7.0),
    "another spelling": ({"x-rate-limit-reset": "60"}, 60.0),
    "the older draft": (
        {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "45"},
        45.0,
    ),
    "the present draft": ({"ratelimit": '"a";r=0;t=40'}, 40.0),
    "the window that is spent": ({"ratelimit": '"a";r=5;t=400, "b";r=0;t=20'}, 20.0),
    "none is spent": ({"ratelimit": '"a";r=5;t=40, "b";r=3;t=20'}, 40.0),
    "none is spent of a day": ({"ratelimit": '"a";r=5;t=80000'}, 3_600.0),
    "a day is spent": ({"ratelimit": '"a";r=0;t=80000'}, 80_000.0),
    "a year is spent": ({"ratelimit": '"a";r=0;t=31536000'}, 86_400.0),
    "a policy alone is no wait": ({"ratelimit-policy": '"a";q=5;w=60'}, None),
}


@pytest.mark.parametrize(("headers", "expected"), WAITS.values(), ids=WAITS)
def test_when_to_come_back(headers: dict[str, str], expected: float | None) -> None:
    """A wait is read from what servers send, between a second and a day; nonsense is none."""
    assert retry_after(headers, NOW) == expected


def mastodon(left: object, reset: object = "2023-11-14T22:20:00.000000Z") -> dict[str, str]:
    return {
        "x-ratelimit-limit": "300",
        "x-ratelimit-remaining": str(left),
        "x-ratelimit-reset": str(reset),
    }


# Name, quota, what remains, seconds to the reset, length.
Told = tuple[str, int, int, float, float]
BURST, DAILY = '"burst";q=100;w=60', '"daily";q=1000;w=86400'
ANNOUNCED: dict[str, tuple[dict[str, str], list[Told]]] = {
    "nothing": ({"content-type": "text/html"}, []),
    "Mastodon": (mastodon(299), [("300", 300, 299, 400.0, 0.0)]),
    "GoToSocial, by epoch": (mastodon(7, 1700000060), [("300", 300, 7, 60.0, 0.0)]),
    "by seconds": (mastodon(7, 60), [("300", 300, 7, 60.0, 0.0)]),
    "the last one": (mastodon(0, 60), [("300", 300, 0, 60.0, 0.0)]),
    "more left than there is": (mastodon(999, 60), [("300", 300, 300, 60.0, 0.0)]),
    "negative": (mastodon(-1, 60), []),
    "a window that has ended": (mastodon(0, 1600000000), []),
    "a window without an end": (mastodon(0, ""), []),
    "an hour at most": (mastodon(0, 1731536000), [("300", 300, 0, 3_600.0, 0.0)]),
    "by the server's clock": (
        mastodon(1, 1700003660) | {"date": "Tue, 14 Nov 2023 23:13:20 GMT"},
        [("300", 300, 1, 60.0, 0.0)],
    ),
    "a clock that is off by years": (
        mastodon(1, 1700000060) | {"date": "Tue, 14 Nov 2000 23:13:20 GMT"},
        [("300", 300, 1, 60.0, 0.0)],
    ),
    "without a limit": (
        {"x-ratelimit-remaining": "5", "x-ratelimit-reset": "60"},
        [("x-ratelimit", 0, 5, 60.0, 0.0)],
    ),
    "the older draft": (
        {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "4", "ratelimit-reset": "9"},
        [("100", 100, 4, 9.0, 0.0)],
    ),
    "the older draft with its policy": (
        {
            "ratelimit-limit": "100",
            "ratelimit-remaining": "4",
            "ratelimit-reset": "9",
            "ratelimit-policy": "100;w=60",
        },
        [("100", 100, 4, 9.0, 0.0)],
    ),
    "the seventh draft": (
        {"ratelimit-policy": "100;w=60", "ratelimit": "limit=100, remaining=50, reset=5"},
        [("100", 100, 50, 5.0, 60.0)],
    ),
    "the present draft": (
        {"ratelimit-policy": BURST, "ratelimit": '"burst";r=50;t=30'},
        [("burst", 100, 50, 30.0, 60.0)],
    ),
    "two policies, one of them told": (
        {"ratelimit-policy": f"{BURST}, {DAILY}", "ratelimit": '"daily";r=50;t=30'},
        [("daily", 1000, 50, 30.0, DAY), ("burst", 100, 100, 60.0, 60.0)],
    ),
    "activitypub-bot": (
        {
            "ratelimit-policy": '"1min"; q=2400; w=60; pk=:NmY=:, "10sec"; q=1000; w=10; pk=:NmY=:',
            "ratelimit": '"1min"; r=2399; t=60, "10sec"; r=999; t=10',
        },
        [("1min", 2400, 2399, 60.0, 60.0), ("10sec", 1000, 999, 10.0, 10.0)],
    ),
    "without a time: the window's length": (
        {"ratelimit-policy": BURST, "ratelimit": '"burst";r=0'},
        [("burst", 100, 0, 60.0, 60.0)],
    ),
    "without a policy or a time": ({"ratelimit": '"burst";r=0'}, []),
    "by bytes": ({"ratelimit-policy": '"a";q=9;w=60;qu="content-bytes"'}, []),
    "at once": ({"ratelimit-policy": '"a";q=9;qu="concurrent-requests"'}, []),
    "a policy alone": ({"ratelimit-policy": BURST}, [("burst", 100, 100, 60.0, 60.0)]),
    "nothing allowed is nonsense": ({"ratelimit-policy": '"a";q=0;w=60'}, []),
    "the same in both forms": (
        {"ratelimit": '"a";r=9;t=60', "ratelimit-policy": '"a";q=300;w=60'} | mastodon(9, 60),
        [("a", 300, 9, 60.0, 60.0)],
    ),
    "more policies than anybody has": (
        {"ratelimit": ", ".join(f'"p{n}";r=1;t=5' for n in range(9))},
        [(f"p{n}", 0, 1, 5.0, 0.0) for n in range(MOST_WINDOWS)],
    ),
    "no structured field": ({"ratelimit": "50 of 100", "ratelimit-policy": ";;;"}, []),
    "a list in the list": ({"ratelimit": '("a" "b");r=1;t=5'}, []),
    "longer than a line should be": ({"ratelimit": '"a";r=1;t=5, ' * 200}, []),
}


@pytest.mark.parametrize(("headers", "expected"), ANNOUNCED.values(), ids=ANNOUNCED)
def test_which_windows_an_answer_announces(headers: dict[str, str], expected: list[Told]) -> None:
    """Both drafts, and the headers that came before them; what cannot be read is no window."""
    found = announced(headers, NOW)

    assert [(one.name, one.quota, one.remaining, one.reset, one.span) for one in found] == expected


NAMES = [
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    *(
        f"{prefix}-{what}"
        for prefix in ("ratelimit", "x-ratelimit", "x-rate-limit")
        for what in ("limit", "remaining", "reset")
    ),
]
VALUES = st.one_of(
    st.text(max_size=60),
    st.from_regex(r'"?[a-z]{0,3}"?;[rqtw]=-?[0-9]{1,16}(\.[0-9]{1,4})?', fullmatch=True),
    st.integers(-(10**20), 10**20).map(str),
    st.datetimes().map(str),
)


@given(
    st.dictionaries(st.sampled_from([*NAMES, "date"]), VALUES),
    st.floats(0, 4e9),
)
def test_whatever_a_header_holds(headers: dict[str, str], now: float) -> None:
    """Reading raises nothing, and what is read stays in its bounds."""
    wait = retry_after(headers, now)
    found = announced(headers, now)

    assert wait is None or 1 <= wait <= DAY
    assert len(found) <= MOST_WINDOWS
    for one in found:
        assert 0 < one.reset <= DAY
        assert 0 <= one.span <= DAY
        assert 0 <= one.remaining <= (one.quota or 10**9) <= 10**9
        assert len(one.name) <= 32
