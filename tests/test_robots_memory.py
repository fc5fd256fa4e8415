"""What an attempt to read a robots.txt comes to, and what X-Robots-Tag says, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.robots_memory import DAY, Robots, answered, fresh, lost
from fedpull.crawler.protocol.robots_tag import directives

NOW = 1_790_000_000.0
CLOSED = (900.0, False)
OPEN = (DAY, True)

STATUSES = {
    "there is none": (404, OPEN),
    "there is none any more": (410, OPEN),
    "it wants another type": (406, OPEN),
    "it wants somebody to log in": (401, CLOSED),
    "it is forbidden": (403, CLOSED),
    "it is asked for too often": (429, CLOSED),
    "the server fails": (500, CLOSED),
    "the server is down": (503, CLOSED),
    "a success without content": (204, CLOSED),
    "nothing has changed, though nothing was held": (304, CLOSED),
}


@pytest.mark.parametrize("case", STATUSES)
def test_a_status_without_rules_opens_or_closes(case: str) -> None:
    """4xx is nothing to obey, but 401, 403 and 429; what cannot be had means no for a while."""
    status, (pause, allowed) = STATUSES[case]

    known = answered(status, b"User-agent: *\nAllow: /\n", None, NOW)

    assert (known.until - NOW, known.judge("/x").allowed) == (pause, allowed)
    assert known.judge("/x").line == f"status {status}"


def test_what_was_read_holds_for_a_day() -> None:
    """RFC 9309 section 2.4."""
    known = answered(200, b"User-agent: *\nDisallow: /a\n", None, NOW)

    assert not known.judge("/a").allowed
    assert known.judge("/b").allowed
    assert fresh(known, NOW + DAY - 1) is known
    assert fresh(known, NOW + DAY) is None


def test_pauses_grow_up_to_a_day_and_end_with_an_answer() -> None:
    """A host that is down is not asked for its robots.txt over and over."""
    known: Robots | None = None
    pauses = []
    for _ in range(6):
        known = lost("timeout", 1, known, NOW)
        pauses.append(known.until - NOW)

    assert pauses == [60.0, 240.0, 960.0, 3_840.0, 15_360.0, 61_440.0]
    assert lost("timeout", 1, known, NOW).until - NOW == DAY
    assert answered(503, b"", known, NOW).until - NOW == DAY
    assert answered(404, b"", known, NOW).failures == 0


def test_more_than_five_redirects_are_as_none() -> None:
    """RFC 9309 section 2.3.1.2; a redirect that cannot be followed is no file that is not there."""
    assert lost("more than 5 redirects", 6, None, NOW).judge("/x").allowed
    assert not lost("a redirect without a usable Location", 1, None, NOW).judge("/x").allowed


def test_a_clock_that_was_set_back_makes_nothing_last() -> None:
    """What was learnt by a clock that was a week ahead is asked for again."""
    assert fresh(answered(404, b"", None, NOW + 7 * DAY), NOW) is None


def test_a_delay_is_granted_up_to_a_bound() -> None:
    """GoToSocial asks for 500 seconds."""
    body = b"User-agent: *\nCrawl-delay: %d\n"

    assert answered(200, body % 10, None, NOW).delay == 10.0
    assert answered(200, body % 500, None, NOW).delay == 20.0
    assert answered(404, b"", None, NOW).delay == 0.0


TAGS = {
    "nothing": (None, ()),
    "one": ("noindex", ("noindex",)),
    "several, as GoToSocial says it": (
        "noindex, nofollow, noarchive",
        ("noindex", "nofollow", "noarchive"),
    ),
    "in capitals": ("NoAI, NoImageAI", ("noai", "noimageai")),
    "permission says nothing": ("all, index", ()),
    "for us by name": ("fedpull: noindex", ("noindex",)),
    "for another robot": ("googlebot: noindex", ()),
    "for another robot, and for all": ("googlebot: nofollow, noindex", ("noindex",)),
    "with a value": ("unavailable_after: 25 Jun 2030 15:00:00 PST, none", ("none",)),
    "twice": ("noindex, noindex", ("noindex",)),
    "rubbish": ("<script>, \u00e4, no index, ,", ()),
}


@pytest.mark.parametrize("case", TAGS)
def test_a_tag_is_read_into_directives(case: str) -> None:
    """What is for us or for everybody, each once."""
    header, expected = TAGS[case]

    assert directives(header) == expected


@given(st.text(max_size=3_000))
def test_no_tag_makes_it_raise(header: str) -> None:
    """And few directives come of it."""
    assert len(directives(header)) <= 16
