"""Outboxes of servers that count their pages from the top."""

from __future__ import annotations

from typing import Any

from protocol_boxes import BOX, HOST, Box, Json, MissingError, create, note, stamp


class Offset(Box):
    """Counts pages from the top: posts that arrive push the others down."""

    size = 10

    def items(self) -> list[Any]:
        return [create(n) for n in self.newest]

    def answer(self, q: dict[str, str]) -> Json:
        if "page" not in q:
            return self.root(first=f"{BOX}?page=1")
        return self.numbered(int(q["page"]))

    def numbered(self, number: int) -> Json:
        items = self.items()
        shown = items[(number - 1) * self.size : number * self.size]
        return self.page(
            shown,
            id=f"{BOX}?page={number}",
            next=f"{BOX}?page={number + 1}" if number * self.size < len(items) else None,
            prev=f"{BOX}?page={number - 1}" if number > 1 else None,
        )


class WriteFreely(Offset):
    def numbered(self, number: int) -> Json:
        return {**super().numbered(number), "next": f"{BOX}?page={number + 1}"}


class BookWyrm(Offset):
    """Bare objects; a page beyond the end is the last one again, whose `next` was itself once."""

    size = 15

    def items(self) -> list[Any]:
        return [note(n) for n in self.newest]

    def numbered(self, number: int) -> Json:
        last = max(1, -(-len(self.posts) // self.size))
        return {**super().numbered(min(number, last)), "next": f"{BOX}?page={number + 1}"}


class Epicyon(Offset):
    def answer(self, q: dict[str, str]) -> Json:
        if "page" not in q:
            return self.root(
                first=f"{BOX}?page=true", prev=f"{BOX}?page=true", next=f"{BOX}?page=2"
            )
        return {**self.page(self.items()[:11]), "next": f"{BOX}?page={len(self.requests) + 1}"}


class Funkwhale(Offset):
    """Pages hold `items`; the link leads beyond the end, where there is nothing but a status."""

    status = 404

    def numbered(self, number: int) -> Json:
        page = super().numbered(number)
        if not page["orderedItems"] and number > 1:
            raise MissingError(self.status)
        page["items"] = page.pop("orderedItems")
        return {**page, "type": "CollectionPage", "next": f"{BOX}?page={number + 1}"}


class WordPressNew(Funkwhale):
    status = 400

    def items(self) -> list[Any]:
        edit = {"id": f"{HOST}/edits/1", "type": "Update", "object": note(self.newest[-1])}
        return [edit, *super().items()]


class WordPressOld(Offset):
    """The root is typed as page and is page 1; every page has the same id; items may be missing."""

    def answer(self, q: dict[str, str]) -> Json:
        page = self.numbered(int(q.get("page", "1")))
        page |= {"id": BOX, "first": f"{BOX}?page=1", "next": f"{BOX}?page={q.get('page', 1)}0"}
        if not page["orderedItems"]:
            del page["orderedItems"], page["next"]
        else:
            page["next"] = f"{BOX}?page={int(q.get('page', '1')) + 1}"
        return page


class Mobilizon(Offset):
    """`first` is embedded; `prev` stands only beyond the end."""

    def answer(self, q: dict[str, str]) -> Json:
        number = int(q.get("page", "1"))
        page = self.numbered(number)
        page["next"] = f"{BOX}?page={number + 1}" if page["orderedItems"] else None
        page["prev"] = None if page["orderedItems"] else f"{BOX}?page={number - 1}"
        return page if "page" in q else self.root(first=page)


class Gancio(Offset):
    """Ordered by when events start, not by publication; dates its activities with the request."""

    def items(self) -> list[Any]:
        def start(n: int) -> int:
            return n * 7919 % 104729

        return [
            {
                "id": f"{HOST}/m/{n}#create",
                "type": "Create",
                "published": f"2026-06-01T00:00:00.{n:03}+01:00",
                "actor": f"{HOST}/users/a",
                "object": {**note(n), "type": "Event", "startTime": stamp(start(n) % 9000)},
            }
            for n in sorted(self.posts, key=start, reverse=True)
        ]

    def numbered(self, number: int) -> Json:
        page = super().numbered(number)
        if not page["orderedItems"]:
            page["next"] = f"{BOX}?page={number + 1}"
        return page


class Owncast(Offset):
    size = 50

    def numbered(self, number: int) -> Json:
        page = super().numbered(number)
        inner = {"type": "OrderedCollection", "orderedItems": page["orderedItems"]}
        return {**page, "orderedItems": inner}
