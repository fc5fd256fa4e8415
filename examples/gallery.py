"""A photo gallery: the latest pictures that are held, as one static HTML page.

    python examples/gallery.py data --actor @ann@photos.example > gallery.html
    python examples/gallery.py data --tag photography --load -o gallery.html

The page loads nothing from other servers unless you say `--load`: then each reader's browser asks
the photographers' servers for the pictures. Without it there are their descriptions and links.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

import nh3

from fedpull.cache import Cache, Document
from fedpull.cache.vocabularies import ActivityStreams
from fedpull.errors import FedpullError

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Gallery</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src {images}">
<meta name="referrer" content="no-referrer">
<style>
 :root {{ color-scheme: light dark; font-family: system-ui, sans-serif }}
 main {{ display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)) }}
 figure {{ border: thin solid; border-radius: .5rem; margin: 0; padding: 1rem }}
 img {{ height: auto; max-width: 100% }}
</style>
<h1>Gallery</h1>
<main>
{pictures}
</main></html>
"""


def figures(document: Document, load: bool) -> Iterator[str]:
    """Each picture of a post, with what it shows in words and what is written below it."""
    said = document.view(ActivityStreams)
    text = nh3.clean(
        said.content or "",
        tags={"p", "br", "em", "strong", "a"},
        attributes={"a": {"href"}},
        url_schemes={"https"},
    )
    for one in said.attachments:
        is_picture = (one.media_type or one.type or "").lower().startswith("image")
        if not is_picture or not one.url.startswith("https://"):
            continue
        alt = escape(one.name or "A picture without a description")
        shown = alt
        if load:
            shown = f'<img src="{escape(one.url)}" alt="{alt}" loading="lazy">'
        figure = f'<a href="{escape(one.url)}">{shown}</a>'
        if said.sensitive:
            warning = escape(said.summary or "Sensitive")
            figure = f"<details><summary>{warning}</summary>{figure}</details>"
        page = said.url or ""
        post = escape(page if page.startswith("https://") else document.id)
        source = f'<a href="{post}">{escape(document.author or "")}</a>'
        yield f"<figure>{figure}<figcaption>{text} {source}</figcaption></figure>"


def main() -> None:
    parser = argparse.ArgumentParser(description="The latest pictures as one HTML page.")
    parser.add_argument("store", help="the folder of the store (`store.path`)")
    parser.add_argument("--actor", help="only pictures of this actor: a handle or a URI")
    parser.add_argument("--tag", help="only posts with this hashtag")
    parser.add_argument("--limit", type=int, default=500, help="how many posts to look at")
    parser.add_argument("--load", action="store_true", help="show pictures from their servers")
    parser.add_argument("-o", "--output", type=Path, help="the file to write; else stdout")
    asked = parser.parse_args()

    try:
        with Cache(asked.store) as cache:
            posts = cache.objects(actor=asked.actor, tag=asked.tag, limit=asked.limit)
            pictures = "\n".join(one for post in posts for one in figures(post, asked.load))
    except FedpullError as error:
        sys.exit(str(error))
    page = PAGE.format(pictures=pictures, images="https:" if asked.load else "'none'").encode()
    if asked.output:
        asked.output.write_bytes(page)
    else:
        sys.stdout.buffer.write(page)


if __name__ == "__main__":
    main()
