"""Reads one answer into values and says what must be looked up before it can be decided on.

Pure: no store, no clock. It judges whether an answer can be read at all (status, JSON, terms, the
identity rule) but draws no consequence; `ingest` does that with what is known already (`Prior`).
Invariant: a Reading with a `document` passed the identity rule for `id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..cache.records import Follow, Kind, Lease, Reference, State, Thread
from ..config.model import Follow as Rules
from ..config.model import Freshness
from ..errors import FedpullError
from .answer import Answer
from .describe import reads_plainly, states_no_audience
from .protocol import activitystreams as as2
from .protocol import identity, media, strictjson
from .protocol.collection import Page, read_page
from .protocol.handle import parse_handle
from .protocol.items import Item
from .protocol.policy import OPEN, Policy
from .protocol.thread import listed, reply_of
from .protocol.uri import split
from .protocol.walk import Walk
from .protocol.webfinger import Finger, read_jrd


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known already about what an answer mentions. `rules` is the follow as configured,
    `known` the record of what was asked for, where the answer does not say it all."""

    rules: Rules | None = None
    follow: Follow | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    known: Reference | None = None
    # The records of what was refused or led elsewhere, of URLs whose class is not known, and, where
    # the follow keeps some types only, of what is held.
    details: Mapping[str, Reference] = field(default_factory=dict)
    others: Mapping[str, Rules] = field(default_factory=dict)  # follows that offer it as well
    members: frozenset[str] = frozenset()
    leader: str | None = None  # the follow that reads the same actor already
    ages: Freshness = Freshness()  # noqa: RUF009 (frozen)
    absent: tuple[Reference, ...] = ()  # members that stand between those of a page, and not on it
    born: float | None = None  # first sight of an outbox: when its actor says the account was made
    threads: frozenset[str] = frozenset()  # posts whose replies were asked for already
    thread: Thread | None = None  # what was fetched of the thread that was asked for
    root: dict[str, Any] | None = None  # the post that this thread hangs on
    leads_on: bool | None = None  # what the author of what was asked for says of being discovered


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer, read. Exactly one of `document`, `page`, `finger` and `problem` says what it is;
    with a status other than 200 none is set."""

    lease: Lease
    answer: Answer
    document: dict[str, Any] | None = None
    id: str = ""  # under which the document may be stored
    parsed: strictjson.Parsed | None = None
    page: Page | None = None
    walk: Walk | None = None  # PAGE: the walk as stored, None when it begins with this answer
    trusted: bool = False  # the page's content type lets its embedded objects count
    finger: Finger | None = None
    refetch: str | None = None  # the id that must be asked instead
    problem: str = ""
    references: tuple[str, ...] = ()  # to look up for Prior
    members: tuple[str, ...] = ()
    links: frozenset[str] = frozenset()  # items that are no more than a URL
    placed: tuple[str, ...] = ()  # items that stand where their publication put them, in order
    shown: frozenset[str] = frozenset()  # objects that a boost shows with an `updated`
    unaddressed: bool = False  # the document states no audience of its own


def read(lease: Lease, answer: Answer, policy: Policy = OPEN) -> Reading:
    """Read `answer`, which came for `lease`. Never raises on what a server sent.

    What `policy` refuses is read as if it did not stand on its page."""
    if answer.status != 200:
        return Reading(lease, answer)
    try:
        if lease.want.kind is Kind.FINGER:
            return _finger(lease, answer)
        if lease.want.kind is Kind.PAGE:
            return _page(lease, answer, policy)
        return _document(lease, answer)
    except FedpullError as error:
        return Reading(lease, answer, problem=error.reason)


def _finger(lease: Lease, answer: Answer) -> Reading:
    handle = parse_handle(handle_asked(lease.want.uri))
    value = strictjson.parse_object(answer.body)
    return Reading(lease, answer, finger=read_jrd(value, handle))


def handle_asked(finger_url: str) -> str:
    """The handle that a WebFinger URL asks for (RFC 7033 section 4.1)."""
    from urllib.parse import parse_qs

    resource = parse_qs(split(finger_url).query).get("resource", [""])[0]
    return resource.removeprefix("acct:")


def _page(lease: Lease, answer: Answer, policy: Policy) -> Reading:
    parsed = strictjson.parse_with_items(answer.body)
    walk = Walk.from_json(lease.walk) if lease.walk is not None else None
    page = read_page(
        parsed.value,
        answer.final_url,
        requested_as_page=walk is not None and walk.expects_page,
    )
    page = _permitted(page, policy)
    ids: list[str] = []
    members = [item.object_id or item.activity_id or "" for item in page.items]
    if lease.want.relation != "outbox":
        replies = (reply_of(item) for item in page.items)
        ids += (members := [reply.id for reply in replies if reply is not None])
    for item in page.items:
        ids += [item.object_id or item.activity_id or ""]  # one of them is there
        if item.object is not None:
            ids += _mentioned(item.object)
    return Reading(
        lease,
        answer,
        parsed=parsed,
        page=page,
        walk=walk,
        trusted=media.is_activity(answer.content_type) and _frame_reads_plainly(parsed.value),
        references=tuple(dict.fromkeys(ids)),
        members=tuple(members),
        links=frozenset(item.object_id or "" for item in page.items if item.verb == "Link"),
        placed=tuple(item.object_id for item in page.items if item.object_id and item.is_placed),
        shown=frozenset(
            item.object_id
            for item in page.items
            if item.verb == "Announce" and item.object_id and "updated" in (item.object or ())
        ),
    )


def _frame_reads_plainly(page: dict[str, Any]) -> bool:
    """Whether the page's own frame means what plain JSON says; its items are looked at each."""
    frame = {key: value for key, value in page.items() if key not in ("items", "orderedItems")}
    return reads_plainly(frame, None)


def _document(lease: Lease, answer: Answer) -> Reading:
    document = strictjson.parse_object(answer.body)
    as2.check_document(document)
    verdict = identity.decide(lease.want.uri, answer.final_url, document, again=lease.want.refetch)
    if isinstance(verdict, identity.Drop):
        return Reading(lease, answer, problem=verdict.reason)
    if isinstance(verdict, identity.FetchId):
        return Reading(lease, answer, refetch=verdict.id)
    parsed = None
    mentioned = _mentioned(document)
    if as2.class_of(document) == "activity":
        parsed = strictjson.parse_with_items(answer.body)
        document = parsed.value
        inner = as2.id_of(document.get("object"))
        mentioned += [inner] if inner else []
        if isinstance(document.get("object"), dict):
            mentioned += _mentioned(document["object"])
    return Reading(
        lease,
        answer,
        document=document,
        id=verdict.id,
        parsed=parsed,
        references=tuple(dict.fromkeys([verdict.id, *mentioned])),
        unaddressed=states_no_audience(document),
    )


def _mentioned(document: dict[str, Any]) -> list[str]:
    """What an object makes us look at next: who wrote it, what it answers, what answers it."""
    found = (as2.owner(document), as2.in_reply_to(document))
    replies = listed(document, as2.id_of(document) or "") if "replies" in document else ()
    return [*(uri for uri in found if uri is not None), *replies]


def _permitted(page: Page, policy: Policy) -> Page:
    """A page as if what is refused did not stand on it."""
    if not policy:
        return page
    items = tuple(item for item in page.items if not _is_refused(item, policy))
    return page if len(items) == len(page.items) else replace(page, items=items)


def _is_refused(item: Item, policy: Policy) -> bool:
    named = (item.object_id, item.activity_id)
    return any(policy.verdict(uri) is not None for uri in named if uri)
