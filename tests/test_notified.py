"""What each kind of push comes to, by what is known of its actor and of what it is about."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_cases import ALICE, NOW, OUTBOX
from notified_cases import (
    BOB,
    ELSEWHERE,
    FOLLOW,
    INBOXES,
    KEY,
    OURS,
    POST,
    about,
    followed,
    follower,
    knowing,
    note,
)

from fedpull.cache.mail_records import Listing, Notification, Reaction, Settlement
from fedpull.cache.records import Mark, State
from fedpull.crawler.notified import decide
from fedpull.crawler.notified_case import Known
from fedpull.crawler.protocol.classes import ACTIVITY_TYPES

PROFILE: dict[str, Any] = {"uri": ALICE, "cls": "actor", "type": "Person"}


def came_to(settled: Settlement) -> dict[str, Any]:
    """The effects of a settlement, without what is as it is by itself; wants as their gist."""
    plain = Settlement(settled.id, settled.at, settled.state, settled.outcome)
    names = [one.name for one in fields(Settlement) if one.name not in ("state", "outcome")]
    effects: dict[str, Any] = {
        name: getattr(settled, name)
        for name in names
        if getattr(settled, name) != getattr(plain, name)
    }
    if "wants" in effects:
        effects["wants"] = [
            (one.uri, one.relation, one.cause.name, one.follow) for one in settled.wants
        ]
    return effects


def pushed(
    relation: str, uri: str = POST, cause: str = "PUSH", follow: str = KEY
) -> dict[str, Any]:
    return {"wants": [(uri, relation, cause, follow)]}


TOLD = {"signals": (OUTBOX,)}
NOTHING: dict[str, Any] = {}
FOLLOWED = followed()
Case = tuple[str, Notification, Known, dict[str, Any]]

OFFERED: list[Case] = [
    (
        "a followed actor's own post is asked for at its origin, and its outbox is told",
        note("Create"),
        knowing(FOLLOWED),
        pushed("item") | TOLD,
    ),
    (
        "an actor without an outbox is read by its pushes alone",
        note("Create"),
        knowing(followed(outbox=None)),
        pushed("item"),
    ),
    ("a stranger's post is nobody's business", note("Create"), knowing(), NOTHING),
    (
        "a stranger's post is not asked for though it is held",
        note("Create"),
        knowing(about()),
        NOTHING,
    ),
    ("nobody creates on another host", note("Create", ELSEWHERE), knowing(FOLLOWED), NOTHING),
    ("a post without an id is left to the next visit", note("Create", ""), knowing(FOLLOWED), TOLD),
    (
        "what is held is listed without being asked",
        note("Create"),
        knowing(FOLLOWED, about()),
        {"lists": (Listing(POST, KEY),)} | TOLD,
    ),
    (
        "what is held and listed comes to nothing",
        note("Create"),
        knowing(FOLLOWED, about(), offered=True),
        NOTHING,
    ),
    (
        "a Create with a newer edit than what is held is asked",
        note("Create", updated=NOW - 5),
        knowing(FOLLOWED, about(updated=NOW - 50), offered=True),
        pushed("item") | TOLD,
    ),
    (
        "a post for followers only is not asked for",
        note("Create", public=False),
        knowing(FOLLOWED),
        NOTHING,
    ),
    (
        "a post of a type that the follow does not keep is not asked for",
        note("Create", object_type="Note"),
        knowing(followed(rules={"types": ["Event"]})),
        NOTHING,
    ),
    (
        "a type that was not stated is for the origin to say",
        note("Create"),
        knowing(followed(rules={"types": ["Event"]})),
        pushed("item") | TOLD,
    ),
    (
        "what another follow holds of a type that this one does not keep is not listed",
        note("Create"),
        knowing(followed(rules={"types": ["Event"]}), about()),
        NOTHING,
    ),
    (
        "what its origin said is gone does not come back on a push",
        note("Create"),
        knowing(FOLLOWED, about(State.GONE)),
        NOTHING,
    ),
    (
        "after a day it may",
        note("Create"),
        knowing(FOLLOWED, about(State.GONE, verified_at=NOW - 90_000.0)),
        pushed("item") | TOLD,
    ),
    (
        "what was refused for its audience is not asked for again",
        note("Create"),
        knowing(FOLLOWED, about(State.REFUSED, reason="audience")),
        NOTHING,
    ),
    (
        "an edit of it may have changed that",
        note("Update"),
        knowing(FOLLOWED, about(State.REFUSED, reason="audience")),
        pushed("item") | TOLD,
    ),
    (
        "what was refused for another follow's types is asked for",
        note("Create"),
        knowing(FOLLOWED, about(State.REFUSED, reason="types")),
        pushed("item") | TOLD,
    ),
    (
        "what failed is asked for again",
        note("Create"),
        knowing(FOLLOWED, about(State.FAILED)),
        pushed("item") | TOLD,
    ),
    (
        "what its owner has deleted before is asked whether it is gone",
        note("Create"),
        knowing(FOLLOWED, deleted=True),
        pushed("deleted"),
    ),
    (
        "an activity for everybody speaks for a post that states no audience",
        note("Create", public=True, vouched=True),
        knowing(FOLLOWED),
        pushed("item") | TOLD | {"marks": (Mark(POST, vouched=True),)},
    ),
    (
        "beyond its hour's share a post is left to the next visit",
        note("Create"),
        knowing(FOLLOWED, room=False),
        TOLD,
    ),
    (
        "nobody makes us ask ourselves",
        note("Announce", f"{OURS.origin}/notes/1"),
        knowing(FOLLOWED),
        NOTHING,
    ),
]

BOOSTS: list[Case] = [
    (
        "a followed actor's boost is asked for where it comes from",
        note("Announce", ELSEWHERE),
        knowing(FOLLOWED),
        pushed("boost", ELSEWHERE) | TOLD,
    ),
    (
        "unless its boosts are not followed",
        note("Announce", ELSEWHERE),
        knowing(followed(rules={"boosts": False})),
        NOTHING,
    ),
    (
        "a boost of what is held is listed and counted",
        note("Announce", ELSEWHERE),
        knowing(FOLLOWED, about(uri=ELSEWHERE, owner="https://other.example/carl")),
        {"lists": (Listing(ELSEWHERE, KEY, announced=True),)}
        | {"reactions": (Reaction(ELSEWHERE, ALICE, "share"),)}
        | TOLD,
    ),
    (
        "a second boost of it is counted, no more",
        note("Announce", ELSEWHERE),
        knowing(FOLLOWED, about(uri=ELSEWHERE), offered=True),
        {"reactions": (Reaction(ELSEWHERE, ALICE, "share"),)},
    ),
    (
        "a stranger's boost of what is held is counted",
        note("Announce", POST, actor=BOB),
        knowing(about()),
        {"reactions": (Reaction(POST, BOB, "share"),)},
    ),
    ("of what is not held it is not", note("Announce", POST, actor=BOB), knowing(), NOTHING),
    (
        "a profile has no shares",
        note("Announce", ALICE, actor=BOB),
        knowing(about(**PROFILE)),
        NOTHING,
    ),
    ("a boost of itself", note("Announce", f"{ALICE}/acts/1"), knowing(FOLLOWED), NOTHING),
    ("a boost of its own actor", note("Announce", ALICE), knowing(FOLLOWED), NOTHING),
    (
        "a boost of a boost leads nowhere",
        note("Announce", ELSEWHERE, inner="Announce"),
        knowing(FOLLOWED),
        NOTHING,
    ),
    (
        "a boost for followers only",
        note("Announce", ELSEWHERE, public=False),
        knowing(FOLLOWED),
        NOTHING,
    ),
    (
        "what is posted to a followed group is asked for",
        note("Announce", ELSEWHERE, inner="Create"),
        knowing(FOLLOWED),
        pushed("boost", ELSEWHERE) | TOLD,
    ),
    (
        "a reply that a group passes on is not, where no replies are followed",
        note("Announce", ELSEWHERE, inner="Create", answers=POST),
        knowing(FOLLOWED, answered=True),
        NOTHING,
    ),
    (
        "where they are, it is asked for as a reply",
        note("Announce", ELSEWHERE, inner="Create", answers=POST),
        knowing(followed(rules={"replies": 1}), answered=True),
        pushed("reply", ELSEWHERE),
    ),
    (
        "unless what it answers is not held",
        note("Announce", ELSEWHERE, inner="Create", answers=POST),
        knowing(followed(rules={"replies": 1})),
        NOTHING,
    ),
    (
        "an edit of a reply that is held is asked for",
        note("Announce", ELSEWHERE, inner="Update", answers=POST),
        knowing(followed(rules={"replies": 1}), about(uri=ELSEWHERE), answered=True),
        pushed("check", ELSEWHERE),
    ),
    (
        "an edit that a group passes on is asked for",
        note("Announce", ELSEWHERE, inner="Update"),
        knowing(FOLLOWED, about(uri=ELSEWHERE), offered=True),
        pushed("boost", ELSEWHERE) | TOLD,
    ),
    (
        "what a group passes on twice is asked for once",
        note("Announce", ELSEWHERE, inner="Create"),
        knowing(FOLLOWED, about(uri=ELSEWHERE), offered=True),
        NOTHING,
    ),
    (
        "a deletion that a group passes on is verified where the post is",
        note("Announce", ELSEWHERE, inner="Delete"),
        knowing(FOLLOWED, about(uri=ELSEWHERE)),
        pushed("check", ELSEWHERE),
    ),
    (
        "of its own posts the group is the owner",
        note("Announce", POST, inner="Delete"),
        knowing(FOLLOWED, about()),
        pushed("deleted"),
    ),
    (
        "a deletion of what is not held",
        note("Announce", POST, inner="Delete"),
        knowing(FOLLOWED),
        NOTHING,
    ),
    (
        "what a group has brought back is asked for",
        note("Announce", POST, inner="Undo Delete"),
        knowing(FOLLOWED, about(State.GONE, verified_at=NOW - 90_000.0)),
        pushed("boost") | TOLD,
    ),
    (
        "likes that a group passes on are nobody's word",
        note("Announce", POST, inner="Like"),
        knowing(FOLLOWED, about()),
        NOTHING,
    ),
    (
        "votes that it takes back are not either",
        note("Announce", POST, inner="Undo Like"),
        knowing(FOLLOWED, about()),
        NOTHING,
    ),
]

CHANGED: list[Case] = [
    (
        "an edit of what is held is asked for",
        note("Update"),
        knowing(FOLLOWED, about()),
        pushed("check"),
    ),
    (
        "be its author followed or not",
        note("Update"),
        knowing(about()),
        pushed("check", follow=""),
    ),
    (
        "an edit of what is not held, by who is followed, is a post",
        note("Update"),
        knowing(FOLLOWED),
        pushed("item") | TOLD,
    ),
    ("by a stranger it is nothing", note("Update"), knowing(), NOTHING),
    (
        "nobody edits on another host",
        note("Update", ELSEWHERE),
        knowing(FOLLOWED, about(uri=ELSEWHERE)),
        NOTHING,
    ),
    (
        "an edit that is held already is not asked for",
        note("Update", updated=NOW - 50),
        knowing(FOLLOWED, about(updated=NOW - 50)),
        NOTHING,
    ),
    (
        "an older one is not either",
        note("Update", updated=NOW - 500),
        knowing(FOLLOWED, about(updated=NOW - 50)),
        NOTHING,
    ),
    (
        "an edit of the year 9999 is one of unknown time",
        note("Update", updated=253_370_764_800.0),
        knowing(FOLLOWED, about(updated=NOW - 50)),
        pushed("check"),
    ),
    (
        "what was asked since the push came is not asked again",
        note("Update", at=NOW - 100.0),
        knowing(FOLLOWED, about(verified_at=NOW)),
        NOTHING,
    ),
    (
        "unless that request may have been under way by then",
        note("Update"),
        knowing(FOLLOWED, about(verified_at=NOW)),
        pushed("check"),
    ),
    (
        "that a page showed it since says less",
        note("Update", at=NOW - 100.0),
        knowing(FOLLOWED, about(verified_at=NOW, verified_by="embedded")),
        pushed("check"),
    ),
    (
        "beyond its hour's share it is asked when nothing else is",
        note("Update"),
        knowing(FOLLOWED, about(), room=False),
        pushed("check", cause="REFRESH"),
    ),
    (
        "a deletion by the owner is verified at once",
        note("Delete"),
        knowing(FOLLOWED, about()),
        pushed("deleted"),
    ),
    (
        "by a stranger who owns what is held as well",
        note("Delete"),
        knowing(about()),
        pushed("deleted", follow=""),
    ),
    (
        "by somebody else of its server it is only looked at",
        note("Delete", actor=BOB),
        knowing(about()),
        pushed("check", follow=""),
    ),
    (
        "what is still waiting to be asked for is asked whether it is gone",
        note("Delete"),
        knowing(FOLLOWED, about(State.UNKNOWN)),
        pushed("deleted"),
    ),
    ("what is not held is not asked for", note("Delete"), knowing(FOLLOWED), NOTHING),
    ("what is gone already", note("Delete"), knowing(FOLLOWED, about(State.GONE)), NOTHING),
    (
        "nobody deletes on another host",
        note("Delete", ELSEWHERE),
        knowing(about(uri=ELSEWHERE)),
        NOTHING,
    ),
    (
        "many deletions are asked for when nothing else is",
        note("Delete"),
        knowing(FOLLOWED, about(), room=False),
        pushed("deleted", cause="REFRESH"),
    ),
    (
        "what is pinned is asked what it is",
        note("Add"),
        knowing(FOLLOWED, about()),
        pushed("check"),
    ),
    ("what is unpinned as well", note("Remove"), knowing(FOLLOWED, about()), pushed("check")),
    ("what is not held is not", note("Add"), knowing(FOLLOWED), NOTHING),
    (
        "on another host nothing is pinned",
        note("Add", ELSEWHERE),
        knowing(about(uri=ELSEWHERE)),
        NOTHING,
    ),
    (
        "a deletion that is undone is asked for",
        note("Undo", inner="Delete"),
        knowing(FOLLOWED, about(State.GONE)),
        pushed("item"),
    ),
    (
        "what is undone by its id alone is asked for where that is held",
        note("Undo"),
        knowing(FOLLOWED, about()),
        pushed("check"),
    ),
    (
        "nobody undoes what another one did",
        note("Undo", inner="Delete", inner_actor=BOB),
        knowing(FOLLOWED, about()),
        NOTHING,
    ),
]

ITSELF: list[Case] = [
    (
        "a new profile is asked for",
        note("Update", ALICE),
        knowing(FOLLOWED),
        pushed("actor", ALICE),
    ),
    (
        "that of an author who is held, too",
        note("Update", ALICE),
        knowing(about(**PROFILE)),
        pushed("check", ALICE, follow=""),
    ),
    ("that of a stranger is not", note("Update", ALICE), knowing(), NOTHING),
    ("who has moved is asked", note("Move", ALICE), knowing(FOLLOWED), pushed("actor", ALICE)),
    (
        "a move that names nobody is the actor's",
        note("Move", ""),
        knowing(FOLLOWED),
        pushed("actor", ALICE),
    ),
    ("nobody moves somebody else", note("Move", BOB), knowing(FOLLOWED), NOTHING),
    ("a stranger moves unnoticed", note("Move", ALICE), knowing(), NOTHING),
    (
        "who deletes itself is asked",
        note("Delete", ALICE),
        knowing(FOLLOWED),
        pushed("actor", ALICE),
    ),
    (
        "an author that deletes itself is asked",
        note("Delete", ALICE),
        knowing(about(**PROFILE)),
        pushed("check", ALICE, follow=""),
    ),
    ("a stranger's end is nobody's business", note("Delete", ALICE), knowing(), NOTHING),
    (
        "a follower that deletes itself follows nobody",
        note("Delete", ALICE),
        knowing(follower()),
        {"drop_follower": ALICE},
    ),
]

COUNTED: list[Case] = [
    (
        "a like of what is held is counted",
        note("Like", actor=BOB),
        knowing(about()),
        {"reactions": (Reaction(POST, BOB, "like"),)},
    ),
    (
        "a reaction is, too",
        note("EmojiReact", actor=BOB),
        knowing(about()),
        {"reactions": (Reaction(POST, BOB, "react"),)},
    ),
    ("a like of what is not held is not", note("Like", actor=BOB), knowing(), NOTHING),
    ("nor one of what is gone", note("Like", actor=BOB), knowing(about(State.GONE)), NOTHING),
    ("nor one of a profile", note("Like", ALICE, actor=BOB), knowing(about(**PROFILE)), NOTHING),
    (
        "a like that is undone counts no more",
        note("Undo", actor=BOB, inner="Like"),
        knowing(about()),
        {"reactions": (Reaction(POST, BOB, "like", undone=True),)},
    ),
    (
        "a boost that is undone leaves the list",
        note("Undo", ELSEWHERE, inner="Announce"),
        knowing(FOLLOWED, about(uri=ELSEWHERE, owner="https://other.example/carl"), offered=True),
        {"reactions": (Reaction(ELSEWHERE, ALICE, "share", undone=True),)}
        | {"lists": (Listing(ELSEWHERE, KEY, announced=True, over=True),)},
    ),
    (
        "but not the list of its own author",
        note("Undo", inner="Announce"),
        knowing(FOLLOWED, about(), offered=True),
        {"reactions": (Reaction(POST, ALICE, "share", undone=True),)},
    ),
    (
        "nobody undoes another one's like",
        note("Undo", actor=BOB, inner="Like", inner_actor=ALICE),
        knowing(about()),
        NOTHING,
    ),
    ("a dislike is not counted", note("Dislike", actor=BOB), knowing(about()), NOTHING),
]

PASSED_ON: list[Case] = [
    (
        "what a followed actor passes on of what is held is looked at when there is time",
        note("Update", forwarded=True),
        knowing(about(), signer_followed=True),
        pushed("check", cause="REFRESH", follow=""),
    ),
    (
        "a deletion that is passed on is not believed either",
        note("Delete", forwarded=True),
        knowing(FOLLOWED, about(), signer_followed=True),
        pushed("check", cause="REFRESH", follow=""),
    ),
    ("by a stranger it is nothing", note("Update", forwarded=True), knowing(about()), NOTHING),
    (
        "of what is not held it is nothing",
        note("Create", forwarded=True),
        knowing(FOLLOWED, signer_followed=True),
        NOTHING,
    ),
    (
        "nor where too much is passed on",
        note("Update", forwarded=True),
        knowing(about(), signer_followed=True, room=False),
        NOTHING,
    ),
    (
        "likes that are passed on are not counted",
        note("Like", forwarded=True),
        knowing(about(), signer_followed=True),
        pushed("check", cause="REFRESH", follow=""),
    ),
    (
        "nobody follows us in another one's name",
        note("Follow", OURS.actor, forwarded=True),
        knowing(inboxes=INBOXES, signer_followed=True),
        NOTHING,
    ),
]


ALL = [*OFFERED, *BOOSTS, *CHANGED, *ITSELF, *COUNTED, *PASSED_ON]


@pytest.mark.parametrize(
    ("came", "known", "expected"), [case[1:] for case in ALL], ids=[case[0] for case in ALL]
)
def test_what_a_push_comes_to(came: Notification, known: Known, expected: dict[str, Any]) -> None:
    """Each kind of activity, by what is held and followed, comes to these effects and no others."""
    settled = decide(came, known, NOW)

    assert came_to(settled) == expected
    assert settled.state == ("done" if expected else "ignored")
    assert settled.outcome


UNHEARD = ["Flag", "View", "Listen", "Join", "Invite", "Offer", "Question", "Activity", "Lock"]


@pytest.mark.parametrize("type", UNHEARD)
def test_what_is_none_of_our_business_is_ignored(type: str) -> None:
    """Types that nobody needs leave nothing but that they came."""
    settled = decide(note(type), knowing(FOLLOWED, about()), NOW)

    assert (settled.state, came_to(settled)) == ("ignored", {})


def test_a_deletion_is_looked_at_twice_where_its_object_is_still_there() -> None:
    """The want says so by its depth."""
    settled = decide(note("Delete"), knowing(about()), NOW)

    assert [(want.relation, want.depth) for want in settled.wants] == [("deleted", 1)]


flags = st.booleans()
states = st.sampled_from(list(State))
words = ["", "Like", "Follow", "Block", "Create", "Undo Delete", "Announce", "Delete"]


@settings(deadline=None)
@given(
    type=st.sampled_from(sorted(ACTIVITY_TYPES)),
    object=st.sampled_from(["", POST, ALICE, ELSEWHERE, OURS.actor, FOLLOW]),
    inner=st.sampled_from(words),
    state=states | st.none(),
    forwarded=flags,
    offered=flags,
)
def test_a_stranger_causes_no_request_for_what_is_not_held(
    type: str, object: str, inner: str, state: State | None, forwarded: bool, offered: bool
) -> None:
    """Whatever a stranger pushes, only what we hold of its own server, or a wish to follow us, is a
    reason to ask anybody anything."""
    there = about(state, uri=object) if state is not None and object else {}
    settled = decide(
        note(type, object, inner=inner, forwarded=forwarded),
        knowing(there, offered=offered),
        NOW,
    )

    if settled.wants:
        assert state in (State.RESOLVED, State.UNKNOWN) or type == "Follow"
        assert all(want.uri in (POST, ALICE) for want in settled.wants)


@settings(deadline=None)
@given(
    type=st.sampled_from(sorted(ACTIVITY_TYPES)),
    object=st.sampled_from(["", POST, ALICE, ELSEWHERE, OURS.actor, FOLLOW]),
    inner=st.sampled_from(words),
    state=states | st.none(),
    blocked=flags,
)
def test_another_hosts_object_is_asked_for_only_where_it_is_announced(
    type: str, object: str, inner: str, state: State | None, blocked: bool
) -> None:
    """A followed actor makes us look elsewhere by boosts alone; one that blocks us by nothing."""
    there = about(state, uri=object) if state is not None and object else {}
    known = followed(blocked="https://social.example/blocks/1" if blocked else None)
    settled = decide(note(type, object, inner=inner), knowing(known, there), NOW)

    for want in settled.wants:
        assert not blocked or type == "Follow"
        assert want.uri != ELSEWHERE or type == "Announce"
