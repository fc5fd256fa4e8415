"""The breaker of an origin, decided: what opens and closes it, who is dead, what is released."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedpull.crawler.protocol.breaker import (
    UP,
    Health,
    answered,
    failed,
    heard_from,
    release_gap,
    standing,
)

NOW = 1_700_000_000.0
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


def down(days: int, every: float = DAY) -> Health:
    """One that has failed once on each of so many days."""
    health = UP
    for n in range(days):
        at = NOW + n * every
        health = failed(health, at, at + HOUR, "does not answer")
    return health


def test_one_failure_opens_it_and_one_answer_closes_it() -> None:
    """What it was like before leaves a pace that grows, and nothing else."""
    opened = failed(UP, NOW, NOW + MINUTE, "500")
    closed = answered(opened, NOW + MINUTE)

    assert (opened.failures, opened.until, opened.since) == (1, NOW + MINUTE, NOW)
    assert (closed.failures, closed.days, closed.since) == (0, 0, None)
    assert standing(opened, NOW) == "paused"
    assert standing(closed, NOW + MINUTE) == "ok"


def test_seven_distinct_days_are_death() -> None:
    """However often it fails in one of them; the days need not follow one another."""
    assert standing(down(6), NOW) == "paused"
    assert standing(down(7), NOW) == "dead"
    assert standing(down(7, 3 * DAY), NOW) == "dead"
    assert standing(down(200, 10 * MINUTE), NOW) == "paused"


def test_only_an_answer_to_us_makes_alive() -> None:
    """What they send us has it probed once, out of turn, and clears nothing."""
    dead = down(7)
    heard = heard_from(dead, dead.at + MINUTE)
    again = heard_from(heard, dead.at + 2 * MINUTE)

    assert (heard.until, heard.failures, heard.days) == (dead.at + MINUTE, 7, 7)
    assert again is heard
    assert standing(heard, NOW) == "dead"
    assert standing(answered(heard, dead.at + MINUTE), NOW) == "ok"


def test_a_probe_out_of_turn_comes_once_between_two_in_turn() -> None:
    """A server whose inbox is broken and whose users post all day is not asked all day."""
    health, probes = down(7), 0
    for n in range(72):  # it posts every hour for three days; a probe in turn comes once a day
        at = NOW + 7 * DAY + n * HOUR
        health = heard_from(health, at)
        if health.until <= at:
            probes += 1
            health = failed(health, at, at + DAY, "500")

    assert probes <= 2 * 3 + 1


@pytest.mark.parametrize(
    "health",
    [
        pytest.param(UP, id="that is up"),
        pytest.param(failed(UP, NOW - DAY, NOW - HOUR, "x"), id="whose pause is over anyway"),
        pytest.param(answered(failed(UP, NOW, NOW, "x"), NOW), id="that has just come back"),
    ],
)
def test_hearing_changes_nothing_for_an_origin(health: Health) -> None:
    """There is nothing to find out."""
    assert heard_from(health, NOW) is health


def test_what_waited_is_released_gradually() -> None:
    """One a second for a minute, then faster and faster; 50,000 are through within the hour."""
    health, at, sent = answered(down(5), NOW), NOW, [NOW]
    while health != UP:
        at = health.until
        sent.append(at)
        health = answered(health, at)

    assert len([one for one in sent if one < NOW + 30]) <= 31
    assert 60 < at - NOW < 5 * MINUTE
    assert release_gap(0) == release_gap(59) == 1.0


def test_a_failure_while_it_is_released_begins_anew() -> None:
    """It was too much, or it was never well."""
    easing = replace(answered(down(5), NOW), eased=100)
    again = answered(failed(easing, NOW, NOW + 1, "503"), NOW + 1)

    assert again.eased == 1
    assert again.until == NOW + 2


def test_a_limit_that_is_spent_is_a_rest_and_no_failure() -> None:
    """It takes no more for now, and is up."""
    rest = answered(UP, NOW, NOW + 60)

    assert (rest.until, rest.failures) == (NOW + 60, 0)
    assert standing(rest, NOW) == "ok"
    assert answered(rest, NOW + 60) == UP
