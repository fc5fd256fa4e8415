"""The commands that read the cache: get, list. They fetch and write nothing.

They open the store itself, whether a daemon is running or not. Invariant: what a program reads of
them is what the matching API call answers.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..errors import NotFound
from . import output
from .explaining import find
from .options import common, examples, filter_options, json_option, option_name, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..cache.document import Document
    from ..cache.ports import Query
    from ..cache.records import ObjectFilter

_PAGE = 200  # rows a read: short transactions, whatever the limit


@click.command(epilog=examples("get https://events.example/events/1", "get @alice@example.social"))
@click.argument("id", metavar="ID")
@click.option(
    "--form",
    metavar="FORM",
    help="As JSON-LD: expanded, or compacted (in the words of one context).",
)
@json_option
@common
@pass_session
def get(session: Session, id: str, form: str | None, as_json: bool) -> None:
    """Print a document from the cache, without fetching.

    ID is the document's URI, or the handle of an actor that was pulled. Exits 3 when it is not
    held, 4 when it has no view as JSON-LD.
    """
    from ..cache import lookup
    from ..cache.api_caching import raise_absent

    with session.reading() as query:
        asked = find(session, query, id)
        known = lookup.reference(query, asked.id) or asked
        raise_absent(known)
        document = query.document(known.id)
        if document is None:
            raise NotFound(known.id, "is known but not held", "`fedpull fetch` to get it")
        body = document.body if form is None else _view(document, form)
        if as_json:
            # One JSON value; a byte order mark, which some servers send, is none.
            output.print_bytes(body.removeprefix(BOM_UTF8))
        else:
            output.print_document(body)


def _view(document: Document, form: str) -> bytes:
    from ..crawler.protocol import jsonld

    named = jsonld.form_named(form)
    return jsonld.view_bytes(document.body, named, document.id, document.context)


@click.command(
    "list",
    epilog=examples(
        "list --actor @alice@example.social --limit 10",
        "list --type Event --starts-since 2026-01-01 --json",
        "list --tag photography --since 2d",
    ),
)
@filter_options
@click.option("--limit", metavar="N", default="50", show_default=True, help="At most so many.")
@json_option
@common
@pass_session
def list_objects(session: Session, /, limit: str, as_json: bool, **filters: str | None) -> None:
    """List cached objects, newest first, or by when they start."""
    from ..cache import lookup
    from ..cache.filters import object_filter

    now, count = session.now(), lookup.whole("--limit", limit, 1)
    if filters["q"]:
        session.read_words()
    with session.reading() as query:
        wanted = object_filter(query, filters, now, option_name)
        if as_json:
            _list_json(query, wanted, count, now, filters)
            return
        for document, _ in _objects(query, wanted, count):
            _print_object(document, document.start_time if wanted.by_start else document.published)


def _objects(
    query: Query, wanted: ObjectFilter, count: int
) -> Iterator[tuple[Document, str | None]]:
    """Documents one by one, each with the cursor behind its page."""
    cursor: str | None = None
    while count > 0:
        documents, cursor = query.objects(wanted, min(count, _PAGE), cursor)
        for document in documents:
            yield document, cursor
        count -= len(documents)
        if cursor is None:
            return


def _print_object(document: Document, at: float | None) -> None:
    """Fields on a line for a program; two lines for a person, so that the id can be copied. `at`
    is the time by which it is listed."""
    text = document.name or output.first_line(document.content or document.summary)
    when, kind = output.moment(at) or "", document.type or ""
    if not output.on_terminal():
        output.line(document.id, when, kind, output.shorten(text, 200))
        return
    width = max(output.columns() - 28, 20)
    click.echo(f"{when}  {output.safe(kind):<8} {output.shorten(output.safe(text), width)}")
    click.echo(click.style(f"{'':<19}{output.safe(document.id)}", dim=True))


def _list_json(
    query: Query, wanted: ObjectFilter, count: int, now: float, given: dict[str, str | None]
) -> None:
    """As the API's list, but written item by item: a limit may be any number."""
    from ..cache import shapes
    from ..cache.api_http import Call

    cursor, mark = None, '{"items":['
    for document, behind in _objects(query, wanted, count):
        item = shapes.item(document, query.reference(document.id), now)
        click.echo(mark + shapes.dumps(item).decode(), nl=False)
        cursor, mark = behind, ","
    if mark != ",":
        click.echo(mark, nl=False)
    args = {name: text for name, text in given.items() if text is not None}
    next = Call("GET", "/v1/objects", args).url(cursor=cursor) if cursor else None
    click.echo('],"next":' + shapes.dumps(next).decode() + "}")
