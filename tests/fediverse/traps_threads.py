"""Traps in the threads of honest-looking posts: where replies lead, and what they claim to be."""

from __future__ import annotations

from collections.abc import Callable

from .documents import AS
from .hostile import ELSEWHERE, HostilePager, pages
from .model import Account, Json
from .wire import Answer, Incoming, Reply

VICTIM = "https://victim.example"
INSIDE = (
    "https://127.0.0.1/forbidden",
    "http://127.0.0.1:8787/v1/status?forbidden",
    "https://169.254.169.254/latest/meta-data/?forbidden",
    "https://[::1]/forbidden",
    "https://localhost/forbidden",
    "file:///etc/passwd",
)


def _one_post(**says: Callable[[str], object]) -> Callable[..., Answer]:
    """A page with one post; `says` makes properties of it from its id."""

    def trap(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
        id = f"{account.actor_id}/notes/1"
        note = server.note(account, 1, **{name: make(id) for name, make in says.items()})
        return server.listing(account, page, [server.create(account, note)], None)

    return trap


def _trap(name: str, doc: str, **says: Callable[[str], object]) -> None:
    trap = _one_post(**says)
    trap.__name__, trap.__doc__ = name, doc
    pages(trap)


_trap(
    "replies_endless",
    "Replies without end, each with a next page and ten more.",
    replies=lambda id: f"{id}/replies",
)
_trap(
    "replies_inside",
    "Replies that are addresses inside, our own API, or files.",
    replies=lambda id: f"{id}/replies",
)
_trap(
    "replies_of_others",
    "Replies that are embedded under the names of others.",
    replies=lambda id: f"{id}/replies",
)
_trap(
    "replies_circle",
    "Replies that lead back to the post, and a collection that lists itself.",
    replies=lambda id: f"{id}/replies",
)
_trap(
    "thread_elsewhere",
    "A thread that another host is to be asked for.",
    replies=lambda id: f"{ELSEWHERE}/forbidden/replies",
    context=lambda id: f"{ELSEWHERE}/forbidden/context",
    contextHistory=lambda id: "http://127.0.0.1:8787/v1/changes?forbidden",
)
_trap(
    "parents_circle",
    "Posts that answer each other in a circle.",
    inReplyTo=lambda id: f"{id[:-1]}2",
)
_trap(
    "parents_endless",
    "A post that answers a post that answers a post, for ever.",
    inReplyTo=lambda id: f"{id[:-1]}2",
)


def above(user: str, number: int) -> int | None:
    """Which note a note of these traps answers."""
    if user == "parents_endless":
        return number + 1
    if user == "parents_circle":
        return 3 - number
    return 1 if user.startswith("replies_") and number > 1 else None


def replies(server: HostilePager, asked: Incoming, account: Account) -> Reply:
    """What stands in the `replies` of the first note."""
    base, number = account.actor_id, int(asked.query.get("page", "0"))
    url = f"{base}/notes/1/replies"
    page: Json = {"@context": AS, "id": url, "type": "Collection"}
    match account.user:
        case "replies_endless":
            start = 10 + 10 * number
            page["items"] = [f"{base}/notes/{start + nth}" for nth in range(10)]
            page["next"] = f"{url}?page={number + 1}"
        case "replies_inside":
            page["items"] = [*INSIDE, *({"id": one, "type": "Note"} for one in INSIDE)]
            page["next"] = INSIDE[1]
        case "replies_of_others":
            victim = server.note(server.accounts["endless"], 1)
            page["items"] = [
                server.note(account, 2, id=f"{VICTIM}/notes/forged"),
                server.note(account, 2, id=f"{VICTIM}/forged", attributedTo=VICTIM),
                {**victim, "id": f"{victim['id']}?forged"},
            ]
        case _:
            page["items"] = [f"{base}/notes/1", url, f"{base}/notes/2"]
            page["next"] = url
    return server.answer(page)
