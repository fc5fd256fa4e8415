"""The pages for a person with a browser: how things stand, whom we follow, hosts, what came in.

They read and render on a thread of their own, so that no page, however long, holds the loop; what
is asked of the verbs is asked on the loop. Invariant: a page scans no more than the follows and
MAX_HOSTS hosts, and shows at most PER_PAGE entries of a list.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import islice
from typing import Any

import orjson

from ..errors import BadInput, FedpullError, TooOld
from . import lookup, page_document, page_plots, page_rows, page_standing, page_templates
from .api_http import Answer, Call, problem_of
from .page_plots import Plot
from .page_templates import Page
from .ports import Query
from .records import Change, Host, ObjectFilter
from .series import Series
from .verbs import Running, Verbs

PER_PAGE = 100
ENTRIES = 50  # of the change log
# Each costs some 15 us to read: a third of a second, on a thread, at most every few seconds.
MAX_HOSTS = 20_000
_HOSTS_AGE = 10.0
_LATEST = 6
_NEEDY = 8


@dataclass(frozen=True, slots=True)
class Scene:
    """What every page is made from: the moment, and what only the process knows of itself."""

    now: float
    running: Running


class Pages:
    """Handlers over the store's reader. `series` is what the plots show."""

    def __init__(
        self, query: Query, verbs: Verbs, now: Callable[[], float], series: Series
    ) -> None:
        self._query = query
        self._verbs = verbs
        self._now = now
        self._series = series
        self._seen_hosts: tuple[float, tuple[Host, ...]] = (float("-inf"), ())

    def overview(self, call: Call) -> Awaitable[Answer]:
        return self.show(call, lambda scene: self._overview(call, scene))

    def follows(self, call: Call) -> Awaitable[Answer]:
        return self.show(call, lambda scene: self.follows_page(call, scene))

    def hosts(self, call: Call) -> Awaitable[Answer]:
        return self.show(call, lambda scene: self._hosts(call, scene))

    def changes(self, call: Call) -> Awaitable[Answer]:
        return self.show(call, lambda scene: self._changes(call))

    async def show(self, call: Call, make: Callable[[Scene], Page]) -> Answer:
        """The page that `make` gives; for a browser also an error is one."""
        scene = self.scene()
        try:
            return await asyncio.to_thread(self._rendered, make, scene)
        except FedpullError as error:
            if not page_templates.wants_html(call):
                raise
            return self.failure(error, scene)

    def scene(self) -> Scene:
        return Scene(self._now(), self._verbs.running())

    def failure(self, error: FedpullError, scene: Scene) -> Answer:
        told = problem_of(error)
        page = page_templates.problem(error, detail_of(error))
        answer = page_templates.render(page, scene.now, scene.running.version)
        extra = tuple(header for header in told.headers if header[0] == "Retry-After")
        return replace(answer, headers=(*answer.headers, *extra))

    def _rendered(self, make: Callable[[Scene], Page], scene: Scene) -> Answer:
        # Before all else: what comes while the page is made is told to it by the stream.
        seq = self._query.totals().last_seq
        return page_templates.render(make(scene), scene.now, scene.running.version, seq)

    def _overview(self, call: Call, scene: Scene) -> Page:
        now = scene.now
        span = call.args.get("range") or "3h"
        if span not in page_plots.RANGES:
            raise BadInput("range", "is not known", f"one of {', '.join(page_plots.RANGES)}")
        totals = self._query.totals(now)
        hindrance = page_standing.hindrance(scene.running, totals)
        rows = page_rows.follow_rows(self._query, hindrance, now)
        hosts = list(filter(page_rows.is_needy, self._all_hosts(now)))
        documents, _ = self._query.objects(ObjectFilter(), _LATEST)
        people = page_document.People(self._query)
        needy = [row for row in rows if row.standing.level in page_standing.NEEDY]
        worst = nsmallest(_NEEDY, hosts, key=page_rows.host_order)
        return Page(
            "overview.html",
            "Overview",
            {
                "here": "/",
                "totals": totals,
                "running": scene.running,
                "hindrance": hindrance,
                "kinds": Counter(row.standing.level for row in rows),
                "needy": needy[:_NEEDY],
                "needy_count": len(needy),
                "worst": page_rows.host_rows(worst, now),
                "worst_count": len(hosts),
                "plots": self._plots(span, scene),
                "range": span,
                "ranges": page_plots.RANGES,
                "posts": page_document.in_list(documents, self._query.reference, people, now),
            },
        )

    def follows_page(
        self,
        call: Call,
        scene: Scene,
        form: dict[str, str] | None = None,
        wrong: FedpullError | None = None,
    ) -> Page:
        """`form` and `wrong`: what was filled in, and why it was not taken."""
        totals = self._query.totals(scene.now)
        hindrance = page_standing.hindrance(scene.running, totals)
        rows = page_rows.follow_rows(self._query, hindrance, scene.now)
        wanted = call.args.get("q", "").strip().casefold()
        found = [row for row in rows if wanted in page_rows.names_of(row.follow)]
        shown, place = _page_of(found, call)
        told = call.args.get("told", "")
        return Page(
            "follows.html",
            "Follows",
            {
                "here": "/page/follows",
                "rows": shown,
                "place": place,
                "count": len(rows),
                "found": len(found),
                "kinds": Counter(row.standing.level for row in rows),
                "q": call.args.get("q", ""),
                "told": told,
                "is_followed": bool(told) and self._query.follow(told) is not None,
                "form": form or {},
                "wrong": detail_of(wrong) if wrong is not None else None,
            },
            200 if wrong is None else wrong.http_status,
        )

    def _hosts(self, call: Call, scene: Scene) -> Page:
        everyone = self._all_hosts(scene.now)
        wanted, state = call.args.get("q", "").strip().lower(), call.args.get("state", "")
        found = [one for one in everyone if wanted in one.host and state in ("", one.state)]
        shown, place = _page_of(sorted(found, key=page_rows.host_order), call)
        return Page(
            "hosts.html",
            "Hosts",
            {
                "here": "/page/hosts",
                "rows": page_rows.host_rows(shown, scene.now),
                "place": place,
                "count": len(everyone),
                "is_cut": len(everyone) >= MAX_HOSTS,
                "found": len(found),
                "states": Counter(host.state for host in everyone),
                "q": call.args.get("q", ""),
                "state": state,
            },
        )

    def _changes(self, call: Call) -> Page:
        last = self._query.totals().last_seq
        before = lookup.whole("before", call.args.get("before") or str(last + 1), 1)
        before = min(before, last + 1)
        entries, is_first = self._entries(before)
        return Page(
            "changes.html",
            "Changes",
            {
                "here": "/page/changes",
                "entries": entries,
                "people": page_document.People(self._query),
                "words": self._words,
                "older": None if is_first else entries[-1].seq,
                "is_latest": before == last + 1,
                "last_seq": last,
            },
        )

    def _entries(self, before: int) -> tuple[list[Change], bool]:
        """The latest entries in front of one, latest first; whether nothing is kept before them."""
        since = max(before - ENTRIES - 1, 0)
        try:
            entries = self._query.changes(since, ENTRIES)
        except TooOld as error:
            since, entries = 0, self._query.changes(error.oldest - 1, ENTRIES)
        entries = [entry for entry in reversed(entries) if entry.seq < before]
        return entries, not since or not entries

    def _words(self, id: str) -> str:
        """What a document is called, or how it begins; empty where it is not held."""
        document = self._query.document(id)
        return page_document.words(document) if document is not None else ""

    def _all_hosts(self, now: float) -> tuple[Host, ...]:
        at, hosts = self._seen_hosts
        if not 0.0 <= now - at < _HOSTS_AGE:
            hosts = tuple(islice(self._query.hosts(now), MAX_HOSTS))
            self._seen_hosts = (now, hosts)
        return hosts

    def _plots(self, span: str, scene: Scene) -> list[tuple[Plot, list[Any]]]:
        seconds, count = page_plots.RANGES[span]
        since = scene.now - seconds
        parts = page_plots.buckets(self._series.points(since, scene.now), since, scene.now, count)
        limit = float(scene.running.budget_limit) or None
        made = (
            page_plots.plot(
                "Requests to other servers",
                "a minute",
                (("answered", "answered"), ("failed", "failed")),
                parts,
            ),
            page_plots.plot(
                "What came of them", "changes a minute", (("changes", "changes"),), parts
            ),
            page_plots.plot("Budget", "requests in an hour", (("used", "used"),), parts, limit),
            page_plots.plot("Late", "sources due and not asked", (("late", "late"),), parts),
        )
        return [(one, page_plots.table(parts, one)) for one in made]


def detail_of(error: FedpullError) -> str:
    """What a caller of the API is told of it: of what lies on the way to an origin, one word."""
    return str(orjson.loads(problem_of(error).body)["detail"])


def _page_of(rows: list[Any], call: Call) -> tuple[list[Any], dict[str, Any]]:
    """One page of a list that is at hand, and where it stands."""
    number = lookup.whole("page", call.args.get("page") or "1", 1, 1_000_000)
    last = max((len(rows) - 1) // PER_PAGE + 1, 1)
    number = min(number, last)
    start = (number - 1) * PER_PAGE
    place = {"page": number, "last": last, "args": {**call.args, "page": ""}}
    return rows[start : start + PER_PAGE], place
