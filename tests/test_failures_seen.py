"""What went wrong can be seen where somebody looks for it, and is gone when it went well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, NOW, answer, known, lease, note, outcome_of, prior, want
from pocket import Pocket

from fedpull.cache.records import Attempt, Cause, Kind, State, Want
from fedpull.crawler.protocol.handle import parse_handle
from fedpull.crawler.protocol.webfinger import finger_url

POST = f"{ALICE}/posts/1"
HANDLE = "@alice@social.example"
FINGER = finger_url(parse_handle(HANDLE))
HOUR, DAY = 3600.0, 86_400.0


def look(pocket: Pocket, uri: str, kind: Kind = Kind.DOCUMENT) -> Any:
    pocket.clock.at += 60
    pocket.want(Want(uri, kind, Cause.ON_DEMAND, 0.0))
    pocket.step()
    return pocket.opened.query.reference(uri)


def test_a_host_that_asks_to_wait_is_told_of(tmp_path: Path) -> None:
    """429 is no failure of the document, but it is why there is none yet."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[POST] = 429
        waiting = look(pocket, POST)
        assert (waiting.state, waiting.failures) == ("unknown", 0)
        assert waiting.last_error == "status 429"
        pocket.pages[POST] = note()
        pocket.later(HOUR)
        known = pocket.opened.query.reference(POST)

        assert known is not None
        assert (known.state, known.last_error) == ("resolved", None)


@pytest.mark.parametrize("served", [404, 500, {"links": []}, []])
def test_a_webfinger_that_fails_is_told_of(tmp_path: Path, served: Any) -> None:
    """Its record has the failure; when it names somebody, nothing is wrong any more."""
    with Pocket(tmp_path) as pocket:
        pocket.pages[FINGER] = served
        failed = look(pocket, FINGER, Kind.FINGER)
        assert failed.state == "failed"
        assert failed.failures == 1
        assert failed.last_error
        link = {"rel": "self", "type": "application/activity+json", "href": ALICE}
        pocket.pages[FINGER] = {"subject": "acct:alice@social.example", "links": [link]}
        fine = look(pocket, FINGER, Kind.FINGER)

        assert (fine.state, fine.target, fine.failures) == ("redirected", ALICE, 0)
        assert fine.last_error is None


@pytest.mark.parametrize("status", [404, 500, 403])
def test_a_check_that_fails_leaves_no_row(status: int) -> None:
    """The agenda backs it off; the copy stays as it is."""
    asked = lease(want(POST, relation="check"))
    outcome = outcome_of(asked, answer(POST, b"", status=status), prior(known(POST)))
    [mark] = outcome.marks

    assert outcome.wants == ()
    assert (mark.state, mark.failed, mark.missing) == (None, True, status == 404)


@pytest.mark.parametrize("state", [State.RESOLVED, State.GONE, State.REFUSED, State.REDIRECTED])
def test_a_failure_takes_back_nothing_that_was_known(state: State) -> None:
    """What is held, gone, refused or led elsewhere stays so while its server fails."""
    asked = lease(want(POST, relation="asked"))
    outcome = outcome_of(asked, answer(POST, b"", status=500), prior(known(POST, state)))

    assert [mark.state for mark in outcome.marks] == [None]


@pytest.mark.parametrize(
    ("failures", "ago", "again"),
    [
        pytest.param(1, HOUR / 2, False, id="half an hour after the first"),
        pytest.param(1, HOUR, True, id="an hour after the first"),
        pytest.param(3, 15 * HOUR, False, id="15 hours after the third"),
        pytest.param(3, 16 * HOUR, True, id="16 hours after the third"),
        pytest.param(40, 6 * DAY, False, id="6 days after the 40th"),
        pytest.param(40, 7 * DAY, True, id="a week after the 40th"),
        pytest.param(2, -DAY, True, id="after a clock that was ahead"),
    ],
)
def test_what_failed_is_not_asked_at_every_mention(failures: int, ago: float, again: bool) -> None:
    """An outbox that lists what is not there for us (bovine) is read every few minutes."""
    parent = "https://else.example/1"
    log = (Attempt(NOW - ago, "new", 404, "not found"),)
    before = prior(known(parent, State.FAILED, failures=failures, log=log))
    outcome = outcome_of(lease(want(POST)), answer(POST, note(inReplyTo=parent)), before)

    assert (parent in [one.uri for one in outcome.wants]) is again
