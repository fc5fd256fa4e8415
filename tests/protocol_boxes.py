"""Outboxes of single servers as functions from URL to JSON, and a walk over one.

Those that page by cursor or not at all are here, those that count pages in `protocol_offsets`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fedpull.crawler.protocol.collection import read_page
from fedpull.crawler.protocol.walk import Step, Walk, begin, step, step_missing

HOST = "https://s.example"
BOX = f"{HOST}/users/a/outbox"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
Json = dict[str, Any]


def stamp(n: int) -> str:
    return f"2026-01-{n // 1440 + 1:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"


def note(n: int) -> Json:
    return {
        "id": f"{HOST}/notes/{n}",
        "type": "Note",
        "attributedTo": f"{HOST}/users/a",
        "published": stamp(n),
        "to": PUBLIC,
        "content": f"post {n}",
    }


def create(n: int) -> Json:
    return {
        "id": f"{HOST}/notes/{n}/activity",
        "type": "Create",
        "actor": f"{HOST}/users/a",
        "published": stamp(n),
        "object": note(n),
    }


@dataclass
class MissingError(Exception):
    status: int


@dataclass
class Box:
    """An account with posts by number; `answer` is its server. The newest post comes first."""

    posts: list[int]
    requests: list[str] = field(default_factory=list)

    @property
    def newest(self) -> list[int]:
        return sorted(self.posts, reverse=True)

    def get(self, url: str) -> Json:
        self.requests.append(url)
        query = {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        return self.answer(query)

    def answer(self, q: dict[str, str]) -> Json:
        raise NotImplementedError

    def root(self, **more: Any) -> Json:
        total = len(self.posts)
        return {"id": BOX, "type": "OrderedCollection", "totalItems": total, **more}

    def page(self, items: list[Any], **more: Any) -> Json:
        links = {key: value for key, value in more.items() if value is not None}
        return {"type": "OrderedCollectionPage", "partOf": BOX, "orderedItems": items, **links}


class Mastodon(Box):
    size = 20

    def answer(self, q: dict[str, str]) -> Json:
        if "page" not in q:
            return self.root(first=f"{BOX}?page=true", last=f"{BOX}?min_id=0&page=true")
        shown = self.newest
        if "max_id" in q:
            shown = [n for n in shown if n < int(q["max_id"])]
        if "min_id" in q:
            shown = [n for n in shown if n > int(q["min_id"])][-self.size :]
        shown = shown[: self.size]
        if not shown:
            return self.page([], id=f"{BOX}?page=true")
        more = len(shown) == self.size
        return self.page(
            [create(n) for n in shown],
            next=f"{BOX}?max_id={shown[-1]}&page=true" if more else None,
            prev=f"{BOX}?min_id={shown[0]}&page=true",
        )


class Pleroma(Mastodon):
    """Names `next` whenever a page is not empty, so that there is one empty page at the end."""

    def answer(self, q: dict[str, str]) -> Json:
        page = super().answer(q)
        if page.get("orderedItems"):
            oldest = page["orderedItems"][-1]["object"]["id"].rpartition("/")[2]
            page["next"] = f"{BOX}?max_id={oldest}&page=true"
        page.pop("totalItems", None)
        return page


class GoToSocial(Box):
    """Filters after it has chosen the page, so that a page may be empty and yet lead on."""

    hidden = range(30, 45)

    def answer(self, q: dict[str, str]) -> Json:
        if "limit" not in q:
            return self.root(first=f"{BOX}?limit=10")
        shown = self.newest
        if "max_id" in q:
            shown = [n for n in shown if n < int(q["max_id"])]
        if "min_id" in q:
            shown = [n for n in shown if n > int(q["min_id"])][-10:]
        shown = shown[:10]
        if not shown:
            return self.page([])
        visible = [n for n in shown if n not in self.hidden]
        return self.page(
            [{**create(n), "object": note(n)["id"]} for n in visible],
            next=f"{BOX}?limit=10&max_id={shown[-1]}",
            prev=f"{BOX}?limit=10&min_id={shown[0]}",
        )


class Ghost(Box):
    """`first` carries the time of the request; pages have no `prev`."""

    def answer(self, q: dict[str, str]) -> Json:
        if "cursor" not in q:
            return self.root(first=f"{BOX}?cursor=now{len(self.requests)}")
        shown = self.newest
        if not q["cursor"].startswith("now"):
            shown = [n for n in shown if n < int(q["cursor"])]
        more = len(shown) > 20
        items = [{**create(n), "@context": "https://www.w3.org/ns/activitystreams"} for n in shown]
        return self.page(items[:20], next=f"{BOX}?cursor={shown[19]}" if more else None)


class NodeBB(Box):
    """The root is a page of 20 and has `first` as well, which repeats them; `after` is older,
    `before` is newer; activity ids are made up for each answer; likes are listed too."""

    def answer(self, q: dict[str, str]) -> Json:
        shown = self.newest
        if "after" in q and q["after"] != "now":
            shown = [n for n in shown if n < int(q["after"])]
        if "before" in q:
            shown = [n for n in shown if n > int(q["before"])][-20:]
        shown = shown[:20]
        items: list[Json] = [{**create(n), "id": f"{BOX}#{len(self.requests)}/{n}"} for n in shown]
        if "before" not in q:
            liked = {"type": "Like", "id": f"{BOX}#l{len(self.requests)}", "object": f"{HOST}/x"}
            items.insert(1, liked)
        page = {**self.page(items if shown else []), "id": BOX, "first": f"{BOX}?after=now"}
        if shown:
            page |= {"next": f"{BOX}?after={shown[-1]}", "prev": f"{BOX}?before={shown[0]}"}
        return page


class Takahe(Box):
    """Ten notes in no order, in a collection without id or pages."""

    def answer(self, q: dict[str, str]) -> Json:
        shown = sorted(self.newest[:10], key=lambda n: n * 7 % 10)
        items = [note(n) for n in shown]
        return {"type": "OrderedCollection", "orderedItems": items, "totalItems": len(items)}


class Bovine(Box):
    """URLs only; `next` is called `min_id` and goes to older ones, `prev` `max_id` to newer."""

    def answer(self, q: dict[str, str]) -> Json:
        if not q:
            return self.root(first=f"{BOX}?first=1", last=f"{BOX}?last=1")
        shown = self.newest
        if "min_id" in q:
            shown = [n for n in shown if n < int(q["min_id"])]
        if "max_id" in q:
            shown = [n for n in shown if n > int(q["max_id"])][-10:]
        shown = shown[:10]
        if not shown:
            return self.page([])
        return self.page(
            [f"{HOST}/objects/{n}" for n in shown],
            next=f"{BOX}?min_id={shown[-1]}",
            prev=f"{BOX}?max_id={shown[0]}",
        )


class Onepage(Box):
    """Links are stubs; pages are filled up and then stay, so that the newest is not full."""

    def answer(self, q: dict[str, str]) -> Json:
        pages = [self.posts[at : at + 10] for at in range(0, len(self.posts), 10)]

        def stub(number: int) -> Json:
            return {"id": f"{BOX}?p={number}", "type": "OrderedCollectionPage"}

        if "p" not in q:
            return self.root(first=stub(len(pages)), last=stub(1)) if pages else self.root()
        number = int(q["p"])
        return self.page(
            [create(n) for n in reversed(pages[number - 1])],
            next=stub(number - 1) if number > 1 else None,
            prev=stub(number + 1) if number < len(pages) else None,
        )


class ActivityPubBot(Box):
    def answer(self, q: dict[str, str]) -> Json:
        if "p" not in q:
            return self.root(first=f"{BOX}?p=1", last=f"{BOX}?p=1")
        links = [f"{HOST}/create/{n}" for n in self.newest]
        return {"id": f"{BOX}?p=1", "type": "OrderedCollectionPage", "items": links}


class Lemmy(Box):
    """Announces of Creates, whose ids are new in each answer."""

    def answer(self, q: dict[str, str]) -> Json:
        return self.root(
            orderedItems=[
                {
                    "id": f"{HOST}/a/{len(self.requests)}-{n}",
                    "type": "Announce",
                    "actor": f"{HOST}/c/x",
                    "object": {**create(n), "id": f"{HOST}/b/{len(self.requests)}-{n}"},
                }
                for n in self.newest[:50]
            ]
        )


@dataclass
class Visit:
    """What a whole walk came to."""

    last: Step
    new: list[str]


def visit(box: Box, walk: Walk, members: set[str], limit: int = 300) -> Visit:
    """Walk as the spider does: read, decide, keep what is new, store the walk, go on."""
    new: list[str] = []
    url: str | None = walk.next
    last: Step | None = None
    while url is not None:
        assert len(box.requests) < limit, "the walk does not end"
        walk = Walk.from_json(walk.to_json())
        try:
            page = read_page(box.get(url), url, requested_as_page=walk.expects_page)
        except MissingError as missing:
            last = step_missing(walk, missing.status)
        else:
            ids = {item.object_id or item.activity_id or "" for item in page.items}
            last = step(walk, page, ids - members, url)
            got = [item.object_id or item.activity_id or "" for item in last.take]
            new += [one for one in dict.fromkeys(got) if one not in members]
            members |= {
                item.object_id or "" for item in last.take if item.is_post
            }  # likes are not kept
        assert last is not None
        walk, url = last.walk, last.next
        assert (last.next is None) != (last.stop is None)
        assert walk.next == last.next or last.stop == "page cap"
    assert last is not None
    return Visit(last, new)


def again(seen: Visit, **more: Any) -> Walk:
    walk = seen.last.walk
    return begin(
        BOX,
        None,
        seen.last.cursor,
        known=True,
        ordered=walk.ordered,
        horizon=walk.horizon,
        **more,
    )


def posts(ids: list[str]) -> list[int]:
    return sorted(int(one.rpartition("/")[2]) for one in ids if one != f"{HOST}/x")
