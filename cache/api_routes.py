"""The private HTTP API: a table of routes, each a handler of one call. It opens no socket.

    Call -> gate -> route -> handler -> Answer, or an awaitable one where a verb is waited for

Reading is answered at once from the store; what cannot be read goes through the verbs' port, so
that nothing here knows the crawler. Invariant: whatever happens, the caller gets an Answer, errors
as RFC 9457 problems, and nothing of our insides.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..errors import FedpullError
from . import api_gate
from .api_demand import OnDemand
from .api_document import Documents
from .api_gate import ApiSettings
from .api_http import Answer, Call, json, problem, problem_of
from .api_mail import Mail
from .api_metrics import Metrics
from .api_moderation import Moderating
from .api_page import front_page
from .api_read import Reading
from .api_write import Writing
from .ports import Query
from .verbs import Verbs

Result = Answer | Awaitable[Answer]
Handler = Callable[[Call], Result]

log = logging.getLogger(__name__)

# On every answer: no page may frame, sniff or script what strangers have written.
_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


class Api:
    """The routes over one store. `now` is the clock's."""

    def __init__(
        self, query: Query, verbs: Verbs, settings: ApiSettings, now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._verbs = verbs
        demand = OnDemand(query, verbs, now)
        read = Reading(query, verbs, now)
        documents = Documents(query, demand, now)
        write = Writing(query, verbs, demand, now)
        mail, moderating = Mail(query, verbs), Moderating(verbs)
        self.routes: Mapping[str, Mapping[str, Handler]] = {
            "/": {"GET": lambda call: front_page()},
            "/healthz": {"GET": lambda call: json({"status": "ok"})},
            "/readyz": {"GET": self._ready},
            "/metrics": {"GET": Metrics(query, verbs, now).get},
            "/v1/document": {"GET": documents.get},
            "/v1/reference": {"GET": read.reference},
            "/v1/objects": {"GET": read.objects},
            "/v1/collection": {"GET": read.collection},
            "/v1/changes": {"GET": read.changes},
            "/v1/history": {"GET": read.history},
            "/v1/fetch": {"POST": write.fetch},
            "/v1/pull": {"POST": write.pull},
            "/v1/follows": {"GET": read.follows, "POST": write.follow, "DELETE": write.unfollow},
            "/v1/notifications": {"GET": mail.notifications},
            "/v1/followers": {"GET": mail.followers, "POST": mail.judge},
            "/v1/deliveries": {"GET": mail.deliveries},
            "/v1/forget": {"GET": moderating.forgotten, "POST": moderating.forget},
            "/v1/blocklists": {"POST": moderating.reload},
            "/v1/hosts": {"GET": read.hosts},
            "/v1/status": {"GET": read.status},
        }

    def answer(self, call: Call) -> Result:
        """The answer to a call, or something to await for it. Never raises."""
        refused = api_gate.refusal(call, self._settings)
        if refused is not None:
            return _finished(refused)
        methods = self.routes.get(call.path)
        if methods is None:
            return _finished(problem(404, "not-found", "no such resource; GET / lists them"))
        handler = methods.get("GET" if call.method == "HEAD" else call.method)
        if handler is None:
            allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
            return _finished(problem(405, "method", f"use {allowed}", (("Allow", allowed),)))
        if call.method == "POST" and (refused := api_gate.body_refusal(call)) is not None:
            return _finished(refused)
        try:
            result = handler(call)
        except Exception as error:  # noqa: BLE001 - the rim: a caller gets an answer, always
            return _finished(_failed(call, error))
        if isinstance(result, Answer):
            return _finished(result)
        return _later(call, result)

    def _ready(self, call: Call) -> Answer:
        running = self._verbs.running()
        value: dict[str, Any] = {"ready": running.ready, "reasons": list(running.reasons)}
        return json(value, 200 if running.ready else 503)


async def _later(call: Call, result: Awaitable[Answer]) -> Answer:
    try:
        return _finished(await result)
    except Exception as error:  # noqa: BLE001 - the rim: a caller gets an answer, always
        return _finished(_failed(call, error))


def _failed(call: Call, error: Exception) -> Answer:
    if isinstance(error, FedpullError):
        if error.http_status in (502, 504):
            log.info("%s %s: %s", call.method, call.path, error)
        return problem_of(error)
    log.error("%s %s failed; this is a bug", call.method, call.path, exc_info=error)
    return problem(500, "error", "something failed that should not; it is in the log")


def _finished(answer: Answer) -> Answer:
    return Answer(answer.status, answer.body, answer.type, (*_ALWAYS, *answer.headers))
