"""The inbox: who is heard, who is asked for a key, and what is written, by kind of push."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inbox_cases import (
    ALICE,
    HOME,
    INBOX,
    NOTE,
    NOW,
    OURS,
    PULL,
    Scene,
    activity,
    actor,
    published,
    scene,
    together,
    unreachable,
)

from fedpull.tests.fediverse.forms import FORMS
from fedpull.tests.fediverse.keys import STRANGER, ed25519_key, multikey, public_pem, rsa_key
from fedpull.tests.fediverse.signatures import Message

EVIL = "https://evil.example/users/eve"
BOB = f"{HOME}/users/bob"
MINUTE = 60.0


@pytest.fixture
async def at(tmp_path: Path) -> Any:
    made = scene(tmp_path)
    yield made
    made.opened.close()


@pytest.mark.parametrize("form", [name for name in FORMS if name != "unsigned"])
async def test_every_form_of_signature_is_heard(at: Scene, form: str) -> None:
    """What servers sign with is verified with one request for the key, and kept."""
    ed = ed25519_key(ALICE)
    at.origins.serve(
        actor(
            assertionMethod=[
                {
                    "id": f"{ALICE}#ed",
                    "type": "Multikey",
                    "controller": ALICE,
                    "publicKeyMultibase": multikey(ed),
                }
            ]
        )
    )
    is_ed = FORMS[form].key == "ed25519"
    how: dict[str, Any] = {"key_id": f"{ALICE}#ed", "key": ed} if is_ed else {}

    told = await at.push(activity(), form, **how)

    assert told.status == 202
    assert at.origins.asked == [ALICE]
    assert at.notifications == [(ALICE, "Create", NOTE, False)]
    assert len(at.received) == 1


async def test_a_key_is_asked_for_once(at: Scene) -> None:
    """The second push needs no request, nor does one after a restart: the key was kept with it."""
    at.origins.serve(actor())
    for number in range(3):
        value = activity(about=f"{ALICE}/notes/{number}") | {"id": f"{ALICE}/activities/{number}"}
        assert (await at.push(value)).status == 202

    assert at.origins.asked == [ALICE]
    assert len(at.notifications) == 3
    assert at.opened.mailbox.key(f"{ALICE}#main-key", NOW) is not None


async def test_an_actor_that_is_held_is_not_asked_for_its_key(at: Scene) -> None:
    """Whom we follow has its key in its document."""
    at.hold(actor())

    assert (await at.push(activity())).status == 202
    assert at.origins.asked == []


async def test_a_key_on_a_path_of_its_own(at: Scene) -> None:
    """GoToSocial serves the actor under the key's id as well; the actor must list the key."""
    key_id = f"{ALICE}/main-key"
    document = actor(publicKey=published(key_id, ALICE))
    at.origins.serve(document)
    at.origins.served[key_id] = document

    assert (await at.push(activity(), "gotosocial", key_id=key_id)).status == 202
    assert at.origins.asked == [key_id, ALICE]


# What is refused: the answer, what it costs, and that nothing was written.

Spoil = Callable[[Scene], Message]


def _bent(at: Scene, **headers: str) -> Message:
    message = at.signed(activity())
    return replace(message, headers={**message.headers, **headers})


def _body(at: Scene, body: bytes) -> Message:
    return at.signed(body, key_id=f"{ALICE}#main-key")


def _unsigned(at: Scene) -> Message:
    return at.signed(activity(), "unsigned", key_id="")


