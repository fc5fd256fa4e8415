"""The digest of a part of an actor's followers (FEP-8fcf): XOR of the SHA-256 of their ids.

It knows no header and loads no ciphers, for the store keeps digests too. Invariant: the order in
which followers have come makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

NOBODY = bytes(32)  # the digest of an empty part, which Mastodon sends as zeros


def toggled(digest: bytes, actor: str) -> bytes:
    """The digest of a part with one more follower, or with one less: XOR is its own reverse."""
    one = int.from_bytes(sha256(actor.encode("utf-8", "surrogatepass")).digest())
    return (int.from_bytes(digest) ^ one).to_bytes(32)


def digest_of(actors: Iterable[str]) -> bytes:
    digest = NOBODY
    for actor in actors:
        digest = toggled(digest, actor)
    return digest
