"""The inbox under load: keys that rotate, fail and are many; floods of forged requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inbox_cases import (
    ALICE,
    NOW,
    Scene,
    activity,
    actor,
    published,
    scene,
    together,
)

from fedpull.tests.fediverse.keys import STRANGER, public_pem, rsa_key
from fedpull.tests.fediverse.signatures import Message

MINUTE = 60.0


@pytest.fixture
async def at(tmp_path: Path) -> Any:
    made = scene(tmp_path)
    yield made
    made.opened.close()


# Keys and time.


async def test_bad_signatures_with_a_known_key(at: Scene) -> None:
    """F7: the key is asked for anew at most once in five minutes, however many there are."""
    at.hold(actor())
    at.origins.serve(actor())
    forged = [at.signed(activity(), key=rsa_key(STRANGER)) for _ in range(200)]

    first = await together(*(at.take(message) for message in forged))
    at.clock.at += 4 * MINUTE
    later = await at.push(activity(), key=rsa_key(STRANGER))
    at.clock.at += 2 * MINUTE
    again = await at.push(activity(), key=rsa_key(STRANGER))

    assert {*first, later.status, again.status} == {401}
    assert at.origins.asked == [ALICE, ALICE]


async def test_a_rotated_key_is_found(at: Scene) -> None:
    """A good signature by a key that was replaced costs one request, and the new one is kept."""
    at.hold(actor())
    at.origins.serve(actor(key=rsa_key(2)))

    assert (await at.push(activity(), key=rsa_key(2))).status == 202
    assert at.origins.asked == [ALICE]
    kept = at.opened.mailbox.key(f"{ALICE}#main-key", NOW)
    assert kept is not None
    assert kept.pem == public_pem(rsa_key(2))


async def test_a_rotated_key_that_stands_alone(at: Scene) -> None:
    """GoToSocial keeps the key's id: what we hold of its owner is older than what it serves now."""
    alone = f"{ALICE}/main-key"
    at.hold(actor(publicKey=published(alone, ALICE)))
    rotated = actor(publicKey=published(alone, ALICE, rsa_key(2)))
    at.origins.serve(rotated)
    at.origins.served[alone] = rotated

    assert (await at.push(activity(), key_id=alone, key=rsa_key(2))).status == 202
    assert at.origins.asked == [alone, ALICE]


async def test_a_key_whose_end_was_put_off(at: Scene) -> None:
    """What we hold of a key says that it is over; its owner may have said something else since."""
    ended, running = {"expires": "2026-05-01T00:00:00Z"}, {"expires": "2027-05-01T00:00:00Z"}
    at.hold(actor(publicKey=published(f"{ALICE}#main-key", ALICE) | ended))
    at.origins.serve(actor(publicKey=published(f"{ALICE}#main-key", ALICE) | running))

    assert (await at.push(activity())).status == 202
    assert at.origins.asked == [ALICE]


async def test_a_key_that_is_over(at: Scene) -> None:
    """F16: its owner is asked, once in five minutes, and nothing it signs is taken."""
    ended = {"expires": "2026-05-01T00:00:00Z"}
    document = actor(publicKey=published(f"{ALICE}#main-key", ALICE) | ended)
    at.hold(document)
    at.origins.serve(document)

    told = [(await at.push(activity(about=f"{ALICE}/notes/{n}"))).status for n in range(5)]

    assert told == [401] * 5
    assert at.origins.asked == [ALICE]


async def test_a_forged_key_id_keeps_no_owner_out(at: Scene) -> None:
    """Whoever makes us ask for an actor a moment before it writes to us for the first time."""
    alone = f"{ALICE}/main-key"
    served = actor(publicKey=published(alone, ALICE))
    at.origins.serve(served)
    at.origins.served[alone] = served

    forged = await at.push(activity(), key_id=f"{ALICE}#none", key=rsa_key(STRANGER))
    genuine = await at.push(activity(), key_id=alone)

    assert (forged.status, genuine.status) == (401, 202)


