"""A feed of one actor's posts, as RSS 2.0 for any feed reader. (Atom: `fedpull export`.)

python examples/feed.py data @alice@example.social > alice.rss
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as Xml

import nh3

from fedpull.cache import Cache, Document
from fedpull.errors import FedpullError

# What no XML document may hold, not even escaped.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
TITLE = 80


def add(parent: Xml.Element, name: str, text: str, **attributes: str) -> None:
    Xml.SubElement(parent, name, attributes).text = NOT_XML.sub("", text)


def title(document: Document) -> str:
    """The name, else the content warning, else how the text begins."""
    said = document.name or document.summary or document.content or ""
    words = " ".join(unescape(nh3.clean(said, tags=set())).split())
    words = words.replace("<", "‹").replace(">", "›")  # some readers take titles for HTML
    return words if len(words) <= TITLE else f"{words[:TITLE]}…"


def add_item(channel: Xml.Element, document: Document) -> None:
    item = Xml.SubElement(channel, "item")
    add(item, "title", title(document) or document.id)
    add(item, "link", document.url or document.id)
    add(item, "guid", document.id, isPermaLink="false")
    if document.published is not None:
        published = datetime.fromtimestamp(document.published, UTC)
        add(item, "pubDate", format_datetime(published, usegmt=True))
    for tag in document.tags:
        add(item, "category", tag)
    # A stranger's HTML. Its pictures are left out: a reader would load them from anywhere.
    tags = nh3.ALLOWED_TAGS - {"img"}
    add(item, "description", nh3.clean(document.content or "", tags=tags))


def main() -> None:
    parser = argparse.ArgumentParser(description="The latest posts of an actor as RSS 2.0.")
    parser.add_argument("store", help="the folder of the store (`store.path`)")
    parser.add_argument("actor", help="whose posts: a handle or a URI")
    parser.add_argument("--limit", type=int, default=50, help="how many posts")
    parser.add_argument("-o", "--output", type=Path, help="the file to write; else stdout")
    asked = parser.parse_args()

    rss = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(rss, "channel")
    try:
        with Cache(asked.store) as cache:
            posts = list(cache.objects(actor=asked.actor, limit=asked.limit))
            person = cache.get(posts[0].actor or "") if posts else None
    except FedpullError as error:
        sys.exit(str(error))
    if person is None:
        sys.exit(f"no post of {asked.actor} is held")
    add(channel, "title", person.name or asked.actor)
    add(channel, "link", person.url or person.id)
    add(channel, "description", f"Posts of {asked.actor}")
    for post in posts:
        add_item(channel, post)
    made: bytes = Xml.tostring(rss, encoding="utf-8", xml_declaration=True)
    if asked.output:
        asked.output.write_bytes(made)
    else:
        sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
