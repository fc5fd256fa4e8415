"""The refresh loop on a real store: what is asked again, when, and what is never asked too much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from store_cases import (
    ALICE,
    FOLLOW,
    NOW,
    OUTBOX,
    apply,
    clean,
    done,
    lease,
    note,
    page,
    queue,
    store_at,
    want,
)

from fedpull.cache.open import Opened
from fedpull.cache.records import (
    PARKED,
    Attempt,
    Cause,
    Follow,
    HostReport,
    Kind,
    Lease,
    Mark,
    Outcome,
    Plan,
    Politeness,
    Poll,
    Put,
    Want,
)
from fedpull.cache.work import Work
from fedpull.errors import StoreError

DAY, HOUR = 86_400.0, 3_600.0
FAST = Politeness(concurrency=50, gap=0.0, pages=100_000)
OUTBOX_ROW = want(
    OUTBOX, kind=Kind.PAGE, due=PARKED, follow=FOLLOW, relation="outbox", scheduled=True
)
ACTOR = note(ALICE, kind="actor", type="Person")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store", politeness=FAST) as store:
        yield store
        clean(store)


def on_host(n: int, host: str = "a") -> Put:
    return note(f"https://{host}.example/notes/{n}", published=NOW - 30 * DAY)


def tick(opened: Opened, now: float) -> list[Want]:
    """One call of the loop, and what it made ready to be asked."""
    opened.frontier.refresh(now).result()
    return [one.want for one in opened.frontier.lease(now, 1000, 60).result()]


def run(
    opened: Opened,
    start: float,
    seconds: float,
    step: float = 300.0,
    answer: Callable[[Lease, float], Outcome] | None = None,
) -> list[tuple[float, Want]]:
    """Tick and answer, every `step` seconds; what was asked, and when."""
    asked: list[tuple[float, Want]] = []
    now = start
    while now < start + seconds:
        opened.frontier.refresh(now).result()
        for taken in opened.frontier.lease(now, 1000, 60).result():
            asked.append((now, taken.want))
            outcome = (answer or unchanged)(taken, now)
            opened.store.apply(outcome).result()
        now += step
    return asked


def unchanged(taken: Lease, now: float) -> Outcome:
    """As if the origin said 304, or nothing new; what has a row of its own is parked again."""
    report = HostReport(taken.host, ok=True, status=304)
    if taken.want.kind is Kind.PAGE:
        polls = (Poll(taken.want.uri, now, 0, plan=Plan(120.0, 7 * DAY)),)
        return Outcome(now, lease=taken, polls=polls, wants=(OUTBOX_ROW,), hosts=(report,))
    marks = (Mark(taken.want.uri, verified=True),)
    return Outcome(now, lease=taken, marks=marks, hosts=(report,))


def broken(taken: Lease, now: float) -> Outcome:
    """As if nobody answered, and the queue gave up."""
    report = HostReport(taken.host, ok=True, status=404)
    attempt = Attempt(now, "refresh", 404, "404")
    marks = (Mark(taken.want.uri, failed=True, missing=True, error="404"),)
    return Outcome(now, lease=taken, marks=marks, hosts=(report,), attempt=attempt)


def polled(opened: Opened, at: float = NOW, new: int = 5, **more: object) -> None:
    """The first visit of a followed outbox."""
    stamps = tuple(at - HOUR * n for n in range(new, 0, -1))
    poll = Poll(OUTBOX, at, new, stamps=stamps, first=True, plan=Plan(120.0, 7 * DAY))
    opened.store.put_follow(Follow(FOLLOW, outbox=OUTBOX)).result()
    apply(opened, at, polls=(poll,), wants=(OUTBOX_ROW,))


def test_a_document_is_asked_again_and_again(opened: Opened) -> None:
    """Once its time has come it is checked, and after the answer it waits for its next time."""
    apply(opened, puts=(on_host(1),))
    known = opened.query.reference(on_host(1).id)
    asked = run(opened, NOW, 60 * DAY, step=6 * HOUR)

    assert known is not None
    assert (known.kind, known.bound) == ("post", "floor")
    assert 2 <= len(asked) <= 60
    assert {(one.relation, one.cause, one.scheduled) for _, one in asked} == {
        ("check", Cause.REFRESH, True)
    }
    assert asked[0][0] >= NOW + 60


def test_a_followed_outbox_keeps_its_row(opened: Opened) -> None:
    """What is followed has a row of its own, which is brought forward and parked again."""
    polled(opened)
    asked = run(opened, NOW, DAY / 2, step=60.0)
    known = opened.query.reference(OUTBOX)

    assert len(asked) > 5
    assert {(one.relation, one.cause, one.follow) for _, one in asked} == {
        ("outbox", Cause.NEW, FOLLOW)
    }
    assert known is not None
    assert (known.kind, known.cls) == ("outbox", None)
    assert min(b - a for (a, _), (b, _) in pairwise(asked)) >= 120
    assert opened.frontier.waits(FOLLOW)


def test_what_posts_more_is_read_more(opened: Opened) -> None:
    """Many posts of the last hours make an outbox due sooner than few posts of the last months."""
    polled(opened, new=20)
    quiet = "https://b.example/users/bob/outbox"
    poll = Poll(quiet, NOW, 3, stamps=(NOW - 300 * DAY,), first=True, plan=Plan(120.0, 7 * DAY))
    apply(opened, polls=(poll,))
    busy_rate, quiet_rate = (
        reference.rate or 0.0
        for reference in map(opened.query.reference, (OUTBOX, quiet))
        if reference is not None
    )

    assert busy_rate > 50 * quiet_rate


def test_a_followed_actor_is_asked_by_its_own_row(opened: Opened) -> None:
    """A parked row of the actor is brought forward; no second one is made beside it."""
    apply(
        opened,
        puts=(ACTOR,),
        wants=(want(ALICE, due=PARKED, follow=FOLLOW, relation="actor", scheduled=True),),
    )
    asked = run(opened, NOW, 40 * DAY, step=6 * HOUR)[:1]

    assert [(one.relation, one.cause, one.follow) for _, one in asked] == [
        ("actor", Cause.REFRESH, FOLLOW)
    ]


def test_the_budget_holds_in_every_hour(tmp_path: Path) -> None:
    """However much is overdue, the loop asks no more in an hour than it may."""
    with store_at(tmp_path, politeness=FAST, budget=60.0) as opened:
        for host in range(40):
            apply(opened, puts=tuple(on_host(n, f"h{host}") for n in range(10)))
        asked = run(opened, NOW + 300 * DAY, 3 * HOUR, step=60.0)
        times = [at for at, _ in asked]
        clean(opened)

    assert 40 * 3 <= len(times) <= 60 * 3
    assert max(sum(start <= at < start + HOUR for at in times) for start in times) <= 60


def test_what_others_ask_comes_out_of_the_budget(tmp_path: Path) -> None:
    """The loop yields to what people and pushes need, for a while."""
    with store_at(tmp_path, politeness=FAST, budget=60.0) as opened:
        apply(opened, puts=tuple(on_host(n, f"h{n}") for n in range(100)))
        later = NOW + 300 * DAY
        run(opened, later, HOUR, step=60.0)
        pushed = (want(f"https://x.example/{n}", due=later, cause=Cause.PUSH) for n in range(50))
        queue(opened, *pushed)
        spent = run(opened, later + HOUR, 300.0, step=60.0)
        asked = [one for _, one in spent if one.relation == "check"]

    assert len(spent) >= 50
    assert len(asked) <= 3


def test_a_paused_host_is_passed_over(opened: Opened) -> None:
    """Others take its places, and its own sources wait for the end of the pause."""
    apply(opened, puts=tuple(on_host(n, host) for n in range(20) for host in ("a", "b")))
    later = NOW + 300 * DAY
    queue(opened, want("https://a.example/x", due=later))
    [taken] = lease(opened, later)
    report = HostReport(taken.host, ok=True, status=503, pause=later + 5 * HOUR)
    apply(opened, later, lease=taken, hosts=(report,))
    asked = run(opened, later + 1, 5 * HOUR - 2, step=300.0)
    after = run(opened, later + 5 * HOUR, 5 * HOUR, step=300.0)

    assert {one.uri.split("/")[2] for _, one in asked} == {"b.example"}
    assert any(one.uri.startswith("https://a.example/") for _, one in after)


def test_one_host_does_not_fill_the_queue(tmp_path: Path) -> None:
    """A few rows of a host wait for it, the rest in the calendar."""
    polite = Politeness(concurrency=1, gap=2.0)
    with store_at(tmp_path, politeness=polite) as opened:
        apply(opened, puts=tuple(on_host(n) for n in range(200)))
        for step in range(60):
            opened.frontier.refresh(NOW + 300 * DAY + step).result()
            assert opened.query.totals().due <= 3
        clean(opened)


def test_what_keeps_failing_is_asked_less(opened: Opened) -> None:
    """A 404 is believed four times as long each time, half a week at most, and nothing is lost."""
    apply(opened, puts=(on_host(1),))
    asked = [at for at, _ in run(opened, NOW, 25 * DAY, step=2 * HOUR, answer=broken)]
    known = opened.query.reference(on_host(1).id)
    gaps = [b - a for a, b in pairwise(asked)]

    assert known is not None
    assert known.bound == "failures"
    assert known.failures == len(asked)
    assert all(gap <= 4 * DAY for gap in gaps)
    assert len(gaps) >= 2
    assert gaps[-1] >= 3 * DAY


def test_a_row_that_vanished_is_made_again(opened: Opened) -> None:
    """The sweep puts back what was to be asked for a follow that is no more."""
    actor = want(ALICE, due=PARKED, follow=FOLLOW, relation="actor", scheduled=True)
    polled(opened)
    apply(opened, puts=(ACTOR,), wants=(actor,))
    later = NOW + 100 * DAY
    opened.frontier.refresh(later).result()
    opened.frontier.refresh(later + 60).result()
    assert opened.query.totals().due == 2
    opened.store.drop_follow(FOLLOW, later).result()
    asked = run(opened, later + 120, 40 * DAY, step=6 * HOUR)
    outbox = opened.query.reference(OUTBOX)

    assert {one.uri for _, one in asked} == {ALICE}
    assert outbox is not None
    assert outbox.kind is None


def test_what_cannot_be_verified_is_purged(opened: Opened) -> None:
    """A copy that failed to be verified for longer than configured goes, and is told."""
    apply(opened, puts=(on_host(1), on_host(2)))

    def answer(taken: Lease, now: float) -> Outcome:
        return (broken if taken.want.uri == on_host(1).id else unchanged)(taken, now)

    run(opened, NOW, 45 * DAY, step=6 * HOUR, answer=answer)
    purged = [(one.id, one.reason) for one in opened.query.changes(0) if one.kind == "deleted"]

    assert purged == [(on_host(1).id, "unverified")]
    assert opened.query.document(on_host(2).id) is not None


def test_a_daemon_that_was_off_purges_nothing(opened: Opened) -> None:
    """That nobody asked for half a year says nothing against the copies."""
    apply(opened, puts=tuple(on_host(n) for n in range(5)))
    apply(opened, marks=(Mark(on_host(1).id, failed=True, error="timeout"),))
    run(opened, NOW + 180 * DAY, 3 * DAY, step=HOUR)

    assert opened.query.totals().documents == 5


JUMPS = [("a year ahead", 365 * DAY), ("a year back", -365 * DAY), ("a month off", 30 * DAY)]


@pytest.mark.parametrize("jump", [row[1] for row in JUMPS], ids=[row[0] for row in JUMPS])
def test_a_clock_that_jumps_neither_storms_nor_freezes(tmp_path: Path, jump: float) -> None:
    """After a jump requests stay within the budget, and everything goes on being asked."""
    with store_at(tmp_path, politeness=FAST, budget=600.0) as opened:
        apply(opened, puts=tuple(on_host(n, f"h{n % 20}") for n in range(200)))
        polled(opened)
        run(opened, NOW, DAY, step=HOUR)
        there = NOW + DAY + jump
        asked = run(opened, there, 20 * DAY, step=2 * HOUR)
        clean(opened)
    hours = {int((at - there) // HOUR) for at, _ in asked}
    counts = [sum(int((at - there) // HOUR) == hour for at, _ in asked) for hour in hours]

    assert max(counts) <= 60  # a full bucket and a minute's refill
    assert len({one.uri for _, one in asked}) == 201


def test_a_notice_is_judged_by_what_it_is_worth(opened: Opened) -> None:
    """The first notice of an outbox makes it be read; what is not known is not asked at all."""
    polled(opened)

    assert opened.frontier.signal(OUTBOX, NOW + 5 * HOUR).result() is True
    assert opened.frontier.signal("https://b.example/unknown", NOW).result() is False
    [taken] = lease(opened, NOW + 5 * HOUR)
    assert (taken.want.uri, taken.want.cause) == (OUTBOX, Cause.PUSH)
    opened.store.apply(unchanged(taken, NOW + 5 * HOUR)).result()


def test_an_idle_tick_writes_nothing(opened: Opened) -> None:
    """As long as nothing is due nothing is committed."""
    apply(opened, puts=(on_host(1),))
    for step in range(200):
        opened.frontier.refresh(NOW + 1 + step).result()
    before = opened.query._environment._env.info()["last_txnid"]
    for step in range(50):
        opened.frontier.refresh(NOW + 201 + step / 10).result()

    assert opened.query._environment._env.info()["last_txnid"] == before


def test_the_loop_goes_on_after_a_restart(tmp_path: Path) -> None:
    """What is planned stands in the store, and so does the price."""
    with store_at(tmp_path, politeness=FAST, budget=100.0) as opened:
        apply(opened, puts=tuple(on_host(n, f"h{n}") for n in range(300)))
        run(opened, NOW, 2 * DAY, step=3 * HOUR)
        before = opened.query.totals(NOW + 2 * DAY)
    with store_at(tmp_path, politeness=FAST, budget=100.0) as opened:
        after = opened.query.totals(NOW + 2 * DAY)
        asked = run(opened, NOW + 2 * DAY, 10 * DAY, step=3 * HOUR)
        known = opened.query.totals(asked[-1][0])

    assert before == after
    assert after.sources == 300
    assert len(asked) > 50
    assert known.price is not None
    assert known.price > 0
    assert 0 < known.budget_used <= 100


def test_totals_say_how_far_it_is_behind(opened: Opened) -> None:
    """Backlog and lag are read from the calendar."""
    apply(opened, puts=tuple(on_host(n) for n in range(5)))
    soon, late = opened.query.totals(NOW + 1), opened.query.totals(NOW + 300 * DAY)

    assert (soon.backlog, soon.lag) == (0, None)
    assert late.backlog == 5
    assert late.lag is not None
    assert 200 * DAY < late.lag < 300 * DAY


def test_a_visit_of_a_collection_that_was_a_document_goes_on_as_one(opened: Opened) -> None:
    """An outbox that somebody fetched by its id is planned as an outbox once it is read."""
    apply(opened, puts=(note(OUTBOX, kind="collection", type="OrderedCollection"),))
    polled(opened)
    apply(opened, NOW + 5, puts=(note(OUTBOX, "b", kind="collection", type="OrderedCollection"),))
    apply(opened, members=page(1, 2, first=True))
    known = opened.query.reference(OUTBOX)

    assert known is not None
    assert known.kind == "outbox"


def test_a_failure_that_the_queue_tries_again_is_left_to_it(opened: Opened) -> None:
    """An outbox whose row waits for another try has no second place in the calendar."""
    polled(opened)
    later = NOW + 3 * DAY
    opened.frontier.refresh(later).result()
    opened.frontier.refresh(later + 60).result()
    [taken] = lease(opened, later + 60)
    again = want(
        OUTBOX, kind=Kind.PAGE, due=later + 400, follow=FOLLOW, relation="outbox", attempts=1
    )
    done(opened, taken, later + 60, status=500, marks=(Mark(OUTBOX, failed=True),), wants=(again,))
    known = opened.query.reference(OUTBOX)

    assert known is not None
    assert (known.failures, known.next_check) == (1, later + 400)
    assert run(opened, later + 61, 300.0, step=60.0) == []
    assert len(run(opened, later + 400, 60.0, step=60.0)) == 1


def test_a_host_that_never_answers_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """However many sources it has, all others are asked within the hour."""
    with store_at(tmp_path, politeness=FAST, budget=600.0) as opened:
        apply(opened, puts=tuple(on_host(n, "slow") for n in range(300)))
        apply(opened, puts=tuple(on_host(n, f"h{n}") for n in range(20)))
        later, asked = NOW + 300 * DAY, set()
        for step in range(60):
            now = later + 60.0 * step
            for one in tick(opened, now):
                asked.add(one.uri.split("/")[2])
        slow = [host for host in opened.query.hosts() if host.host == "slow.example:443"]

    assert asked == {"slow.example", *(f"h{n}.example" for n in range(20))}
    assert slow[0].backlog > 0
    assert (slow[0].lag or 0.0) > 200 * DAY


def test_what_nobody_waits_for_ends_with_the_budget_of_the_hour(tmp_path: Path) -> None:
    """Where the loop runs, backfills have three fifths of the hour and what is new the rest; who
    asks is answered, and an hour later it goes on."""
    with store_at(tmp_path / "store", politeness=FAST, budget=100.0) as opened:
        opened.frontier.refresh(NOW).result()
        old = [want(f"https://a{n}.example/old", cause=Cause.BACKFILL) for n in range(200)]
        new = [want(f"https://b{n}.example/new", cause=Cause.NEW) for n in range(50)]
        queue(opened, *old)
        assert len(opened.frontier.lease(NOW, 1000, 60).result()) == 60
        queue(opened, *new)
        assert len(opened.frontier.lease(NOW + 1, 1000, 60).result()) == 35
        assert opened.frontier.lease(NOW + 2, 1000, 60).result() == []
        assert opened.frontier.next_due(NOW + 2) is None
        queue(opened, want("https://c.example/asked", cause=Cause.ON_DEMAND))
        assert len(opened.frontier.lease(NOW + 3, 1000, 60).result()) == 1
        assert len(opened.frontier.lease(NOW + HOUR + 120, 1000, 60).result()) >= 75


def test_a_single_command_asks_what_it_was_told(opened: Opened) -> None:
    """Without the loop nothing is held back: a pull ends when it is done."""
    queue(opened, *(want(f"https://a{n}.example/old", cause=Cause.BACKFILL) for n in range(200)))
    assert len(opened.frontier.lease(NOW, 1000, 60).result()) == 200


def test_what_was_chosen_in_a_lost_transaction_is_chosen_again(opened: Opened) -> None:
    """A job that fails takes the tick of its transaction with it, and nothing is forgotten."""
    apply(opened, puts=tuple(on_host(n, f"h{n}") for n in range(5)))
    later = NOW + 300 * DAY
    opened.frontier.refresh(later).result()  # the account opens with nothing in it
    later += HOUR

    def breaks(work: Work) -> None:
        assert opened.frontier._refresh.tick(work, later) == 5
        raise ZeroDivisionError

    with pytest.raises(StoreError):
        opened.frontier._writer.submit(breaks).result()
    assert len(tick(opened, later + HOUR / 4)) == 5
