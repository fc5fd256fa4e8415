"""The idle connections: how many are held, for whom, and what becomes of the dead ones."""

from __future__ import annotations

import asyncio

from fedpull.crawler.egress_connection import Connection
from fedpull.crawler.egress_pool import MAX_IDLE, Key, Pool

A: Key = ("https", "a.example", 443)
B: Key = ("https", "b.example", 443)


def connection() -> Connection:
    made = Connection(asyncio.get_running_loop(), None, None)
    made.alive = True
    return made


async def test_the_one_that_was_used_last_is_given_out_once() -> None:
    """It is the likeliest to be still open on the other side."""
    pool, loop = Pool(), asyncio.get_running_loop()
    first, second = connection(), connection()
    pool.put(A, first, loop)
    pool.put(A, second, loop)

    assert [pool.take(A), pool.take(A), pool.take(A)] == [second, first, None]
    pool.close()


async def test_nobody_gets_a_connection_of_another_host_port_or_scheme() -> None:
    """The key is all three."""
    pool, loop = Pool(), asyncio.get_running_loop()
    pool.put(A, connection(), loop)

    assert pool.take(B) is None
    assert pool.take(("http", "a.example", 443)) is None
    assert pool.take(("https", "a.example", 8443)) is None
    pool.close()


async def test_a_dead_connection_is_neither_kept_nor_given_out() -> None:
    """Whether it died before or while it was idle."""
    pool, loop = Pool(), asyncio.get_running_loop()
    dead, dying = connection(), connection()
    dead.alive = False
    pool.put(A, dead, loop)
    pool.put(A, dying, loop)
    dying.alive = False

    assert pool.take(A) is None
    assert len(pool) == 0
    pool.close()


async def test_the_oldest_goes_when_there_are_too_many() -> None:
    """Polling many hosts leaves no more than MAX_IDLE open."""
    pool, loop = Pool(), asyncio.get_running_loop()
    made = [connection() for _ in range(MAX_IDLE + 1)]
    for number, each in enumerate(made):
        pool.put(("https", f"h{number}.example", 443), each, loop)

    assert len(pool) == MAX_IDLE
    assert not made[0].alive
    assert pool.take(("https", "h0.example", 443)) is None
    assert pool.take(("https", "h1.example", 443)) is made[1]
    pool.close()


async def test_closing_it_closes_them_all() -> None:
    """Nothing stays open behind a daemon that stops."""
    pool, loop = Pool(), asyncio.get_running_loop()
    made = [connection() for _ in range(3)]
    for each in made:
        pool.put(A, each, loop)

    pool.close()

    assert (len(pool), [each.alive for each in made]) == (0, [False] * 3)
