"""A puller's public side, as the simulated hosts meet it: an actor with two keys, and an inbox.

It stands in for Fedpull in tests of the simulated Fediverse alone; it signs with that side's own
code and takes whatever is posted to it.
"""

from __future__ import annotations

import http.server
import json
import threading
from dataclasses import replace
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from fedpull.tests.fediverse.client import Answer, Client
from fedpull.tests.fediverse.documents import ACTIVITY_JSON, AS
from fedpull.tests.fediverse.keys import (
    STRANGER,
    Private,
    ed25519_key,
    multikey,
    public_pem,
    rsa_key,
)
from fedpull.tests.fediverse.signatures import Message, cavage, rfc9421

ORIGIN = "https://pull.example"
ACTOR = f"{ORIGIN}/actor"
OWN = 7  # the number of its RSA key
PLAIN = ("(request-target)", "host", "date")


def actor() -> dict[str, Any]:
    key = {"id": f"{ACTOR}#main-key", "owner": ACTOR, "publicKeyPem": public_pem(rsa_key(OWN))}
    other = {
        "id": f"{ACTOR}#ed25519-key",
        "type": "Multikey",
        "controller": ACTOR,
        "publicKeyMultibase": multikey(ed25519_key(ACTOR)),
    }
    return {
        "@context": AS,
        "id": ACTOR,
        "type": "Application",
        "inbox": f"{ORIGIN}/actor/inbox",
        "outbox": f"{ORIGIN}/actor/outbox",
        "publicKey": key,
        "assertionMethod": [other],
    }


class Puller:
    """A context manager; `address` is where it listens, `heard` what was posted to it."""

    def __init__(self) -> None:
        puller = self
        self.heard: list[Any] = []
        self.changed = threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path == "/actor" and self.headers["Host"] == "pull.example"
                self._answer(200 if known else 404, json.dumps(actor()).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with puller.changed:
                    puller.heard.append(json.loads(body))
                    puller.changed.notify_all()
                self._answer(202, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", ACTIVITY_JSON)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: the tests look at `heard`."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for(self, count: int) -> list[Any]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, 30)
            return list(self.heard)


def signed(url: str, form: str, at: float) -> dict[str, str]:
    """The headers of a GET as the rows of the signature matrix call it."""
    message = Message("GET", url, {"host": urlsplit(url).netloc})
    if "no date" not in form:
        message = replace(message, headers={**message.headers, "date": formatdate(at, usegmt=True)})
    kind, _, rest = form.partition(" ")
    ed25519 = "ed25519" in rest
    key: Private = ed25519_key(ACTOR) if ed25519 else rsa_key(OWN)
    if rest == "wrong key":
        key = rsa_key(STRANGER)
    key_id = f"{ACTOR}#{'ed25519' if ed25519 else 'main'}-key"
    if kind == "unsigned":
        return dict(message.headers)
    make = _cavage if kind == "cavage" else _rfc9421
    return {**message.headers, **make(message, rest, key, key_id, at)}


def _cavage(message: Message, rest: str, key: Private, key_id: str, at: float) -> dict[str, str]:
    labels = {"hs2019": "hs2019", "no algorithm": "", "ed25519": "hs2019", "created, no date": ""}
    label = labels.get(rest, "rsa-sha256")
    if rest == "created, no date":
        return cavage(
            message,
            key,
            key_id,
            ("(request-target)", "(created)", "(expires)", "host"),
            algorithm="hs2019",
            created=int(at),
            expires=int(at) + 300,
        )
    return cavage(message, key, key_id, PLAIN, algorithm=label, query=rest != "without query")


def _rfc9421(message: Message, rest: str, key: Private, key_id: str, at: float) -> dict[str, str]:
    parameters: dict[str, str | int] = {"created": int(at), "keyid": key_id}
    if rest != "no alg":
        parameters["alg"] = "ed25519" if rest == "ed25519" else "rsa-v1_5-sha256"
    return rfc9421(message, key, ("@method", "@target-uri", "@authority"), parameters)


def ask(client: Client, url: str, form: str, at: float) -> Answer:
    return client.get(url, signed(url, form, at))
