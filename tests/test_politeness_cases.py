"""Hosts in trouble, and what they see of us over hours, days and a month."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ingest_cases import ALICE, OUTBOX, actor, create
from pocket import Pocket
from store_cases import NOW, clean, lease, queue, store_at, uri, want

from fedpull.cache.open import Opened
from fedpull.cache.records import Cause, HostReport, Kind, Lease, Outcome, Politeness
from fedpull.crawler.answer import Answer, Hop
from fedpull.crawler.host_reports import reports
from fedpull.crawler.protocol.rate_limits import Announced

HOUR, DAY = 3_600.0, 86_400.0
HOST = "a.example:443"


def page(number: int, last: int) -> dict[str, Any]:
    more = {"next": f"{OUTBOX}?page={number + 1}"} if number < last else {}
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{OUTBOX}?page={number}",
        "type": "OrderedCollectionPage",
        "partOf": OUTBOX,
        "orderedItems": [create(100 - number)],
        **more,
    }


def test_a_429_on_the_ninth_page_keeps_the_place(tmp_path: Path) -> None:
    """Mastodon's, with an ISO time and no Retry-After: nothing of the host until then, and the
    walk goes on at the ninth page."""
    with Pocket(tmp_path) as pocket:
        pages = {f"{OUTBOX}?page={n}": page(n, 12) for n in range(1, 13)}
        pocket.pages |= {ALICE: actor(), **pages}
        first = f"{OUTBOX}?page=1"
        pocket.pages[OUTBOX] = {"id": OUTBOX, "type": "OrderedCollection", "first": first}
        ninth = f"{OUTBOX}?page=9"
        reset = pocket.clock.now() + 700

        def limited(taken: Lease) -> Answer:
            headers = {
                "x-ratelimit-limit": "300",
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": datetime.fromtimestamp(reset, UTC).isoformat(),
            }
            now = pocket.clock.now()
            hops = (Hop(taken.host, 429),)
            return Answer(taken.url, taken.url, 429, headers, b"", None, now, hops)

        pocket.pages[ninth] = limited
        pocket.follow(ALICE, backfill="all")
        pocket.run()
        until_then = [url for url in pocket.asked if "page=" in url]
        pocket.pages |= pages
        pocket.later(690)
        waiting = pocket.asked[-1]
        # The limit's end, the little that we come later, and the rest at half the pace.
        for _ in range(20):
            pocket.later(60)
        walked = [url for url in pocket.asked if "page=" in url]

    assert until_then == [f"{OUTBOX}?page={n}" for n in range(1, 10)]
    assert waiting == ninth
    assert walked[: len(until_then) + 4] == [
        *until_then,
        *(f"{OUTBOX}?page={n}" for n in (9, 10, 11, 12)),
    ]


def insisting(opened: Opened, days: float, **report: Any) -> list[float]:
    """When a host is asked that always answers the same, while more is wanted of it every hour,
    for every reason there is."""
    asked: list[float] = []
    now = NOW
    for hour in range(int(days * 24)):
        queue(opened, *(want(uri("a", 5 * hour + one), cause=one, due=NOW) for one in Cause))
        while now < NOW + (hour + 1) * HOUR:
            for taken in lease(opened, now):
                asked.append(now - NOW)
                values = {"ok": True, "sent": now} | report
                told = HostReport(taken.host, **values)
                opened.store.apply(Outcome(at=now, lease=taken, hosts=(told,))).result()
            due = opened.frontier.next_due(now)
            now = NOW + (hour + 1) * HOUR if due is None else max(due, now + 0.01)
    return asked


def test_a_host_that_refuses_everything_for_three_days_is_left_alone(tmp_path: Path) -> None:
    """Ten refusals, and then one request a day, whatever is wanted of it."""
    with store_at(tmp_path) as opened:
        asked = insisting(opened, 3, status=403, refused=True)
        (known,) = opened.query.hosts(NOW + 3 * DAY)
        clean(opened)

    assert len([at for at in asked if at > DAY / 2]) <= 3
    assert len(asked) <= 13
    assert known.state == "unwelcome"
    assert "refused" in (known.why or "")


def test_a_domain_that_was_sold_sleeps(tmp_path: Path) -> None:
    """Page after page for people: after twenty it is asked less and less, once a day in the end;
    one document wakes it."""
    with store_at(tmp_path) as opened:
        asked = insisting(opened, 10, status=200, error="type")
        before = opened.query.host(HOST, NOW + 10 * DAY)
        taken = lease(opened, NOW + 12 * DAY)
        told = (HostReport(HOST, ok=True, status=200),)
        outcome = Outcome(at=NOW + 12 * DAY, lease=taken[0], hosts=told)
        opened.store.apply(outcome).result()
        after = opened.query.host(HOST, NOW + 12 * DAY)
        clean(opened)

    assert len(asked) <= 36
    assert len([at for at in asked if at > 5 * DAY]) <= 6
    assert before is not None
    assert before.why is not None
    assert "no document" in before.why
    assert after is not None
    assert after.state == "ok"


def test_a_month_of_downtime_is_no_storm(tmp_path: Path) -> None:
    """Everything of a thousand hosts was due meanwhile: each sees its gap, its pages and one
    connection, and of each the oldest is asked first."""
    rng = random.Random(1)
    polite = Politeness(1, 2.0, pages=3, pages_window=60.0)
    asked: defaultdict[str, list[tuple[float, bool, float]]] = defaultdict(list)
    with store_at(tmp_path, politeness=polite) as opened:
        wants = [
            want(
                f"https://h{host}.example/{n}",
                kind=Kind.PAGE if n < 4 else Kind.DOCUMENT,
                cause=Cause.NEW if n < 4 else Cause.REFRESH,
                due=NOW - rng.random() * 30 * DAY,
            )
            for host in range(1_000)
            for n in range(6)
        ]
        queue(opened, *wants)
        now, left = NOW, len(wants)
        while left:
            done = []
            for taken in lease(opened, now, 128):
                kind = taken.want.kind is Kind.PAGE
                asked[taken.host].append((now, kind, taken.want.due))
                report = HostReport(taken.host, ok=True, status=200, sent=now)
                done.append(Outcome(at=now, lease=taken, hosts=(report,)))
            for future in [opened.store.apply(one) for one in done]:
                future.result()
            left -= len(done)
            due = opened.frontier.next_due(now)
            now = max(due if due is not None else now, now + 0.25)
        clean(opened)

    assert len(asked) == 1_000
    for seen in asked.values():
        times = [at for at, _, _ in seen]
        assert min(later - earlier for earlier, later in pairwise(times)) >= 2.0
        pages = [at for at, is_page, _ in seen if is_page]
        assert pages[3] - pages[0] >= 60.0
        for kind in (True, False):
            dues = [due for _, is_page, due in seen if is_page is kind]
            assert dues == sorted(dues)


LIMITS = {"ratelimit": '"a";r=3;t=40', "ratelimit-policy": '"a";q=9;w=60'}
SPENT = {"x-ratelimit-limit": "30", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "50"}


@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_every_host_of_a_chain_is_heard(status: int) -> None:
    """A redirect announces its host's limits, and the last answer those of its own."""
    hops = (Hop("a.example:443", 302, headers=LIMITS), Hop("b.example:443", status, headers=SPENT))
    url = "https://b.example/1"
    answer = Answer("https://a.example/1", url, status, SPENT, b"", None, NOW, hops)
    first, last = reports(answer, NOW)

    assert first.limits == (Announced("a", 9, 3, 40.0, 60.0),)
    assert first.pause is None
    robots = Hop("a.example:443", 429, headers={"retry-after": "60"})
    (busy, *_) = reports(replace(answer, hops=(robots, hops[1])), NOW)
    assert busy.pause == NOW + 60
    assert last.limits == (Announced("30", 30, 0, 50.0),)
    assert last.pause == (NOW + 50 if status in (429, 503) else None)
