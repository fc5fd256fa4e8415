"""The JSON shapes of mail: notifications, followers, deliveries; a continuation of `shapes`, whose
rules it keeps."""

from __future__ import annotations

from .mail_records import Delivery, Follower, Notification
from .shapes import Json, time


def notification(known: Notification) -> Json:
    return {
        "id": known.id,
        "at": time(known.at),
        "sender": known.sender,
        "target": known.target,
        "activity": known.activity or None,
        "type": known.type,
        "object": known.object or None,
        "state": known.state,
        "attempts": known.attempts,
        "outcome": known.outcome or None,
        "forwarded": known.forwarded,
        "next_attempt": time(known.due) if known.state == "waiting" else None,
    }


def follower(known: Follower) -> Json:
    return {
        "actor": known.actor,
        "state": known.state,
        "inbox": known.inbox,
        "shared_inbox": known.shared_inbox,
        "follow": known.follow or None,
        "at": time(known.at),
    }


def delivery(known: Delivery) -> Json:
    return {
        "id": known.id,
        "activity": known.activity,
        "inbox": known.inbox,
        "state": known.state,
        "attempts": known.attempts,
        "next_attempt": time(known.next_attempt),
        "last_status": known.last_status,
        "last_error": known.last_error,
        "created": time(known.created),
    }
