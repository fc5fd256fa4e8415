"""An identity that signs for real, and hosts on the wire that read some forms of signature only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from wire_server import Judge, Seen, response

from fedpull.crawler.protocol.keys import PrivateKey, private_key
from fedpull.crawler.protocol.knock import LADDER, Form
from fedpull.crawler.protocol.signing import Headers, Wish, read_accept_signature, sign
from fedpull.crawler.protocol.uri import Uri, UrlRules, check_url

ACTOR = "https://pull.example/actor"
_RULES = UrlRules(http=True)


@lru_cache
def key(kind: str = "rsa") -> PrivateKey:
    made = Ed25519PrivateKey.generate() if kind == "ed25519" else generate_private_key(65537, 2048)
    pem = made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private_key(f"{ACTOR}#{kind}", ACTOR, pem)


class Identity:
    """Signs as a configured identity does."""

    def sign(
        self,
        form: Form,
        method: str,
        uri: Uri,
        body: bytes | None,
        content_type: str | None,
        now: float,
        challenge: str = "",
        extra: Headers = (),
    ) -> Headers:
        wish = read_accept_signature(challenge) or Wish()
        signing = key(wish.kind or "rsa")
        return sign(
            form, method, uri, body, content_type, signing, now, wish.components, extra=extra
        )

    def understands(self, challenge: str) -> bool:
        return read_accept_signature(challenge) is not None


def form_of(seen: Seen) -> Form:
    """In which form a request is signed, by making the same signature (RSA has one only)."""
    headers = seen.headers
    if "signature" not in headers:
        return "unsigned"
    method, target, _ = seen.line.split(" ")
    uri = check_url(f"http://{headers['host']}{target}", _RULES)
    created = re.search(r"created=(\d+)", headers.get("signature-input", ""))
    if created is not None:
        now = float(created[1])
    else:
        now = parsedate_to_datetime(headers["date"]).timestamp()
    body, kind = (seen.body, headers["content-type"]) if method == "POST" else (None, None)
    for form in LADDER[1:]:
        made = Identity().sign(form, method, uri, body, kind, now)
        if all(headers.get(name.lower()) == value for name, value in made):
            return form
    raise AssertionError(f"not signed by us: {headers}")


@dataclass
class Gate:
    """Lets in who signs in one of `reads`; refuses others with `status`."""

    reads: tuple[Form, ...]
    status: str = "401 Unauthorized"
    asked: list[Form] = field(default_factory=list)

    @property
    def judge(self) -> Judge:
        return Judge(self._reply)

    def _reply(self, seen: Seen) -> bytes:
        form = form_of(seen)
        self.asked.append(form)
        # Without a query the two forms of cavage are one.
        same = {form, "cavage-bare"} if form == "cavage" and "?" not in seen.line else {form}
        if same & set(self.reads):
            return response()
        return response(b"no", status=self.status)
