"""What is too much: the tables of quotas and budgets, and whose a host is."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpull.crawler.protocol.budgets import FOLLOW, ON_DEMAND, Account, Budget, over
from fedpull.crawler.protocol.domains import domain
from fedpull.crawler.protocol.quotas import (
    DAY,
    NUMBER,
    REASONS,
    Asks,
    Limits,
    Share,
    Usage,
    over_asking,
    over_keeping,
    walk_again,
)

NOW = 1_790_000_000.0
SHARE = Share(documents=10, bytes=1_000, references=20, own_bytes=5_000, actors=3, requests=50)
LIMITS = Limits(
    SHARE,
    replace(SHARE, documents=15, bytes=1_500, references=30, actors=5, requests=70),
    queue=100,
    frontier=1_000,
    walk_rests=50,
    hosts=10,
    follow=40,
    day_documents=30,
    day_bytes=9_000,
)
ASKS = Asks(queued=0, frontier=0, new_host=False, new_reference=False, actor=False)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("social.example", "social.example", id="a name right below a suffix"),
        pytest.param("h7.wild.example", "wild.example", id="a sub-domain"),
        pytest.param("a.b.c.wild.example:8443", "wild.example", id="many levels, and a port"),
        pytest.param("social.co.uk", "social.co.uk", id="a suffix of two labels"),
        pytest.param("a.social.co.uk", "social.co.uk", id="below a suffix of two labels"),
        pytest.param("blog.github.io", "blog.github.io", id="a host of many owners"),
        pytest.param("github.io", "github.io", id="a suffix itself"),
        pytest.param("203.0.113.9:443", "203.0.113.9", id="an address"),
        pytest.param("[2001:db8::1]:443", "2001:db8::1", id="an address of version 6"),
        pytest.param("localhost:8080", "localhost", id="a name without a dot"),
        pytest.param("xn--bcher-kva.example", "xn--bcher-kva.example", id="an international name"),
    ],
)
def test_the_registrable_domain(host: str, expected: str) -> None:
    """Names that one owner can invent share a domain; names of several owners do not."""
    assert domain(host) == expected


@given(st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,4}", fullmatch=True), st.integers(1, 65535))
def test_a_domain_is_the_end_of_its_host(host: str, port: int) -> None:
    """Every host has one, its port says nothing, and it is that of itself."""
    found = domain(host)

    assert host == found or host.endswith(f".{found}")
    assert domain(f"{host}:{port}") == found
    assert domain(found) in (found, found.rpartition(":")[0])


@pytest.mark.parametrize(
    ("asks", "host", "of_domain", "follow", "expected"),
    [
        pytest.param({}, {}, {}, {}, None, id="nothing is used up"),
        pytest.param({"queued": 99}, {}, {}, {}, None, id="one more fits into the queue"),
        pytest.param({"queued": 100}, {}, {}, {}, "frontier", id="the queue of the host is full"),
        pytest.param({"frontier": 1_000}, {}, {}, {}, "frontier", id="all queues are full"),
        pytest.param({"new_host": True}, {}, {"day_hosts": 9}, {}, None, id="the tenth host"),
        pytest.param({"new_host": True}, {}, {"day_hosts": 10}, {}, "hosts", id="the eleventh"),
        pytest.param({}, {}, {"day_hosts": 10}, {}, None, id="a host that is known"),
        pytest.param(
            {"new_reference": True}, {"references": 20}, {}, {}, "references", id="ids of the host"
        ),
        pytest.param(
            {"new_reference": True},
            *({}, {"references": 30}, {}, "references"),
            id="ids of the domain",
        ),
        pytest.param({}, {"references": 20}, {}, {}, None, id="an id that is known"),
        pytest.param({"actor": True}, {"day_actors": 3}, {}, {}, "actors", id="actors of the host"),
        pytest.param({"actor": True}, {}, {"day_actors": 5}, {}, "actors", id="of the domain"),
        pytest.param({}, {"day_requests": 50}, {}, {}, "requests", id="requests to the host"),
        pytest.param({}, {}, {"day_requests": 70}, {}, "requests", id="requests to the domain"),
        pytest.param({}, {}, {}, {"day_requests": 40}, "follow", id="what a follow leads to"),
        *(
            pytest.param(asks, host, {}, {"day_requests": many}, expected, id=f"{reason}, {many}")
            for many in (3, 4)
            for asks, host, reason in (
                ({"queued": 50}, {}, "frontier"),
                ({}, {"day_requests": 25}, "requests"),
                ({"new_reference": True}, {"references": 10}, "references"),
                ({"actor": True}, {"day_actors": 1}, "actors"),
            )
            for expected in (reason if many == 4 else None,)
        ),
    ],
)
def test_what_is_asked_for(
    asks: dict[str, int],
    host: dict[str, int],
    of_domain: dict[str, int],
    follow: dict[str, int],
    expected: str | None,
) -> None:
    """Each limit is refused by its own word, exactly at its number; a follow that has led to much
    today gets half of what a host's limits give."""
    found = over_asking(
        replace(ASKS, **asks),  # type: ignore[arg-type]
        *(Usage(**host), Usage(**of_domain), Usage(**follow), LIMITS),
    )

    assert found == expected


