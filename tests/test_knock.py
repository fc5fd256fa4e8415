"""Which form of signature to knock with: the ladder as values, without a host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.knock import (
    BELIEVED,
    DAY,
    LADDER,
    LEFT_ALONE,
    NOTHING,
    Form,
    Known,
    after,
    fresh,
    interrupted,
    knocks_again,
    opening,
    opening_post,
    other_scheme,
    posted,
    settled,
)

NOW = 1_700_000_000.0
ALL = LADDER


def remembered(form: Form, *failed: Form) -> Known:
    return Known(form, NOW + BELIEVED, failed, NOW - 60.0 if failed else 0.0)


# The memory before, the form of the request, the status of its answer; then: the next form, the
# form that is remembered, and the forms that have failed.
STEPS: dict[str, tuple[Known, Form, int, Form | None, Form | None, tuple[Form, ...]]] = {
    "a stranger that is open": (NOTHING, "unsigned", 200, None, "unsigned", ()),
    "a stranger that wants a signature": (
        *(NOTHING, "unsigned", 401),
        *("cavage", None, ("unsigned",)),
    ),
    "a stranger that forbids": (NOTHING, "unsigned", 403, "cavage", None, ("unsigned",)),
    "a stranger that has no such thing": (NOTHING, "unsigned", 404, None, None, ()),
    "a stranger that is broken": (NOTHING, "unsigned", 500, None, None, ()),
    "a stranger that is busy": (NOTHING, "unsigned", 429, None, None, ()),
    "cavage is let in": (
        *(Known(failed=("unsigned",), since=NOW), "cavage", 200),
        *(None, "cavage", ("unsigned",)),
    ),
    "not modified is let in as well": (
        *(Known(failed=("unsigned",), since=NOW), "cavage", 304),
        *(None, "cavage", ("unsigned",)),
    ),
    "400 to a knock climbs": (NOTHING, "cavage", 400, "cavage-bare", None, ("cavage",)),
    "401 to a knock climbs": (NOTHING, "cavage", 401, "cavage-bare", None, ("cavage",)),
    "403 to a knock climbs": (NOTHING, "cavage", 403, "cavage-bare", None, ("cavage",)),
    "500 to a knock climbs": (NOTHING, "cavage", 500, "cavage-bare", None, ("cavage",)),
    "404 to a knock does not": (NOTHING, "cavage", 404, None, None, ()),
    "410 to a knock does not": (NOTHING, "cavage", 410, None, None, ()),
    "502 to a knock does not": (NOTHING, "cavage", 502, None, None, ()),
    "the last rung": (
        *(Known(failed=ALL[:3], since=NOW), "rfc9421", 401),
        *(None, None, ALL),
    ),
    "what worked meets 401 and climbs on": (
        *(remembered("cavage", "unsigned"), "cavage", 401),
        *("cavage-bare", "cavage", ("unsigned", "cavage")),
    ),
    "what worked meets 403, which is final": (
        *(remembered("cavage", "unsigned"), "cavage", 403),
        *(None, "cavage", ("unsigned",)),
    ),
    "what worked meets 500, which is final": (
        *(remembered("cavage", "unsigned"), "cavage", 500),
        *(None, "cavage", ("unsigned",)),
    ),
    "what worked fails again on a day on which all has failed": (
        *(remembered("cavage", *ALL), "cavage", 401),
        *(None, "cavage", ALL),
    ),
    "the last rung worked, and is refused: those below are tried": (
        *(remembered("rfc9421"), "rfc9421", 401),
        *("unsigned", "rfc9421", ("rfc9421",)),
    ),
    "an open host closes": (remembered("unsigned"), "unsigned", 401, "cavage", "unsigned", ALL[:1]),
    "another ladder has found it meanwhile": (
        *(remembered("cavage-bare", "unsigned", "cavage"), "unsigned", 401),
        *("cavage-bare", "cavage-bare", ("unsigned", "cavage")),
    ),
}


@pytest.mark.parametrize("case", STEPS)
def test_what_an_answer_comes_to(case: str) -> None:
    """Only a refusal climbs, and what is remembered is what has worked last."""
    known, form, status, following, form_known, failed = STEPS[case]

    step = after(known, form, status, NOW)

    now_known = step.known or known
    assert (step.next, now_known.form, now_known.failed) == (following, form_known, failed)


HOSTS: dict[str, tuple[Callable[[Form, bool], int], list[str]]] = {
    # what answers a form (with a query or without), and what was asked: form/status
    "open": (lambda form, query: 200, ["unsigned/200"]),
    "GoToSocial": (
        lambda form, query: 200 if "cavage" in form else 401,
        ["unsigned/401", "cavage/200"],
    ),
    "strict Fedify, without a query": (
        lambda form, query: 401 if form == "unsigned" else 200,
        ["unsigned/401", "cavage/200"],
    ),
    "reads RFC 9421 alone": (
        lambda form, query: 200 if form == "rfc9421" else 500,
        ["unsigned/500"],
    ),
    "refuses all": (
        lambda form, query: 401,
        ["unsigned/401", "cavage/401", "cavage-bare/401", "rfc9421/401"],
    ),
    "dislikes some forms": (
        lambda form, query: {"unsigned": 401, "rfc9421": 400}.get(form, 500),
        ["unsigned/401", "cavage/500", "cavage-bare/500", "rfc9421/400"],
    ),
}


def climb(
    known: Known, answers: Callable[[Form], int], now: float = NOW
) -> tuple[list[str], Known]:
    """What is asked for one URL, and the memory behind it."""
    known = fresh(known, now)
    form: Form | None = opening(known)
    asked = []
    while form is not None:
        status = answers(form)
        asked.append(f"{form}/{status}")
        step = after(known, form, status, now)
        known, form = step.known or known, step.next
    return asked, known


@pytest.mark.parametrize("case", HOSTS)
def test_a_first_contact(case: str) -> None:
    """From the bottom upwards, until somebody is let in or nothing is left."""
    answers, expected = HOSTS[case]
    asked, _ = climb(NOTHING, lambda form: answers(form, False))
    assert asked == expected


def test_without_a_query_the_forms_of_cavage_are_one() -> None:
    """The same bytes are not sent twice, and have failed for both."""
    known = Known(failed=("unsigned",), since=NOW)

    step = after(known, "cavage", 401, NOW, query=False)

    assert step.known is not None
    assert (step.next, step.known.failed) == ("rfc9421", LADDER[:3])


def test_strict_fedify_is_read_with_two_failed_knocks() -> None:
    """It reads cavage where there is no query, and then only without it."""

    def answers(form: Form) -> int:
        return (
            200 if form in ("cavage-bare", "rfc9421") or (form == "cavage" and not query) else 401
        )

    query = False
    _, known = climb(NOTHING, answers)
    query = True
    asked, known = climb(known, answers)
    again, _ = climb(known, answers)

    assert asked == ["cavage/401", "cavage-bare/200"]
    assert again == ["cavage-bare/200"]


def test_a_ladder_that_led_nowhere_is_not_climbed_again_on_that_day() -> None:
    """Every other URL of that host is asked once, unsigned; a day later it is tried anew."""
    _, known = climb(NOTHING, lambda form: 401)

    again, known = climb(known, lambda form: 401, NOW + LEFT_ALONE - 1)
    next_day, _ = climb(known, lambda form: 401, NOW + LEFT_ALONE)

    assert again == ["unsigned/401"]
    assert len(next_day) == len(LADDER)


def test_one_document_that_is_locked_does_not_close_an_open_host() -> None:
    """Its ladder leads nowhere; what was open is read unsigned as before."""
    _, known = climb(remembered("unsigned"), lambda form: 401)
    asked, _ = climb(known, lambda form: 200)
    assert asked == ["unsigned/200"]


def test_what_worked_is_believed_for_a_week() -> None:
    """Then it is asked without a signature again, as it may want none any more."""
    _, known = climb(NOTHING, lambda form: 200 if form == "cavage" else 401)

    assert climb(known, lambda form: 200, NOW + BELIEVED - 1)[0] == ["cavage/200"]
    assert climb(known, lambda form: 200, NOW + BELIEVED)[0] == ["unsigned/200"]


def test_an_answer_does_not_prolong_what_is_believed() -> None:
    """Or a host would be asked signed for ever."""
    _, known = climb(NOTHING, lambda form: 200 if form == "cavage" else 401)
    assert climb(known, lambda form: 200, NOW + DAY)[1].until == known.until


def test_a_clock_that_was_ahead_is_not_believed() -> None:
    """What it wrote would hold for years."""
    known = replace(remembered("cavage", "unsigned"), until=NOW + 400 * DAY, since=NOW + 400 * DAY)
    assert fresh(known, NOW) == NOTHING


def test_a_ladder_without_time_goes_on_where_it_ended() -> None:
    """The next try begins with the next rung, whatever URL it is for."""
    step = after(NOTHING, "unsigned", 401, NOW)
    assert step.known is not None

    known = interrupted(step.known)

    assert (opening(known), settled(known)) == ("cavage", False)


def test_interrupted_ladders_come_to_an_end() -> None:
    """Each try makes one knock, and there are no more of them than rungs."""
    known, tries = remembered("cavage"), 0
    while (step := after(known, opening(known), 401, NOW)).next is not None:
        known, tries = interrupted(step.known or known), tries + 1
    assert tries == len(LADDER) - 1


CHALLENGES: dict[str, tuple[Known, str, Form | None]] = {
    "it leads to RFC 9421": (NOTHING, 'sig1=("@method")', "rfc9421"),
    "it was answered already": (
        Known(failed=("rfc9421",), since=NOW),
        'sig1=("@method")',
        "cavage",
    ),
    "there is none": (NOTHING, "", "cavage"),
}


@pytest.mark.parametrize("case", CHALLENGES)
def test_a_challenge(case: str) -> None:
    """An Accept-Signature saves the rungs between."""
    known, challenge, following = CHALLENGES[case]
    assert after(known, "unsigned", 401, NOW, challenge).next == following


def test_a_challenge_that_was_met_is_remembered() -> None:
    """It is not sent again with every answer."""
    step = after(NOTHING, "unsigned", 401, NOW, "sig1=()")
    assert step.known is not None
    known = after(step.known, "rfc9421", 200, NOW).known
    assert known is not None
    assert (known.form, known.challenge) == ("rfc9421", "sig1=()")


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([200, 400, 401, 403, 404, 500]))))
def test_no_host_sees_more_failed_knocks_a_day_than_the_ladder_has_rungs(
    answers: list[tuple[int, int]],
) -> None:
    """Whatever it answers, and whenever. A form that was let in and is refused for one URL, when it
    has failed on that day before, is no knock: nothing is tried but what is known."""
    known, now, form = NOTHING, NOW, None
    knocks: list[float] = []
    for hours, status in answers:
        now += hours * 3600
        known = fresh(known, now)
        form = opening(known) if form is None else form
        step = after(known, form, status, now)
        if step.refused and form not in known.failed:
            knocks.append(now)
        known, form = step.known or known, step.next

    for at in knocks:
        assert sum(at <= other < at + LEFT_ALONE for other in knocks) <= len(LADDER)


POSTS: dict[str, tuple[Known, Form]] = {
    "a stranger": (NOTHING, "cavage"),
    "an open host": (remembered("unsigned"), "cavage"),
    "it reads RFC 9421": (remembered("rfc9421"), "rfc9421"),
    "it reads cavage without the query": (remembered("cavage-bare"), "cavage"),
    "it took RFC 9421": (Known(post="rfc9421", post_until=NOW + DAY), "rfc9421"),
}


@pytest.mark.parametrize("case", POSTS)
def test_how_a_delivery_begins(case: str) -> None:
    """Signed always, as the host was known to read it."""
    known, form = POSTS[case]
    assert opening_post(known) == form
    assert {form, other_scheme(form)} == {"cavage", "rfc9421"}


@pytest.mark.parametrize("status", [200, 202, 301, 400, 401, 403, 404, 410, 429, 500, 503])
def test_only_a_refused_form_is_knocked_with_again(status: int) -> None:
    """Never on 403, 404, 410 or a failure of the server's own."""
    assert knocks_again(status) is (status in (400, 401))


def test_what_took_a_delivery_is_remembered() -> None:
    """Beside what answers GETs: a host that is open for reading goes on being asked unsigned."""
    known = posted(remembered("unsigned"), "rfc9421", 202, NOW)
    assert known is not None
    assert (known.form, known.post, opening_post(known)) == ("unsigned", "rfc9421", "rfc9421")
    assert posted(known, "rfc9421", 202, NOW) is None
    assert posted(NOTHING, "rfc9421", 401, NOW) is None
