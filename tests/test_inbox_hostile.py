"""Forged and hostile pushes to the daemon: what is refused, what was asked, and what was stored."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from public_station import ACTOR, SHARED_INBOX, PublicStation, holds
from push_cases import notifications
from station import Running, eventually

from fedpull.tests.fediverse.families import BY_NAME
from fedpull.tests.fediverse.keys import STRANGER, rsa_key
from fedpull.tests.fediverse.model import Account, Post
from fedpull.tests.fediverse.reach import Told
from fedpull.tests.fediverse.signatures import Message
from fedpull.tests.fediverse.traps_keys import TRAPS, KeyTraps
from fedpull.tests.fediverse.world import Fediverse

HOUR = 3_600.0


@dataclass
class Attacked:
    """A daemon that follows alice and has her key already."""

    world: Fediverse
    station: PublicStation
    running: Running
    alice: Account
    keys: KeyTraps


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    keys = KeyTraps()
    with Fediverse([BY_NAME["mastodon"], BY_NAME["pleroma"], keys]) as world:
        alice = world.servers["mastodon.example"].add_account("alice", posts=3)
        world.servers["mastodon.example"].add_account("mallory", posts=3)
        follow = [{"actor": alice.handle, "every": {"min": "1h", "max": "7d"}}]
        station = PublicStation(tmp_path_factory.mktemp("hostile"), world, follow=follow)
        with station.daemon() as running:
            eventually(lambda: len(holds(station, alice)) == 3, "alice")
            attacked = Attacked(world, station, running, alice, keys)
            first = alice.post("honest")
            arrives(attacked, attacked.keys.send(_sent(attacked, first)), first)
            yield attacked


def arrives(attacked: Attacked, told: Told, post: Post) -> None:
    """What is honest is taken, and asked for: after that nothing of it is under way."""
    assert told.status == 202
    eventually(lambda: post.id in holds(attacked.station, attacked.alice), post.text)


def refused(attacked: Attacked, message: Message, requests: int = 0) -> Told:
    """The answer to what must be refused: no trace of it, and no more than so many requests."""
    mark, before = attacked.world.log.mark(), notifications(attacked.station)
    told = attacked.keys.send(message)
    asked = [(one.host, one.target) for one in attacked.world.log.since(mark)]

    assert told.status in (400, 401, 403, 415, 503), told
    assert len(notifications(attacked.station)) == len(before)
    assert len(asked) <= requests, asked
    assert [target for _, target in asked if "forbidden" in target] == []
    assert told.headers["content-type"] == "application/problem+json"
    return told


# What cheap checks refuse: nobody is asked for anything.

Spoil = Callable[[Attacked, Post], Message]


def _sent(attacked: Attacked, post: Post, **how: object) -> Message:
    return attacked.alice.server.prepare(attacked.alice, post, **how)  # type: ignore[arg-type]


def _without(attacked: Attacked, post: Post, *names: str) -> Message:
    message = _sent(attacked, post)
    kept = {name: value for name, value in message.headers.items() if name not in names}
    return replace(message, headers=kept)


def _with(message: Message, **headers: str) -> Message:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(message, headers={**message.headers, **named})


def _stripped(attacked: Attacked, post: Post) -> Message:
    message = _sent(attacked, post, form="fedify 9421")
    kept = {name: text for name, text in message.headers.items() if name != "signature-input"}
    return replace(message, headers=kept)


def _covering(attacked: Attacked, post: Post, covered: str) -> Message:
    message = _sent(attacked, post, form="misskey")
    text = message.headers["signature"]
    old = text.partition('headers="')[2].partition('"')[0]
    return _with(message, signature=text.replace(old, covered))


def _rewritten(attacked: Attacked, post: Post) -> Message:
    """An old request whose parameters that nobody signed say that it is of now."""
    message = _sent(attacked, post, form="misskey", at=attacked.world.clock() - 3 * HOUR)
    text = message.headers["signature"].replace('"rsa-sha256"', '"hs2019"')
    return _with(message, signature=f"{text},created={int(attacked.world.clock())}")


CHEAP: dict[str, Spoil] = {
    "it is not signed": lambda a, p: _sent(a, p, form="unsigned"),
    "its body was altered": lambda a, p: replace(_sent(a, p), body=b'{"type":"Create"}'),
    "its digest was replaced with one of another body": lambda a, p: _with(
        _sent(a, p), digest="SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
    ),
    "it has no digest": lambda a, p: _without(a, p, "digest"),
    "it has no date": lambda a, p: _without(a, p, "date"),
    "it is two hours old": lambda a, p: _sent(a, p, at=a.world.clock() - 2 * HOUR),
    "it comes from tomorrow": lambda a, p: _sent(a, p, at=a.world.clock() + 24 * HOUR),
    "it was signed two hours ago, after RFC 9421": lambda a, p: _sent(
        a, p, form="mastodon 9421", at=a.world.clock() - 2 * HOUR
    ),
    "it has expired": lambda a, p: _sent(a, p, form="authority and path", at=a.world.clock() - 301),
    "its Signature-Input was lost": _stripped,
    "only the date is covered": lambda a, p: _covering(a, p, "date"),
    "the digest is not covered": lambda a, p: _covering(a, p, "(request-target) host date"),
    "the target is not covered": lambda a, p: _covering(a, p, "host date digest"),
    "it covers what is not there": lambda a, p: _covering(
        a, p, "(request-target) host date digest x-absent"
    ),
    "what is not signed says that it is of now": _rewritten,
    "it is a form": lambda a, p: _with(
        _sent(a, p), content_type="application/x-www-form-urlencoded"
    ),
    "it is an upload": lambda a, p: _with(
        _sent(a, p), content_type="multipart/form-data; boundary=x"
    ),
    "it is plain JSON": lambda a, p: _with(_sent(a, p), content_type="application/json"),
    "the key is named as ours": lambda a, p: _sent(a, p, key_id=f"{ACTOR}#main-key"),
    "the key is one of ours that is not": lambda a, p: _sent(a, p, key_id=f"{ACTOR}#other"),
}


@pytest.mark.parametrize("what", CHEAP)
def test_it_is_refused_and_nobody_is_asked_when(attacked: Attacked, what: str) -> None:
    """No request, no notification, a problem document for an answer."""
    post = attacked.alice.post(what)
    refused(attacked, CHEAP[what](attacked, post))


def test_what_was_signed_for_another_host_is_refused(attacked: Attacked) -> None:
    """Our name is that of the configuration, whatever a header says; a proxy may rewrite Host."""
    post = attacked.alice.post("for another host")
    there = _sent(attacked, post, to="https://elsewhere.example/inbox")
    headers = {"host": "elsewhere.example", "x-forwarded-host": "elsewhere.example"}
    spoofed = replace(there, url=SHARED_INBOX, headers={**there.headers, **headers})
    refused(attacked, spoofed, requests=1)
    rewritten = _with(_sent(attacked, post), host="127.0.0.1:8788")

    arrives(attacked, attacked.keys.send(rewritten), post)


def test_a_get_signature_does_for_no_post(attacked: Attacked) -> None:
    """Method and target are covered: the signature of one inbox is none of the other's."""
    message = _sent(attacked, attacked.alice.post("elsewhere"), to=f"{ACTOR}/inbox")
    refused(attacked, replace(message, url=SHARED_INBOX), requests=2)


