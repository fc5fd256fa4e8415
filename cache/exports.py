"""Exports: what a filter finds, in a format that other programs read, piece by piece.

It opens no socket and knows no HTTP. What is handed on to others is republished: also of what is
read for a follow there is only what may be listed across actors. Invariants: a piece is made when
it is asked for, and no transaction is open between two; of any number of documents no more than
_PAGE are in memory, as they are stored, and PIECE bytes of what was made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import BadInput
from . import shapes
from .document import Document
from .filters import object_filter
from .ports import Query
from .views import ObjectFilter

PIECE = 64 * 1024
_PAGE = 25

Boosts = Callable[[], Mapping[str, bool]]


class Form(Protocol):
    """A format for documents. `begin` is told the first of them, `one` is empty for what the
    format has no place for."""

    def begin(self, first: Sequence[Document]) -> bytes: ...

    def one(self, document: Document) -> bytes: ...

    def end(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A format by its name: its media type, and how its files are called."""

    type: str
    suffix: str


KINDS: Mapping[str, Kind] = {
    "jsonl": Kind("application/jsonl", "jsonl"),
    "csv": Kind("text/csv; charset=utf-8", "csv"),
    "atom": Kind("application/atom+xml; charset=utf-8", "atom"),
    "ics": Kind("text/calendar; charset=utf-8", "ics"),
}


def kind(name: str, text: str | None) -> str:
    """The format of that name; JSON Lines where none is given."""
    if text and text not in KINDS:
        raise BadInput(name, f"{text[:80]!r} is not a format", f"one of {', '.join(KINDS)}")
    return text or "jsonl"


def export(
    query: Query,
    kind: str,
    given: Mapping[str, str | None],
    now: float,
    boosts: Boosts,
    *,
    limit: int | None = None,
    named: Callable[[str], str] = str,
    here: str = "",
) -> Iterator[bytes]:
    """The pieces of an export. `given` are filters, by the names of the API's parameters, `named`
    what the caller calls one; `boosts` is asked whose boosts are read; `here` is the URL of what
    is made, if it has one. Raises BadInput at once."""
    filters = {name: text for name, text in given.items() if text}
    if kind == "csv":
        from .export_follows import lines

        if limit is not None:
            filters["limit"] = str(limit)
        for name in filters:
            raise BadInput(named(name), "finds posts; csv is the list of follows", "no filter")
        return lines(query, boosts())
    wanted = replace(object_filter(query, filters, now, named), republished=True)
    form: Form
    if kind == "atom":
        from .export_atom import Feed

        form = Feed(query, filters, now, here)
    elif kind == "ics":
        from .export_calendar import Calendar

        wanted, form = replace(wanted, order="start"), Calendar(filters)
    else:
        form = _Lines(query, now)
    return _pieces(query, wanted, form, limit)


def title(filters: Mapping[str, str]) -> str:
    """What an export is called: by what was asked for."""
    return ", ".join(["Fedpull", *(f"{name}: {text}" for name, text in sorted(filters.items()))])


def _pieces(query: Query, wanted: ObjectFilter, form: Form, limit: int | None) -> Iterator[bytes]:
    # At once: what is wrong with the filter is told now, and not in the middle.
    first = query.objects(wanted, _count(limit), None)
    return _made(query, wanted, form, limit, *first)


def _made(
    query: Query,
    wanted: ObjectFilter,
    form: Form,
    left: int | None,
    page: list[Document],
    cursor: str | None,
) -> Iterator[bytes]:
    made = bytearray(form.begin(page))
    while True:
        for document in page:
            made += form.one(document)
            if len(made) >= PIECE:
                yield bytes(made)
                made.clear()
        left = None if left is None else left - len(page)
        if cursor is None or left == 0:
            break
        yield bytes(made)  # also where nothing was found yet: whoever asks may have gone
        made.clear()
        page, cursor = query.objects(wanted, _count(left), cursor)
    yield bytes(made) + form.end()


def _count(left: int | None) -> int:
    return _PAGE if left is None else min(_PAGE, left)


class _Lines:
    """JSON Lines: each line an item as in a list of the API."""

    def __init__(self, query: Query, now: float) -> None:
        self._query = query
        self._now = now

    def begin(self, first: Sequence[Document]) -> bytes:
        return b""

    def one(self, document: Document) -> bytes:
        known = self._query.reference(document.id)
        line = shapes.dumps(shapes.item(document, known, self._now))
        # Documents stand there as they were served. In JSON a line break is only ever white space.
        return line.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"

    def end(self) -> bytes:
        return b""
