"""The keys of simulated actors, and how they are written down: PEM and Multikey.

No key is made twice in a process, because making an RSA key takes a tenth of a second. Nothing here
is shared with Fedpull: base58 and the multicodec prefixes are written once more on purpose.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

Private: TypeAlias = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Public: TypeAlias = rsa.RSAPublicKey | ed25519.Ed25519PublicKey

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ED25519_PREFIX = b"\xed\x01"  # multicodec 0xed as an unsigned varint
HASHES: dict[str, hashes.HashAlgorithm] = {"sha256": hashes.SHA256(), "sha512": hashes.SHA512()}
STRANGER = 1_000  # the number of a key that no actor publishes


@functools.cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The nth RSA key. All actors begin with the first one and go on as they rotate."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ed25519_key(actor: str) -> ed25519.Ed25519PrivateKey:
    """The Ed25519 key of an actor: these cost nothing, so each has its own."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(actor.encode()).digest())


def private_pem(key: Private) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: Private) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def multikey(key: ed25519.Ed25519PrivateKey) -> str:
    """`publicKeyMultibase`: z, then base58btc of the prefix and the raw key."""
    raw = ED25519_PREFIX + key.public_key().public_bytes_raw()
    number, digits = int.from_bytes(raw), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "z" + digits  # no leading zero bytes: the prefix begins with 0xed


def from_pem(pem: str) -> Public:
    """ValueError unless it is an RSA or Ed25519 public key."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        raise ValueError("neither RSA nor Ed25519")
    return key


def from_multikey(text: str) -> Public:
    """ValueError unless it is an Ed25519 key in base58btc."""
    if not text.startswith("z"):
        raise ValueError("not base58btc")
    number = 0
    for letter in text[1:]:
        number = number * 58 + BASE58.index(letter)
    raw = number.to_bytes(34)
    if not raw.startswith(ED25519_PREFIX):
        raise ValueError("not Ed25519")
    return ed25519.Ed25519PublicKey.from_public_bytes(raw[2:])


def sign(key: Private, data: bytes, hash: str = "sha256") -> bytes:
    """PKCS#1 v1.5 for RSA; Ed25519 has a hash of its own."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), HASHES[hash])
    return key.sign(data)


def verifies(key: Public, signature: bytes, data: bytes, hash: str = "sha256") -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), HASHES[hash])
        else:
            key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
