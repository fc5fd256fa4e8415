"""The private HTTP API: a table of routes, each a handler of one call. It opens no socket.

    Call -> gate -> route -> handler -> Answer, or an awaitable one where a verb is waited for

A route is an operation, as /openapi.json describes it, and its handler: to add a call is to add
that pair to `_routes`. Reading is answered at once from the store; what cannot be read goes through
the verbs' port, so that nothing here knows the crawler. Invariants: whatever happens, the caller
gets an Answer, errors as RFC 9457 problems, and nothing of our insides; no handler sees a query
parameter that its operation does not name.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from ..errors import FedpullError
from . import api_coding, api_gate, openapi, page_templates
from . import openapi_doing as doing
from . import openapi_page as page
from . import openapi_reading as reading
from .api_demand import OnDemand
from .api_document import Documents
from .api_export import EXPORT, Exporting
from .api_gate import ApiSettings
from .api_http import MAX_BODY, Answer, Call, json, problem, problem_of, unknown
from .api_mail import Mail
from .api_metrics import Metrics
from .api_moderation import Moderating
from .api_page_browse import Browsing
from .api_page_deliveries import DeliveriesPage
from .api_page_forms import Forms
from .api_pages import Pages
from .api_problems import problem_page
from .api_read import Reading
from .api_stream import Changes
from .api_write import Writing
from .feed import Feed
from .openapi_form import Operation
from .ports import Query
from .series import Series
from .verbs import Verbs
from .view_process import ViewProcess

Result = Answer | Awaitable[Answer]
Handler = Callable[[Call], Result]

log = logging.getLogger(__name__)

# On every answer: no page may frame, sniff or script what strangers have written. A page of ours
# that may load its own style says so itself.
_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


class Route(NamedTuple):
    """What a call is, and who answers it."""

    operation: Operation
    handler: Handler


class Api:
    """The routes over one store. `now` is the clock's, `series` what the page's plots show."""

    def __init__(
        self,
        query: Query,
        verbs: Verbs,
        settings: ApiSettings,
        now: Callable[[], float],
        feed: Feed,
        series: Series | None = None,
    ) -> None:
        self._settings = settings
        self._verbs = verbs
        self._views = ViewProcess()
        demand = OnDemand(query, verbs, now)
        shown = Pages(query, verbs, now, series or Series())
        pages = _page_routes(query, verbs, demand, shown)
        routes = [*self._routes(query, verbs, now, feed, demand), *pages]
        self.operations = [route.operation for route in routes]
        self.routes: dict[str, dict[str, Route]] = {}
        for route in routes:
            for path in route.operation.paths():
                self.routes.setdefault(path, {})[route.operation.method] = route
        self._description = openapi.describe(self.operations, version("fedpull"))

    def _routes(
        self,
        query: Query,
        verbs: Verbs,
        now: Callable[[], float],
        feed: Feed,
        demand: OnDemand,
    ) -> Sequence[Route]:
        read = Reading(query, verbs, now)
        write = Writing(query, verbs, demand, now)
        mail, moderating = Mail(query, verbs), Moderating(verbs)
        return (
            Route(reading.HEALTH, self._health),
            Route(reading.READY, self._ready),
            Route(reading.METRICS, Metrics(query, verbs, now).get),
            Route(reading.OPENAPI, lambda call: json(self._description)),
            Route(reading.PROBLEM, problem_page),
            Route(reading.DOCUMENT, Documents(query, demand, now, self._views).get),
            Route(reading.REFERENCE, read.reference),
            Route(reading.OBJECTS, read.objects),
            Route(reading.COLLECTION, read.collection),
            Route(reading.THREAD, read.thread),
            Route(reading.CHANGES, Changes(query, feed).get),
            Route(reading.HISTORY, read.history),
            Route(EXPORT, Exporting(query, verbs, now).get),
            Route(doing.FETCH, write.fetch),
            Route(doing.PULL, write.pull),
            Route(reading.FOLLOWS, read.follows),
            Route(doing.FOLLOW, write.follow),
            Route(doing.UNFOLLOW, write.unfollow),
            Route(reading.NOTIFICATIONS, mail.notifications),
            Route(reading.FOLLOWERS, mail.followers),
            Route(doing.JUDGE, mail.judge),
            Route(reading.DELIVERIES, mail.deliveries),
            Route(doing.PUBLISH, write.publish),
            Route(reading.FORGOTTEN, moderating.forgotten),
            Route(doing.FORGET, moderating.forget),
            Route(doing.RELOAD, moderating.reload),
            Route(reading.HOSTS, read.hosts),
            Route(reading.STATUS, read.status),
        )

    def close(self) -> None:
        """End what was started for calls."""
        self._views.close()

    def most(self, method: str, path: str) -> int:
        """How large the body of a call may be."""
        route = self.routes.get(path, {}).get(method)
        return (
            MAX_BODY if route is None or route.operation.body is None else route.operation.body.most
        )

    def answer(self, call: Call) -> Result:
        """The answer to a call, or something to await for it. Never raises."""
        result = self._result(call)
        if isinstance(result, Answer):
            return _finished(call, result)
        return _later(call, result)

    def _result(self, call: Call) -> Result:
        refused = api_gate.refusal(call, self._settings)
        if refused is not None:
            return refused
        methods = self.routes.get(call.path)
        if methods is None:
            return problem(404, "not-found", "no such resource; GET / lists them")
        route = methods.get("GET" if call.method == "HEAD" else call.method)
        if route is None:
            allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
            return problem(405, "method", f"use {allowed}", (("Allow", allowed),))
        operation = route.operation
        if (body := operation.body) is not None:
            wrong = api_gate.body_refusal(call, body.type, body.also, body.most)
            if wrong is not None:
                return wrong
        try:
            if not operation.known.issuperset(call.args):
                unknown(call.args, operation.known)
            return route.handler(call)
        except Exception as error:  # noqa: BLE001 - the rim: a caller gets an answer, always
            return _failed(call, error)

    def _health(self, call: Call) -> Answer:
        ills = self._verbs.ills()
        value = {"status": "stuck", "reasons": list(ills)} if ills else {"status": "ok"}
        return json(value, 503 if ills else 200)

    def _ready(self, call: Call) -> Answer:
        running = self._verbs.running()
        value: dict[str, Any] = {"ready": running.ready, "reasons": list(running.reasons)}
        return json(value, 200 if running.ready else 503)


def _page_routes(query: Query, verbs: Verbs, demand: OnDemand, shown: Pages) -> Sequence[Route]:
    """What is for a person with a browser."""
    browse, forms = Browsing(query, shown), Forms(query, verbs, demand, shown)
    return (
        Route(page.OVERVIEW, shown.overview),
        Route(page.FOLLOWS, shown.follows),
        Route(page.HOSTS, shown.hosts),
        Route(page.CHANGES, shown.changes),
        Route(page.DELIVERIES, DeliveriesPage(query, shown).show),
        Route(page.DOCUMENTS, browse.documents),
        Route(page.DOCUMENT, browse.document),
        Route(page.THREAD, browse.thread),
        Route(page.FILE, page_templates.file),
        Route(page.FETCH, forms.fetch),
        Route(page.FOLLOW, forms.follow),
        Route(page.UNFOLLOW, forms.unfollow),
    )


async def _later(call: Call, result: Awaitable[Answer]) -> Answer:
    try:
        answer = await result
    except Exception as error:  # noqa: BLE001 - the rim: a caller gets an answer, always
        answer = _failed(call, error)
    finished = _finished(call, answer)
    return finished if isinstance(finished, Answer) else await finished


def _failed(call: Call, error: Exception) -> Answer:
    if isinstance(error, FedpullError):
        if error.http_status in (502, 504):
            log.info("%s %s: %s", call.method, call.path, error)
        return problem_of(error)
    log.error("%s %s failed; this is a bug", call.method, call.path, exc_info=error)
    return problem(500, "error", "something failed that should not; it is in the log")


def _finished(call: Call, answer: Answer) -> Result:
    """With what stands on every answer, and as small as its reader takes it."""
    answer = api_coding.validated(call, answer)
    given = {name for name, _ in answer.headers}
    headers = (*(header for header in _ALWAYS if header[0] not in given), *answer.headers)
    whole = Answer(answer.status, answer.body, answer.type, headers, answer.chunks)
    if api_coding.pieces_can_shrink(answer):
        return api_coding.compressed_pieces(whole) if api_coding.wants_gzip(call) else whole
    if not api_coding.can_shrink(answer) or not api_coding.wants_gzip(call):
        return whole
    large = len(answer.body) > api_coding.LARGE
    return api_coding.compressed_aside(whole) if large else api_coding.compressed(whole)
