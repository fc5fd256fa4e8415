"""An events calendar: what is held with a start to come, as an iCalendar file.

    python examples/events.py data > events.ics
    python examples/events.py data --actor @agenda@events.example --from 2026-06-01 -o events.ics

(Not named calendar.py: a script of that name hides the module of the standard library.)
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import icalendar
import nh3

from fedpull.cache import Cache, Document
from fedpull.cache.vocabularies import ActivityStreams
from fedpull.errors import FedpullError


def plain(text: str | None) -> str:
    """Strangers' HTML as text, without control characters."""
    lines = (text or "").replace("</p>", "</p>\n").replace("<br", "\n<br")
    words = unescape(nh3.clean(lines, tags=set()))
    return "".join(c for c in words if c.isprintable() or c == "\n").strip()


def event(document: Document) -> icalendar.Event:
    said = document.view(ActivityStreams)
    made = icalendar.Event()
    made.add("uid", document.id)
    made.add("dtstamp", when(document.updated or document.fetched_at))
    made.add("dtstart", when(said.start or 0.0))
    if said.end and said.start and said.end > said.start:
        made.add("dtend", when(said.end))
    made.add("summary", plain(said.name) or "Event")
    if said.content:
        made.add("description", plain(said.content))
    if said.place:
        parts = filter(None, (said.place.name, said.place.address))
        made.add("location", plain(", ".join(parts)))
    if (page := said.url or document.id).startswith("https://"):
        made.add("url", page)
    return made


def when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description="Events to come as an iCalendar file.")
    parser.add_argument("store", help="the folder of the store (`store.path`)")
    parser.add_argument("--actor", help="only events of this actor: a handle or a URI")
    parser.add_argument("--from", dest="start", help="the first day; today, if left out")
    parser.add_argument("-o", "--output", type=Path, help="the file to write; else stdout")
    asked = parser.parse_args()

    made = icalendar.Calendar()
    made.add("version", "2.0")
    made.add("prodid", "-//Fedpull//events.py//EN")
    start = asked.start or datetime.now(UTC).date()
    try:
        with Cache(asked.store) as cache:
            for document in cache.objects(type="Event", actor=asked.actor, starts_since=start):
                made.add_component(event(document))
    except FedpullError as error:
        sys.exit(str(error))
    if asked.output:
        asked.output.write_bytes(made.to_ical())
    else:
        sys.stdout.buffer.write(made.to_ical())


if __name__ == "__main__":
    main()
