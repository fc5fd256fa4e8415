"""What every implementation of the store's ports must do, told in outcomes and queries.

There is one implementation; another joins by being added to IMPLEMENTATIONS. The suite of the
fourth port is `test_mailbox`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from store_cases import (
    ALICE,
    BOB,
    FOLLOW,
    IMPLEMENTATIONS,
    NOW,
    OUTBOX,
    apply,
    clean,
    done,
    lease,
    note,
    page,
    read_authors,
    want,
)

from fedpull.cache.open import Opened
from fedpull.cache.records import (
    Attempt,
    Change,
    Follow,
    Mark,
    ObjectFilter,
    Outcome,
    Plan,
    Poll,
    Put,
    State,
)
from fedpull.errors import BadInput

MONTH = 30 * 86_400.0


@pytest.fixture(params=IMPLEMENTATIONS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with IMPLEMENTATIONS[request.param](tmp_path / "store") as store:
        yield store
        clean(store)


def kinds(changes: tuple[Change, ...] | list[Change]) -> list[tuple[str, str, str | None]]:
    return [(change.kind, change.id[-1], change.reason) for change in changes]


def test_a_document_comes_back_byte_for_byte_with_its_record(opened: Opened) -> None:
    """What was put is what is got, with when and how it was fetched."""
    put = note(1, "Grüße", etag='W/"1"', at=NOW + 5)

    applied = apply(opened, puts=(put,))
    document = opened.query.document(put.id)
    reference = opened.query.reference(put.id)

    assert document is not None
    assert reference is not None
    assert document.body == put.body
    assert (document.id, document.state, document.fetched_at) == (put.id, "resolved", NOW + 5)
    assert (document.verified_by, document.published) == ("get", NOW - 999)
    assert (reference.etag, reference.owner, reference.type) == ('W/"1"', ALICE, "Note")
    assert reference.cls == "object"
    assert (reference.interval or 0) >= 60
    assert NOW + 60 <= (reference.next_check or 0) <= NOW + MONTH
    assert reference.content_hash == put.stamp.content_hash
    assert kinds(applied.changes) == [("created", "1", None)]
    assert applied.changes[0].actor == ALICE


def test_what_was_never_seen_is_none_or_empty(opened: Opened) -> None:
    """Asking for the unknown is no error."""
    query = opened.query

    assert query.document("https://a.example/none") is None
    assert query.reference("https://a.example/none") is None
    assert query.history("https://a.example/none") == []
    assert query.collection("https://a.example/none") is None
    assert query.objects(ObjectFilter(actor="https://a.example/none"), 10) == ([], None)
    assert query.known_members("https://a.example/none", ["https://a.example/x"]) == set()
    assert query.follow("@nobody@a.example") is None


VERDICTS: list[tuple[str, Put, Put, list[str], str]] = [
    ("the same content is no change", note(1), note(1, at=NOW + 9), ["created"], "hello"),
    ("other content is an update", note(1), note(1, "new"), ["created", "updated"], "new"),
    (
        "an older `updated` never replaces a newer one",
        note(1, "new", updated=NOW),
        note(1, "old", updated=NOW - 5),
        ["created"],
        "new",
    ),
    (
        "another owner under the same id is not believed",
        note(1),
        note(1, "mine now", actor=BOB),
        ["created"],
        "hello",
    ),
    (
        "an object does not become an actor",
        note("https://a.example/x"),
        note("https://a.example/x", kind="actor", type="Person", actor="https://a.example/x"),
        ["created"],
        "hello",
    ),
]


@pytest.mark.parametrize(
    ("first", "second", "changes", "text"),
    [row[1:] for row in VERDICTS],
    ids=[r[0] for r in VERDICTS],
)
def test_a_second_put(
    opened: Opened, first: Put, second: Put, changes: list[str], text: str
) -> None:
    """A put replaces what is held only if it supersedes it."""
    apply(opened, puts=(first,))
    apply(opened, puts=(second,))
    document = opened.query.document(first.id)

    assert document is not None
    assert [change.kind for change in opened.query.changes(0)] == changes
    assert text in document.body.decode()


def test_an_unchanged_document_is_only_verified(opened: Opened) -> None:
    """An equal hash renews the freshness, keeps the body's own date and makes no version."""
    apply(opened, puts=(note(1, by="embedded", enclosing=OUTBOX, context=b'"x"'),))

    applied = apply(opened, puts=(note(1, at=NOW + 50),))
    reference = opened.query.reference(note(1).id)
    document = opened.query.document(note(1).id)

    assert applied.unchanged == (note(1).id,)
    assert reference is not None
    assert document is not None
    assert (reference.fetched_at, reference.verified_at) == (NOW, NOW + 50)
    assert reference.verified_by == "get"
    assert opened.query.history(note(1).id) == []
    assert (document.enclosing, document.context) == (OUTBOX, b'"x"')


