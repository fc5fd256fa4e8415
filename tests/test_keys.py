"""Keys: what is accepted as one, and what it says of a signature."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from key_cases import OWNER, ec_pem, ed25519, pkcs1_pem, rsa

from fedpull.crawler.protocol import multikey
from fedpull.crawler.protocol.key_documents import keys_of
from fedpull.crawler.protocol.keys import PrivateKey, PublicKey, public_key
from fedpull.errors import BadInput

CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
ID = f"{OWNER}#main-key"
# draft-cavage-12 appendix C: a key of 1024 bits, which verifies but is never taken from a document.
OLD = b64decode(
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QFNUd1"
    "3wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTo"
    "tc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB"
)
OLD_SIGNATURE = b64decode(
    "SjWJWbWN7i0wzBvtPl8rbASWz5xQW6mcJmn+ibttBqtifLN7Sazz6m79cNfwwb8DMJ5cou1s7uEGKKCs+FLEEaDV5lp7"
    "q25WqS+lavg7T8hc0GppauB6hbgEKTwblDHYGEtbGmtdHgVCk9SuS13F0hZ8FD0k/5OxEPXe5WozsbM="
)


def a_huge_exponent() -> bytes:
    public = rsa().key.public_key()
    assert isinstance(public, RSAPublicKey)
    numbers = RSAPublicNumbers(2**80 + 1, public.public_numbers().n)
    return numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("key", [rsa(), ed25519()], ids=["RSA", "Ed25519"])
def test_what_a_key_signs_its_public_half_verifies(key: PrivateKey) -> None:
    """And nothing else: no other text, no other key, no other signature."""
    signature = key.sign(b"text")

    assert key.public.verifies(signature, b"text")
    assert not key.public.verifies(signature, b"another text")
    assert not key.public.verifies(signature[:-1], b"text")
    assert not key.public.verifies(b"", b"text")
    assert not rsa("another").public.verifies(signature, b"text")
    assert not ed25519("another").public.verifies(signature, b"text")


def test_rsa_keeps_its_hashes_apart() -> None:
    """GoToSocial may sign with SHA-512; which one it was, the verifier has to try."""
    signature = rsa().sign(b"text", hash="sha512")

    assert rsa().public.verifies(signature, b"text", hash="sha512")
    assert not rsa().public.verifies(signature, b"text")
    assert not rsa().public.verifies(signature, b"text", hash="md5")


def test_a_published_vector_verifies() -> None:
    """The example of draft-cavage-12 (C.1), whose key is too small to be taken from anybody."""
    old = PublicKey(ID, OWNER, "rsa", OLD)

    assert old.verifies(OLD_SIGNATURE, b"date: Sun, 05 Jan 2014 21:31:40 GMT")
    with pytest.raises(BadInput, match="1024 bits"):
        public_key(ID, OWNER, OLD)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda: rsa().public.pem, id="PEM, as everybody publishes it"),
        pytest.param(lambda: rsa().public.pem.replace("\n", "\r\n"), id="PEM with CRLF"),
        pytest.param(lambda: f"\n  {rsa().public.pem.strip()}", id="PEM with space around it"),
        pytest.param(lambda: pkcs1_pem(rsa()), id="PEM of the older kind"),
        pytest.param(lambda: rsa().public.der, id="DER"),
    ],
)
def test_one_key_in_all_its_spellings(written: Callable[[], str | bytes]) -> None:
    """However a key is written, it is the same key."""
    assert public_key(ID, OWNER, written()) == rsa().public


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        pytest.param(lambda: "", "no public key", id="nothing"),
        pytest.param(lambda: "hello", "no public key", id="a word"),
        pytest.param(lambda: "\ud800", "no public key", id="half a character"),
        pytest.param(lambda: rsa().public.pem[:200], "no public key", id="half a key"),
        pytest.param(lambda: "A" * 10_000, "longer than", id="too much of it"),
        pytest.param(ec_pem, "cannot use", id="another kind of key"),
        pytest.param(lambda: rsa("small", 1024).public.der, "1024 bits", id="too small a key"),
        pytest.param(a_huge_exponent, "exponent", id="an exponent that makes verifying dear"),
    ],
)
def test_what_is_no_usable_key_is_refused(written: Callable[[], str | bytes], reason: str) -> None:
    """One line says whose key it was and what is wrong with it."""
    with pytest.raises(BadInput, match=reason) as refused:
        public_key(ID, OWNER, written())

    assert refused.value.subject == ID


@given(der=st.binary(max_size=400), signature=st.binary(max_size=300), data=st.binary())
def test_verifying_never_raises(der: bytes, signature: bytes, data: bytes) -> None:
    """Neither for a key that is none nor for a signature that is none."""
    assert not PublicKey(ID, OWNER, "rsa", der).verifies(signature, data)
    assert not rsa().public.verifies(signature, data)
    assert not ed25519().public.verifies(signature, data)


def test_a_private_key_does_not_show_itself() -> None:
    """A log line that holds a key object holds its id and kind."""
    assert repr(rsa()) == f"PrivateKey(id='{ID}', owner='{OWNER}', kind='rsa')"


@pytest.mark.parametrize(
    ("expires", "now", "valid"),
    [
        pytest.param(None, 1e12, True, id="a key without an end is always valid"),
        pytest.param(10.0, 9.0, True, id="it is valid before its end"),
        pytest.param(10.0, 10.0, False, id="and not from then on"),
    ],
)
def test_the_end_of_a_key(expires: float | None, now: float, valid: bool) -> None:
    """A key ends when its document says so."""
    assert PublicKey(ID, OWNER, "rsa", b"", expires).valid(now) is valid


@pytest.mark.parametrize("key", [rsa(), rsa("large", 4096), ed25519()], ids=lambda key: key.id)
def test_a_multikey_is_the_key(key: PrivateKey) -> None:
    """What is written as a Multikey is read as the same key."""
    text = multikey.encode(key.public)

    assert multikey.decode(key.id, OWNER, text) == key.public
    assert text.startswith("z6Mk" if key.kind == "ed25519" else "z")


def test_a_multikey_that_others_have_written() -> None:
    """The first example of W3C's did:key method."""
    raw = bytes.fromhex("2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6")
    text = "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"

    key = multikey.decode(ID, OWNER, text)

    assert key.der.endswith(raw)
    assert multikey.encode(key) == text


