"""The calls of the private API about whom nobody is to have to do with: forget, blocklists.

They hand what a caller names to the verbs' port and tell what came of it. Invariant: 200 to a
`forget` means that it is written down and purged.
"""

from __future__ import annotations

from ..errors import BadInput
from . import moderation_shapes, shapes
from .api_http import Answer, Call, json, read_object, unknown
from .verbs import Verbs

_FORGET = frozenset({"id", "domain", "undo"})
_NOTHING: frozenset[str] = frozenset()


class Moderating:
    """Handlers over the verbs."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    async def forget(self, call: Call) -> Answer:
        """200 and how many documents were purged; with `undo` it may be fetched again."""
        given = read_object(call)
        unknown(given, _FORGET)
        undo = given.get("undo", False)
        if not isinstance(undo, bool):
            raise BadInput("undo", "is no switch", "true or false")
        name = _named(given)
        if undo:
            await self._verbs.remember(name)
            return json({"purged": 0})
        return json({"purged": await self._verbs.forget(name)})

    def forgotten(self, call: Call) -> Answer:
        return json(shapes.listing(map(moderation_shapes.entry, self._verbs.forgotten())))

    async def reload(self, call: Call) -> Answer:
        """Read the configured blocklists anew: what that has changed, and how each was read."""
        unknown(read_object(call), _NOTHING)
        came = await self._verbs.reload_blocklists()
        lists = [moderation_shapes.blocklist(one) for one in came.lists]
        return json({**moderation_shapes.difference(came.difference), "lists": lists})


def _named(given: dict[str, object]) -> str:
    """The one thing that is named: an id (or handle), or a domain; never one taken for the other,
    since what is purged does not come back."""
    id, domain = given.get("id"), given.get("domain")
    if (id is None) == (domain is None):
        raise BadInput("id", "or domain: one of them is to be given", "an id, or a domain")
    name = id if id is not None else domain
    kind = "id" if id is not None else "domain"
    if not isinstance(name, str) or not name.strip():
        raise BadInput(kind, "is no text", "a URI or a handle" if kind == "id" else "a domain")
    is_domain = "/" not in name and "@" not in name
    if is_domain != (kind == "domain"):
        expected = "a URI or a handle" if kind == "id" else "a domain such as spam.example"
        raise BadInput(kind, f"{name!r} is something else", expected)
    return name
