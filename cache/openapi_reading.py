"""The calls of the private API that only read, as its description has them.

Handlers and their wiring stand elsewhere (`api_routes` pairs the two); nothing here runs.
"""

from __future__ import annotations

from dataclasses import replace

from .api_http import JSON, TITLES
from .filters import ORDERS
from .mail_layout import DELIVERY_STATES, FOLLOWER_STATES, NOTIFICATION_STATES
from .openapi_form import EVENTS, HTML, Header, Operation, Parameter, Reply, ref
from .openapi_shapes import listing, one_of, shape

_URI = {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2048}
ID = Parameter(
    "id",
    "the URI of a document",
    _URI,
    required=True,
    example="https://events.example/notes/1",
)
LIMIT = Parameter(
    "limit",
    "how many entries at most; more than 500 are taken as 500",
    {"type": "integer", "minimum": 1, "maximum": 999_999_999_999},
)
FORM = Parameter(
    "form",
    "the JSON-LD view: written out, or in the words of one context; 403 where there is none",
    one_of("expanded", "compacted"),
)
CURSOR = Parameter("cursor", "where a page begins; comes with `next`")
_SEQ = {"type": "integer", "minimum": 0, "maximum": 999_999_999_999}
_BEFORE = Parameter("cursor", "where a page begins; comes with `next`", _SEQ)
CACHED = ("Age", "Cache-Control", "Cache-Status", "ETag", "Last-Modified", "Link")


def _state(states: tuple[str, ...]) -> Parameter:
    return Parameter("state", "only those in this state", one_of(*states))


def _page(says: str, of: str) -> tuple[Reply, ...]:
    return (Reply(200, says, listing(of)),)


