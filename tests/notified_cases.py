"""Builders for notifications and what is known of them."""

from __future__ import annotations

from typing import Any

from ingest_cases import ALICE, HOST, NOW, OUTBOX, known

from fedpull.cache.mail_records import Follower, Notification
from fedpull.cache.records import Follow, Reference, State
from fedpull.config.model import Follow as Rules
from fedpull.crawler.notified_case import Known, Ours
from fedpull.crawler.protocol.inboxes import Inboxes
from fedpull.crawler.protocol.pushed import Pushed

OURS = Ours("https://pull.example/actor", "https://pull.example")
KEY = "@alice@social.example"
POST = f"{ALICE}/posts/1"
BOB = f"{HOST}/users/bob"
ELSEWHERE = "https://other.example/notes/7"
ACT = f"{ALICE}/acts/1"
FOLLOW = "https://pull.example/follows/1"
INBOXES = Inboxes(f"{ALICE}/inbox", f"{HOST}/inbox")


def note(type: str, object: str = POST, *, actor: str = ALICE, **more: Any) -> Notification:
    """One that has just come; `at`, `forwarded` and `attempts` are the notification's."""
    forwarded, attempts = more.pop("forwarded", False), more.pop("attempts", 0)
    at = more.pop("at", NOW - 1.0)
    pushed = Pushed(type, actor, **({"activity": ACT, "object": object} | more))
    return Notification(
        id=1,
        at=at,
        sender=BOB if forwarded else actor,
        target=f"{OURS.actor}/inbox",
        activity=pushed.activity,
        type=type,
        object=pushed.object,
        state="waiting",
        attempts=attempts,
        outcome="",
        due=NOW,
        forwarded=forwarded,
        pushed=pushed,
    )


def followed(**more: Any) -> dict[str, Any]:
    """What is known of an actor that is followed."""
    rules = more.pop("rules", {})
    fields: dict[str, Any] = {"actor": ALICE, "outbox": OUTBOX, "handle": KEY}
    return {"follow": Follow(KEY, **(fields | more)), "rules": Rules(actor=KEY, **rules)}


def about(state: State = State.RESOLVED, uri: str = POST, **more: Any) -> dict[str, Any]:
    """What is known of the object."""
    fields: dict[str, Any] = {"owner": ALICE, "verified_at": NOW - 3_600.0, "verified_by": "get"}
    record: Reference = known(uri, state, **(fields | {"type": "Note"} | more))
    return {"about": record}


def follower(**more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"state": "accepted", "follow": ACT, "at": NOW - 9.0}
    return {"follower": Follower(ALICE, INBOXES.own, INBOXES.shared, **(fields | more))}


def knowing(*parts: dict[str, Any], **more: Any) -> Known:
    fields: dict[str, Any] = {"ours": OURS}
    for part in parts:
        fields |= part
    return Known(**(fields | more))
