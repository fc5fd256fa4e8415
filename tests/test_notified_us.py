"""What comes of a push that is about our own actor: followers, subscriptions, blocks."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from ingest_cases import ALICE, HOST, NOW
from notified_cases import (
    ACT,
    BOB,
    FOLLOW,
    INBOXES,
    KEY,
    OURS,
    followed,
    follower,
    knowing,
    note,
)

from fedpull.cache.mail_records import Follower, Notification, Settlement
from fedpull.crawler.notified import decide
from fedpull.crawler.notified_case import Known, Ours
from fedpull.crawler.protocol.inboxes import Inboxes, inboxes_of


def policy(word: Any) -> dict[str, Any]:
    return {"ours": Ours(OURS.actor, OURS.origin, word), "inboxes": INBOXES}


ASKS = note("Follow", OURS.actor)
SUBSCRIBED = followed(subscription=FOLLOW, subscribed="pending")
LET_IN = follower(state="accepted")
Case = tuple[str, Notification, Known, dict[str, Any]]

WELCOME = [
    ("whoever may is accepted", "all", None, "accepted", "Accept"),
    ("who has to be asked for waits", "ask", None, "pending", None),
    ("who was accepted is told again", "ask", "accepted", "accepted", "Accept"),
    ("who was rejected is told again", "ask", "rejected", "rejected", "Reject"),
    ("who waits goes on waiting", "ask", "pending", "pending", None),
    ("who was rejected by the operator stays so", "all", "rejected", "rejected", "Reject"),
    ("who waited is accepted once all are", "all", "pending", "accepted", "Accept"),
    ("nobody may", "none", None, None, "Reject"),
    ("nobody may any more", "none", "accepted", None, "Reject"),
]


@pytest.mark.parametrize(
    ("word", "was", "state", "answer"), [case[1:] for case in WELCOME], ids=[c[0] for c in WELCOME]
)
def test_who_may_follow(word: str, was: Any, state: str | None, answer: str | None) -> None:
    """The configuration decides, a verdict that was given stands, and who asks is told."""
    known = follower(state=was, follow="https://social.example/old") if was else {}
    settled = decide(ASKS, knowing(policy(word), known), NOW)

    at = NOW if was is None else NOW - 9.0
    kept = Follower(ALICE, INBOXES.own, INBOXES.shared, state, ACT, at) if state else None  # type: ignore[arg-type]
    assert settled.state == "done"
    assert settled.follower == kept
    assert settled.drop_follower == (ALICE if word == "none" and was else None)
    sent = [(send.inbox, orjson.loads(send.body)) for send in settled.sends]
    assert [(inbox, body["type"], body["object"]["id"]) for inbox, body in sent] == (
        [(INBOXES.own, answer, ACT)] if answer else []
    )


def test_where_an_answer_goes_is_read_first() -> None:
    """A follower's document is asked for, and the Follow waits for it; not for ever."""
    waits = [decide(note("Follow", OURS.actor, attempts=n), knowing(), NOW) for n in range(5)]

    assert [one.state for one in waits] == ["waiting"] * 4 + ["failed"]
    assert [one.due and one.due - NOW for one in waits] == [5.0, 30.0, 300.0, 3600.0, None]
    assert [(want.uri, want.relation) for want in waits[0].wants] == [(ALICE, "asked")]
    assert all(one.follower is None and not one.sends for one in waits)


def test_who_asks_again_and_again_is_not_answered_each_time() -> None:
    """Answers wait for a slow inbox, so a flood of Follows must not become one of deliveries."""
    settled = decide(ASKS, knowing(policy("all"), answerable=False), NOW)

    assert (settled.state, settled.sends, settled.follower) == ("ignored", (), None)


def test_a_flood_of_follows_asks_nobody_beyond_its_share() -> None:
    """What waits then is tried again later, and fails in the end."""
    settled = decide(ASKS, knowing(room=False), NOW)

    assert (settled.state, settled.wants) == ("waiting", ())


