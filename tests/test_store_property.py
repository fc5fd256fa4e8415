"""Whatever outcomes come, in whatever order: the audit finds nothing, and counts are true."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_cases import ALICE, BOB, FOLLOW, NOW, OUTBOX, apply, clean, note, page, store_at, want

from fedpull.cache.environment import Tables, Txn
from fedpull.cache.open import Opened
from fedpull.cache.records import (
    PARKED,
    Attempt,
    Cause,
    Collection,
    Entry,
    Follow,
    HostReport,
    Kind,
    Lease,
    Mark,
    ObjectFilter,
    Plan,
    Politeness,
    Poll,
    Relink,
    State,
)
from fedpull.cache.ref_layout import Ref
from fedpull.cache.sources import queued_for

HOSTS = ("a.example", "b.example", "c.example")
numbers = st.integers(1, 6)
moments = st.floats(NOW - 100, NOW + 5000)
texts = st.sampled_from(["one", "two", "three"])
follows = st.sampled_from(["", FOLLOW, "@bob@b.example"])

puts = st.builds(
    note,
    numbers,
    texts,
    actor=st.sampled_from([ALICE, BOB]),
    published=st.one_of(st.none(), moments, st.just(NOW + 1e9)),
    type=st.sampled_from(["Note", "Event"]),
    updated=st.one_of(st.none(), moments),
    at=moments,
    by=st.sampled_from(["get", "embedded"]),
    tags=st.sampled_from([(), ("x",), ("x", "y", "X")]),
    reply=st.sampled_from([None, note(1).id]),
    about=st.sampled_from([None, "tag:a"]),
    follow=follows,
    enclosing=st.sampled_from([None, OUTBOX]),
    context=st.sampled_from([None, b'"c"', b"{}"]),
    says=st.sampled_from(
        [{}, {"to": [], "cc": "as:Public"}, {"searchableBy": "as:Public"}, {"searchableBy": "x"}]
    ),
)
actors = st.builds(
    lambda id, text, says, at: note(
        id, text, actor=id, kind="actor", type="Person", says=says, updated=at, at=at
    ),
    st.sampled_from([ALICE, BOB]),
    texts,
    st.sampled_from([{}, {"indexable": True}, {"indexable": True, "searchableBy": "x"}]),
    moments,
)
marks = st.builds(
    Mark,
    st.one_of(numbers.map(lambda n: note(n).id), st.sampled_from([ALICE, BOB])),
    state=st.sampled_from([None, *State]),
    reason=st.sampled_from(["gone", "audience", "types"]),
    purge=st.booleans(),
    verified=st.booleans(),
    failed=st.booleans(),
    missing=st.booleans(),
    vouched=st.booleans(),
    target=st.sampled_from([None, note(2).id]),
)
wants = st.builds(
    want,
    st.builds(lambda host, n: f"https://{host}/notes/{n}", st.sampled_from(HOSTS), numbers),
    kind=st.sampled_from(list(Kind)),
    cause=st.sampled_from(list(Cause)),
    due=st.one_of(moments, st.just(PARKED)),
    follow=follows,
    depth=st.integers(0, 3),
    attempts=st.integers(0, 2),
    refetch=st.booleans(),
    scheduled=st.booleans(),
)
pages = st.builds(
    lambda objects, **more: page(*objects, **more),
    st.lists(st.one_of(numbers, numbers.map(lambda n: f"!{n}")), max_size=6),
    first=st.booleans(),
    upward=st.booleans(),
    after=st.one_of(st.none(), numbers.map(lambda n: note(n).id)),
    follow=follows,
)
relinks = st.builds(
    Relink,
    st.just(OUTBOX),
    numbers.map(lambda n: note(n).id),
    st.one_of(st.none(), st.builds(Entry, numbers.map(lambda n: note(n).id), st.none())),
    follows,
)
reports = st.builds(
    HostReport,
    st.sampled_from(HOSTS).map(lambda host: f"{host}:443"),
    ok=st.booleans(),
    status=st.sampled_from([200, 404, 429, 500]),
    pause=st.one_of(st.none(), moments),
    refused=st.booleans(),
    slot=st.booleans(),
)
polls = st.builds(
    Poll,
    st.sampled_from([OUTBOX, note(1).id]),
    moments,
    st.integers(0, 30),
    listing=st.booleans(),
    stamps=st.lists(st.one_of(moments, st.just(-1e9), st.just(1e12)), max_size=3).map(tuple),
    first=st.booleans(),
    since=st.one_of(st.none(), moments),
    plan=st.builds(
        Plan,
        st.sampled_from([1.0, 120.0, 86_400.0]),
        st.sampled_from([60.0, 86_400.0, 2_592_000.0]),
        st.one_of(st.just(0.0), moments, st.just(1e15)),
        st.sampled_from([None, 0.1, 1.0]),
    ),
)
outcomes = st.fixed_dictionaries(
    {},
    optional={
        "puts": st.lists(st.one_of(puts, puts, actors), max_size=3).map(tuple),
        "marks": st.lists(marks, max_size=2).map(tuple),
        "members": pages,
        "polls": st.lists(polls, max_size=2).map(tuple),
        "relink": relinks,
        "collection": st.builds(Collection, st.just(OUTBOX), st.just("ok"), st.booleans()),
        "wants": st.lists(wants, max_size=3).map(tuple),
        "follow": st.builds(Follow, st.just(FOLLOW), st.sampled_from([ALICE, BOB]), name=texts),
        "follow_was": st.builds(Follow, st.just(FOLLOW)),
        "hosts": st.lists(reports, max_size=2).map(tuple),
        "attempt": st.just(Attempt(NOW, "new", 200, "ok")),
    },
)
Step = Callable[[Opened, list[Lease], float], None]


def outcome(parts: dict[str, Any], use_lease: bool) -> Step:
    def step(opened: Opened, leases: list[Lease], now: float) -> None:
        taken = leases.pop(0) if use_lease and leases else None
        walk: dict[str, Any] = {}
        if taken is not None and taken.want.kind is Kind.PAGE:
            walk = {"walk": b"w", "walk_url": f"https://{HOSTS[len(leases) % 3]}/next"}
        apply(opened, now, lease=taken, **parts, **walk)

    return step


def lease_some(limit: int, seconds: float) -> Step:
    return lambda opened, leases, now: leases.extend(
        opened.frontier.lease(now, limit, seconds).result()
    )


def turn(host: str, page: bool, held: bool) -> Step:
    def step(opened: Opened, leases: list[Lease], now: float) -> None:
        opened.frontier.turn(f"{host}:443", now, page, held=held).result()

    return step


def drop(opened: Opened, leases: list[Lease], now: float) -> None:
    opened.store.drop_follow(FOLLOW, now).result()


def follow(key: str, actor: str | None, blocked: str | None) -> Step:
    def step(opened: Opened, leases: list[Lease], now: float) -> None:
        opened.store.put_follow(Follow(key, actor, blocked=blocked)).result()

    return step


def recover(opened: Opened, leases: list[Lease], now: float) -> None:
    opened.frontier.recover(now).result()


def refresh(ahead: float) -> Step:
    def step(opened: Opened, leases: list[Lease], now: float) -> None:
        opened.frontier.refresh(now + ahead).result()

    return step


def signal(uri: str) -> Step:
    def step(opened: Opened, leases: list[Lease], now: float) -> None:
        opened.frontier.signal(uri, now).result()

    return step


steps = st.one_of(
    st.builds(refresh, st.sampled_from([0.0, 60.0, 86_400.0, 90 * 86_400.0])),
    st.builds(signal, st.sampled_from([OUTBOX, note(1).id])),
    st.builds(outcome, outcomes, st.booleans()),
    st.builds(lease_some, st.integers(1, 5), st.floats(1, 500)),
    st.builds(turn, st.sampled_from(HOSTS), st.booleans(), st.booleans()),
    st.builds(
        follow,
        st.sampled_from([FOLLOW, "@bob@b.example"]),
        st.sampled_from([None, ALICE, BOB]),
        st.sampled_from([None, "https://b.example/blocks/1"]),
    ),
    st.sampled_from([drop, recover]),
)


def lost(txn: Txn, t: Tables) -> list[str]:
    """What has a body, or is read again, and is neither planned nor being asked."""
    found = []
    for id, row in txn.cursor(t.ref):
        ref = Ref.unpack(row)
        waiting = queued_for(txn, t, id, ref.kind)
        asked = waiting is not None and not waiting.parked
        if (ref.has_body or ref.is_source) and not (ref.placed or asked):
            found.append(ref.uri)
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    script=st.lists(st.tuples(steps, st.floats(-200, 2000)), max_size=12),
    concurrency=st.integers(1, 3),
    gap=st.sampled_from([0.0, 2.0]),
)
def test_any_history_leaves_a_consistent_store(
    script: list[tuple[Step, float]], concurrency: int, gap: float
) -> None:
    """After every step the audit is clean, also when the clock jumps back and forth."""
    polite = Politeness(concurrency=concurrency, gap=gap, pages=2, pages_window=100.0)
    with tempfile.TemporaryDirectory() as folder:
        leases: list[Lease] = []
        now = NOW
        with store_at(Path(folder), politeness=polite) as opened:
            for step, passes in script:
                now += passes
                step(opened, leases, now)
                clean(opened)
        with store_at(Path(folder), politeness=polite) as opened:
            opened.frontier.recover(now).result()
            for hour in range(40):  # in which the sweep has come by everything
                opened.frontier.refresh(now + 3_600.0 * hour).result()
            report = clean(opened)
            assert opened.query._environment.read(lost) == []
            totals = opened.query.totals()
            listed = [
                document
                for actor in (ALICE, BOB)
                for document in opened.query.objects(ObjectFilter(actor, unasked=True), 100)[0]
            ]
            actors = sum(opened.query.document(actor) is not None for actor in (ALICE, BOB))

            assert totals.in_flight == 0
            assert totals.documents == report.documents == len(listed) + actors
            assert all(document.published is not None for document in listed)
            across, _ = opened.query.objects(ObjectFilter(), 100)
            assert {document.id for document in across} <= {document.id for document in listed}
            times = [document.published or 0.0 for document in across]
            assert times == sorted(times, reverse=True)
