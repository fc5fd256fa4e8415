"""The JSON shapes of mail: notifications, followers, deliveries; a continuation of `shapes`, whose
rules it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from .mail_records import Account, Attempt, Delivery, Follower, Notification
from .shapes import Json, listing, time


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
        "ended": time(known.ended),
        "recipient": known.recipient or None,
        "log": [attempt(one) for one in known.log],
    }


def attempt(one: Attempt) -> Json:
    return {
        "at": time(one.at),
        "status": one.status,
        "seconds": one.seconds,
        "error": one.error or None,
    }


def deliveries(found: Iterable[Delivery], next: str | None, account: Account | None) -> Json:
    """A list; `account` is that of the activity that was asked for."""
    page = listing(map(delivery, found), next)
    return page if account is None else page | {"account": asdict(account)}
