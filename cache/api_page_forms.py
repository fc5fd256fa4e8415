"""What the forms of the pages do: fetch, follow, unfollow. After each, the browser looks elsewhere.

That a form came from a page of ours the gate has seen to (`api_gate.body_refusal`): no page of
another site can send one. They decide nothing beyond; the verbs' port does what is asked.
Invariant: what cannot be read, or is refused, is a page that says why, with what was filled in.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from ..errors import BadInput, FedpullError
from . import lookup, page_templates
from .api_demand import OnDemand
from .api_http import Answer, Call
from .api_pages import Pages, Scene
from .ports import Query
from .verbs import Verbs

# Longer than most servers take, shorter than people do: behind it the page shows how far it is.
WAIT = 10.0
_FIELDS = 20
_FOLLOW = frozenset({"actor", "types", "backfill", "boosts", "replies", "subscribe", "options"})


class Forms:
    """Handlers over the verbs."""

    def __init__(self, query: Query, verbs: Verbs, demand: OnDemand, pages: Pages) -> None:
        self._query = query
        self._verbs = verbs
        self._demand = demand
        self._pages = pages

    async def fetch(self, call: Call) -> Answer:
        """Resolve now, and show what came; where it takes longer, what is known until then."""
        try:
            form = read(call, frozenset({"id", "again"}))
            id = _given(form, "id", "a URI or a handle")
            came = await self._demand.fetch(id, wait=WAIT, again="again" in form)
        except FedpullError as error:
            if not page_templates.wants_html(call):
                raise
            return self._pages.failure(error, self._pages.scene())
        known = lookup.reference(self._query, came.id) or came
        return page_templates.see("/page/document", id=known.id)

    async def follow(self, call: Call) -> Answer:
        form: dict[str, str] = {}
        try:
            form = read(call, _FOLLOW)
            added = await self._verbs.follow(entry(form))
        except FedpullError as error:
            return await self._again(call, form, error)
        return page_templates.see("/page/follows", told=added.key)

    async def unfollow(self, call: Call) -> Answer:
        try:
            form = read(call, frozenset({"actor"}))
            actor = _given(form, "actor", "a handle or a URI, as it is followed")
            key = lookup.follow_key("actor", self._query, actor)
            await self._verbs.unfollow(key)
        except FedpullError as error:
            return await self._again(call, {}, error)
        return page_templates.see("/page/follows", told=key)

    async def _again(self, call: Call, form: dict[str, str], error: FedpullError) -> Answer:
        """The page of follows once more, with what is wrong."""
        if not page_templates.wants_html(call):
            raise error
        empty = Call("GET", "/page/follows", headers=call.headers)

        def make(scene: Scene) -> page_templates.Page:
            return self._pages.follows_page(empty, scene, form, error)

        return await self._pages.show(empty, make)


def read(call: Call, known: frozenset[str]) -> dict[str, str]:
    """The fields of a form, each once."""
    try:
        pairs = parse_qsl(
            call.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(call.body),
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError as error:  # a UnicodeDecodeError is one
        raise BadInput("body", "is not a form", "what the form of a page sends") from error
    form: dict[str, str] = {}
    for name, value in pairs:
        if name not in known or name in form:
            raise BadInput(name[:80], "is not a field of this form, or stands there twice")
        form[name] = value.strip()
    return form


def entry(form: dict[str, str]) -> str | dict[str, Any]:
    """A follow as the configuration has it; what was left alone is left to the defaults.

    `options`: the form showed the switches, so one that was not sent is off (HTML's way).
    """
    actor = _given(form, "actor", "a handle or the URI of an actor")
    made: dict[str, Any] = {"actor": actor}
    if types := [word for word in form.get("types", "").replace(",", " ").split() if word]:
        made["types"] = types
    for name, most in (("backfill", 12), ("replies", 4)):
        if text := form.get(name, ""):
            is_count = text.isascii() and text.isdigit() and len(text) <= most
            made[name] = int(text) if is_count else text
    if "options" in form:
        made |= {"boosts": "boosts" in form, "subscribe": "subscribe" in form}
    return made if len(made) > 1 else actor


def _given(form: dict[str, str], name: str, expected: str) -> str:
    if not form.get(name):
        raise BadInput(name, "is missing", expected)
    return form[name]
