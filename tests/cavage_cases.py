"""Requests signed as draft-cavage says, each with one thing of its own; see `signature_cases`."""

from __future__ import annotations

import string
from base64 import b64encode
from hashlib import sha512

from signature_cases import (
    BODY,
    cavage,
    sent_headers,
    with_another,
    without,
)

from fedpull.crawler.protocol.signatures import (
    SignedRequest,
)

HS2019 = 'algorithm="hs2019"'
CREATED = "(request-target) (created) host digest"
SHA512_DIGEST = f"SHA-512={b64encode(sha512(BODY).digest()).decode()}"


def created(at: float, *others: str, covered: str = CREATED, **how: object) -> SignedRequest:
    parameters = (HS2019, f"created={int(at)}", *others)
    return cavage(covered, parameters=parameters, **how)  # type: ignore[arg-type]


def dated(at: float, *parameters: str) -> SignedRequest:
    return cavage(
        headers=sent_headers(BODY, "digest", at),
        parameters=parameters or ('algorithm="rsa-sha256"',),
    )


def with_date(text: str) -> SignedRequest:
    return cavage(
        headers=[(n, text if n == "date" else v) for n, v in sent_headers(BODY, "digest")]
    )


def with_digest(text: str) -> SignedRequest:
    headers = [(n, text if n == "digest" else v) for n, v in sent_headers(BODY, "digest")]
    return cavage(headers=headers)


def signature() -> str:
    return cavage().values("signature")[0]


def other_end(text: str) -> str:
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    last = text[-4]  # `=="` follows
    return f"{text[:-4]}{letters[letters.index(last) + 1]}{text[-3:]}"


def in_authorization(request: SignedRequest, scheme: str) -> SignedRequest:
    [value] = request.values("signature")
    return with_another(without(request, "signature"), "authorization", scheme + value)
