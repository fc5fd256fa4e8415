"""What holds of the verifier for any input: it never raises, and no bit of a request can change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fediverse import forms
from fediverse.keys import ed25519_key, rsa_key
from hypothesis import given, settings
from hypothesis import strategies as st
from signature_cases import (
    ACTOR,
    BODY,
    ED25519,
    KEY,
    NOW,
    ORIGIN,
    POST,
    RSA,
    WHOLE,
    cavage,
    rfc9421,
    sent_headers,
    verdict,
    with_header,
)

from fedpull.crawler.protocol.keys import PrivateKey
from fedpull.crawler.protocol.signatures import (
    Claim,
    Rejected,
    SignedRequest,
    confirms,
    examine,
    fingerprint,
)

ALL = f"{POST} content-type x-part"
HEADERS = [("x-part", "a"), ("x-part", "b")]
SIGNED: dict[str, tuple[SignedRequest, PrivateKey, set[str]]] = {
    "draft-cavage, RSA": (
        cavage(ALL, headers=[*sent_headers(BODY, "digest"), *HEADERS]),
        RSA,
        {"host", "date", "digest", "content-type", "x-part"},
    ),
    "draft-cavage, Ed25519": (
        cavage(
            "(request-target) (created) host digest",
            key=ED25519,
            parameters=['algorithm="hs2019"', f"created={int(NOW)}"],
        ),
        ED25519,
        {"host", "digest"},
    ),
    "RFC 9421, RSA": (
        rfc9421(
            (*WHOLE, "date", "x-part"),
            target="/inbox?a=1",
            headers=[*sent_headers(BODY, "content-digest"), *HEADERS],
        ),
        RSA,
        {"host", "date", "content-digest", "x-part", "signature-input"},
    ),
    "RFC 9421, Ed25519": (
        rfc9421(("@method", "@authority", "@path", "content-digest"), key=ED25519),
        ED25519,
        {"host", "content-digest", "signature-input"},
    ),
}


def flips(data: bytes) -> Iterator[bytes]:
    """The data with each of its bits turned, one at a time."""
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            yield bytes(changed)


def text_flips(text: str) -> Iterator[str]:
    return (flipped.decode("latin-1") for flipped in flips(text.encode("latin-1")))


def changed(request: SignedRequest, covered: set[str]) -> Iterator[tuple[str, SignedRequest]]:
    """The request with one bit of it turned, in all places that a signature protects."""
    for flipped in text_flips(request.method):
        yield "method", replace(request, method=flipped)
    for flipped in text_flips(request.target):
        yield "target", replace(request, target=flipped)
    for body in flips(request.body):
        yield "body", replace(request, body=body)
    for place, (name, value) in enumerate(request.headers):
        if name in covered:
            for flipped in text_flips(value):
                headers = list(request.headers)
                headers[place] = (name, flipped)
                yield name, replace(request, headers=tuple(headers))


@pytest.mark.parametrize(("request_", "key", "covered"), SIGNED.values(), ids=SIGNED)
def test_no_bit_can_be_turned(request_: SignedRequest, key: PrivateKey, covered: set[str]) -> None:
    """Method, target, body and every covered header are as they were signed, to the bit."""
    assert verdict(request_, key) == "accepted"
    for where, other in changed(request_, covered):
        assert verdict(other, key) in (400, 401), (where, other)


@pytest.mark.parametrize(("request_", "key", "covered"), SIGNED.values(), ids=SIGNED)
def test_no_bit_of_the_signature_can_be_turned(
    request_: SignedRequest, key: PrivateKey, covered: set[str]
) -> None:
    """A bit of the signature's header refuses it, or says nothing other than before: names that
    are read in small letters, the label of the algorithm."""
    before = examine(request_, ORIGIN, NOW)
    assert isinstance(before, Claim)
    [value] = request_.values("signature")
    same = 0
    for flipped in text_flips(value):
        other = with_header(request_, "signature", flipped)
        if verdict(other, key) == "accepted":
            after = examine(other, ORIGIN, NOW)
            assert isinstance(after, Claim)
            assert fingerprint(after) == fingerprint(before)
            assert after.bases == before.bases
            assert after.at == before.at
            same += 1

    assert same < 150
    if before.scheme == "rfc9421":
        assert same == 0


NAMES = ("signature", "signature-input", "authorization", "host", "date", "digest")
NAME = st.sampled_from((*NAMES, "content-digest", "content-type", "x-a")) | st.text(max_size=8)
PIECE = st.sampled_from(
    [
        'keyId="https://s.example/k"',
        'headers="(request-target) host date digest"',
        'headers="(request-target) (created) (expires) host digest"',
        'signature="' + "QUJD" * 30 + '"',
        "sig1=:" + "QUJD" * 30 + ":",
        'algorithm="hs2019"',
        "created=1700000000",
        'sig1=("@method" "@target-uri" "content-digest" "x-a")',
        ';created=1700000000;keyid="https://s.example/k"',
        ';alg="ed25519"',
        "SHA-256=",
        "sha-256=:QUJD:",
        "Signature ",
        "pull.example",
        "Tue, 14 Nov 2023 22:13:20 GMT",
        ",",
        ", ",
        '"',
        "@-99999999999999",
        '%"%ff"',
        "99999999999999.9",
    ]
)
VALUE = st.text(max_size=40) | st.lists(PIECE | st.text(max_size=3), max_size=8).map("".join)
REQUEST = st.builds(
    SignedRequest,
    st.sampled_from(["POST", "GET", "post", ""]) | st.text(max_size=5),
    st.sampled_from(["/inbox", "/inbox?a=1", "", "*"]) | st.text(max_size=10),
    st.lists(st.tuples(NAME, VALUE), max_size=8).map(tuple),
    st.binary(max_size=20),
)


@settings(max_examples=500)
@given(REQUEST, st.floats(0, 4e9))
def test_the_verifier_never_raises(request: SignedRequest, now: float) -> None:
    """Whatever is sent, the answer is a claim that nobody's key confirms, or a refusal."""
    claim = examine(request, ORIGIN, now)

    if isinstance(claim, Rejected):
        assert claim.status in (400, 401)
    else:
        assert not confirms(claim, RSA.public, now)
        assert not confirms(claim, ED25519.public, now)