REFUSED: dict[str, tuple[Spoil, int, list[str]]] = {
    "I1 a perfect Create without a signature": (_unsigned, 401, []),
    "G4 an altered body": (lambda at: replace(at.signed(activity()), body=b"{}"), 400, []),
    "G4 an activity that was exchanged": (
        lambda at: replace(at.signed(activity()), body=json.dumps(activity("Delete")).encode()),
        401,
        [],
    ),
    "G7 a date of two hours ago": (lambda at: at.signed(activity(), at=NOW - 7_200), 401, []),
    "G7 a date of tomorrow": (lambda at: at.signed(activity(), at=NOW + 86_400), 401, []),
    "G12 a signature that does not parse": (lambda at: _bent(at, signature='keyId="x'), 401, []),
    "G17 two signatures": (lambda at: _bent(at, authorization='Signature keyId="x"'), 401, []),
    "G14 signed for another inbox": (
        lambda at: replace(at.signed(activity(), url=f"{PULL}/inbox"), url=INBOX),
        401,
        [ALICE],
    ),
    "G19 signed for another host": (
        lambda at: at.signed(activity(), url="https://other.example/actor/inbox"),
        401,
        [],
    ),
    "J1 brackets without end": (lambda at: _body(at, b"[" * 100_000), 400, []),
    "J2 the same key twice": (lambda at: _body(at, b'{"type":"Like","type":"Like"}'), 400, []),
    "J5 no UTF-8": (lambda at: _body(at, b'{"type":"\xff"}'), 400, []),
    "J6 too many values": (lambda at: _body(at, b'{"a":[' + b"1," * 30_000 + b"1]}"), 400, []),
    "J7 null": (lambda at: _body(at, b"null"), 400, []),
    "J7 a list": (lambda at: _body(at, json.dumps([activity()]).encode()), 400, []),
    "J12 two documents": (lambda at: _body(at, b"{} {}"), 400, []),
    "an object that is no activity": (
        lambda at: _body(at, json.dumps(actor()).encode()),
        400,
        [],
    ),
    "an activity of nobody": (
        lambda at: _body(at, json.dumps(activity() | {"actor": None}).encode()),
        400,
        [],
    ),
    "F2 a key that its owner does not list": (
        lambda at: at.signed(activity(by=BOB), key_id=f"{HOME}/keys/stray", key=rsa_key(STRANGER)),
        401,
        [f"{HOME}/keys/stray", BOB],
    ),
    "F3 a key under another id": (
        lambda at: at.signed(activity(), key_id=f"{ALICE}#other-key"),
        401,
        [ALICE],
    ),
    "F4 a key at an address inside": (
        lambda at: at.signed(activity(), key_id="https://127.0.0.1/key"),
        401,
        [],
    ),
    "F4 a key at a name inside": (
        lambda at: at.signed(activity(), key_id="https://db.internal/key"),
        401,
        [],
    ),
    "F4 a key on another port": (
        lambda at: at.signed(activity(), key_id="https://home.example:6379/key"),
        401,
        [],
    ),
    "F12 a key id that is relative": (
        lambda at: at.signed(activity(), key_id="/users/alice#main-key"),
        401,
        [],
    ),
    "F12 a key id that is a fragment": (lambda at: at.signed(activity(), key_id="#k"), 401, []),
    "F12 a key id of 10 KB": (
        lambda at: at.signed(activity(), key_id=f"{ALICE}#{'k' * 10_240}"),
        401,
        [],
    ),
    "F12 a key id that is a handle": (
        lambda at: at.signed(activity(), key_id="acct:alice@home.example"),
        401,
        [],
    ),
    "F13 a key of ours that we do not have": (
        lambda at: at.signed(activity(), key_id=f"{PULL}/actor#another"),
        401,
        [],
    ),
    "F13 our own key, by somebody else": (
        lambda at: at.signed(activity(by=f"{PULL}/actor"), key_id=OURS.id),
        401,
        [],
    ),
    "F14 a key that somebody has posted": (
        lambda at: at.signed(activity(), key_id=f"{HOME}/notes/1", key=rsa_key(STRANGER)),
        401,
        [f"{HOME}/notes/1"],
    ),
    "F16 a key that has expired": (
        lambda at: at.signed(activity(by=f"{HOME}/users/old")),
        401,
        [f"{HOME}/users/old"],
    ),
    "F1 the key of another one, who speaks for alice": (
        lambda at: at.signed(activity("Follow", about=f"{PULL}/actor"), key_id=f"{EVIL}#main-key"),
        401,
        [EVIL],
    ),
    "F17 a neighbour's key": (
        lambda at: at.signed(activity("Move", about=ALICE), key_id=f"{BOB}#main-key"),
        401,
        [BOB],
    ),
    "D12 in our own name": (
        lambda at: at.signed(activity(by=f"{PULL}/actor"), key_id=f"{EVIL}#main-key"),
        401,
        [EVIL],
    ),
    "the wrong key": (lambda at: at.signed(activity(), key=rsa_key(STRANGER)), 401, [ALICE]),
    "an actor that was never there": (
        lambda at: at.signed(activity(by=f"{HOME}/users/nobody")),
        401,
        [f"{HOME}/users/nobody"],
    ),
    "an actor that is gone": (
        lambda at: at.signed(activity(by=f"{HOME}/users/gone")),
        401,
        [f"{HOME}/users/gone"],
    ),
    "an origin that does not answer": (
        lambda at: at.signed(activity(by=f"{HOME}/users/silent")),
        503,
        [f"{HOME}/users/silent"],
    ),
    "a name that leads inside": (
        lambda at: at.signed(activity(by=f"{HOME}/users/inside")),
        503,
        [f"{HOME}/users/inside"],
    ),
    "an origin in trouble": (
        lambda at: at.signed(activity(by=f"{HOME}/users/trouble")),
        503,
        [f"{HOME}/users/trouble"],
    ),
}


def _serve(at: Scene) -> None:
    stray = published(f"{HOME}/keys/stray", BOB, rsa_key(STRANGER)) | {"type": "Key"}
    old = published(f"{HOME}/users/old#main-key", f"{HOME}/users/old")
    at.origins.serve(
        actor(),
        actor(BOB),
        actor(EVIL),
        actor(f"{HOME}/users/old", publicKey=old | {"expires": "2020-01-01T00:00:00Z"}),
        stray,
    )
    at.origins.served |= {
        f"{HOME}/notes/1": {
            **published(f"{HOME}/notes/1", ALICE, rsa_key(STRANGER)),
            "type": "Note",
            "attributedTo": ALICE,
        },
        f"{HOME}/users/gone": 410,
        f"{HOME}/users/silent": unreachable(f"{HOME}/users/silent"),
        f"{HOME}/users/inside": unreachable(f"{HOME}/users/inside", "address"),
        f"{HOME}/users/trouble": 502,
    }


