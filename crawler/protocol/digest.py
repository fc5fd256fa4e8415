"""Digests of a body: `Digest` (RFC 3230) and `Content-Digest` (RFC 9530), made and checked.

It does not ask whether a digest is signed. Invariant: a body passes only if every digest of it that
we can compute is right, and each header of digests has one.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode

from .signed_request import Fault, SignedRequest, dictionary

_HASHES = {"sha-256": "sha256", "sha-512": "sha512"}


def digest(body: bytes) -> str:
    return f"SHA-256={_base64(body, 'sha-256')}"


def content_digest(body: bytes) -> str:
    return f"sha-256=:{_base64(body, 'sha-256')}:"


def check_digests(request: SignedRequest) -> None:
    """Both headers, where they are: one that is right does not excuse the other."""
    if (value := request.value("digest")) is not None:
        check_digest(value, request.body)
    if (value := request.value("content-digest")) is not None:
        check_content_digest(value, request.body)


def check_digest(value: str, body: bytes) -> None:
    """`SHA-256=…`, or several; Misskey has written the name in lower case."""
    claimed: dict[str, set[str]] = {}
    for entry in value.split(","):
        name, _, text = entry.strip(" \t").partition("=")
        claimed.setdefault(name.lower(), set()).add(text)
    known = [name for name in claimed if name in _HASHES]
    if not known:
        raise Fault("The Digest names neither SHA-256 nor SHA-512.")
    # Each is computed once, however often it stands there: a megabyte costs a millisecond.
    if any(claimed[name] != {_base64(body, name)} for name in known):
        raise Fault("The Digest is not that of the body.")


def check_content_digest(value: str, body: bytes) -> None:
    """A dictionary of byte sequences; what is none of these is a malformed request."""
    try:
        entries = dictionary(value)
    except ValueError:
        raise Fault("The Content-Digest cannot be read.", 400) from None
    known = False
    for name, entry in entries.items():
        claimed = entry[0] if isinstance(entry, tuple) else entry
        if not isinstance(claimed, bytes):
            raise Fault("The Content-Digest cannot be read.", 400)
        if name in _HASHES:
            known = True
            if claimed != hashlib.new(_HASHES[name], body).digest():
                raise Fault("The Content-Digest is not that of the body.")
    if not known:
        raise Fault("The Content-Digest has neither sha-256 nor sha-512.")


def _base64(body: bytes, name: str) -> str:
    return b64encode(hashlib.new(_HASHES[name], body).digest()).decode()
