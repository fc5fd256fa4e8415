"""A host that is set against whoever pulls it: one account per trap, `@trap@hostile.example`.

The actor, WebFinger and the outbox's root are honest; the trap begins with page 1. Two words mark
what a test looks for: no URL with `forbidden` in it may ever be asked for, and no id with `forged`
in it may ever be stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from .documents import ACTIVITY_JSON, AS, PUBLIC
from .model import Account, Json
from .server import Server
from .wire import Answer, Incoming, Reply

Trap = Callable[["HostilePager", Incoming, Account, int], Answer]
PAGES: dict[str, Trap] = {}
ELSEWHERE = "https://elsewhere.example"


def pages(trap: Trap) -> Trap:
    """The trap answers `?page=N` of the account that has its name."""
    PAGES[trap.__name__] = trap
    return trap


class HostilePager(Server):
    """Has an account for every trap as soon as it is served; `traps()` names and explains them."""

    family = "hostile"

    def join(self, clock: Callable[[], float], scheme: str) -> None:
        super().join(clock, scheme)
        for name in self.traps():
            self.add_account(name)

    @staticmethod
    def traps() -> dict[str, str]:
        from . import traps_paging, traps_threads, traps_wire  # noqa: F401 (they register themselves)

        return {name: (trap.__doc__ or "").strip() for name, trap in PAGES.items()}

    def actor(self, account: Account) -> Json:
        document = super().actor(account)
        if account.user == "outbox_elsewhere":
            document["outbox"] = f"{ELSEWHERE}/forbidden/outbox"
        return document

    def handle(self, asked: Incoming) -> Answer:
        with self.lock:
            account = self._outboxes.get(self.base + asked.path)
            number = asked.query.get("page", "")
            if account is not None and number.isdecimal():
                return PAGES[account.user](self, asked, account, int(number))
            return super().handle(asked)

    def outbox(self, asked: Incoming, account: Account) -> Reply:
        first = self.page_url(account, 1)
        return self.document(asked, "root", {**self.root(account, first=first), "totalItems": 9})

    def extra_route(self, asked: Incoming) -> Reply | None:
        """The honest objects of the traps, and where its open redirect leads."""
        from .traps_threads import above, replies

        user, _, number = asked.path.removeprefix("/users/").partition("/notes/")
        if user in self.accounts and number == "1/replies":
            return replies(self, asked, self.accounts[user])
        if user in self.accounts and number.isdecimal():
            note = self.note(self.accounts[user], int(number))
            answered = above(user, int(number))
            if answered is not None:
                note["inReplyTo"] = f"{self.accounts[user].actor_id}/notes/{answered}"
            if user == "id_mismatch":  # the same document at every id
                note["id"] = f"{self.accounts[user].actor_id}/notes/0"
            return self.answer(self.contextual(note))
        if asked.path == "/leave":
            return Reply(302, {"Location": asked.query.get("to", "/")})
        if asked.path.startswith("/claims/"):
            claim = self.note(self.accounts["open_redirect"], 1)
            return self.answer({**claim, "id": f"{ELSEWHERE}/notes/forged"})
        return None

    # What the traps are made of

    def page_url(self, account: Account, number: int) -> str:
        return f"{account.outbox_url}?page={number}"

    def note(self, account: Account, number: int, **changes: Any) -> Json:
        return {
            "id": f"{account.actor_id}/notes/{number}",
            "type": "Note",
            "attributedTo": account.actor_id,
            "content": f"<p>Note {number}</p>",
            "published": self.stamp(account.created + number),
            "to": [PUBLIC],
            "cc": [],
            **changes,
        }

    def create(self, account: Account, note: Json | str) -> Json:
        id = note if isinstance(note, str) else note["id"]
        return {
            "id": f"{id}/activity",
            "type": "Create",
            "actor": account.actor_id,
            "to": [PUBLIC],
            "object": note,
        }

    def notes(self, account: Account, number: int, size: int = 10) -> list[Json]:
        """The Creates of one page of notes that no other page has."""
        numbers = range(number * size, (number + 1) * size)
        return [self.create(account, self.note(account, n)) for n in numbers]

    def listing(
        self, account: Account, number: int, items: Sequence[Any], next: str | None
    ) -> Reply:
        page: Json = {
            "@context": AS,
            "id": self.page_url(account, number),
            "type": "OrderedCollectionPage",
            "partOf": account.outbox_url,
            "orderedItems": list(items),
        }
        return self.answer({**page, "next": next} if next else page)

    def answer(self, value: Any, content_type: str = ACTIVITY_JSON) -> Reply:
        return Reply(200, {"Content-Type": content_type}, json.dumps(value).encode())