@pytest.mark.parametrize(
    ("host", "of_domain", "own", "expected"),
    [
        pytest.param({}, {}, False, None, id="there is room"),
        pytest.param({"documents": 9}, {}, False, None, id="the last document"),
        pytest.param({"documents": 10}, {}, False, "documents", id="one too many of the host"),
        pytest.param({}, {"documents": 15}, False, "documents", id="one too many of the domain"),
        pytest.param({"bytes": 900}, {}, False, None, id="the last bytes"),
        pytest.param({"bytes": 901}, {}, False, "bytes", id="a byte too many"),
        pytest.param({"documents": 10, "bytes": 999}, {}, True, None, id="own room is apart"),
        pytest.param({"own_bytes": 4_901}, {}, True, "bytes", id="own room is full"),
        pytest.param({"own_bytes": 9_000}, {}, False, None, id="which is nothing to the others"),
    ],
)
def test_what_is_kept(
    host: dict[str, int], of_domain: dict[str, int], own: bool, expected: str | None
) -> None:
    """A hundred bytes more, of a host and its domain."""
    found = over_keeping(Usage(**host), Usage(**of_domain), 100, LIMITS, own=own)

    assert found == expected


@pytest.mark.parametrize(
    ("host", "queued", "waits"),
    [
        pytest.param(Usage(), 0, 0.0, id="a walk goes on at once"),
        pytest.param(Usage(), 49, 0.0, id="while its host's queue is short"),
        pytest.param(Usage(), 50, 900.0, id="it rests while the queue is long"),
        pytest.param(
            Usage(day_documents=30), 0, DAY - NOW % DAY, id="enough for a day: the next one"
        ),
        pytest.param(Usage(day_bytes=9_000), 0, DAY - NOW % DAY, id="enough bytes for a day"),
    ],
)
def test_a_walk_rests(host: Usage, queued: int, waits: float) -> None:
    """Where it has come to is kept, and it goes on later."""
    assert walk_again(host, queued, LIMITS, NOW) == pytest.approx(NOW + waits)


def test_a_day_begins_anew() -> None:
    """What counts by the day is 0 on the next one; what is kept stays, and so does a clock's slip
    back over midnight."""
    used = Usage(documents=5, day_documents=7, day_hosts=9, day_requests=3, day_actors=1).on(NOW)
    assert (used.documents, used.day_documents) == (5, 0)

    used.day_hosts = 4
    midnight = NOW // DAY * DAY
    assert used.on(midnight - 60.0).day_hosts == 4
    assert used.on(NOW + 60.0).day_hosts == 4
    assert used.on(NOW + DAY).day_hosts == 0
    assert used.documents == 5


def test_every_reason_has_words_and_a_number_of_its_own() -> None:
    """What a row keeps of a refusal can be told to a person."""
    assert len(set(NUMBER.values())) == len(REASONS)
    assert all(Usage(reason=NUMBER[reason]).why == reason for reason in REASONS)
    assert Usage().why is None


@given(st.integers(1 << 16, 1 << 50))
def test_no_host_may_take_the_store(max_bytes: int) -> None:
    """However small or large the store: what one domain has discovered leaves room for others."""
    limits = Limits.of(max_bytes)

    assert limits.host.bytes <= limits.domain.bytes <= max_bytes / 8
    assert limits.domain.references * 512 <= max(max_bytes / 8, 512 * 2)
    assert limits.host.own_bytes < max_bytes


@pytest.mark.parametrize(
    ("budget", "account", "expected"),
    [
        pytest.param(ON_DEMAND, Account(0, 0, NOW), None, id="it begins"),
        pytest.param(ON_DEMAND, Account(400, 0, NOW), "fetches", id="four hundred requests"),
        pytest.param(ON_DEMAND, Account(1, 32 << 20, NOW), "bytes", id="32 MiB"),
        pytest.param(ON_DEMAND, Account(1, 1, NOW - 299), None, id="within five minutes"),
        pytest.param(ON_DEMAND, Account(1, 1, NOW - 300), "seconds", id="after five minutes"),
        pytest.param(ON_DEMAND, Account(1, 1, NOW + 60), "seconds", id="a clock set back"),
        pytest.param(FOLLOW, Account(399, 1, NOW - 30 * DAY), None, id="a thread lives on"),
        pytest.param(FOLLOW, Account(1, 64 << 20, NOW), "bytes", id="a thread of 64 MiB"),
        pytest.param(Budget(1, 1, 1, inf), Account(0, 0, NOW + 9), None, id="no end of time"),
    ],
)
def test_what_one_cause_may_have_us_do(
    budget: Budget, account: Account, expected: str | None
) -> None:
    """Whatever is used up first ends it."""
    assert over(budget, account, NOW) == expected
