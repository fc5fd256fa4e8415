"""Pushes and polls as one stream: gaps, notices, and no trace of a pushed text."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from follow_cases import creates, outbox, post
from ingest_cases import ALICE, OUTBOX, actor
from mail_pocket import (
    CARL,
    ELSEWHERE,
    HOURLY,
    OURS,
    SEVENTH,
    MailPocket,
    activity,
)
from traces import traces


def test_after_a_downtime_the_poll_fills_the_gap_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was posted while nobody listened comes with the next visit, and the log says how much of
    it no push had told of."""
    caplog.set_level("INFO", "fedpull.crawler.processing")
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1), **HOURLY)
        mailbox, now = pocket.opened.mailbox, pocket.clock.at
        mailbox.subscribe(ALICE, "https://pull.example/follows/1", "yes", [], now).result()
        pocket.follows.forget_state(ALICE)
        pocket.pages[f"{ALICE}/5"] = post(5)
        pocket.push(activity("Create", f"{ALICE}/5"))

        pocket.pages[OUTBOX] = outbox(*creates(5))
        pocket.later(3_700)
        told = [record.getMessage() for record in caplog.records]
        pocket.pages[OUTBOX] = outbox(*creates(5))
        pocket.later(3_700)

        assert told == [f"{ALICE}: 3 new items that no push had told of"]
        assert len(caplog.records) == 1
        assert sorted(pocket.listed(ALICE)) == [f"{ALICE}/{n}" for n in (1, 2, 3, 4, 5)]
        assert pocket.asked.count(f"{ALICE}/5") == 1


def test_a_push_is_a_notice_for_its_outbox_and_no_reason_to_read_it(tmp_path: Path) -> None:
    """The outbox waits for its time; what pushes are worth is learnt at its next visit."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1), **HOURLY)
        before = pocket.opened.query.reference(OUTBOX)
        pocket.pages[f"{ALICE}/2"] = post(2)

        pocket.push(activity("Create", f"{ALICE}/2"))
        after = pocket.opened.query.reference(OUTBOX)

        assert OUTBOX not in pocket.asked
        assert before is not None
        assert after is not None
        assert after.next_check == before.next_check
        pocket.sound()


def test_a_push_leaves_no_trace_of_its_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every key, value, dictionary, change and line of the log is searched: of what was pushed
    nothing is there."""
    caplog.set_level("DEBUG")
    marks = {word: f"marker-{word}-7Q" for word in ("content", "name", "tag", "type", "emoji")}
    body = post(
        7,
        content=marks["content"],
        name=marks["name"],
        summary=marks["content"],
        tag=[{"type": "Hashtag", "name": marks["tag"]}],
        secret={"type": marks["type"]},
    )
    with MailPocket(tmp_path) as pocket:
        pocket.followed(*creates(1), **HOURLY)
        pocket.pages |= {SEVENTH: post(7, content="from its origin"), ELSEWHERE: 404}
        for type in ("Create", "Update", "Announce", "Add", "Remove", "Delete", "Flag"):
            pocket.push(activity(type, body, summary=marks["content"]))
            pocket.push(activity("Undo", activity(type, body, name=marks["name"])))
            pocket.push(activity(type, [body], CARL, content=marks["content"]))
        pocket.push(activity(marks["type"], body))
        pocket.push(activity("EmojiReact", SEVENTH, CARL, content=marks["emoji"]))
        pocket.push(activity("Like", SEVENTH, CARL, content=marks["emoji"]))
        pocket.push(activity("Follow", OURS.actor, CARL, summary=marks["content"]))
        pocket.push(activity("Move", ALICE, target=actor(id=CARL, summary=marks["content"])))
        asyncio.run(pocket.processing.flush_counts())

        document = pocket.opened.query.document(SEVENTH)
        assert document is not None
        assert document.json["content"] == "from its origin"
    for mark in marks.values():
        assert traces(tmp_path, mark) == []
        assert mark not in caplog.text


def test_the_search_for_traces_finds_what_is_kept(tmp_path: Path) -> None:
    """In a compressed body that an edit has replaced, and in a reference's row."""
    with MailPocket(tmp_path) as pocket:
        pocket.followed(**HOURLY)
        pocket.pages[SEVENTH] = post(7, content="needle-in-a-body " * 20)
        pocket.push(activity("Create", SEVENTH))
        pocket.pages[SEVENTH] = post(7, content="edited", updated="2026-08-02T00:00:00Z")
        pocket.push(activity("Update", SEVENTH, content="x"))

    tables = {place.split()[0] for place in traces(tmp_path, "needle-in-a-body")}
    assert "history" in tables
    assert "body" not in tables
    assert any(place.startswith("ref ") for place in traces(tmp_path, SEVENTH))
