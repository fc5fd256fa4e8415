"""The pages for a person and what their forms send, as the description of the API has them.

Handlers and their wiring stand elsewhere (`api_routes` pairs the two); nothing here runs.
"""

from __future__ import annotations

from .openapi_doing import members
from .openapi_form import FORM, HTML, Body, Operation, Parameter, Reply, Schema
from .openapi_reading import FILTERS
from .openapi_shapes import one_of
from .page_plots import RANGES
from .page_templates import FILES

_ANY: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "string", "pattern": "^([0-9]{1,12})?$"}
_SEQ: Schema = {"type": "string", "pattern": "^([1-9][0-9]{0,11})?$"}
_PAGE = Parameter("page", "which page of it", _NUMBER)


def _html(says: str = "HTML") -> tuple[Reply, ...]:
    return (Reply(200, says, None, (HTML,)),)


def _field(name: str, says: str) -> Parameter:
    """One field of a form that is sent with GET: empty where nothing was filled in."""
    return Parameter(name, says, _ANY)


OVERVIEW = Operation(
    "GET",
    "/",
    "showPage",
    "The page of the operator: how things stand",
    _html(),
    (Parameter("range", "how far back the plots go", one_of(*RANGES)),),
)
FOLLOWS = Operation(
    "GET",
    "/page/follows",
    "showFollows",
    "Whom we follow, how fresh, what is late and why",
    _html(),
    (
        _field("q", "only those whose name holds this"),
        _field("told", "was changed just now"),
        _PAGE,
    ),
)
HOSTS = Operation(
    "GET",
    "/page/hosts",
    "showHosts",
    "The servers that were asked, with their state",
    _html(),
    (_field("q", "only those whose name holds this"), _field("state", "only in this state"), _PAGE),
)
DELIVERIES = Operation(
    "GET",
    "/page/deliveries",
    "showDeliveries",
    "Deliveries to inboxes with their tries, the latest first",
    _html(),
    (
        _field("state", "only in this state"),
        _field("host", "only those to this server"),
        _field("activity", "only those of this activity of ours"),
        _field("before", "only those with a lower number"),
    ),
)
DOCUMENTS = Operation(
    "GET",
    "/page/documents",
    "showDocuments",
    "Documents to look through, newest first",
    _html(),
    (
        *(_field(one.name, one.says) for one in FILTERS),
        _field("cursor", "where a page begins"),
    ),
    problems=(404,),
)
DOCUMENT = Operation(
    "GET",
    "/page/document",
    "showDocument",
    "One document, and why it is as it is",
    _html(),
    (_field("id", "a URI or a handle"),),
    problems=(404,),
)
THREAD = Operation(
    "GET",
    "/page/thread",
    "showThread",
    "The conversation around a post",
    _html(),
    (_field("id", "the URI of a post"),),
    problems=(404,),
)
CHANGES = Operation(
    "GET",
    "/page/changes",
    "showChanges",
    "The change log, latest first",
    _html(),
    (Parameter("before", "only entries before this one", _SEQ),),
)
FILE = Operation(
    "GET",
    "/page/{file}",
    "getPageFile",
    "A file of the page itself",
    (
        Reply(200, "the file", None, tuple(FILES.values()), headers=("ETag",)),
        Reply(304, "it is as it was", None, ()),
    ),
    (Parameter("file", "its name", one_of(*FILES), required=True, place="path"),),
)

_SEEN = (Reply(303, "it is done: look there", None, (), headers=("Location",)),)
FETCH = Operation(
    "POST",
    "/page/fetch",
    "sendFetchForm",
    "Resolve an id now, then see its page",
    _SEEN,
    body=Body(members(("id",), id=_ANY, again=_ANY), FORM),
    problems=(404, 410, 429, 502, 504),
)
FOLLOW = Operation(
    "POST",
    "/page/follow",
    "sendFollowForm",
    "Follow an actor, then see the follows",
    _SEEN,
    body=Body(
        members(
            ("actor",),
            actor=_ANY,
            types=_ANY,
            backfill=_ANY,
            replies=_ANY,
            options=_ANY,
            boosts=_ANY,
            subscribe=_ANY,
        ),
        FORM,
    ),
    problems=(404, 410, 429, 502, 504),
)
UNFOLLOW = Operation(
    "POST",
    "/page/unfollow",
    "sendUnfollowForm",
    "Stop following, then see the follows",
    _SEEN,
    body=Body(members(("actor",), actor=_ANY), FORM),
    problems=(404,),
)