@pytest.mark.parametrize(("spoil", "status", "asked"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_refused_writes_nothing(
    at: Scene, spoil: Spoil, status: int, asked: list[str]
) -> None:
    """Not a row of any table changes, and nobody is asked but for the one key, where the request
    is good so far."""
    _serve(at)
    before = at.rows()

    told = await at.take(spoil(at))

    assert told.status == status, told
    assert told.type == "application/problem+json"
    assert at.origins.asked == asked
    assert at.rows() == before
    assert at.received == []


async def test_what_stands_in_the_way_is_not_told(at: Scene) -> None:
    """A dead name, a private one and a server in trouble are one answer to whoever asks."""
    _serve(at)

    told = [
        await at.push(activity(by=f"{HOME}/users/{name}"))
        for name in ("silent", "inside", "trouble")
    ]

    assert len(set(told)) == 1
    assert dict(told[0].headers)["Retry-After"] == "60"


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


# What is heard, and comes to nothing or to little.


async def test_a_replay_is_taken_once(at: Scene) -> None:
    """G18: the same request again is 202 and nothing else, also when both come at once."""
    at.hold(actor())
    message = at.signed(activity())

    together_ = await together(at.take(message), at.take(message))
    again = await at.take(message)

    assert [*together_, again.status] == [202, 202, 202]
    assert len(at.notifications) == 1


async def test_the_same_activity_signed_anew_is_taken_once(at: Scene) -> None:
    """A sender that has not seen our answer tries again with a new signature."""
    at.hold(actor())

    first, second = await at.push(activity()), await at.push(activity(), at=NOW - 5)

    assert (first.status, second.status) == (202, 202)
    assert len(at.notifications) == 1


@pytest.mark.parametrize("type", ["Delete", "Update"])
async def test_news_of_people_whom_nobody_knows(at: Scene, type: str) -> None:
    """Servers tell everybody who was deleted: 202, no key asked for, nothing written."""
    before = at.rows()
    for number in range(100):
        who = f"https://big.example/users/{number}"
        assert (await at.push(activity(type, by=who, about=who))).status == 202

    assert at.origins.asked == []
    assert at.rows() == before


@pytest.mark.parametrize(
    ("served", "status", "looked"),
    [
        pytest.param(410, 202, [ALICE], id="410: we look ourselves"),
        pytest.param(
            {"id": ALICE, "type": "Tombstone"}, 202, [ALICE], id="a Tombstone: we look ourselves"
        ),
        pytest.param(404, 401, [], id="404: nothing"),
        pytest.param(502, 503, [], id="trouble: later"),
    ],
)
async def test_an_actor_that_deletes_itself(
    at: Scene, served: Any, status: int, looked: list[str]
) -> None:
    """F8: who is gone has no key left to sign with; its origin says so when we ask for it."""
    at.hold(actor(publicKey=None))
    at.origins.served[ALICE] = served
    before = at.rows()

    told = await at.push(activity("Delete", about=ALICE))

    assert (told.status, at.looked) == (status, looked)
    assert at.notifications == []
    assert at.rows() == before


async def test_somebody_elses_key_that_is_gone_deletes_nobody(at: Scene) -> None:
    """The origin that says 410 must be the actor's own."""
    at.hold(actor(publicKey=None))
    at.origins.served[EVIL] = 410

    told = await at.push(activity("Delete", about=ALICE), key_id=f"{EVIL}#main-key")

    assert (told.status, at.looked) == (401, [])


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param(activity(), [(EVIL, "Create", NOTE, True)], id="a post is a hint at most"),
        pytest.param(
            activity("Delete", about=NOTE), [(EVIL, "Delete", NOTE, True)], id="so is its end"
        ),
        pytest.param(activity("Like", about=NOTE), [], id="a like of somebody else's is none"),
        pytest.param(activity(about={"type": "Note"}), [], id="without an id it is nothing"),
    ],
)
async def test_what_is_forwarded_is_the_signers(at: Scene, value: Any, kept: list[Any]) -> None:
    """I3: the signer is not the actor, so it is never taken for the actor's word."""
    at.hold(actor())
    at.origins.serve(actor(EVIL))

    told = await at.push(value, key_id=f"{EVIL}#main-key")

    assert told.status == 202
    assert at.notifications == kept


@pytest.mark.parametrize(
    "who",
    [
        pytest.param("key", id="in the key id"),
        pytest.param("actor", id="as the actor"),
        pytest.param("object", id="in what it is about"),
    ],
)
async def test_who_is_blocked_is_not_heard(tmp_path: Path, who: str) -> None:
    """I19: 403 before any key is asked for."""
    at = scene(tmp_path, blocked=lambda id: "evil.example" in id)
    value = activity(by=EVIL if who == "actor" else ALICE, about=EVIL if who == "object" else NOTE)
    before = at.rows()

    told = await at.push(value, key_id=f"{EVIL if who == 'key' else HOME + '/a'}#main-key")

    assert told.status == 403
    assert at.origins.asked == []
    assert at.rows() == before
    at.opened.close()


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
