"""One post to many followers, a third of whose hosts fail, each in its way: everything is accounted
for, and nobody is bothered. The composition, TLS and the receivers' verification are real; time is
a stepping clock's.

The short one runs in the suite; a thousand followers on five hundred hosts take two minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import delivery_world as world
import pytest

from fedpull.tests.fediverse.moods import FOR_A_WHILE, FOR_GOOD, TAKEN

HERE = Path(__file__).resolve().parent
HOUR, DAY = 3_600.0, 86_400.0
RETRIES = 6  # of the schedule
MOST = RETRIES + 1
SPREAD = 1.4
# A host that is away is knocked at once in this long at least: the schedule's last pause.
LONGEST = SPREAD * DAY
# At once for good, and after how many attempts.
REFUSED = {
    **{mood: 1 for mood in FOR_GOOD if mood.startswith("leads elsewhere")},
    **{f"answers {status}": 1 for status in (400, 403, 405, 410, 413, 422)},
    "answers 501 always": 1,
    "answers 404": 3,
    "answers 401": MOST,
    "answers 408 always": MOST,
}
# Each attempt may knock a second time, in the other scheme.
KNOCKED = (400, 401)
# After how long it is well again.
UNTIL = {
    "answers 401 by another clock for a day": DAY,
    "answers 500 for an hour": HOUR,
    "answers 502 for half a day": DAY / 2,
    "answers 503 for a day": DAY,
    "is away for three hours": 3 * HOUR,
    "is away for five days": 5 * DAY,
    "wants to be left alone for two minutes": 120.0,
    "wants to be left alone until a time": HOUR,
    "wants to be left alone for thirty years": DAY,  # so much is believed
}
NAMED = {
    **dict.fromkeys(
        (world.FINE, "shares an inbox of another host", "shares an inbox without TLS"), "delivered"
    ),
    world.NOWHERE: "expired",
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({"hosts": 153, "followers": 306}, id="306 followers"),
        pytest.param(
            {"hosts": 500, "followers": 1_000},
            id="1000 followers",
            marks=[pytest.mark.slow, pytest.mark.timeout(600)],
        ),
    ],
)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the post came to, row by row."""
    folder = tmp_path_factory.mktemp("world")
    done = subprocess.run(
        [sys.executable, HERE / "delivery_world.py", folder, json.dumps(request.param)],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def of_followers(told: Any) -> list[Any]:
    inboxes = set(told["inboxes"])
    return [row for row in told["rows"] if row["inbox"] in inboxes]


def moody(told: Any, *moods: str) -> list[Any]:
    return [row for row in of_followers(told) if row["mood"] in moods]


def test_every_inbox_has_one_row_and_the_accounts_are_exact(told: Any) -> None:
    """Delivered, given up and expired come to the recipients; nothing waits when its time is over,
    and no inbox was asked that has no row."""
    rows, account = told["rows"], told["account"]
    matters = set(told["named"].values()) - {world.FOLLOWS, world.OURSELVES}
    states = Counter(row["state"] for row in rows)

    assert Counter(row["inbox"] for row in of_followers(told)) == Counter(told["inboxes"])
    assert len(rows) == len(told["inboxes"]) + len(matters)
    assert {state: count for state, count in account.items() if count} == dict(states)
    assert account["waiting"] == 0
    assert told["strays"] == {}
    assert told["findings"] == []


def test_every_healthy_inbox_gets_it_once(told: Any) -> None:
    """At the first attempt, verified by the host itself, in the form that it reads."""
    rows = moody(told, "")

    assert len(rows) > len(told["inboxes"]) / 2
    assert {(row["state"], row["attempts"], row["taken"]) for row in rows} == {("delivered", 1, 1)}
    assert max(len(row["asked"]) for row in rows) <= 2


def test_no_inbox_is_asked_more_than_once_an_attempt(told: Any) -> None:
    """But for the one other knock at those who may not read the form, at once."""
    for row in of_followers(told):
        tries = Counter(at for at, _ in row["asked"])
        knocks = sum(status in KNOCKED for _, status in row["asked"])
        assert len(row["asked"]) <= len(tries) + knocks, row
        assert max(tries.values(), default=0) <= 2, row
        # A refusal by another clock is no fault of anybody's, and does not count.
        assert row["attempts"] == len(tries) or "by another clock" in row["mood"], row


def test_what_is_taken_in_whatever_words_is_delivered(told: Any) -> None:
    """The status decides."""
    rows = moody(told, *TAKEN)

    assert {row["mood"] for row in rows} == set(TAKEN)
    assert {(row["state"], len(row["asked"])) for row in rows} == {("delivered", 1)}


def test_whoever_recovers_gets_it_once_and_in_time(told: Any) -> None:
    """Not before the host wants it, and no later than the schedule's next pause after that."""
    rows = moody(told, *FOR_A_WHILE)

    assert {row["mood"] for row in rows} == set(FOR_A_WHILE)
    assert {(row["state"], row["taken"]) for row in rows} == {("delivered", 1)}
    for row in rows:
        first, last = row["asked"][0][0], row["asked"][-1][0]
        well = UNTIL.get(row["mood"], 0.0)
        assert first + well - 1 <= last <= first + well + LONGEST, row


def test_what_is_refused_is_given_up_after_so_many_attempts(told: Any) -> None:
    """At once where trying again is no use."""
    rows = moody(told, *REFUSED)

    assert {row["mood"] for row in rows} == set(REFUSED)
    for row in rows:
        assert (row["state"], row["attempts"]) == ("given_up", REFUSED[row["mood"]]), row


def test_whoever_fails_for_good_is_left_alone_more_and_more(told: Any) -> None:
    """What waits for a host that is away expires; one that answers with failures gets so many
    attempts. A host with two inboxes is asked no more often than one with one, unless it is the
    inboxes that refuse."""
    rows = moody(told, *(set(FOR_GOOD) - set(REFUSED)))
    tries: Counter[str] = Counter()
    for row in rows:
        assert row["state"] in ("given_up", "expired"), row
        assert row["error"]
        whose = row["inbox"] if "another clock" in row["mood"] else row["inbox"].split("/")[2]
        tries[whose] += len({at for at, _ in row["asked"]})

    assert max(tries.values()) <= 16


def test_whose_inbox_has_moved_or_is_gone_is_looked_at_anew(told: Any) -> None:
    """An owner of each such inbox; of nobody else who follows us anything is read."""
    moved = [mood for mood in FOR_GOOD if mood.startswith("leads elsewhere")]
    rows = moody(told, *moved, "answers 404", "answers 410", world.ONE_GONE)
    gone = {row["inbox"] for row in rows if row["state"] == "given_up"}
    read = {told["followers"][url] for url in told["read"] if url in told["followers"]}

    assert read == gone


def test_an_inbox_that_is_gone_ends_alone(told: Any) -> None:
    """Others of its host get theirs."""
    states = {
        row["inbox"].split("/")[-2]: (row["state"], row["attempts"])
        for row in moody(told, world.ONE_GONE)
    }

    assert states == {"user0": ("given_up", 1), "user1": ("delivered", 1)}


def test_whom_no_certificate_vouches_for_is_sent_nothing(told: Any) -> None:
    """It expires without a single request."""
    rows = moody(told, world.STRANGER)

    assert {(row["state"], row["attempts"], len(row["asked"])) for row in rows} == {
        ("expired", 0, 0)
    }


def test_who_is_mentioned_gets_it_where_mail_for_them_may_go(told: Any) -> None:
    """To an inbox of their own origin; of all others the row says why not."""
    matters = {actor.split("/")[2]: matter for actor, matter in told["named"].items()}
    strangers = [row for row in told["rows"] if row["inbox"] not in told["inboxes"]]
    found = {matters[row["inbox"].split("/")[2].rpartition("@")[2]]: row for row in strangers}

    assert found.keys() == world.MATTERS.keys()
    for matter, row in found.items():
        assert row["state"] == NAMED.get(matter, "given_up"), row
        assert row["state"] == "delivered" or row["error"], row
        assert row["attempts"] == (row["state"] == "delivered"), row


def test_libraries_of_others_verify_every_request(told: Any) -> None:
    """In both schemes; who asks for Ed25519 has verified that itself."""
    asked = sum(len(row["asked"]) for row in told["rows"])

    assert sum(told["signed"].values()) == asked
    assert told["signed"].keys() == {"cavage", "rfc9421", "ed25519"}


def test_nobody_is_told_who_was_told_in_secret(told: Any) -> None:
    """All get the same bytes, in which whoever stood in `bto` is not named; they get it, too."""
    [body] = told["bodies"]

    assert "bto" not in body
    assert told["secret"] not in body
    assert "Create" in body
