"""Content types, waiting times and freshness, as headers state them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol import media
from fedpull.crawler.protocol.times import http_date

PROFILE = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
ACTIVITY = {
    "the type": ("application/activity+json", True),
    "in capitals": ("Application/Activity+JSON", True),
    "with a charset": ("application/activity+json; charset=utf-8", True),
    "with a quoted charset": ('application/activity+json;charset="UTF-8"', True),
    "JSON-LD with the profile": (PROFILE, True),
    "JSON-LD with two profiles": (
        'application/ld+json; profile="http://x/ https://www.w3.org/ns/activitystreams"',
        True,
    ),
    "JSON-LD without a profile (Epicyon)": ("application/ld+json", True),
    "JSON-LD with another profile": ('application/ld+json; profile="http://x/"', False),
    "another charset": ("application/activity+json; charset=utf-16", False),
    "latin-1": ("application/activity+json; charset=iso-8859-1", False),
    "JSON": ("application/json", False),
    "WebFinger": ("application/jrd+json", False),
    "HTML": ("text/html", False),
    "text": ("text/plain; charset=utf-8", False),
    "bytes": ("application/octet-stream", False),
    "two types": ("text/html, application/activity+json", False),
    "the type as a parameter": ("text/html; x=application/activity+json", False),
    "empty": ("", False),
    "none": (None, False),
}


@pytest.mark.parametrize(("value", "expected"), ACTIVITY.values(), ids=ACTIVITY)
def test_activity_types(value: str | None, expected: bool) -> None:
    """Only types that no file upload gets are those of ActivityStreams documents."""
    assert media.is_activity(value) is expected


def test_json_types() -> None:
    """Pages may be plain JSON too, WebFinger answers their own type or JSON."""
    for kind in ("application/json", "application/json; charset=utf-8", PROFILE):
        assert media.is_json(kind)
    for other in ("text/html", "text/json", None, "application/json; charset=utf-16"):
        assert not media.is_json(other)
    assert media.is_jrd("application/jrd+json; charset=utf-8")
    assert media.is_jrd("application/json")
    assert not media.is_jrd("application/activity+json")
    assert media.is_activity(media.ACCEPT_ACTIVITY.partition(",")[0])


AGES = {
    "max-age": ("max-age=60", 60.0),
    "among others": ("public, max-age=60, must-revalidate", 60.0),
    "for shared caches": ("max-age=60, s-maxage=300", 300.0),
    "longer than for shared caches": ("max-age=60, s-maxage=30", 60.0),
    "in capitals, quoted": ('Max-Age="60"', 60.0),
    "no-store": ("no-store, max-age=60", 0.0),
    "no-cache": ("no-cache", 0.0),
    "centuries": ("max-age=99999999999999999999", 31_536_000.0),
    "negative": ("max-age=-1", None),
    "a word": ("max-age=long", None),
    "something else": ("private", None),
}


@pytest.mark.parametrize(("value", "expected"), AGES.values(), ids=AGES)
def test_how_long_fresh(value: str, expected: float | None) -> None:
    """Cache-Control is read as a shared cache reads it, up to a year."""
    assert media.max_age({"cache-control": value}) == expected


def test_http_dates() -> None:
    """Both forms of dates that servers send are read; impossible ones are none."""
    assert http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777.0
    assert http_date("Sunday, 06-Nov-94 08:49:37 GMT") == 784111777.0
    assert http_date("Sun, 31 Feb 2023 00:00:00 GMT") is None
    assert http_date("Sun, 06 Abc 1994 08:49:37 GMT") is None
    assert http_date("Sun, 06 Nov 1994 08:49:37") is None


@given(st.text(max_size=40))
def test_headers_never_raise(value: str) -> None:
    """Whatever a header holds, reading it raises nothing and stays in its bounds."""
    age = media.max_age({"cache-control": value})
    assert age is None or 0 <= age <= 31_536_000
    media.is_activity(value)
    media.is_json(value)
