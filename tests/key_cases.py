"""Keys for tests, made once in a run: making an RSA key takes a tenth of a second."""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from fedpull.crawler.protocol.keys import PrivateKey

OWNER = "https://a.example/alice"


def rsa(name: str = "main-key", bits: int = 2048) -> PrivateKey:
    """Each name has a key of its own."""
    return PrivateKey(f"{OWNER}#{name}", OWNER, "rsa", _rsa(name, bits))


def ed25519(name: str = "ed25519-key") -> PrivateKey:
    return PrivateKey(f"{OWNER}#{name}", OWNER, "ed25519", _ed25519(name))


@lru_cache
def _rsa(name: str, bits: int) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


@lru_cache
def _ed25519(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def ec_pem() -> str:
    """A key of a kind that signs nothing here."""
    return (
        generate_ec(SECP256R1())
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def pkcs1_pem(key: PrivateKey) -> str:
    """The older form of an RSA key: BEGIN RSA PUBLIC KEY."""
    return (
        key.key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
        .decode()
    )