def test_history_keeps_the_latest_versions(opened: Opened) -> None:
    """Earlier bodies are kept newest first, up to the configured number."""
    for version in range(6):
        apply(opened, puts=(note(1, f"version {version}", at=NOW + version),))

    versions = opened.query.history(note(1).id)

    assert [version.fetched_at for version in versions] == [NOW + 4, NOW + 3, NOW + 2]
    assert b"version 4" in versions[0].body


def test_a_purge_leaves_a_tombstone_and_nothing_else(opened: Opened) -> None:
    """Body, history and index entries go; the state, the reason and the hash stay."""
    put = note(1, tags=("cats",), follow=FOLLOW)
    apply(opened, puts=(put,))
    apply(opened, puts=(note(1, "edited", tags=("cats",)),))

    apply(opened, marks=(Mark(put.id, State.GONE, "gone", purge=True),))
    reference = opened.query.reference(put.id)

    assert opened.query.document(put.id) is None
    assert opened.query.history(put.id) == []
    assert opened.query.objects(ObjectFilter(), 10) == ([], None)
    assert reference is not None
    assert (reference.state, reference.reason) == ("gone", "gone")
    assert reference.content_hash is not None
    assert kinds(opened.query.changes(0))[-1] == ("deleted", "1", "gone")
    assert opened.query.totals().documents == 0


def test_what_was_gone_can_come_back(opened: Opened) -> None:
    """A put after a purge is a creation, listed where it was listed before."""
    read_authors(opened)
    apply(opened, puts=(note(1, follow=FOLLOW),))
    apply(opened, marks=(Mark(note(1).id, State.GONE, "gone", purge=True),))
    applied = apply(opened, puts=(note(1, "back"),))
    found, _ = opened.query.objects(ObjectFilter(follow=FOLLOW), 10)

    assert kinds(applied.changes) == [("created", "1", None)]
    assert [document.id for document in found] == [note(1).id]


REFUSALS: list[tuple[str, tuple[str, ...], list[str]]] = [
    ("a refusal is logged", ("audience",), ["audience"]),
    ("the same refusal is logged once", ("audience", "audience"), ["audience"]),
    ("another reason is news", ("audience", "consent"), ["audience", "consent"]),
    ("what the operator does not keep is no news", ("types", "types"), []),
]


