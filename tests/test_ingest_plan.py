"""How willingly and within which bounds something is asked again: plans from answers."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from ingest_cases import (
    ALICE,
    NOW,
    OUTBOX,
    actor,
    answer,
    known,
    lease,
    note,
    outcome_of,
    page,
    want,
)
from ingest_cases import prior as before

from fedpull.cache.records import Kind, Plan
from fedpull.config.model import Freshness

POST = f"{ALICE}/posts/1"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def plan_of(document: Any = None, relation: str = "item", **more: Any) -> Plan:
    """The plan of one document that came with these headers."""
    document = document or note()
    prior = more.pop("prior", before())
    asked = lease(want(document["id"], relation=relation))
    [put] = outcome_of(asked, answer(document["id"], document, **more), prior).puts
    return put.plan


def poll_plan(headers: dict[str, str], **rules: Any) -> Plan:
    asked = lease(want(OUTBOX, Kind.PAGE, relation="outbox"))
    found = page([], id=OUTBOX, type="OrderedCollection")
    [poll] = outcome_of(asked, answer(OUTBOX, found, headers=headers), before(rules=rules)).polls
    return poll.plan


DATE = formatdate(NOW, usegmt=True)
HEADERS: dict[str, tuple[dict[str, str], float]] = {
    "nothing": ({}, 0),
    "a minute": ({"cache-control": "max-age=60"}, 60),
    "the longer of both": ({"cache-control": "max-age=60, s-maxage=180"}, 180),
    "served a while ago": (
        {"cache-control": "max-age=180", "date": formatdate(NOW - 60, usegmt=True)},
        120,
    ),
    "held by a cache": ({"cache-control": "max-age=180", "age": "100", "date": DATE}, 80),
    "older than it may be": ({"cache-control": "max-age=180", "age": "1000"}, 0),
    "none at all": ({"cache-control": "max-age=0"}, 0),
    "no-store (GoToSocial)": ({"cache-control": "no-store"}, 0),
    "no-store, for a century": ({"cache-control": "no-store, max-age=3153600000"}, 0),
    "a century": ({"cache-control": "max-age=3153600000"}, 7 * DAY),
    "digits without end": ({"cache-control": "max-age=" + "9" * 4000}, 7 * DAY),
    "negative": ({"cache-control": "max-age=-1"}, 0),
    "a date in the year 9999": (
        {"cache-control": "max-age=60", "date": "Fri, 31 Dec 9999 23:59:59 GMT"},
        60,
    ),
    "a date in 1970": ({"cache-control": "max-age=60", "date": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
    "an age of a century": ({"cache-control": "max-age=60", "age": "3153600000"}, 0),
    "an age that is none": ({"cache-control": "max-age=60", "age": "-5"}, 60),
}


@pytest.mark.parametrize(("headers", "seconds"), HEADERS.values(), ids=HEADERS)
def test_the_origins_word_is_a_bound_within_its_clamp(
    headers: dict[str, str], seconds: float
) -> None:
    """`Date` and `max-age` and `Age` say before when nothing new is to be had; nonsense says
    nothing, and a century is a week, for an outbox a day."""
    not_before = NOW + seconds if seconds else 0.0

    assert plan_of(headers=headers).not_before == not_before
    assert poll_plan(headers).not_before == (NOW + min(seconds, DAY) if seconds else 0.0)


def test_an_outbox_is_asked_within_the_bounds_of_its_follow() -> None:
    """`every` of the follow bounds its outbox, and nothing else."""
    every = {"min": "5m", "max": "2h"}
    plan = poll_plan({}, every=every)
    of_post = plan_of(prior=before(rules={"every": every}))

    assert (plan.shortest, plan.longest) == (5 * MINUTE, 2 * HOUR)
    assert (of_post.shortest, of_post.longest) == (MINUTE, 30 * DAY)


AGES = Freshness.model_validate({"types": {"Person": "1d", "default": "adaptive"}})
ALL = Freshness.model_validate({"types": {"default": "6h"}})


@pytest.mark.parametrize(
    ("ages", "document", "bounds"),
    [
        pytest.param(AGES, actor(), (DAY, DAY), id="a type with an age of its own"),
        pytest.param(AGES, note(), (MINUTE, 30 * DAY), id="a type that is found out"),
        pytest.param(ALL, note(), (6 * HOUR, 6 * HOUR), id="one age for all"),
    ],
)
def test_a_fixed_age_is_both_bounds(
    ages: Freshness, document: dict[str, Any], bounds: tuple[float, float]
) -> None:
    """`freshness.types` says how old a copy may get, neither more nor less."""
    plan = plan_of(document, relation="author", prior=before(ages=ages))

    assert (plan.shortest, plan.longest) == bounds


def test_a_304_keeps_the_age_of_its_type() -> None:
    """What the answer does not say, the record of what is held does."""
    asked = lease(want(ALICE, relation="check"), etag='"1"')
    held = known(ALICE, type="Person", cls="actor", etag='"1"')
    [mark] = outcome_of(asked, answer(ALICE, b"", status=304), before(held, ages=AGES)).marks

    assert mark.plan is not None
    assert (mark.plan.shortest, mark.plan.longest, mark.plan.weight) == (DAY, DAY, None)


@pytest.mark.parametrize(
    ("relation", "held", "expected"),
    [
        pytest.param("item", False, 1.0, id="a follow's own post"),
        pytest.param("item", True, 1.0, id="what turns out to be a follow's own"),
        pytest.param("boost", False, 0.3, id="what it boosts"),
        pytest.param("boost", True, None, id="what it boosts, held already"),
        pytest.param("check", True, None, id="what is only looked at again"),
        pytest.param("asked", False, 0.1, id="what somebody asked for once"),
    ],
)
def test_what_is_nearer_to_a_follow_weighs_more(
    relation: str, held: bool, expected: float | None
) -> None:
    """A follow's own posts count in full, what they lead to less, and nothing loses weight by
    being met again."""
    prior = before(known(POST)) if held else before()

    assert plan_of(relation=relation, prior=prior).weight == expected


def test_what_can_be_asked_conditionally_costs_less() -> None:
    """A validator saves the body, a large body costs more, and no body costs without bound."""
    plain, large = plan_of(), plan_of(note(content="x" * 100_000))
    validated = plan_of(headers={"etag": '"1"'})

    assert validated.cost < plain.cost < large.cost <= 3.0


def test_an_answer_was_current_when_a_cache_got_it() -> None:
    """`Age` makes a copy older than its fetch, by a day at most."""
    for age, at in (("600", NOW - 600), ("3153600000", NOW - DAY), ("soon", NOW)):
        document = note()
        asked = lease(want(POST))
        outcome = outcome_of(asked, answer(POST, document, headers={"age": age}), before())

        assert outcome.puts[0].verified_at == at
        assert outcome.puts[0].fetched_at == NOW
