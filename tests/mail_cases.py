"""What the tests of mail share: small pushes by number, and what they come to."""

from __future__ import annotations

from typing import Any

from store_cases import note

from fedpull.cache.mail_records import Reaction, Received, Settlement
from fedpull.crawler.protocol.keys import PublicKey
from fedpull.crawler.protocol.pushed import Pushed

HOUR = 3_600.0
GUEST = "https://g.example/users/guest"
INBOX = "https://pull.example/actor/inbox"
LIKE = Reaction(note(1).id, GUEST, "like")


def pushed(n: int, **more: Any) -> Pushed:
    values: dict[str, Any] = {
        "activity": f"https://g.example/creates/{n}",
        "object": f"https://g.example/notes/{n}",
        "object_type": "Note",
        "public": True,
        **more,
    }
    return Pushed("Create", GUEST, **values)


PUSH = pushed(1)


def received(n: int, **more: Any) -> Received:
    """Push number `n`; `activity` goes into what it is about."""
    about = {"activity": more.pop("activity")} if "activity" in more else {}
    values: dict[str, Any] = {
        "sender": GUEST,
        "target": INBOX,
        "forwarded": False,
        "fingerprint": n.to_bytes(16, "big"),
        **more,
    }
    return Received(pushed=pushed(n, **about), **values)


def settled(id: int, at: float, **more: Any) -> Settlement:
    values: dict[str, Any] = {"state": "done", "outcome": "done", **more}
    return Settlement(id, at, **values)


def key_of(id: str) -> PublicKey:
    """Nothing verifies with it; the store does not look."""
    return PublicKey(id, id.partition("#")[0], "rsa", b"\x30\x82" + id.encode(), None)
