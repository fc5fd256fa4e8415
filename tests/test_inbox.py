"""The inbox: who is heard, who is asked for a key, and what is written, by kind of push."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from inbox_cases import (
    ALICE,
    BOB,
    EVIL,
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
    unreachable,
)

from fedpull.tests.fediverse.forms import FORMS
from fedpull.tests.fediverse.keys import STRANGER, ed25519_key, multikey, rsa_key
from fedpull.tests.fediverse.signatures import Message


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
    "G4 an altered body": (lambda at: replace(at.signed(activity()), body=b"{"), 401, []),
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
