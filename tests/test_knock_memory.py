"""What the store remembers of signatures: beside a host the forms that it reads, with a document
the one that it came under."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_cases import NOW, apply, clean, lease, note, queue, store_at, uri, want

from fedpull.cache import shapes
from fedpull.cache.lookup import explained
from fedpull.cache.open import Opened
from fedpull.cache.queue_layout import HostRow
from fedpull.cache.records import HostReport, Mark, State
from fedpull.crawler.protocol.knock import BELIEVED, DAY, NOTHING, Known

HOST = "a.example:443"
READS = Known("rfc9421", NOW + BELIEVED, ("unsigned", "cavage"), NOW, "sig1=()", "cavage", NOW + 9)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    with store_at(tmp_path / "store") as store:
        yield store
        clean(store)


def learn(opened: Opened, known: Known | None, host: str = HOST) -> None:
    report = HostReport(host, ok=True, status=200, knock=known)
    opened.frontier.report([report], NOW).result()


def remembered(opened: Opened, host: str = HOST, now: float = NOW) -> Known | None:
    found = opened.query.host(host, now)
    return None if found is None else found.knock


def test_what_a_host_reads_outlives_the_process(tmp_path: Path) -> None:
    """All of it, and for that host alone."""
    with store_at(tmp_path / "store") as opened:
        learn(opened, READS)
        learn(opened, None, "b.example:443")
    with store_at(tmp_path / "store") as opened:
        assert remembered(opened) == READS
        assert remembered(opened, "b.example:443") == NOTHING
        assert remembered(opened, "c.example:443") is None


def test_an_answer_that_taught_nothing_changes_nothing(opened: Opened) -> None:
    """Nor does a failure."""
    learn(opened, READS)
    learn(opened, None)
    opened.frontier.report([HostReport(HOST, ok=False, error="connect")], NOW).result()

    assert remembered(opened) == READS


def test_memory_comes_with_the_outcome_of_the_answer_that_taught_it(opened: Opened) -> None:
    """In the same transaction as the document."""
    apply(opened, puts=(note(1),), hosts=(HostReport(HOST, ok=True, status=200, knock=READS),))

    assert remembered(opened) == READS


def test_what_is_too_old_is_not_told(opened: Opened) -> None:
    """Neither to the door nor to people."""
    learn(opened, READS)

    day_after, week_after = remembered(opened, now=NOW + DAY), remembered(opened, now=NOW + 8 * DAY)

    assert day_after is not None
    assert (day_after.form, day_after.failed) == ("rfc9421", ())
    assert week_after == NOTHING


def test_people_are_told_what_a_host_reads(opened: Opened) -> None:
    """In the list of hosts."""
    learn(opened, READS)
    learn(opened, None, "b.example:443")

    known, stranger = (shapes.host(host) for host in opened.query.hosts(NOW))
    if known["host"] != HOST:
        known, stranger = stranger, known

    assert known["signature"] == "rfc9421"
    assert known["signature_until"] == shapes.time(NOW + BELIEVED)
    assert known["signature_failed"] == ["unsigned", "cavage"]
    assert (stranger["signature"], stranger["signature_until"]) == (None, None)
    assert stranger["signature_failed"] == []


@pytest.mark.parametrize("known", [None, NOTHING, READS, Known(failed=("unsigned",), since=1.5)])
def test_a_row_comes_back_as_it_was(known: Known | None) -> None:
    """Also one without memory, which looks as it did before there was any."""
    row = HostRow(HOST, since=1.0, ready_at=2.0, turns=(3, 4), lag=5, backlog=6, knock=known)

    assert HostRow.unpack(row.pack()) == row
    assert row.pack().endswith(b",[3,4],5,6]") is (known is None)


def test_validators_are_leased_with_their_form(opened: Opened) -> None:
    """And a document that comes without a signature later takes its place."""
    apply(opened, puts=(note(1, etag='"s"', form="cavage"),))
    queue(opened, want(note(1).id))
    (signed,) = lease(opened)
    apply(opened, NOW + 1, lease=signed, puts=(note(1, etag='"u"', at=NOW + 1),))
    queue(opened, want(note(1).id))
    (unsigned,) = lease(opened, NOW + 10)

    assert (signed.etag, signed.form) == ('"s"', "cavage")
    assert (unsigned.etag, unsigned.form) == ('"u"', "unsigned")


FORMS = {
    "signed": (("cavage", "get"), "cavage"),
    "unsigned": (("unsigned", "get"), "unsigned"),
    "within a signed page": (("cavage-bare", "embedded"), "cavage-bare"),
}


@pytest.mark.parametrize("case", FORMS)
def test_a_copy_says_how_it_was_got(opened: Opened, case: str) -> None:
    """The record names the form."""
    (form, by), told = FORMS[case]
    page = "https://a.example/page" if by == "embedded" else None
    apply(opened, puts=(note(1, by=by, form=form, enclosing=page),))
    known = opened.query.reference(note(1).id)

    assert known is not None
    assert shapes.reference(known, NOW)["signature"] == told


def test_what_is_gone_was_got_in_no_form(opened: Opened) -> None:
    """Nothing of the copy is left."""
    apply(opened, puts=(note(1, form="cavage"),))
    apply(opened, NOW + 1, marks=(Mark(note(1).id, State.GONE, "gone", purge=True),))
    known = opened.query.reference(note(1).id)

    assert known is not None
    assert known.form is None


def test_of_what_is_not_held_the_form_of_its_host_is_told(opened: Opened) -> None:
    """So that `explain` says how it would be asked."""
    learn(opened, READS)
    apply(opened, marks=(Mark(uri("a"), State.FAILED, error="status 401", failed=True),))
    known = opened.query.reference(uri("a"))
    assert known is not None

    told, _ = explained(opened.query, known, NOW)

    assert told.form == "rfc9421"
