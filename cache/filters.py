"""Which objects are meant, read from what people write: the filters of lists and exports.

It asks the store for what names lead to, and lists nothing. Invariant: a filter means the same
whoever reads it, the API, a command or an export; what cannot be read is BadInput by the name under
which its caller wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import BadInput
from . import lookup
from .ports import Query
from .search_words import expression
from .views import ObjectFilter

ORDERS = ("published", "start")


def object_filter(
    query: Query,
    given: Mapping[str, str | None],
    now: float,
    named: Callable[[str], str] = str,
) -> ObjectFilter:
    """The filter that `given` describes, by the names of the API's parameters; an empty text is
    none. `named`: what the caller calls such a parameter."""

    def moment(name: str, text: str) -> float:
        return lookup.moment(name, text, now)

    readers: Mapping[str, Callable[[str, str], object]] = {
        "actor": lambda name, text: lookup.actor_uri(name, query, text),
        "follow": lambda name, text: lookup.follow_key(name, query, text),
        "type": lookup.object_type,
        "tag": lambda name, text: lookup.tag(text),
        "in_reply_to": lookup.uri,
        # A conversation may be named by any URI, such as Mastodon's tag: ones.
        "context": lambda name, text: text,
        "since": moment,
        "until": moment,
        "order": order,
        "starts_since": moment,
        "starts_until": moment,
        "q": words,
    }
    read = {
        name: reader(named(name), text)
        for name, reader in readers.items()
        if (text := given.get(name))
    }
    if "q" in read:
        read["text"] = read.pop("q")
    return ObjectFilter(**read)  # type: ignore[arg-type]


def words(name: str, text: str) -> str:
    """What to look for; that it can be looked for is seen here, and not when a page is read."""
    expression(name, text)
    return text


def order(name: str, text: str) -> str:
    """In which order to list."""
    if text not in ORDERS:
        raise BadInput(name, f"{text[:80]!r} is not an order", " or ".join(ORDERS))
    return text