ABOUT_US: list[Case] = [
    ("a Follow of somebody else", note("Follow", BOB), knowing(inboxes=INBOXES), {}),
    (
        "a follower leaves",
        note("Undo", OURS.actor, inner="Follow", inner_id=ACT),
        knowing(LET_IN),
        {"drop_follower": ALICE},
    ),
    (
        "a follower leaves by the id of its Follow",
        note("Undo", ACT),
        knowing(LET_IN),
        {"drop_follower": ALICE},
    ),
    ("who does not follow cannot leave", note("Undo", OURS.actor, inner="Follow"), knowing(), {}),
    (
        "nobody leaves for somebody else",
        note("Undo", OURS.actor, inner="Follow", inner_actor=BOB),
        knowing(LET_IN),
        {},
    ),
    (
        "nobody leaves by undoing something without an id",
        note("Undo", ""),
        knowing(follower(follow="")),
        {},
    ),
    ("leaving somebody else", note("Undo", BOB, inner="Follow"), knowing(LET_IN), {}),
    (
        "our Follow is accepted, by its id",
        note("Accept", FOLLOW),
        knowing(SUBSCRIBED),
        {"subscription": (KEY, "yes")},
    ),
    (
        "our Follow is accepted, as it was sent",
        note("Accept", ALICE, inner="Follow", inner_actor=OURS.actor, inner_id=FOLLOW),
        knowing(SUBSCRIBED),
        {"subscription": (KEY, "yes")},
    ),
    (
        "our Follow is accepted, with an id of the other's own",
        note("Accept", ALICE, inner="Follow", inner_actor=OURS.actor, inner_id=f"{ALICE}/f/1"),
        knowing(SUBSCRIBED),
        {"subscription": (KEY, "yes")},
    ),
    (
        "an acceptance that comes twice",
        note("Accept", FOLLOW),
        knowing(followed(subscription=FOLLOW, subscribed="yes")),
        {},
    ),
    (
        "our Follow is rejected",
        note("Reject", FOLLOW),
        knowing(SUBSCRIBED),
        {"subscription": (KEY, "rejected")},
    ),
    (
        "rejected after it was accepted",
        note("Reject", FOLLOW),
        knowing(followed(subscription=FOLLOW, subscribed="yes")),
        {"subscription": (KEY, "rejected")},
    ),
    ("an answer that nobody asked for", note("Accept", FOLLOW), knowing(followed()), {}),
    ("an answer by a stranger", note("Accept", FOLLOW), knowing(), {}),
    (
        "somebody else's Follow is accepted",
        note("Accept", ALICE, inner="Follow", inner_actor=BOB, inner_id=f"{BOB}/f/1"),
        knowing(SUBSCRIBED),
        {},
    ),
    ("another thing is accepted", note("Accept", f"{HOST}/offers/1"), knowing(SUBSCRIBED), {}),
    (
        "who blocks us is not read any more",
        note("Block", OURS.actor),
        knowing(followed()),
        {"block": (KEY, ACT)},
    ),
    (
        "nor does it push to us, nor we to it",
        note("Block", OURS.actor),
        knowing(SUBSCRIBED, LET_IN),
        {"block": (KEY, ACT), "drop_follower": ALICE, "subscription": (KEY, "rejected")},
    ),
    (
        "a follower that blocks us is one no more",
        note("Block", OURS.actor),
        knowing(LET_IN),
        {"drop_follower": ALICE},
    ),
    ("a stranger that blocks us", note("Block", OURS.actor), knowing(), {}),
    ("a block of somebody else", note("Block", BOB), knowing(followed(), LET_IN), {}),
    (
        "a block that is undone",
        note("Undo", OURS.actor, inner="Block", inner_id=ACT),
        knowing(followed(blocked=ACT)),
        {"block": (KEY, None)},
    ),
    (
        "a block that is undone by its id",
        note("Undo", ACT),
        knowing(followed(blocked=ACT)),
        {"block": (KEY, None)},
    ),
    (
        "a block that was none is undone",
        note("Undo", OURS.actor, inner="Block"),
        knowing(followed()),
        {},
    ),
    (
        "who blocks us tells us nothing",
        note("Create"),
        knowing(followed(blocked=ACT)),
        {},
    ),
]


@pytest.mark.parametrize(
    ("came", "known", "expected"), [c[1:] for c in ABOUT_US], ids=[case[0] for case in ABOUT_US]
)
def test_what_is_about_us(came: Notification, known: Known, expected: dict[str, Any]) -> None:
    """It is acted upon as it was signed, by its own word and nobody else's."""
    settled = decide(came, known, NOW)

    assert settled == Settlement(1, NOW, settled.state, settled.outcome, **expected)
    assert settled.state == ("done" if expected else "ignored")


INBOX = f"{ALICE}/inbox"
PLACES = [
    ("its own inbox", {"inbox": INBOX}, Inboxes(INBOX, None)),
    (
        "and its server's",
        {"inbox": INBOX, "endpoints": {"sharedInbox": f"{HOST}/inbox"}},
        Inboxes(INBOX, f"{HOST}/inbox"),
    ),
    (
        "a shared one elsewhere is none",
        {"inbox": INBOX, "endpoints": {"sharedInbox": "https://other.example/inbox"}},
        Inboxes(INBOX, None),
    ),
    ("an inbox elsewhere is none", {"inbox": "https://other.example/inbox"}, None),
    ("no inbox", {}, None),
    ("endpoints that are a URL", {"inbox": INBOX, "endpoints": f"{HOST}/x"}, Inboxes(INBOX, None)),
]


@pytest.mark.parametrize(
    ("document", "expected"), [case[1:] for case in PLACES], ids=[case[0] for case in PLACES]
)
def test_where_mail_goes(document: dict[str, Any], expected: Inboxes | None) -> None:
    """Only to inboxes of the actor's own origin."""
    assert inboxes_of({"id": ALICE, "type": "Person"} | document) == expected
