"""Public keys that verify and private keys that sign: RSA of 2048 to 8192 bits, and Ed25519.

It reads keys as they are published (PEM, DER) and does not decide whose a key is, whether a
signature covers enough, or where a key comes from. Invariants: verifying never raises, whatever the
bytes; a private key shows nothing of itself when it is printed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from ...errors import BadInput

Kind = Literal["rsa", "ed25519"]

# NIST SP 800-131A ends below 2048; above 8192 a verification costs a millisecond, and nobody has
# such a key (GoToSocial, Mastodon and Misskey make 2048, Fedify and Pleroma 2048 or 4096).
MIN_BITS, MAX_BITS = 2048, 8192
# 65537 everywhere. OpenSSL itself ends at 64 bits for large moduli, but takes any exponent for
# small ones, where one of 3072 bits costs a hundred times a normal verification.
MAX_EXPONENT_BITS = 64
# A key of 8192 bits is 1.5 KB as PEM.
MAX_ENCODED = 8192
# 4 KB each when loaded.
_LOADED = 4096

_HASHES: dict[str, hashes.HashAlgorithm] = {"sha256": hashes.SHA256(), "sha512": hashes.SHA512()}
_PADDING = PKCS1v15()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, the id under which it signs, and its owner: as told, see `key_documents`."""

    id: str
    owner: str
    kind: Kind
    der: bytes  # SubjectPublicKeyInfo
    expires: float | None = None

    def verifies(self, signature: bytes, data: bytes, *, hash: str = "sha256") -> bool:
        """Whether `signature` is this key's over `data`; `hash` is RSA's, Ed25519 has its own."""
        try:
            key = _load(self.der)
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, data)
            else:
                key.verify(signature, data, _PADDING, _HASHES[hash])
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
            return False
        return True

    def valid(self, now: float) -> bool:
        return self.expires is None or now < self.expires

    @property
    def pem(self) -> str:
        return (
            _load(self.der)
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key of ours. The key object stays inside: neither `repr` nor a log line shows it."""

    id: str
    owner: str
    kind: Kind
    key: RSAPrivateKey | Ed25519PrivateKey = field(repr=False, compare=False)

    def sign(self, data: bytes, *, hash: str = "sha256") -> bytes:
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(data)
        return self.key.sign(data, _PADDING, _HASHES[hash])

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.id, self.owner, self.kind, _spki(self.key.public_key()))


def public_key(
    id: str, owner: str, encoded: str | bytes, *, expires: float | None = None
) -> PublicKey:
    """The key that `encoded` holds: PEM (SPKI or PKCS#1) or DER (SPKI).

    BadInput names the key's id if it is no key, of another kind, or of a size that we do not trust.
    """
    data = encoded.encode("utf-8", "replace") if isinstance(encoded, str) else encoded
    if len(data) > MAX_ENCODED:
        raise BadInput(id, "is longer than a public key can be")
    try:
        is_pem = data.lstrip().startswith(b"-----BEGIN ")
        load = serialization.load_pem_public_key if is_pem else serialization.load_der_public_key
        key = load(data.strip() if is_pem else data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput(id, "is no public key", "an RSA or Ed25519 key as PEM") from None
    return PublicKey(id, owner, _kind(id, key), _spki(key), expires)


def private_key(id: str, owner: str, pem: bytes) -> PrivateKey:
    """A key of ours from an unencrypted PEM block; BadInput as with `public_key`."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadInput(id, "is no private key", "an unencrypted RSA or Ed25519 key") from None
    kind = _kind(id, key.public_key())
    assert isinstance(key, RSAPrivateKey | Ed25519PrivateKey)  # as _kind has seen
    return PrivateKey(id, owner, kind, key)


def _kind(id: str, key: object) -> Kind:
    if isinstance(key, Ed25519PublicKey):
        return "ed25519"
    if not isinstance(key, RSAPublicKey):
        raise BadInput(id, f"is a key that we cannot use ({type(key).__name__})", "RSA or Ed25519")
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        expected = f"{MIN_BITS} to {MAX_BITS}"
        raise BadInput(id, f"is an RSA key of {key.key_size} bits", expected)
    if key.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
        raise BadInput(id, "is an RSA key with an exponent that costs too much", "65537")
    return "rsa"


def _spki(key: object) -> bytes:
    assert isinstance(key, RSAPublicKey | Ed25519PublicKey)  # callers have asked _kind
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@lru_cache(maxsize=_LOADED)
def _load(der: bytes) -> RSAPublicKey | Ed25519PublicKey:
    """Loading costs more than verifying, and a busy sender signs with one key."""
    key = serialization.load_der_public_key(der)
    if isinstance(key, RSAPublicKey | Ed25519PublicKey):
        return key
    raise TypeError("neither RSA nor Ed25519")
