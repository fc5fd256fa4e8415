"""Traps in what a well-formed page says: where it leads, and what it claims to hold."""

from __future__ import annotations

from .documents import AS, PUBLIC
from .hostile import ELSEWHERE, HostilePager, pages
from .model import Account
from .wire import Answer, Incoming, Reply


@pages
def endless(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """New pages with new posts, for ever."""
    items = server.notes(account, page)
    return server.listing(account, page, items, server.page_url(account, page + 1))


@pages
def endless_empty(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Empty pages, each with another `next`, for ever."""
    return server.listing(account, page, [], server.page_url(account, page + 1))


@pages
def endless_known(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """The same ten posts under ever new page URLs."""
    items = server.notes(account, 0)
    return server.listing(account, page, items, server.page_url(account, page + 1))


@pages
def next_itself(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """`next` is the page itself."""
    return server.listing(
        account, page, server.notes(account, page), server.page_url(account, page)
    )


@pages
def cycle(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Page 1 leads to page 2, and page 2 back to page 1."""
    other = 2 if page == 1 else 1
    return server.listing(
        account, page, server.notes(account, page), server.page_url(account, other)
    )


@pages
def next_elsewhere(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """`next` is on another host: whoever follows it attacks that host for us."""
    items = server.notes(account, page)
    return server.listing(account, page, items, f"{ELSEWHERE}/forbidden?page=2")


@pages
def next_our_api(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """`next` is the puller's own private API."""
    items = server.notes(account, page)
    return server.listing(account, page, items, "http://127.0.0.1:8787/v1/status?forbidden")


@pages
def next_private(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """`next` is an address inside: the metadata service of a cloud."""
    items = server.notes(account, page)
    target = "https://169.254.169.254/latest/meta-data/?forbidden"
    return server.listing(account, page, items, target)


@pages
def next_scheme(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """`next` is a file."""
    return server.listing(account, page, server.notes(account, page), "file:///etc/passwd")


@pages
def outbox_elsewhere(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """The actor names an outbox on another host, so this page is never to be asked for."""
    return server.listing(account, page, server.notes(account, page), None)


@pages
def foreign_objects(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Embedded objects with ids of another host, which never said that."""
    victim = {"id": f"{ELSEWHERE}/notes/forged", "attributedTo": f"{ELSEWHERE}/users/victim"}
    items = [server.create(account, server.note(account, page, **victim))]
    return server.listing(account, page, items, None)


@pages
def id_mismatch(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Lists ids whose documents all claim to be `notes/0`."""
    ids = [f"{account.actor_id}/notes/{n}" for n in range(1, 6)]
    return server.listing(account, page, [server.create(account, id) for id in ids], None)


@pages
def foreign_owner(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Objects of this host that say somebody of another host wrote them."""
    changes = {"id": f"{account.actor_id}/forged", "attributedTo": f"{ELSEWHERE}/users/victim"}
    items = [server.create(account, server.note(account, page, **changes))]
    return server.listing(account, page, items, None)


@pages
def other_owner(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """An embedded object of this host, by another account of it: the id says something else."""
    endless_id = server.accounts["endless"].actor_id
    changes = {"id": f"{endless_id}/forged", "attributedTo": endless_id}
    items = [server.create(account, server.note(account, page, **changes))]
    return server.listing(account, page, items, None)


@pages
def not_public(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A public page with objects that are for followers, for one person, and for nobody."""
    audiences: tuple[list[str], ...] = (
        [f"{account.actor_id}/followers"],
        [f"{ELSEWHERE}/users/friend"],
        [],
    )
    items = [
        server.create(
            account,
            server.note(account, n, id=f"{account.actor_id}/forged/{n}", to=audience),
        )
        for n, audience in enumerate(audiences)
    ]
    return server.listing(account, page, items, None)


@pages
def fifty_thousand(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """One page of 50 000 ids (2.5 MB): each of them would be a request."""
    ids = [f"{account.actor_id}/notes/{n}" for n in range(50_000)]
    return server.listing(account, page, ids, None)


@pages
def two_thousand(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Pages of 2 000 short ids, which fit any limit of bytes."""
    ids = [f"{account.actor_id}/notes/{n}" for n in range(page * 2_000, (page + 1) * 2_000)]
    return server.listing(account, page, ids, server.page_url(account, page + 1))


@pages
def open_redirect(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """An id that redirects to a document which claims an id of a third host."""
    ids = [
        f"{server.base}/leave?to={server.base}/claims/1",
        f"{server.base}/leave?to={ELSEWHERE}/notes/1",
    ]
    return server.listing(account, page, [server.create(account, id) for id in ids], None)


@pages
def odd_items(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Items of every wrong kind, and one good note among them."""
    odd: list[object] = [
        None,
        7,
        True,
        "",
        "x" * 5_000,
        [],
        [[]],
        {},
        {"id": 5},
        {"type": []},
        "javascript:1",
    ]
    deep: object = "bottom"
    for _ in range(40):
        deep = {"object": deep}
    items = [*odd, deep, server.create(account, server.note(account, page))]
    return server.listing(account, page, items, None)


@pages
def redefined_terms(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """A note whose own context turns `to` into something else."""
    context = [AS, {"to": "https://terms.invalid/forged", "attributedTo": "as:actor"}]
    note = {
        "@context": context,
        **server.note(account, page, id=f"{account.actor_id}/forged", to=[PUBLIC]),
    }
    return server.listing(account, page, [server.create(account, note)], None)


@pages
def redirect_loop(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """Every page redirects to the next one."""
    return Reply(302, {"Location": server.page_url(account, page + 1)})


@pages
def redirect_itself(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """The page redirects to itself."""
    return Reply(301, {"Location": server.page_url(account, page)})


@pages
def redirect_private(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """The page redirects inside."""
    return Reply(302, {"Location": "https://127.0.0.1/forbidden"})


@pages
def redirect_our_api(server: HostilePager, asked: Incoming, account: Account, page: int) -> Answer:
    """The page redirects to the puller's own private API."""
    return Reply(307, {"Location": "http://127.0.0.1:8787/v1/status?forbidden"})


@pages
def redirect_elsewhere(
    server: HostilePager, asked: Incoming, account: Account, page: int
) -> Answer:
    """The page redirects to another host's."""
    return Reply(308, {"Location": f"{ELSEWHERE}/outbox?page=1"})