_REASONS = {"type": "array", "items": {"type": "string"}}
_STUCK = shape(status={"const": "stuck"}, reasons=_REASONS)
HEALTH = Operation(
    "GET",
    "/healthz",
    "checkHealth",
    "Whether the process lives: it answers, and its writer does",
    (
        Reply(200, "it does", shape(status={"const": "ok"})),
        Reply(503, "it is to be started again, and why", _STUCK),
    ),
)
_READY = shape(ready={"type": "boolean"}, reasons=_REASONS)
READY = Operation(
    "GET",
    "/readyz",
    "checkReadiness",
    "Whether it fetches",
    (
        Reply(200, "it fetches; `reasons`: what of the configuration is in vain", _READY),
        Reply(503, "it does not, and why", _READY),
    ),
)
METRICS = Operation(
    "GET",
    "/metrics",
    "readMetrics",
    "Counts for Prometheus, in its text format or OpenMetrics",
    (Reply(200, "the counts", None, ("text/plain", "application/openmetrics-text")),),
)
OPENAPI = Operation(
    "GET",
    "/openapi.json",
    "describe",
    "This description",
    (Reply(200, "OpenAPI 3.1", {"type": "object", "required": ["openapi"]}),),
)
PROBLEM = Operation(
    "GET",
    "/problems/{name}",
    "explainProblem",
    "What a type of problem means, for a person",
    (Reply(200, "HTML", None, (HTML,)),),
    (Parameter("name", "the end of its `type`", one_of(*TITLES), required=True, place="path"),),
)
DOCUMENT = Operation(
    "GET",
    "/v1/document",
    "getDocument",
    "A document, byte for byte as its origin served it or as JSON-LD, as from an HTTP cache: "
    "fetched first where no stored copy will do",
    (
        Reply(
            200,
            "the document; with `form=expanded` a list",
            {"oneOf": [ref("Document"), {"type": "array", "items": {"type": "object"}}]},
            headers=(*CACHED, "Fedpull-Freshness", "Fedpull-Verified-By"),
        ),
    ),
    (ID, FORM),
    problems=(404, 410, 429, 502, 504),
)
REFERENCE = Operation(
    "GET",
    "/v1/reference",
    "getReference",
    "The freshness record of an id: how fresh, since when, why",
    (Reply(200, "the reference", ref("Reference")),),
    (ID,),
    problems=(404,),
)
FILTERS = (
    Parameter("actor", "the first `attributedTo`: a URI, or a handle that was fetched once"),
    Parameter("follow", "what the outbox of a followed actor offers: a URI or a handle"),
    Parameter("type", "`Event`, `as:Event`, or an IRI"),
    Parameter("tag", "a hashtag, with or without #"),
    Parameter("in_reply_to", "the URI that is answered"),
    Parameter("context", "a conversation, by its name"),
    Parameter("since", "published then or later: a time, a date, or an age such as 2d"),
    Parameter("until", "published before: a time, a date, or an age such as 2d"),
    Parameter("starts_since", "what starts then or later, soonest first; `+7d`: in seven days"),
    Parameter("starts_until", "what starts before, soonest first"),
    Parameter(
        "order",
        "`published`: newest first; `start`: what has a `startTime`, soonest first",
        one_of(*ORDERS),
    ),
    Parameter("q", 'words: all of them, "a phrase", -without, begin*; needs the search extra'),
)
OBJECTS = Operation(
    "GET",
    "/v1/objects",
    "listObjects",
    "Objects (posts, events, pictures; not actors), newest first, or by when they start",
    _page("a page of objects", "Item"),
    (*FILTERS, LIMIT, CURSOR),
    problems=(404,),
)
COLLECTION = Operation(
    "GET",
    "/v1/collection",
    "getCollection",
    "The members of a collection in the origin's order, and how complete our copy is",
    (Reply(200, "a page of members", ref("Collection")),),
    (replace(ID, example="https://events.example/users/alice/outbox"), LIMIT, CURSOR),
    problems=(404,),
)
THREAD = Operation(
    "GET",
    "/v1/thread",
    "getThread",
    "The conversation that a post stands in, as far as it is held, from its beginning: a tree",
    (Reply(200, "its first post, and below each post what answers it", ref("Thread")),),
    (ID,),
    problems=(404,),
)
CHANGES = Operation(
    "GET",
    "/v1/changes",
    "listChanges",
    "The change log, oldest first; for `Accept: text/event-stream` as server-sent events, which go "
    "on with what comes",
    (Reply(200, "a page of changes, or a stream of them", listing("Change"), (JSON, EVENTS)),),
    (
        Parameter("since", "only entries behind this one; without it: all that are kept", _SEQ),
        LIMIT,
    ),
    (Header("Last-Event-ID", "of a stream: only entries behind this one, whatever `since` is"),),
    problems=(410, 429),
)
HISTORY = Operation(
    "GET",
    "/v1/history",
    "listVersions",
    "The earlier versions of a document, newest first",
    _page("all that are kept", "Version"),
    (ID,),
    problems=(404, 410),
)
FOLLOWS = Operation(
    "GET", "/v1/follows", "listFollows", "Whom we follow", _page("all of them", "Follow")
)
HOSTS = Operation(
    "GET", "/v1/hosts", "listHosts", "The servers that were asked", _page("all of them", "Host")
)
STATUS = Operation(
    "GET",
    "/v1/status",
    "getStatus",
    "How much is held, and what is going on",
    (Reply(200, "the status", ref("Status")),),
)
NOTIFICATIONS = Operation(
    "GET",
    "/v1/notifications",
    "listNotifications",
    "What came to the inbox and what became of it, the latest first",
    _page("a page of notifications", "Notification"),
    (_state(NOTIFICATION_STATES), LIMIT, _BEFORE),
)
FOLLOWERS = Operation(
    "GET",
    "/v1/followers",
    "listFollowers",
    "Who follows our actor, or has asked to",
    _page("a page of followers", "Follower"),
    (_state(FOLLOWER_STATES), LIMIT, CURSOR),
)
DELIVERIES = Operation(
    "GET",
    "/v1/deliveries",
    "listDeliveries",
    "Our activities on their way to inboxes, the latest first",
    (
        Reply(
            200,
            "a page of deliveries, and how all of the activity that was named stand",
            listing("Delivery", account=ref("Account")),
        ),
    ),
    (
        _state(DELIVERY_STATES),
        Parameter("host", "only those to this server: `social.example`"),
        Parameter("activity", "only those of the activity of ours with this id"),
        Parameter("id", "only the delivery of this number"),
        LIMIT,
        _BEFORE,
    ),
)
FORGOTTEN = Operation(
    "GET", "/v1/forget", "listForgotten", "What is to be forgotten", _page("all of it", "Wish")
)
