"""The published vectors: draft-cavage-12 appendix C and RFC 9421 appendix B.2.6."""

from __future__ import annotations

from base64 import b64decode

import pytest

from fedpull.crawler.protocol.digest import check_digest, digest
from fedpull.crawler.protocol.http_signature import DERIVED, base_of, parameters_text
from fedpull.crawler.protocol.keys import PublicKey
from fedpull.crawler.protocol.signatures import (
    Claim,
    Rejected,
    SignedRequest,
    confirms,
    examine,
)
from fedpull.crawler.protocol.signed_request import Fault
from fedpull.crawler.protocol.times import http_date

ID = "https://example.com/keys/Test"
BODY = b'{"hello": "world"}'
# 1024 bits: below the size that is taken from a document, so it is put together here.
CAVAGE_KEY = PublicKey(
    ID,
    "https://example.com/",
    "rsa",
    b64decode(
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QF"
        "NUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv"
        "8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB"
    ),
)
HEADERS = (
    ("host", "example.com"),
    ("date", "Sun, 05 Jan 2014 21:31:40 GMT"),
    ("content-type", "application/json"),
    ("digest", "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="),
    ("content-length", "18"),
)
TARGET = "/foo?param=value&pet=dog"
C1 = (
    "SjWJWbWN7i0wzBvtPl8rbASWz5xQW6mcJmn+ibttBqtifLN7Sazz6m79cNfwwb8DMJ5cou1s7uEGKKCs+FLEEaDV5lp7"
    "q25WqS+lavg7T8hc0GppauB6hbgEKTwblDHYGEtbGmtdHgVCk9SuS13F0hZ8FD0k/5OxEPXe5WozsbM="
)
C2 = (
    "qdx+H7PHHDZgy4y/Ahn9Tny9V3GP6YgBPyUXMmoxWtLbHpUnXS2mg2+SbrQDMCJypxBLSPQR2aAjn7ndmw2iicw3HMbe"
    "8VfEdKFYRqzic+efkb3nndiv/x1xSHDJWeSWkx3ButlYSuBskLu6kd9Fswtemr3lgdDEmn04swr2Os0="
)
C3 = (
    "vSdrb+dS3EceC9bcwHSo4MlyKS59iFIrhgYkz8+oVLEEzmYZZvRs8rgOp+63LEM3v+MFHB32NfpB2bEKBIvB1q52LaEU"
    "HFv120V01IL+TAD48XaERZFukWgHoBTLMhYS2Gb51gWxpeIq8knRmPnYePbF5MOkR0Zkly4zKH7s1dE="
)
VECTORS = {
    "C.1": ("date", C1),
    "C.2": ("(request-target) host date", C2),
    "C.3": ("(request-target) host date content-type digest content-length", C3),
}


def request(covered: str, signature: str, key_id: str = ID) -> SignedRequest:
    text = f'keyId="{key_id}",algorithm="rsa-sha256",headers="{covered}",signature="{signature}"'
    return SignedRequest("POST", TARGET, (*HEADERS, ("signature", text)), BODY)


def now() -> float:
    at = http_date(dict(HEADERS)["date"])
    assert at is not None
    return at


@pytest.mark.parametrize(("covered", "signature"), VECTORS.values(), ids=VECTORS)
def test_the_draft(covered: str, signature: str) -> None:
    """The draft's three signatures are its key's over the lines that it shows."""
    values = dict(HEADERS) | {"(request-target)": f"post {TARGET}"}
    base = "\n".join(f"{name}: {values[name]}" for name in covered.split(" "))

    assert CAVAGE_KEY.verifies(b64decode(signature), base.encode())
    assert not CAVAGE_KEY.verifies(b64decode(signature), base.encode() + b" ")


def test_the_draft_as_a_request() -> None:
    """Only C.3 covers what a POST must; the key ids of the draft are no URIs."""
    claim = examine(request(*VECTORS["C.3"]), "https://example.com", now())

    assert isinstance(claim, Claim)
    assert confirms(claim, CAVAGE_KEY, now())
    for covered, signature in (VECTORS["C.1"], VECTORS["C.2"]):
        weak = examine(request(covered, signature), "https://example.com", now())
        assert isinstance(weak, Rejected)
        assert weak.status == 401
    unnamed = examine(request(*VECTORS["C.3"], "Test"), "https://example.com", now())
    assert unnamed == Rejected(401, "The keyId is no http(s) URI.")


def test_the_digest_of_the_draft() -> None:
    """The draft's Digest is its body's."""
    check_digest(dict(HEADERS)["digest"], BODY)

    assert digest(BODY) == dict(HEADERS)["digest"]
    with pytest.raises(Fault):
        check_digest(dict(HEADERS)["digest"], BODY + b"\n")


RFC_KEY = PublicKey(
    "test-key-ed25519",
    "https://example.com/",
    "ed25519",
    b64decode("MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="),
)
RFC_COVERED = ("date", "@method", "@path", "@authority", "content-type", "content-length")
RFC_INPUT = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
RFC_SIGNATURE = (
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
)
RFC_HEADERS = {
    "host": "example.com",
    "date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "content-type": "application/json",
    "content-length": "18",
}


def rfc_base() -> bytes:
    lines = [
        (
            name,
            DERIVED[name]("POST", "https://example.com", "/foo?param=Value&Pet=dog")
            if name in DERIVED
            else RFC_HEADERS[name],
        )
        for name in RFC_COVERED
    ]
    parameters = parameters_text(RFC_COVERED, {"created": 1618884473, "keyid": "test-key-ed25519"})
    assert parameters == RFC_INPUT
    return base_of(lines, parameters)


def test_the_rfc() -> None:
    """B.2.6 is its key's signature over the base that we make of its message."""
    assert RFC_KEY.verifies(b64decode(RFC_SIGNATURE), rfc_base())
    assert not RFC_KEY.verifies(b64decode(RFC_SIGNATURE), rfc_base() + b" ")


def test_the_rfc_as_a_request() -> None:
    """It covers neither query nor body, so as a request it would be refused."""
    named = RFC_INPUT.replace("test-key-ed25519", ID)
    signed = (("signature-input", f"sig-b26={named}"), ("signature", f"sig-b26=:{RFC_SIGNATURE}:"))
    request = SignedRequest("POST", "/foo", (*RFC_HEADERS.items(), *signed), BODY)

    assert examine(request, "https://example.com", 1618884473.0) == Rejected(
        401, "The signature does not cover content-digest."
    )
