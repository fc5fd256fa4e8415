"""The command that prints a conversation: thread. It fetches nothing.

Invariant: what a program reads of it is what the matching API call answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..errors import NotFound
from . import output
from .explaining import find
from .options import common, examples, json_option, pass_session
from .session import Session

if TYPE_CHECKING:
    from ..cache.thread_view import ThreadTree

_WHY = {"unknown": "never fetched", "redirected": "led elsewhere"}


@click.command(epilog=examples("thread https://events.example/notes/1"))
@click.argument("id", metavar="ID")
@json_option
@common
@pass_session
def thread(session: Session, id: str, as_json: bool) -> None:
    """Print the conversation that a post stands in, as far as it is in the cache.

    It begins with the first post that is known; what is missing is marked.
    """
    from ..cache import lookup
    from ..cache.thread_shapes import thread as shape

    now = session.now()
    with session.reading() as query:
        asked = find(session, query, id)
        known = lookup.reference(query, asked.id) or asked
        tree = query.thread(known.id)
        if tree is None:
            raise NotFound(known.id, "is not in the cache", "`fedpull fetch` to get it")
        if as_json:
            output.print_json(shape(tree, query, now))
            return
        for one, depth, branch in _lines(tree, 0, "", ""):
            _print(one, depth, branch)


def _lines(
    tree: ThreadTree, depth: int, branch: str, trunk: str
) -> Iterator[tuple[ThreadTree, int, str]]:
    """Posts from top to bottom, with the branches that a person sees before them."""
    yield tree, depth, branch
    for place, one in enumerate(tree.replies, 1):
        last = place == len(tree.replies)
        fork, below = ("└ ", "  ") if last else ("├ ", "│ ")
        yield from _lines(one, depth + 1, trunk + fork, trunk + below)


def _print(post: ThreadTree, depth: int, branch: str) -> None:
    """Fields on a line for a program; a branch of the tree for a person."""
    document = post.document
    when = (output.moment(document.published) or "") if document is not None else ""
    actor = (document.actor or "") if document is not None else ""
    if document is None:
        said = "not to be listed" if post.withheld else _WHY.get(post.state, str(post.state))
        text = f"[{said}]"
    else:
        text = document.name or output.first_line(document.content or document.summary)
    if not output.on_terminal():
        output.line(depth, post.id, when, actor, output.shorten(text, 200))
        return
    mark = "▸ " if post.asked and depth else ""
    words = f"{branch}{mark}{when}  {output.safe(text)}" if when else f"{branch}{mark}{text}"
    click.echo(output.shorten(words, output.columns()))
    indent = branch.replace("├", "│").replace("└", " ")
    click.echo(click.style(f"{indent}{output.safe(actor or '')}  {output.safe(post.id)}", dim=True))
    if post.more:
        click.echo(f"{indent}… more answers are in the cache: `fedpull list --in-reply-to`")