@pytest.mark.parametrize(
    ("reasons", "logged"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refusals_of_what_was_never_stored(
    opened: Opened, reasons: tuple[str, ...], logged: list[str]
) -> None:
    """The change log tells what was never stored, once for each reason."""
    for reason in reasons:
        apply(opened, marks=(Mark(note(1).id, State.REFUSED, reason),))

    changes = opened.query.changes(0)
    assert [change.reason for change in changes] == logged
    assert {change.kind for change in changes} <= {"refused"}


def test_marks_renew_and_count(opened: Opened) -> None:
    """A 304 verifies, a failure counts and says why, and neither touches the body."""
    apply(opened, puts=(note(1, etag='"a"', last_modified="then"),))
    apply(opened, at=NOW + 10, marks=(Mark(note(1).id, failed=True, error="timeout"),))
    broken = opened.query.reference(note(1).id)
    renewed = Mark(note(1).id, State.RESOLVED, verified=True, etag='"b"')
    apply(opened, at=NOW + 20, marks=(renewed,))
    fine = opened.query.reference(note(1).id)

    assert broken is not None
    assert fine is not None
    assert (broken.failures, broken.last_error, broken.verified_at) == (1, "timeout", NOW)
    assert (fine.failures, fine.last_error, fine.verified_at) == (0, None, NOW + 20)
    assert fine.verified_by == "304"
    assert NOW + 80 <= (fine.next_check or 0) <= NOW + MONTH
    assert (fine.etag, fine.last_modified) == ('"b"', "then")


def test_a_redirect_names_its_target(opened: Opened) -> None:
    """The record of a redirected reference says where it leads."""
    apply(opened, marks=(Mark(note(1).id, State.REDIRECTED, target=note(2).id),))
    reference = opened.query.reference(note(1).id)

    assert reference is not None
    assert (reference.state, reference.target) == ("redirected", note(2).id)


def test_the_log_of_a_reference_keeps_the_latest_attempts(opened: Opened) -> None:
    """Eight attempts, the latest first."""
    for number in range(10):
        apply(opened, marks=(Mark(note(1).id),), attempt=Attempt(NOW + number, "new", 500, "no"))
    reference = opened.query.reference(note(1).id)

    assert reference is not None
    assert [line.at - NOW for line in reference.log] == [9, 8, 7, 6, 5, 4, 3, 2]


def test_follows_are_kept_counted_and_dropped(opened: Opened) -> None:
    """A follow comes back with the number of its objects; dropping it keeps the documents."""
    follow = Follow(FOLLOW, actor=ALICE, name="Alice", last_success=NOW, complete=True)
    opened.store.put_follow(follow).result()
    apply(opened, puts=(note(1, follow=FOLLOW), note(2)), members=page(2, "!5"))
    kept = opened.query.follow(FOLLOW)
    assert kept is not None
    counted = (kept.actor, kept.name, kept.complete, kept.objects)

    assert counted == (ALICE, "Alice", True, 2)
    assert opened.query.follows() == [kept]
    assert opened.store.drop_follow(FOLLOW, NOW).result() is True
    assert opened.store.drop_follow(FOLLOW, NOW).result() is False
    assert opened.query.follow(FOLLOW) is None
    assert opened.query.document(note(1).id) is not None


def test_dropping_a_follow_empties_its_queue(opened: Opened) -> None:
    """What waits for a dropped follow goes, what others want stays, what is under way may end."""
    opened.store.put_follow(Follow(FOLLOW)).result()
    waiting = [want(note(n).id, follow=FOLLOW, scheduled=n == 2) for n in (1, 2, 3)]
    opened.frontier.want([*waiting, want(note(4).id)]).result()
    taken = lease(opened)[0]
    opened.store.drop_follow(FOLLOW, NOW).result()
    clean(opened)
    done(opened, taken)

    assert opened.frontier.pending(FOLLOW) == 0
    assert [one.want.uri for one in lease(opened, NOW + 10)] == [note(4).id]


def test_changes_are_numbered_and_told(opened: Opened) -> None:
    """`since` is exclusive, numbers have no gaps, and listeners hear them after the commit."""
    heard: list[int] = []
    opened.store.on_change(lambda changes: heard.extend(change.seq for change in changes))
    apply(opened, puts=(note(1), note(2)))
    apply(opened, puts=(note(1),))
    apply(opened, puts=(note(3),))

    assert [change.seq for change in opened.query.changes(0)] == [1, 2, 3]
    assert [change.seq for change in opened.query.changes(1, limit=1)] == [2]
    assert opened.query.changes(3) == []
    assert heard == [1, 2, 3]


def test_one_bad_outcome_does_not_harm_the_others(opened: Opened) -> None:
    """Outcomes that wait share a transaction, and still each succeeds or fails alone."""
    bad = Outcome(at=NOW, puts=(note(2),), wants=(want("not a uri"),))
    outcomes = [Outcome(at=NOW, puts=(note(1),)), bad, Outcome(at=NOW, puts=(note(3),))]
    futures = [opened.store.apply(outcome) for outcome in outcomes]

    assert futures[0].result().changes
    assert isinstance(futures[1].exception(), BadInput)
    assert futures[2].result().changes
    assert opened.query.document(note(2).id) is None


def test_a_listener_that_raises_does_not_stop_the_writer(opened: Opened) -> None:
    """Whoever listens cannot break the store."""

    def broken(changes: object) -> None:
        raise RuntimeError("listener")

    opened.store.on_change(broken)
    apply(opened, puts=(note(1),))

    assert apply(opened, puts=(note(2),)).changes


def test_totals_count_without_a_scan(opened: Opened) -> None:
    """The counters say what is there."""
    apply(opened, puts=(note(1), note(2)), wants=(want(note(3).id),))
    totals = opened.query.totals()

    assert (totals.documents, totals.references, totals.due) == (2, 4, 1)
    assert (totals.last_seq, totals.read_only) == (2, False)
    assert totals.bytes > 0


def test_what_is_held_is_asked_again_in_time(opened: Opened) -> None:
    """A document that is due becomes work of the queue, once, and has a plan again afterwards."""
    apply(opened, puts=(note(1),))
    planned = opened.query.reference(note(1).id)
    assert planned is not None
    assert planned.kind == "post"
    assert opened.frontier.refresh(NOW + 10).result() == 0
    late = (planned.next_check or 0.0) + MONTH
    assert opened.query.totals(late).backlog == 1
    opened.frontier.refresh(late).result()
    assert opened.frontier.refresh(late + 60).result() + opened.query.totals().due == 1
    [taken] = lease(opened, late + 60)
    done(opened, taken, late + 60, marks=(Mark(note(1).id, verified=True),))
    again = opened.query.reference(note(1).id)

    assert (taken.want.relation, taken.want.cause, taken.want.scheduled) == ("check", 3, True)
    assert again is not None
    assert again.verified_at == late + 60
    assert (again.next_check or 0.0) > late + 60
    assert opened.query.totals(late + 61).backlog == 0


@pytest.mark.parametrize("state", [State.GONE, State.REFUSED, State.REDIRECTED])
def test_what_is_no_longer_held_is_not_asked_again(opened: Opened, state: State) -> None:
    """Gone, refused, another's name: nothing is planned for it."""
    apply(opened, puts=(note(1),))
    apply(opened, marks=(Mark(note(1).id, state, "gone", purge=True),))
    known = opened.query.reference(note(1).id)

    assert known is not None
    assert (known.kind, known.next_check, known.interval) == (None, None, None)
    assert opened.frontier.refresh(NOW + 3 * MONTH).result() == 0


def test_a_collection_that_is_read_again_has_a_plan(opened: Opened) -> None:
    """A visit makes an outbox a source, and says what it found."""
    stamps = tuple(NOW - 86_400.0 * days for days in (3, 2, 1))
    poll = Poll(OUTBOX, NOW, 3, stamps=stamps, first=True, plan=Plan(120.0, 500.0))
    apply(opened, polls=(poll,))
    known = opened.query.reference(OUTBOX)

    assert known is not None
    assert (known.kind, known.state, known.bound) == ("outbox", "unknown", "every")
    assert known.interval is not None
    assert known.interval == pytest.approx(500, abs=1)
    assert known.rate is not None
    assert 0.3 < known.rate < 3.0


def test_a_failure_is_believed_for_longer_each_time(opened: Opened) -> None:
    """Of what was never held the failure has a lifetime, which grows to a day."""
    lifetimes = []
    for _ in range(8):
        apply(opened, marks=(Mark(note(1).id, State.FAILED, failed=True, error="timeout"),))
        known = opened.query.reference(note(1).id)
        assert known is not None
        lifetimes.append((known.next_check or 0.0) - NOW)

    assert lifetimes == [60, 240, 960, 3840, 15360, 61440, 86400, 86400]


def test_a_notice_of_what_is_unknown_asks_nothing(opened: Opened) -> None:
    """Notices speak of sources; what is none is not fetched for them."""
    apply(opened, wants=(want(note(1).id, due=NOW + 5),))

    assert opened.frontier.signal(note(1).id, NOW).result() is False
    assert opened.frontier.signal("https://a.example/never-heard-of", NOW).result() is False


def test_who_vouched_for_an_audience_is_remembered(opened: Opened) -> None:
    """A copy whose audience its activity stated is marked so, until it states its own."""
    apply(opened, marks=(Mark(note(1).id, vouched=True),))
    marked = opened.query.reference(note(1).id)
    apply(opened, puts=(replace(note(1), vouched=True),))
    vouched = opened.query.reference(note(1).id)
    apply(opened, puts=(note(1, "edited"),))
    stated = opened.query.reference(note(1).id)

    known = [one.vouched for one in (marked, vouched, stated) if one is not None]
    assert known == [True, True, False]
