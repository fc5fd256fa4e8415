"""A host whose keys lie: one account per trap, each of which signs correctly with what it shows.

The signature always verifies with the key that is served; whoever accepts it has believed a
document that is no proof. `forged` marks an activity that must never be acted upon, and no URL with
`forbidden` in it may ever be asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .documents import ACTIVITY_JSON, AS, SECURITY
from .keys import Private, ed25519_key, multikey, public_pem, rsa_key
from .model import Account, Json
from .server import Server
from .signatures import Message
from .wire import Answer, Incoming, Raw, Reply

VICTIM = "https://victim.example/users/victim"
LONG_AGO = "2020-01-01T00:00:00Z"
MANY = 10_000


@dataclass(frozen=True, slots=True)
class KeyTrap:
    """`key_id` and `actor` as the forged request names them; {base} and {actor} stand for the
    host and the account. `document` is served where the key id leads, or at the actor.
    """

    why: str
    key_id: str = "{base}/keys/{name}"
    actor: str = "{actor}"
    document: Callable[[KeyTraps, Account], Any] | None = None
    answer: Callable[[KeyTraps, Account], Answer] | None = None
    form: str = "mastodon"
    bits: int = 2048


TRAPS: dict[str, KeyTrap] = {}


def _key(server: KeyTraps, account: Account, **changes: Any) -> Json:
    """A key that stands alone, as GoToSocial and activitypub-bot serve it."""
    key = {
        "@context": [AS, SECURITY],
        "id": f"{server.base}/keys/{account.user}",
        "type": "CryptographicKey",
        "owner": account.actor_id,
        "publicKeyPem": public_pem(rsa_key()),
    }
    return {**key, **changes}


def _actor(server: KeyTraps, account: Account, **changes: Any) -> Json:
    return {**super(KeyTraps, server).actor(account), **changes}


def _many(server: KeyTraps, account: Account) -> Json:
    """The one that signs stands last."""
    own = super(KeyTraps, server).actor(account)["publicKey"]
    others = [{**own, "id": f"{account.actor_id}#key-{n}"} for n in range(MANY)]
    for other in others:
        other["publicKeyPem"] = "x"  # ten thousand real ones would be 5 MB
    return _actor(server, account, publicKey=[*others, own])


def _of_others(server: KeyTraps, account: Account) -> Json:
    own = super(KeyTraps, server).actor(account)["publicKey"]
    return _actor(server, account, publicKey=[{**own, "owner": VICTIM}])


def _multikey(server: KeyTraps, account: Account, **changes: Any) -> Json:
    key = {
        "id": f"{account.actor_id}#ed25519-key",
        "type": "Multikey",
        "controller": account.actor_id,
        "publicKeyMultibase": multikey(ed25519_key(account.actor_id)),
    }
    return _actor(server, account, assertionMethod=[{**key, **changes}])


def _small(server: KeyTraps, account: Account) -> Json:
    own = super(KeyTraps, server).actor(account)["publicKey"]
    return _actor(server, account, publicKey={**own, "publicKeyPem": public_pem(rsa_key(0, 1024))})


def _endless() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n\r\n"
    while True:
        yield b" " * 65_536


def _upload(server: KeyTraps, account: Account) -> Answer:
    body = json.dumps(_key(server, account)).encode()
    return Reply(200, {"Content-Type": "text/plain"}, body)


def _to(url: str) -> Callable[[KeyTraps, Account], Answer]:
    return lambda server, account: Reply(302, {"Location": url})


AT_ACTOR = "{actor}#main-key"
TRAPS.update(
    owner_is_another=KeyTrap(
        "the key names an owner who does not list it",
        actor=VICTIM,
        document=lambda s, a: _key(s, a, owner=VICTIM),
    ),
    signs_for_another=KeyTrap("its own good key, for somebody else", AT_ACTOR, VICTIM),
    signs_for_a_neighbour=KeyTrap(
        "its own good key, for another account of its host",
        AT_ACTOR,
        "{base}/users/somebody_else",
    ),
    unlisted=KeyTrap("the owner does not list the key", document=_key),
    other_id=KeyTrap(
        "the document has another id",
        document=lambda s, a: _key(s, a, id=f"{a.actor_id}#main-key"),
    ),
    upload=KeyTrap("the key is an upload, text/plain", answer=_upload),
    in_a_note=KeyTrap(
        "the key stands in a Note",
        document=lambda s, a: _key(s, a, type="Note", attributedTo=a.actor_id, content="key"),
    ),
    many=KeyTrap("one of ten thousand keys", AT_ACTOR, document=_many),
    strings=KeyTrap(
        "the keys are strings", AT_ACTOR, document=lambda s, a: _actor(s, a, publicKey=["x", 1])
    ),
    of_others=KeyTrap("the listed key has another owner", AT_ACTOR, document=_of_others),
    none=KeyTrap(
        "the actor has no key", AT_ACTOR, document=lambda s, a: _actor(s, a, publicKey=None)
    ),
    small=KeyTrap("RSA of 1,024 bits", AT_ACTOR, document=_small, bits=1024),
    expired=KeyTrap(
        "the key has expired",
        "{actor}#ed25519-key",
        document=lambda s, a: _multikey(s, a, expires=LONG_AGO),
        form="ed25519 9421",
    ),
    revoked=KeyTrap(
        "the key was revoked",
        "{actor}#ed25519-key",
        document=lambda s, a: _multikey(s, a, revoked=LONG_AGO),
        form="ed25519 9421",
    ),
    controlled=KeyTrap(
        "somebody else controls the key",
        "{actor}#ed25519-key",
        document=lambda s, a: _multikey(s, a, controller=VICTIM),
        form="ed25519 9421",
    ),
    missing=KeyTrap("404", answer=lambda s, a: Reply(404)),
    gone=KeyTrap("410, and it is no Delete", answer=lambda s, a: Reply(410)),
    broken=KeyTrap("500", answer=lambda s, a: Reply(500)),
    silent=KeyTrap("the connection is closed", answer=lambda s, a: None),
    endless=KeyTrap("an answer without an end", answer=lambda s, a: Raw(_endless())),
    leads_inside=KeyTrap(
        "a redirect to a private address", answer=_to("https://10.0.0.1/forbidden")
    ),
    leads_away=KeyTrap(
        "a redirect to another host", answer=_to("https://elsewhere.example/forbidden")
    ),
    inside=KeyTrap("a private address", "https://10.0.0.1/forbidden#main-key"),
    odd_port=KeyTrap("another port", "https://keys.example:22/forbidden#main-key"),
    plain_http=KeyTrap("plain HTTP", "http://keys.example/forbidden#main-key"),
    local=KeyTrap("a local name", "https://localhost/forbidden#main-key"),
    relative=KeyTrap("a relative key id", "/users/relative/forbidden"),
    fragment=KeyTrap("a fragment alone", "#main-key"),
    account=KeyTrap("an acct: URI", "acct:account@keys.example"),
    long=KeyTrap("a key id of 10 KB", "{base}/forbidden/" + "x" * 10_000),
    script=KeyTrap("another scheme", "javascript:forbidden"),
    file=KeyTrap("a file", "file:///etc/forbidden"),
)


class KeyTraps(Server):
    """Has an account for every trap as soon as it is served."""

    family = "keys"
    form = "mastodon"

    def join(self, clock: Callable[[], float], scheme: str) -> None:
        super().join(clock, scheme)
        for name in TRAPS:
            self.add_account(name)

    def actor(self, account: Account) -> Json:
        trap = TRAPS[account.user]
        if trap.document is not None and trap.key_id.startswith("{actor}"):
            document: Json = trap.document(self, account)
            return document
        return super().actor(account)

    def handle(self, asked: Incoming) -> Answer:
        name = asked.path.removeprefix("/keys/")
        trap = TRAPS.get(name)
        if not asked.path.startswith("/keys/") or trap is None:
            return super().handle(asked)
        account = self.accounts[name]
        if trap.answer is not None:
            return trap.answer(self, account)
        assert trap.document is not None
        body = json.dumps(trap.document(self, account)).encode()
        return Reply(200, {"Content-Type": ACTIVITY_JSON}, body)

    def forged(self, name: str, **more: Any) -> Message:
        """The request of a trap, signed as it should not be believed."""
        trap, account = TRAPS[name], self.accounts[name]

        def filled(text: str) -> str:
            return text.format(base=self.base, actor=account.actor_id, name=name)

        key: Private | None = rsa_key(0, trap.bits) if trap.form == "mastodon" else None
        what = {
            "id": f"{account.actor_id}/forged/1",
            "type": "Create",
            "actor": filled(trap.actor),
            "object": f"{account.actor_id}/forged/1/note",
            **more,
        }
        return self.prepare(account, what, form=trap.form, key=key, key_id=filled(trap.key_id))
