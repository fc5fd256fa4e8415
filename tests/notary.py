"""Verifies what we send with other projects' libraries: httpsig (draft-cavage) and
http-message-signatures (RFC 9421). The key comes from our actor's document, as a receiver reads it.

None of Fedpull's code verifies here, and none of the simulated servers'. RSA only: no library for
draft-cavage knows Ed25519.
"""

from __future__ import annotations

import base64
import hashlib
from email.utils import parsedate_to_datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from http_message_signatures import HTTPMessageVerifier, MappingKeyResolver, algorithms
from httpsig import HeaderVerifier

from fedpull.tests.fediverse.signatures import Message

# What a signature that lets a POST in has to cover: what, where, when, and what it says.
CAVAGE = ("(request-target)", "host", "date", "digest")
RFC9421 = ("@method", "@target-uri", "content-digest")
_SKEW = 60.0


class _Timeless(HTTPMessageVerifier):
    """Leaves the time to whoever knows which time it is where the requests are made."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """`attest` compares `created` with its own `now`."""


def attest(message: Message, key_id: str, pem: str, now: float) -> str:
    """Which of the two it is, "cavage" or "rfc9421", once a POST has been verified.

    AssertionError, or an error of the library, where it is not what it should be."""
    later = "signature-input" in message.headers
    at = (_rfc9421 if later else _cavage)(message, key_id, pem)
    assert abs(now - at) <= _SKEW, f"signed at {at}, and it is {now}"
    return "rfc9421" if later else "cavage"


def _cavage(message: Message, key_id: str, pem: str) -> float:
    verifier = HeaderVerifier(
        dict(message.headers),
        pem,
        required_headers=list(CAVAGE),
        method=message.method,
        path=message.target,
        sign_header="signature",
    )
    assert verifier.verify(), "httpsig does not verify it"
    assert verifier.auth_dict["keyId"] == key_id
    digest = base64.b64encode(hashlib.sha256(message.body).digest()).decode()
    assert message.headers["digest"] == f"SHA-256={digest}"
    return parsedate_to_datetime(message.headers["date"]).timestamp()


def _rfc9421(message: Message, key_id: str, pem: str) -> float:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, RSAPublicKey)
    verifier = _Timeless(
        signature_algorithm=algorithms.RSA_V1_5_SHA256,
        key_resolver=MappingKeyResolver(public_keys={key_id: key}, private_keys={}),
    )
    [result] = verifier.verify(message, max_age=None, require_components=RFC9421, body=message.body)
    return float(result.parameters["created"])
