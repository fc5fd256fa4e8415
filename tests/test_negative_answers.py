"""What failed is told again from the store, for longer each time, with the status that it had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from api_cases import HOST, NOW, Serving, known, note, serving

from fedpull.cache.api_caching import Fetch, Serve, decide
from fedpull.cache.api_demand import RECENT
from fedpull.cache.api_http import FromStore, directives
from fedpull.cache.negative import LONGEST, denial
from fedpull.cache.records import Attempt, Mark, Outcome, State
from fedpull.errors import (
    FedpullError,
    Gone,
    NotFound,
    Refused,
    TimedOut,
    Unreachable,
)

NOTE = f"{HOST}/notes/1"
URL = f"/v1/document?id={NOTE}"
FINGER = f"{HOST}/.well-known/webfinger?resource=acct:alice@events.example"


def tried(*outcomes: str, ago: float = 30.0) -> tuple[Attempt, ...]:
    """A log, newest first; the latest attempt so many seconds ago."""
    return tuple(
        Attempt(NOW - ago - 7200 * n, "on_demand", None, word) for n, word in enumerate(outcomes)
    )


def missing(*outcomes: str, ago: float = 30.0, **more: Any) -> Any:
    """The record of something that was never held."""
    nothing = {"state": State.FAILED, "fetched_at": None, "verified_at": None}
    return known(log=tried(*outcomes, ago=ago), **{**nothing, **more})


@pytest.mark.parametrize(
    ("record", "error", "lifetime"),
    [
        pytest.param(missing("stored"), None, 0, id="what came well is no error"),
        pytest.param(missing(), None, 0, id="nor what was never tried"),
        pytest.param(missing("not found: status 404"), NotFound, 60, id="404"),
        pytest.param(missing("timeout: 30 s"), TimedOut, 60, id="no answer"),
        pytest.param(missing("unreachable: status 500"), Unreachable, 60, id="status 500"),
        pytest.param(missing("asked to wait"), Unreachable, 60, id="status 429"),
        pytest.param(missing("timeout: x", "unreachable: y"), TimedOut, 240, id="twice in a row"),
        pytest.param(missing("timeout: x", "stored", "timeout: y"), TimedOut, 60, id="anew"),
        pytest.param(
            missing("timeout: x", failures=4), TimedOut, 3840, id="the record's own count"
        ),
        pytest.param(missing(*["timeout: x"] * 8), TimedOut, LONGEST, id="a day at most"),
        pytest.param(missing("timeout: x", failures=65_535), TimedOut, LONGEST, id="for ever"),
        pytest.param(known(log=tried("timeout: x", ago=7200)), None, 0, id="came since then"),
        pytest.param(missing("gone", state=State.GONE), Gone, LONGEST, id="410"),
        pytest.param(missing("refused: audience", state=State.REFUSED), Refused, LONGEST, id="403"),
    ],
)
def test_which_error_and_for_how_long(
    record: Any, error: type[FedpullError] | None, lifetime: float
) -> None:
    """One minute after the first failure, four times as long after each further one."""
    denied = denial(record)

    assert (type(denied.error) if denied else None) is error
    assert (denied.lifetime if denied else 0) == lifetime


DOWN = missing("unreachable: status 500", ago=30)
LATER = missing("unreachable: status 500", ago=61)
GONE = known(state=State.GONE, fetched_at=None)
FAILING = known(log=tried("unreachable: status 500"), next_check=NOW - 100, failures=1)


@pytest.mark.parametrize(
    ("record", "asked", "verdict"),
    [
        pytest.param(DOWN, "", "told", id="failed a moment ago"),
        pytest.param(DOWN, "no-cache", Fetch("uri-miss"), id="no-cache asks again"),
        pytest.param(DOWN, "max-age=30", "told", id="young enough"),
        pytest.param(DOWN, "max-age=29", Fetch("uri-miss"), id="too old"),
        pytest.param(DOWN, "min-fresh=31", Fetch("uri-miss"), id="not good for long enough"),
        pytest.param(DOWN, "only-if-cached", "told", id="an error is cached as well"),
        pytest.param(LATER, "", Fetch("uri-miss"), id="a minute later it is tried again"),
        pytest.param(LATER, "max-stale=1", "told", id="who takes stale answers"),
        pytest.param(LATER, "only-if-cached", "told", id="who takes nothing else"),
        pytest.param(GONE, "", "told", id="gone"),
        pytest.param(GONE, "only-if-cached", "told", id="known to be gone"),
        pytest.param(GONE, "no-cache", Fetch("uri-miss"), id="gone, and asked all the same"),
        pytest.param(known(state=State.REFUSED), "", "told", id="refused"),
        pytest.param(FAILING, "", Serve(False), id="a stale copy whose origin fails is served"),
        pytest.param(FAILING, "max-age=60", "told", id="not to whom it is too old"),
    ],
)
def test_what_is_told_from_the_store(record: Any, asked: str, verdict: Any) -> None:
    """An error is a stored answer: it has an age and an end, and the directives hold for it."""
    try:
        decided: Any = decide(record, directives(asked), NOW)
    except FromStore:
        decided = "told"

    assert decided == verdict


def failing(api: Serving, outcome: str, id: str = NOTE, **mark: Any) -> None:
    """The origin's answer to a fetch, as the crawler records it."""

    def answer() -> None:
        attempt = Attempt(api.now, "on_demand", None, outcome)
        marked = Mark(id, **{"state": State.FAILED, "failed": True, **mark})
        api.store.apply(Outcome(api.now, marks=(marked,), attempt=attempt))
        raise UNHAPPY[outcome](id, outcome)

    api.origin.answers[id] = answer


