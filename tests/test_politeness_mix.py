"""Any mix of causes, redirects and restarts against hosts that limit, judged by their logs."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from limiting_hosts import FORMS, Limiter
from mixed_load import Host, MixedLoad, Wish
from polite_log import Seen, during_pauses, most_at_once, most_within, too_fast

from fedpull.cache.records import Cause, Politeness

HOSTS = 3
limiters = st.builds(
    Limiter,
    quota=st.integers(1, 30),
    seconds=st.sampled_from([5.0, 60.0, 300.0]),
    form=st.sampled_from(FORMS),
    quiet=st.booleans(),
    tells=st.booleans(),
)
hosts = st.lists(
    st.tuples(st.none() | limiters, st.sampled_from([0.05, 0.5, 3.0])),
    min_size=HOSTS,
    max_size=HOSTS,
)
plain = st.builds(
    Wish,
    at=st.sampled_from([0.0, 0.0, 1.0, 7.5, 60.0]) | st.floats(0.0, 300.0),
    host=st.integers(0, HOSTS - 1),
    cause=st.sampled_from(list(Cause)),
    page=st.booleans(),
    beside=st.sampled_from([False, False, False, True]),
)
redirected = st.builds(replace, plain, redirect=st.none() | st.integers(0, HOSTS - 1))
politeness = st.builds(
    Politeness,
    concurrency=st.integers(1, 3),
    gap=st.sampled_from([0.0, 2.0]),
    pages=st.integers(1, 8),
    pages_window=st.sampled_from([10.0, 60.0]),
    more_pages=st.sampled_from([(), ((9, 200.0),)]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    polite=politeness,
    hosts=hosts,
    script=st.lists(plain, max_size=60) | st.lists(redirected, max_size=60),
    restarts=st.lists(st.floats(1.0, 500.0), max_size=2, unique=True),
)
@example(  # two that wait for the end of a window, which is rounded
    polite=Politeness(3, 0.0, 2, 60.0, ((9, 200.0),)),
    hosts=[(None, 0.5), (None, 0.5), (Limiter(1, 300.0), 0.5)],
    script=[
        Wish(116.05185985870702, 2, Cause.NEW, True, True),
        Wish(252.36607630937232, 2, Cause.REFRESH, True),
        Wish(299.99999999999994, 2, Cause.REFRESH),
    ],
    restarts=[],
)
@example(
    polite=Politeness(3, 0.0, 4, 10.0, ((9, 200.0),)),
    hosts=[(Limiter(4, 60.0), 3.0), (Limiter(2, 5.0, quiet=True), 0.5), (None, 0.05)],
    script=[
        Wish(n / 4, n % 3, Cause(n % 5), n % 2 == 0, n % 7 == 0, n % 3 or None) for n in range(60)
    ],
    restarts=[20.0],
)
def test_no_host_is_ever_asked_more_than_is_stated(
    polite: Politeness,
    hosts: list[tuple[Limiter | None, float]],
    script: list[Wish],
    restarts: list[float],
) -> None:
    """Connections, gap, every window of pages, and every pause that a host has asked for; and who
    tells with each answer what is left never has to say 429."""
    world = [
        Host(f"h{n}.example", None if one is None else copied(one), latency)
        for n, (one, latency) in enumerate(hosts)
    ]
    with tempfile.TemporaryDirectory() as folder:
        MixedLoad(Path(folder), polite, world).run(script, restarts, 900.0)

    stated = {"concurrency": polite.concurrency, "gap": polite.gap, "pages": polite.page_windows}
    for host in world:
        assert too_fast(host.seen, **stated) == [], host.name  # type: ignore[arg-type]
        # An answer that came when nobody was there to hear it has told nothing.
        heard = all(one.status for one in host.seen)
        if host.limiter and not host.limiter.quiet and heard:
            # Of whom nothing is known, as many are asked at once as may be.
            first = min((one.answered for one in host.seen), default=0.0)
            assert [at for at in host.limiter.refused if at > first] == [], host.name


def copied(limiter: Limiter) -> Limiter:
    return Limiter(limiter.quota, limiter.seconds, limiter.form, limiter.quiet, limiter.tells)


def test_the_checker_finds_what_it_is_there_for() -> None:
    """A judge that lets everything pass would make all of this worth nothing."""
    seen = [
        Seen(0.0, 1.0, page=True),
        Seen(0.5, 1.0, page=True),
        Seen(3.0, 3.1, page=True, status=429, wait=10.0),
        Seen(5.0, 5.1),
        Seen(13.2, 13.3),
    ]

    assert most_at_once(seen) == 2
    assert most_within([0.0, 1.0, 2.0], 2.0) == 2
    assert during_pauses(seen) == [(5.0, 3.1)]
    assert too_fast(seen, concurrency=1, gap=2.0, pages=[(2, 10.0)]) == [
        "2 requests at once",
        "two requests within 0.500 s",
        "3 pages within 10 s",
        "a request at 5.00, in the pause told at 3.10",
    ]
    assert too_fast(seen, concurrency=2, gap=0.5, pages=[(3, 10.0)])[1:] == []
