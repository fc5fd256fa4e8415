"""The private API on a socket: a call from each request, its answer back, and nothing more.

It knows no route and no rule; what one client can send is bounded in `http_server`. Invariant: no
access log is written (ids are what people read).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..crawler.protocol.publishable import MOST_BYTES
from .api_gate import ApiSettings
from .api_http import Answer, Call, problem
from .api_routes import Api
from .feed import Feed
from .http_server import BoundedRequest, BoundedSite, Limits
from .ports import Query
from .series import Series
from .verbs import Verbs

# Whoever can connect may hold a connection and read nothing. A thousand of them hold 64 KiB each in
# the sockets' buffers; of larger answers (a page of a list has 4 MiB at most, a document 1) so much
# is kept in all, and one more is told to come again.
# A body is what somebody publishes, at the most; of all of them together a hundred such are read.
LIMITS = Limits(MOST_BYTES, connections=1_000, bodies=100 * MOST_BYTES, answers=64 * 2**20)


class ApiRequest(BoundedRequest):
    """One request, from its bytes to a Call."""

    def most(self, method: bytes, target: bytes) -> int:
        api: Api = self.channel.site.api
        return api.most(method.decode("latin-1"), target.partition(b"?")[0].decode("latin-1"))

    def respond(self) -> Answer | Awaitable[Answer]:
        call = self._call()
        api: Api = self.channel.site.api
        return call if isinstance(call, Answer) else api.answer(call)

    def _call(self) -> Call | Answer:
        args: dict[str, str] = {}
        try:
            for name, values in self.args.items():
                if len(values) > 1:
                    detail = f"the parameter {name.decode()[:80]!r} stands there twice"
                    return problem(400, "bad-input", detail)
                args[name.decode()] = values[0].decode()
            path = self.path.decode("ascii")
        except UnicodeDecodeError:
            return problem(400, "bad-input", "the URL is not UTF-8")
        method = self.method.decode("latin-1")
        return Call(method, path, args, self.header_texts(), self.content.read())


class ApiSite(BoundedSite):
    """The factory of connections, with the API that their requests ask."""

    def __init__(self, api: Api, reactor: Any = None) -> None:
        super().__init__(ApiRequest, LIMITS, reactor)
        self.api = api

    def stopFactory(self) -> None:  # noqa: N802 - Twisted's name
        super().stopFactory()
        self.api.close()


def build_site(
    query: Query,
    verbs: Verbs,
    settings: ApiSettings,
    now: Callable[[], float],
    feed: Feed,
    reactor: Any = None,
    series: Series | None = None,
) -> ApiSite:
    """The API over a store, ready to listen."""
    return ApiSite(Api(query, verbs, settings, now, feed, series), reactor)