async def test_a_key_that_its_owner_has_taken_back(at: Scene) -> None:
    """Once the origin lists another key only, the one that we remembered is forgotten."""
    at.origins.serve(actor())
    assert (await at.push(activity())).status == 202
    listed = published(f"{ALICE}#key-2", ALICE, rsa_key(2))
    at.origins.serve(actor(publicKey=listed))
    at.clock.at += 6 * MINUTE
    forged = activity() | {"id": f"{ALICE}/activities/2"}

    assert (await at.push(forged, key=rsa_key(STRANGER))).status == 401
    assert (await at.push(forged)).status == 401
    assert at.opened.mailbox.key(f"{ALICE}#main-key", at.clock.at) is None


async def test_pushes_that_come_together_share_one_request(at: Scene) -> None:
    """However many wait for one key, its origin is asked once."""
    at.origins.serve(actor())
    at.origins.gate = asyncio.Event()
    at.origins.reached = asyncio.Event()
    values = [activity(about=f"{ALICE}/notes/{n}") | {"id": f"{ALICE}/a/{n}"} for n in range(50)]
    coming = asyncio.gather(*(at.push(value) for value in values))
    await at.origins.reached.wait()
    at.origins.gate.set()

    assert {answer.status for answer in await coming} == {202}
    assert at.origins.asked == [ALICE]
    assert len(at.notifications) == 50


async def test_a_failure_is_remembered_for_longer_and_longer(at: Scene) -> None:
    """What has no key is asked for it after five minutes, then twenty, then eighty."""
    asked_at = []
    for minute in range(0, 200, 1):
        at.clock.at = NOW + minute * MINUTE
        before = len(at.origins.asked)
        assert (await at.push(activity())).status == 401
        if len(at.origins.asked) > before:
            asked_at.append(minute)

    assert asked_at == [0, 5, 25, 105]


# Floods.


def _hosts(number: int) -> str:
    return f"https://host{number}.example/users/u"


def _one_host(number: int) -> str:
    return f"https://one.example/users/u{number}"


@pytest.mark.parametrize(
    ("name", "most", "clients"),
    [
        pytest.param(_hosts, 30, 1, id="on 10,000 hosts, from one address"),
        pytest.param(_hosts, 60, 10_000, id="on 10,000 hosts, from 10,000 addresses"),
        pytest.param(_one_host, 20, 10_000, id="on one host"),
    ],
)
async def test_forged_keys_by_the_thousand(
    at: Scene, name: Callable[[int], str], most: int, clients: int
) -> None:
    """10,000 requests with 10,000 key ids ask for a bounded number of keys, and write nothing."""
    template = at.signed(activity())
    before = at.rows()

    def forged(number: int) -> Message:
        signature = template.headers["signature"].replace(ALICE, name(number))
        return replace(template, headers={**template.headers, "signature": signature})

    told = []
    for start in range(0, 10_000, 500):
        told += await together(
            *(
                at.take(forged(n), f"203.0.{n % clients // 256}.{n % clients % 256}")
                for n in range(start, start + 500)
            )
        )

    assert len(at.origins.asked) == most
    assert set(told) == {401, 503}
    assert told.count(401) == most
    assert at.rows() == before


async def test_a_flood_of_strangers_does_not_keep_friends_out(at: Scene) -> None:
    """The keys of actors whom we know have a share of their own."""
    for number in range(300):
        await at.take(at.signed(activity(by=_hosts(number))), f"203.0.113.{number % 256}")
    at.hold(actor(publicKey=None))
    at.origins.serve(actor())

    assert (await at.push(activity())).status == 202


async def test_a_full_mailbox_is_503(at: Scene) -> None:
    """I26: what cannot be kept is not acknowledged."""
    at.hold(actor())
    at.opened.close()

    told = await at.push(activity())

    assert told.status == 503
    assert "Retry-After" in dict(told.headers)


def _flips(message: Message) -> Iterator[Message]:
    """Single bits of everything that must be covered, one at a time."""
    for name in ("host", "date", "digest", "signature"):
        value = message.headers[name]
        for place in range(0, len(value), max(1, len(value) // 12)):
            flipped = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
            yield replace(message, headers={**message.headers, name: flipped})
    for place in range(0, len(message.body), 37):
        body = bytearray(message.body)
        body[place] ^= 1
        yield replace(message, body=bytes(body))


async def test_no_flipped_bit_is_heard(at: Scene) -> None:
    """Whatever bit of a good request is turned, nothing comes of it."""
    at.hold(actor())
    for message in _flips(at.signed(activity(), "misskey")):
        assert (await at.take(message)).status in (400, 401)

    assert at.notifications == []
