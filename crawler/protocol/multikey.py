"""Multikeys (FEP-521a, W3C Controlled Identifiers): public keys as one word in base58.

It knows the two kinds of key that sign here and base58btc, the one encoding that a Multikey may
have; nothing else of multibase and multicodec, which is why no library stands in its place (those
that there are bring dozens of encodings, or have not moved since 2021). Invariant: what is not
exactly a Multikey of such a key is refused, and reading never costs more than a millisecond.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ...errors import BadInput
from .keys import PublicKey, public_key

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {letter: value for value, letter in enumerate(_ALPHABET)}
_BASE58BTC = "z"
# Unsigned varints of the multicodec table: 0xed ed25519-pub, 0x1205 rsa-pub (PKCS#1, DER).
_ED25519, _RSA = b"\xed\x01", b"\x85\x24"
# An RSA key of 8192 bits has 1,040 bytes, which are 1,422 letters; reading is quadratic.
MAX_LENGTH = 1500


def encode(key: PublicKey) -> str:
    """The `publicKeyMultibase` of a key."""
    loaded = serialization.load_der_public_key(key.der)
    if isinstance(loaded, Ed25519PublicKey):
        return _BASE58BTC + base58(_ED25519 + loaded.public_bytes_raw())
    der = loaded.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    return _BASE58BTC + base58(_RSA + der)


def decode(id: str, owner: str, text: object, *, expires: float | None = None) -> PublicKey:
    """The key in a `publicKeyMultibase`; BadInput, with the key's id, for anything else."""
    if not isinstance(text, str) or not text.startswith(_BASE58BTC) or len(text) > MAX_LENGTH:
        raise BadInput(id, "is no Multikey", "base58btc, beginning with z")
    try:
        data = from_base58(text[1:])
    except ValueError:
        raise BadInput(id, "is no Multikey", "base58btc, beginning with z") from None
    codec, key = data[:2], data[2:]
    if codec == _ED25519 and len(key) == 32:
        spki = Ed25519PublicKey.from_public_bytes(key).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return PublicKey(id, owner, "ed25519", spki, expires)
    if codec == _RSA:
        return public_key(id, owner, key, expires=expires)
    raise BadInput(id, "is a Multikey of another kind", "ed25519-pub or rsa-pub")


def base58(data: bytes) -> str:
    """Base58 in Bitcoin's alphabet; each leading zero byte is a `1`."""
    number, letters = int.from_bytes(data, "big"), []
    while number:
        number, digit = divmod(number, 58)
        letters.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return _ALPHABET[0] * zeros + "".join(reversed(letters))


def from_base58(text: str) -> bytes:
    """The bytes; ValueError where a letter is none of the alphabet's."""
    number = 0
    for letter in text:
        if letter not in _DIGITS:
            raise ValueError("not base58")
        number = number * 58 + _DIGITS[letter]
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
