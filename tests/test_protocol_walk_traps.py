"""Walks over pagers that want them to loop, leave, or never end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from protocol_boxes import BOX, HOST, Box, Json, visit

from fedpull.crawler.protocol.walk import begin

Trap = Callable[[int], Json]


def _trap(next_of: Callable[[int], Any], items: Callable[[int], list[Any]]) -> Trap:
    return lambda n: {
        "type": "OrderedCollectionPage",
        "orderedItems": items(n),
        "next": next_of(n),
    }


def _one(n: int) -> list[Any]:
    return [f"{HOST}/notes/{n}"]


def _none(n: int) -> list[Any]:
    return []


TRAPS: dict[str, tuple[Trap, str, int]] = {
    "next is the page itself": (_trap(lambda n: f"{BOX}?n=1", _one), "loop", 2),
    "two pages that name each other": (_trap(lambda n: f"{BOX}?n={(n + 1) % 2}", _one), "loop", 3),
    "the page names the root": (_trap(lambda n: BOX, _one), "loop", 1),
    "endless empty pages": (_trap(lambda n: f"{BOX}?n={n + 1}", _none), "nothing new", 2),
    "endless pages of the same item": (
        _trap(lambda n: f"{BOX}?n={n + 1}", lambda n: _one(1)),
        "repeated",
        3,
    ),
    "endless pages of three items in turn": (
        _trap(lambda n: f"{BOX}?n={n + 1}", lambda n: _one(n % 3)),
        "nothing new",
        5,
    ),
    "endless new pages": (_trap(lambda n: f"{BOX}?n={n + 1}", _one), "page cap", 40),
    "next on another host at once": (_trap(lambda n: "https://e.example/", _one), "refused", 1),
    "next on another host on page 7": (
        _trap(lambda n: f"{BOX}?n={n + 1}" if n < 6 else "https://e.example/", _one),
        "refused",
        7,
    ),
    "next on another port": (_trap(lambda n: "https://s.example:8443/", _one), "refused", 1),
    "next without TLS": (_trap(lambda n: "http://s.example/", _one), "refused", 1),
    "next at our own API": (_trap(lambda n: "http://127.0.0.1:8787/v1/status", _one), "refused", 1),
    "next at a private address": (_trap(lambda n: "https://10.0.0.1/", _one), "refused", 1),
    "next is a file": (_trap(lambda n: "file:///etc/passwd", _one), "refused", 1),
    "next is a number": (_trap(lambda n: 7, _one), "refused", 1),
    "next is null": (_trap(lambda n: None, _one), "end", 1),
}


@pytest.mark.parametrize(("trap", "stop", "requests"), TRAPS.values(), ids=TRAPS)
def test_hostile_pagers_are_stopped(trap: Trap, stop: str, requests: int) -> None:
    """No pager makes a walk loop, leave its origin, or go beyond its bounds."""

    class Hostile(Box):
        def answer(self, q: dict[str, str]) -> Json:
            return trap(int(q.get("n", "0")))

    box = Hostile([])
    seen = visit(box, begin(BOX, None, max_pages=40), set())

    assert (seen.last.stop, len(box.requests)) == (stop, requests)
    assert all(url.startswith(BOX) for url in box.requests)
    assert (seen.last.refused is not None) == (stop == "refused")
    if stop != "end" and stop != "refused":
        assert seen.last.complete == (stop != "page cap")