UNHAPPY = {
    "unreachable: status 500": Unreachable,
    "timeout: no answer": TimedOut,
    "not found: status 404": NotFound,
    "gone": Gone,
    "refused: audience": Refused,
}


@pytest.mark.parametrize(
    ("outcome", "mark", "status", "problem"),
    [
        ("unreachable: status 500", {}, 502, "unreachable"),
        ("timeout: no answer", {}, 504, "unreachable"),
        ("not found: status 404", {}, 404, "not-found"),
        ("gone", {"state": State.GONE, "failed": False, "reason": "gone"}, 410, "gone"),
        ("refused: audience", {"state": State.REFUSED, "reason": "audience"}, 403, "refused"),
    ],
)
async def test_one_request_and_the_same_error_for_everybody(
    tmp_path: Path, outcome: str, mark: Any, status: int, problem: str
) -> None:
    """Within its time an error is told from the store, by both calls, and says so."""
    async with serving(tmp_path) as api:
        failing(api, outcome, **mark)
        first = await api.get(URL)
        api.now += 42

        again = await api.get(URL)
        posted = await api.post("/v1/fetch", {"id": NOTE})

        assert {reply.status for reply in (first, again, posted)} == {status}
        assert {reply.json["type"] for reply in (again, posted)} == {f"/problems/{problem}"}
        assert (again.json["subject"], b"500" in again.body) == (NOTE, False)
        for reply in (again, posted):
            assert reply.headers["age"] == "42"
            assert reply.headers["cache-status"].startswith("fedpull; hit; ttl=")
            assert reply.headers["cache-status"].endswith("; detail=negative")
        assert "age" not in first.headers
        assert api.origin.asked == [NOTE]


async def test_the_time_grows_with_the_failures(tmp_path: Path) -> None:
    """A page that names a dead host has it asked seven times on the first day."""
    async with serving(tmp_path) as api:
        failing(api, "unreachable: status 500")

        for _ in range(24 * 60 // 2):
            assert (await api.get(URL)).status == 502
            api.now += 120

        assert len(api.origin.asked) == 7


async def test_who_insists_is_heard(tmp_path: Path) -> None:
    """no-cache asks the origin, by both calls; what comes ends the row of failures."""
    async with serving(tmp_path) as api:
        failing(api, "unreachable: status 500")
        await api.get(URL)
        assert (await api.get(URL, Cache_Control="no-cache")).status == 502
        api.now += 1
        assert (await api.get(URL, Cache_Control="max-age=0")).status == 502
        api.origin.answers[NOTE] = lambda: api.store.put(note(1), at=api.now)

        heard = await api.post("/v1/fetch", {"id": NOTE}, Cache_Control="no-cache")

        assert (heard.status, len(api.origin.asked)) == (200, 4)
        api.now += RECENT
        assert (await api.get(URL)).status == 200


async def test_a_handle_that_failed(tmp_path: Path) -> None:
    """What WebFinger said of a handle holds as long, and is told of the handle."""
    handle = "@alice@events.example"
    async with serving(tmp_path) as api:

        def nobody() -> None:
            attempt = Attempt(api.now, "on_demand", 404, "not found: status 404")
            mark = Mark(FINGER, failed=True)
            api.store.apply(Outcome(api.now, marks=(mark,), attempt=attempt))
            raise NotFound(handle, "not found: status 404")

        api.origin.answers[handle] = nobody

        replies = [await api.post("/v1/fetch", {"id": handle}) for _ in range(3)]

        assert {(reply.status, reply.json["subject"]) for reply in replies} == {(404, handle)}
        assert replies[-1].headers["cache-status"].endswith("detail=negative")
        api.now += 61
        await api.post("/v1/fetch", {"id": handle})
        assert len(api.origin.asked) == 2


async def test_a_handle_that_nobody_confirms(tmp_path: Path) -> None:
    """Both sides answered and contradict each other: that is remembered for a minute."""
    handle = "@alice@events.example"
    async with serving(tmp_path) as api:
        api.origin.answers[handle] = Unreachable(handle, "does not confirm it")

        for _ in range(3):
            assert (await api.post("/v1/fetch", {"id": handle})).status == 502
        api.now += 61
        await api.post("/v1/fetch", {"id": handle})

        assert len(api.origin.asked) == 2
