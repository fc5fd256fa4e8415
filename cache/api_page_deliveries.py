"""The page of what goes out, for a person with a browser: deliveries, their tries, who takes none.

It reads, as the other pages do, on a thread of its own. Invariant: it shows at most PER_PAGE
deliveries, the latest first, and looks for those of one activity by its id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from ..errors import BadInput
from . import lookup
from .api_http import Answer, Call
from .api_pages import PER_PAGE, Pages, Scene
from .mail_layout import DELIVERY_STATES
from .mail_records import Delivery, DeliveryState
from .page_standing import Level, Standing
from .page_templates import Page
from .ports import Query

_LEVELS: dict[DeliveryState, tuple[Level, str]] = {
    "waiting": ("busy", "waiting"),
    "delivered": ("ok", "delivered"),
    "given_up": ("bad", "given up"),
    "expired": ("bad", "expired"),
}


class DeliveriesPage:
    """The handler; `pages` renders."""

    def __init__(self, query: Query, pages: Pages) -> None:
        self._query = query
        self._pages = pages

    def show(self, call: Call) -> Awaitable[Answer]:
        return self._pages.show(call, lambda scene: self._page(call, scene))

    def _page(self, call: Call, scene: Scene) -> Page:
        state = _state(call.args.get("state", ""))
        host, activity = call.args.get("host", "").strip(), call.args.get("activity", "").strip()
        before = call.args.get("before")
        found = self._query.deliveries(
            PER_PAGE + 1,
            lookup.whole("before", before, 0) if before else None,
            state,
            lookup.host("host", host) if host else None,
            activity or None,
        )
        return Page(
            "deliveries.html",
            "Deliveries",
            {
                "here": "/page/deliveries",
                "totals": self._query.totals(),
                "rows": [(one, _standing(one)) for one in found[:PER_PAGE]],
                "account": self._query.account(activity) if activity else None,
                "states": DELIVERY_STATES,
                "state": state or "",
                "host": host,
                "activity": activity,
                "older": _older(call, found),
                "is_latest": not before,
            },
        )


def _state(text: str) -> DeliveryState | None:
    for state in DELIVERY_STATES:
        if state == text:
            return state
    if text:
        raise BadInput("state", "is none that there is", f"one of {', '.join(DELIVERY_STATES)}")
    return None


def _standing(one: Delivery) -> Standing:
    level, word = _LEVELS[one.state]
    if one.state == "waiting" and one.last_error:
        level = "late"
    return Standing(level, word, one.last_error or "")


def _older(call: Call, found: Sequence[Delivery]) -> dict[str, str] | None:
    if len(found) <= PER_PAGE:
        return None
    return {**call.args, "before": str(found[PER_PAGE - 1].id)}