def test_a_wrong_key_costs_one_look_at_the_actor(attacked: Attacked) -> None:
    """It may have been rotated; that is looked up once in five minutes, however many come."""
    mark = attacked.world.log.mark()
    for number in range(20):
        post = attacked.alice.post(f"forged {number}")
        refused(attacked, _sent(attacked, post, key=rsa_key(STRANGER)), requests=1)

    assert len(attacked.world.log.since(mark)) <= 1
    honest = attacked.alice.post("honest again")
    arrives(attacked, attacked.alice.push(honest), honest)


@pytest.mark.parametrize("name", TRAPS)
def test_a_key_is_not_believed_when(attacked: Attacked, name: str) -> None:
    """Whatever is served under its id: no notification, no forbidden request, few requests."""
    message = attacked.keys.forged(name)
    refused(attacked, message, requests=4)
    refused(attacked, message, requests=0 if name != "broken" else 4)


def test_an_actor_cannot_speak_for_a_neighbour(attacked: Attacked) -> None:
    """The key of one account of a server says nothing for another one of it."""
    alice, mallory = attacked.alice, alice_neighbour(attacked)
    post = alice.post("hers")
    document = {**alice.server.document_of(alice, post), "id": f"{post.id}/forged"}
    before = notifications(attacked.station)
    told = mallory.push(document)

    assert told.status in (202, 401)
    new = [one for one in notifications(attacked.station) if one not in before]
    assert [one for one in new if one.sender == alice.actor_id] == []


def alice_neighbour(attacked: Attacked) -> Account:
    return attacked.alice.server.accounts["mallory"]


POST = b"POST /inbox HTTP/1.1\r\nHost: pull.example\r\n"
TYPED = POST + b"Content-Type: application/activity+json\r\n"
RAW = {
    "two framings": TYPED + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": TYPED + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a signed length": TYPED + b"Content-Length: +5\r\n\r\nhello",
    "a hexadecimal length": TYPED + b"Content-Length: 0x5\r\n\r\nhello",
    "bare line feeds": TYPED.replace(b"\r", b"") + b"Content-Length: 5\n\nhello",
    "a body of 100 MB": TYPED + b"Content-Length: 99999999\r\n\r\n",
    "a chunk with an extension": TYPED + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n",
    "a form of 500 MB": POST
    + b"Content-Type: multipart/form-data\r\nContent-Length: 500000000\r\n\r\n",
}


@pytest.mark.parametrize("what", RAW)
def test_it_gets_an_error_and_is_hung_up_on(attacked: Attacked, what: str) -> None:
    """Before a parser of ours or of anybody's sees a body."""
    with socket.create_connection(("127.0.0.1", attacked.station.port), timeout=20) as wire:
        wire.sendall(RAW[what])
        answer = b""
        while piece := wire.recv(65_536):
            answer += piece

    assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"413", b"415")


def test_forged_ones_without_number_cost_a_bounded_number_of_fetches(attacked: Attacked) -> None:
    """Other key ids on one host, then on many hosts: no notification, few requests."""
    mark, before = attacked.world.log.mark(), notifications(attacked.station)
    account = attacked.keys.accounts["missing"]
    statuses = set()
    for number in range(300):
        host = "keys.example" if number < 150 else f"host-{number}.example"
        what = {"id": f"https://{host}/{number}", "type": "Create", "actor": f"https://{host}/u"}
        message = attacked.keys.prepare(account, what, key_id=f"https://{host}/keys/{number}")
        statuses.add(attacked.keys.send(message).status)

    assert statuses <= {401, 503}
    assert len(attacked.world.log.since(mark)) <= 100
    assert len(notifications(attacked.station)) == len(before)


def test_in_the_end_all_is_as_it_was(attacked: Attacked) -> None:
    """The daemon answers, honest pushes arrive, and the store is sound."""
    post = attacked.alice.post("after all that")
    arrives(attacked, attacked.alice.push(post), post)
    assert "Traceback" not in attacked.running.output()
