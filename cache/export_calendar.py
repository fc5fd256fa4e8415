"""Events, and whatever else has a start, as an iCalendar file (RFC 5545), for calendars.

It decides nothing about what is shown. Invariants: no text of a stranger's begins a line of its
own; what has no start that a calendar can have is left out; an event keeps its UID for good.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeGuard

from icalendar import Calendar as Component
from icalendar import Event

from ..crawler.protocol import activitystreams as as2
from ..crawler.protocol import shapes as fields
from ..crawler.protocol import views
from . import page_document, page_names
from .document import Document
from .export_atom import iri
from .exports import title

_MOST = 20  # tags of an event
_LONGEST = 20_000  # characters of a description
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_STATUSES = frozenset({"TENTATIVE", "CONFIRMED", "CANCELLED"})
_ADDRESS = ("streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry")


class Calendar:
    """One calendar of the events that `filters` find."""

    def __init__(self, filters: Mapping[str, str]) -> None:
        self._name = title(filters)

    def begin(self, first: Sequence[Document]) -> bytes:
        calendar = Component()
        calendar.add("version", "2.0")
        calendar.add("prodid", "-//Fedpull//Fedpull//EN")
        calendar.add("name", self._name)  # RFC 7986; most programs read the other one
        calendar.add("x-wr-calname", self._name)
        return bytes(calendar.to_ical()).removesuffix(b"END:VCALENDAR\r\n")

    def one(self, document: Document) -> bytes:
        said = document.json
        start = _moment(said.get("startTime"), views.start_time(said))
        if start is None:
            return b""
        event = Event()
        event.add("uid", document.id)
        event.add("dtstamp", _at(document.updated or document.published or document.fetched_at))
        event.add("dtstart", start)
        end = _moment(said.get("endTime"), views.end_time(said))
        if end is not None and type(end) is type(start) and end > start:
            event.add("dtend", end)
        for name, text in _texts(document):
            if text:
                event.add(name, text)
        if tags := [page_names.line(tag, 60) for tag in as2.hashtags(said)[:_MOST]]:
            event.add("categories", tags)
        if (place := _coordinates(said)) is not None:
            event.add("geo", place)
        if (created := _at(document.published)) is not None:
            event.add("created", created)
        if (edited := _at(document.updated)) is not None:
            event.add("last-modified", edited)
        return bytes(event.to_ical())

    def end(self) -> bytes:
        return b"END:VCALENDAR\r\n"


def _texts(document: Document) -> list[tuple[str, str]]:
    said = document.json
    shown = page_document.body(document)
    status = said.get("ical:status", said.get("status"))
    known = status.upper() if isinstance(status, str) else ""
    return [
        ("summary", page_document.words(document)),
        ("description", shown.text.strip()[:_LONGEST] if shown is not None else ""),
        ("location", _location(said)),
        ("url", iri(views.url(said) or document.id)),
        ("status", known if known in _STATUSES else ""),
    ]


def _location(said: Mapping[str, Any]) -> str:
    """The name of the place and its address: Mobilizon's has parts, Gancio's is a text."""
    for one in fields.as_list(said.get("location"))[:3]:
        parts = [one if isinstance(one, str) else views.name(one)]
        address = one.get("address") if isinstance(one, dict) else None
        if isinstance(address, dict):
            parts += (address.get(name) for name in _ADDRESS)
        else:
            parts.append(address)
        lines = [page_names.line(part, 200) for part in parts if isinstance(part, str)]
        if any(lines):
            return ", ".join(dict.fromkeys(filter(None, lines)))
    return ""


def _coordinates(said: Mapping[str, Any]) -> tuple[float, float] | None:
    for one in fields.as_list(said.get("location"))[:3]:
        if not isinstance(one, dict):
            continue
        north, east = one.get("latitude"), one.get("longitude")
        if _within(north, 90) and _within(east, 180):
            return float(north), float(east)
    return None


def _within(value: object, most: int) -> TypeGuard[float]:
    return isinstance(value, int | float) and abs(value) <= most


def _moment(stated: object, seconds: float | None) -> datetime | date | None:
    """A day where one was stated without a time (RFC 5545 section 3.3.4), else a time in UTC."""
    moment = _at(seconds)
    if moment is not None and isinstance(stated, str) and _DAY.fullmatch(stated.strip()):
        return moment.date()
    return moment


def _at(seconds: float | None) -> datetime | None:
    """None for what no calendar has: a time beyond the year 9999."""
    try:
        return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return None