@settings(max_examples=500)
@given(st.data())
def test_the_verifier_never_raises_near_the_truth(data: st.DataObject) -> None:
    """A header that is nearly right is refused, or was not needed."""
    request, key, _ = data.draw(st.sampled_from(list(SIGNED.values())))
    place = data.draw(st.integers(0, len(request.headers) - 1))
    name, value = request.headers[place]
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, min(len(value), start + 20)))
    put = data.draw(VALUE)
    headers = list(request.headers)
    headers[place] = (name, value[:start] + put + value[end:])
    other = replace(request, headers=tuple(headers))

    outcome = verdict(other, key)

    assert outcome in ("accepted", 400, 401)
    if outcome == "accepted":
        before, after = examine(request, ORIGIN, NOW), examine(other, ORIGIN, NOW)
        assert isinstance(before, Claim)
        assert isinstance(after, Claim)
        assert set(after.bases) & set(before.bases)


@pytest.mark.parametrize("name", [name for name in forms.FORMS if name != "unsigned"])
def test_every_form_seen_in_the_wild(name: str) -> None:
    """What the simulated servers sign, each in its own way and with code of their own, is read."""
    form = forms.FORMS[name]
    private = rsa_key() if form.key == "rsa" else ed25519_key(ACTOR)
    key = PrivateKey(KEY, ACTOR, form.key, private)
    message = forms.prepare(form, f"{ORIGIN}/inbox", BODY, private, KEY, NOW, nonce="n")
    headers = tuple(message.headers.items())
    request = SignedRequest(message.method, message.target, headers, message.body)

    assert verdict(request, key) == "accepted"
    assert verdict(replace(request, body=BODY + b" "), key) == 401
    assert verdict(replace(request, target="/other"), key) == 401
    assert verdict(request, key, NOW + 66 * 60) == 401
