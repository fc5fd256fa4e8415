"""Names to addresses: what is given out, how often is asked, and who must not wait for whom."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence

import pytest

from fedpull.crawler.answer import Lost
from fedpull.crawler.egress_lookups import KNOWN_PLACES, MAX_HANGING, PLACES, PLACES_PER_DOMAIN
from fedpull.crawler.egress_resolver import MAX_ADDRESSES, MAX_CACHED_PER_DOMAIN, Resolver

PUBLIC = "93.184.215.14"


def resolver(found: Sequence[str]) -> tuple[Resolver, list[str], Counter[str]]:
    asked: list[str] = []
    counts: Counter[str] = Counter()

    def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return found

    return Resolver((), counts, lookup), asked, counts


@pytest.mark.parametrize(
    ("found", "given"),
    [
        ([PUBLIC], (PUBLIC,)),
        (["2606:2800:21f:cb07::1", PUBLIC], ("2606:2800:21f:cb07::1", PUBLIC)),
        ([PUBLIC, "127.0.0.1", PUBLIC], (PUBLIC,)),
        ([f"93.184.215.{number}" for number in range(50)], None),
    ],
    ids=["one", "both families, in the order given", "mixed and doubled", "very many"],
)
async def test_only_good_addresses_are_given_out(
    found: list[str], given: tuple[str, ...] | None
) -> None:
    """In the system's order, each once, and only as many as will be tried."""
    names, _, _ = resolver(found)

    got = await names.addresses("a.example", 443)

    assert got == (given or tuple(found[:MAX_ADDRESSES]))


async def test_a_literal_is_looked_up_nowhere_and_checked_all_the_same() -> None:
    """The gate is where the connection is made, not in the lookup."""
    names, asked, _ = resolver([])

    assert await names.addresses(PUBLIC, 443) == (PUBLIC,)
    with pytest.raises(Lost) as lost:
        await names.addresses("127.0.0.1", 443)
    assert (lost.value.kind, asked) == ("address", [])


async def test_an_answer_is_remembered_for_a_short_while_a_failure_is_not() -> None:
    """A walk over a collection asks once; who failed may be asked again by the next try."""
    names, asked, counts = resolver([PUBLIC])
    for _ in range(3):
        await names.addresses("a.example", 443)
    assert asked == ["a.example"]

    names, asked, counts = resolver(["10.0.0.1"])
    for _ in range(3):
        with pytest.raises(Lost):
            await names.addresses("a.example", 443)
    assert len(asked) == 3
    assert counts["addresses_refused"] == 3


async def test_a_domain_whose_names_never_resolve_does_not_hold_up_the_others() -> None:
    """It gets a few threads, and the names of other domains are resolved meanwhile."""
    release = threading.Event()
    started: list[str] = []

    def lookup(host: str, port: int) -> Sequence[str]:
        started.append(host)
        if host.endswith(".evil.example"):
            release.wait(30)
        return [PUBLIC]

    names = Resolver((), Counter(), lookup)
    slow = [
        asyncio.ensure_future(names.addresses(f"h{number}.evil.example", 443))
        for number in range(PLACES * 2)
    ]
    await asyncio.sleep(0)

    assert await names.addresses("good.other", 443) == (PUBLIC,)
    assert sum(host.endswith(".evil.example") for host in started) <= PLACES_PER_DOMAIN

    release.set()
    assert await asyncio.gather(*slow) == [(PUBLIC,)] * len(slow)
    assert len(started) == PLACES * 2 + 1
    names.close()


async def test_who_stops_waiting_leaves_the_others_their_turn() -> None:
    """A cancelled lookup that waits for its domain is skipped."""
    release = threading.Event()
    started: list[str] = []

    def lookup(host: str, port: int) -> Sequence[str]:
        started.append(host)
        release.wait(30)
        return [PUBLIC]

    names = Resolver((), Counter(), lookup)
    waiting = [
        asyncio.ensure_future(names.addresses(f"h{number}.a.example", 443)) for number in range(8)
    ]
    await asyncio.sleep(0)
    for task in waiting[4:7]:
        task.cancel()
    await asyncio.sleep(0)
    release.set()

    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert sum(result == (PUBLIC,) for result in results) == 5
    assert sorted(started) == sorted(f"h{number}.a.example" for number in (0, 1, 2, 3, 7))
    names.close()


async def test_a_domain_that_invents_names_flushes_no_others() -> None:
    """Of its names the latest are remembered; another domain's are as they were."""
    names, asked, _ = resolver([PUBLIC])
    await names.addresses("honest.example", 443)
    for number in range(MAX_CACHED_PER_DOMAIN + 10):
        await names.addresses(f"h{number}.mint.co.uk", 443)
    asked.clear()
    await names.addresses("honest.example", 443)
    await names.addresses(f"h{MAX_CACHED_PER_DOMAIN}.mint.co.uk", 443)
    await names.addresses("h0.mint.co.uk", 443)

    assert asked == ["h0.mint.co.uk"]


class Hanging:
    """A resolver of the system in which names of `hang*.example` hang until they are let go."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.started: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.started.append(host)
        if host.startswith("hang"):
            self.release.wait(60)
        return [PUBLIC]


async def test_a_hundred_domains_that_hang_do_not_hold_up_those_that_are_known() -> None:
    """Each of them may be registered for this; whoever was resolved before is resolved at once, by
    another name, too, however many hang and wait."""
    system = Hanging()
    names = Resolver((), Counter(), system, patience=30.0)
    await names.addresses("a.known.example", 443)
    slow = [
        asyncio.ensure_future(names.addresses(f"hang{number}.example{number}.test", 443))
        for number in range(100)
    ]
    await asyncio.sleep(0)
    for name in "bcdef":
        assert await names.addresses(f"{name}.known.example", 443) == (PUBLIC,)
    assert sum(host.startswith("hang") for host in system.started) <= PLACES - KNOWN_PLACES

    system.release.set()
    assert await asyncio.gather(*slow) == [(PUBLIC,)] * len(slow)
    names.close()


async def test_what_has_hung_for_too_long_gives_its_place_back() -> None:
    """Its thread still hangs; strangers are resolved all the same, until very many hang. When the
    system lets go of them, all is as it was."""
    system = Hanging()
    names = Resolver((), Counter(), system, patience=0.05)
    for start in range(0, MAX_HANGING, PLACES - KNOWN_PLACES):
        assert await names.addresses(f"stranger{start}.test", 443) == (PUBLIC,)
        batch = [
            names.addresses(f"hang.d{start + number}.test", 443)
            for number in range(PLACES - KNOWN_PLACES)
        ]
        lost = await asyncio.gather(*batch, return_exceptions=True)
        assert {getattr(one, "kind", None) for one in lost} == {"timeout"}

    with pytest.raises(Lost):
        await names.addresses("another.stranger.test", 443)
    assert await names.addresses("www.stranger0.test", 443) == (PUBLIC,)

    system.release.set()
    names._patience = 30.0  # the threads come back in their own time
    assert await names.addresses("third.stranger.test", 443) == (PUBLIC,)
    names.close()


async def test_of_one_domain_a_few_hang_and_no_more() -> None:
    """However often it is asked for: what hangs counts for its domain until it ends."""
    system = Hanging()
    names = Resolver((), Counter(), system, patience=0.02)
    for number in range(3 * PLACES_PER_DOMAIN):
        with pytest.raises(Lost):
            await names.addresses(f"hang{number}.evil.test", 443)

    assert len(system.started) == PLACES_PER_DOMAIN
    system.release.set()
    names.close()