@pytest.mark.corpora
def test_a_captured_actor_writes_one_key_in_both_forms() -> None:
    """Hollo publishes its RSA key as PEM and as Multikey."""
    path = (
        CORPORA / "fedify-fixtures/packages/fixture/src/fixtures/wizard.casa/users/hongminhee.json"
    )
    if not path.exists():
        pytest.skip("the corpora are not there")
    actor = json.loads(path.read_bytes())

    old, new = keys_of(actor)[:2]

    assert (old.id, old.der) == (new.id, new.der) == (actor["publicKey"]["id"], old.der)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="nothing"),
        pytest.param(7, id="a number"),
        pytest.param("", id="an empty word"),
        pytest.param("z", id="a key of no bytes"),
        pytest.param("z0OIl", id="letters that base58 leaves out"),
        pytest.param("mAQID", id="base64, which a Multikey never is"),
        pytest.param("z" + "2" * 2_000, id="too long a word"),
        pytest.param("z" + multikey.base58(b"\xe7\x01" + b"k" * 33), id="a key of Bitcoin's kind"),
        pytest.param("z" + multikey.base58(b"\xed\x01" + b"k" * 31), id="a byte too few"),
        pytest.param("z" + multikey.base58(b"\x85\x24" + b"k" * 200), id="no RSA key"),
    ],
)
def test_what_is_no_multikey_is_refused(text: object) -> None:
    """By its letters, its length or its kind."""
    with pytest.raises(BadInput):
        multikey.decode(ID, OWNER, text)


@given(st.binary(max_size=64))
def test_base58_there_and_back(data: bytes) -> None:
    """Leading zeros included."""
    assert multikey.from_base58(multikey.base58(data)) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    ],
)
def test_the_vectors_of_base58(data: bytes, text: str) -> None:
    """Those of draft-msporny-base58-03, section 5."""
    assert multikey.base58(data) == text
    assert multikey.from_base58(text) == data
