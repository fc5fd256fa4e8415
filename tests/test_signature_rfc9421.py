"""RFC 9421 signatures of requests that come in: which are accepted, and which refused."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha512

import pytest
from signature_cases import (
    BODY,
    ED25519,
    KEY,
    NOW,
    ORIGIN,
    RSA,
    WHOLE,
    cavage,
    content_digest,
    digest,
    is_claim,
    rewritten,
    rfc9421,
    sent_headers,
    verdict,
    with_another,
    with_header,
    without,
)

from fedpull.crawler.protocol.http_signature import MAX_SIGNATURES
from fedpull.crawler.protocol.keys import PrivateKey
from fedpull.crawler.protocol.signatures import Claim, SignedRequest, examine

Made = Callable[[], SignedRequest]
ALG = ';alg="rsa-v1_5-sha256"'
SHA512_DIGEST = f"sha-512=:{b64encode(sha512(BODY).digest()).decode()}:"
PLACE = ("@method", "@authority", "@path", "content-digest")


def said(*, created: object = int(NOW), keyid: str = f'"{KEY}"', rest: str = "") -> str:
    return f";created={created};keyid={keyid}{rest}"


def with_digest(value: str) -> SignedRequest:
    return rfc9421(headers=[*sent_headers(BODY, ""), ("content-digest", value)])


def joined(*requests: SignedRequest) -> SignedRequest:
    """One request with the signatures of all."""
    headers = list(requests[0].headers)
    for request in requests[1:]:
        headers += [(n, v) for n, v in request.headers if n in ("signature-input", "signature")]
    return replace(requests[0], headers=tuple(headers))


def weak(label: str) -> SignedRequest:
    return rfc9421(("date",), label=label)


ACCEPTED: dict[str, Made] = {
    "as Mastodon signs": rfc9421,
    "as Fedify signs": lambda: rfc9421(
        ("@method", "@target-uri", "@authority", "host", "date", "content-digest"),
        parameters=f';alg="rsa-v1_5-sha256";keyid="{KEY}";created={int(NOW)}',
    ),
    "as NodeBB signs": lambda: rfc9421(
        ("@method", "@target-uri", "@authority", "content-digest"),
        label="activitypub",
        parameters=said(rest=';nonce="a\\"b";tag="activitypub"'),
    ),
    "with alg": lambda: rfc9421(parameters=said(rest=ALG)),
    "authority and path": lambda: rfc9421(PLACE),
    "authority, path and query": lambda: rfc9421((*PLACE, "@query"), target="/inbox?a=1"),
    "@query where there is none": lambda: rfc9421((*PLACE, "@query")),
    "@query of a bare question mark": lambda: rfc9421((*PLACE, "@query"), target="/inbox?"),
    "@query without its question mark (Fedify)": lambda: rfc9421(
        (*PLACE, "@query"), target="/inbox?a=1", values={"@query": "a=1"}
    ),
    "@query as nothing (Fedify)": lambda: rfc9421((*PLACE, "@query"), values={"@query": ""}),
    "@scheme and @request-target too": lambda: rfc9421((*WHOLE, "@scheme", "@request-target")),
    "a target with a query": lambda: rfc9421(target="/inbox?a=1&b=%2F"),
    "two slashes": lambda: rfc9421(target="//inbox"),
    "a GET": lambda: rfc9421(("@method", "@target-uri"), method="GET", body=b""),
    "an expiry ahead": lambda: rfc9421(parameters=said(rest=f";expires={int(NOW) + 1}")),
    "an hour old": lambda: rfc9421(parameters=said(created=int(NOW) - 64 * 60)),
    "nine minutes ahead": lambda: rfc9421(parameters=said(created=int(NOW) + 9 * 60)),
    "a parameter that nobody knows": lambda: rfc9421(parameters=said(rest=";x;y=1.5;z=?0;w=t:k")),
    "a date parameter": lambda: rfc9421(parameters=said(rest=";x=@1700000000")),
    "SHA-512 only": lambda: with_digest(SHA512_DIGEST),
    "both digests": lambda: with_digest(f"{content_digest(BODY)}, {SHA512_DIGEST}"),
    "a digest of another kind beside ours": lambda: with_digest(
        f"md5=:eHl6:, {content_digest(BODY)}"
    ),
    "the digests in two lines": lambda: rfc9421(
        headers=[
            *sent_headers(BODY, ""),
            ("content-digest", content_digest(BODY)),
            ("content-digest", SHA512_DIGEST),
        ]
    ),
    "a Digest that agrees": lambda: with_another(rfc9421(), "digest", digest(BODY)),
    "a header in two lines": lambda: rfc9421(
        (*WHOLE, "x-a"),
        headers=[*sent_headers(BODY, "content-digest"), ("x-a", "1"), ("x-a", "2")],
    ),
    "the default port in Host": lambda: rfc9421(
        PLACE, headers=[("host", "pull.example:443"), *sent_headers(BODY, "content-digest")[1:]]
    ),
    "another signature behind it": lambda: joined(rfc9421(), weak("sig2")),
    "another signature before it": lambda: joined(weak("sig0"), rfc9421()),
    "the fourth signature": lambda: joined(weak("a"), weak("b"), weak("c"), rfc9421()),
    "a signature without input beside it": lambda: with_another(rfc9421(), "signature", "x=:AA==:"),
    "another authorization": lambda: with_another(rfc9421(), "authorization", "Bearer x"),
    "a key id with commas, quotes and equals signs": lambda: rfc9421(
        parameters=said(rest=';tag="a, sig2=(\\"date\\");b"')
    ),
}


@pytest.mark.parametrize("made", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(made: Made) -> None:
    """What servers send, and the RFC allows, is accepted."""
    assert verdict(made()) == "accepted"


KEYS: dict[str, tuple[PrivateKey, str, PrivateKey, str | int]] = {
    "Ed25519": (ED25519, "", ED25519, "accepted"),
    "Ed25519 with alg": (ED25519, ';alg="ed25519"', ED25519, "accepted"),
    "an Ed25519 key under RSA's alg": (ED25519, ALG, ED25519, 401),
    "an RSA key under Ed25519's alg": (RSA, ';alg="ed25519"', RSA, 401),
    "another key": (RSA, "", ED25519, 401),
}


@pytest.mark.parametrize(("signer", "alg", "key", "expected"), KEYS.values(), ids=KEYS)
def test_the_algorithm_is_the_keys(
    signer: PrivateKey, alg: str, key: PrivateKey, expected: str | int
) -> None:
    """The key says which algorithm it is; an `alg` that contradicts it confirms nothing."""
    assert verdict(rfc9421(key=signer, parameters=said(rest=alg)), key) == expected


REFUSED: dict[str, tuple[Made, int]] = {
    # What must be covered.
    "only the date": (lambda: rfc9421(("date",)), 401),
    "only the method": (lambda: rfc9421(("@method",)), 401),
    "nothing": (lambda: rfc9421(()), 401),
    "no method": (lambda: rfc9421(("@target-uri", "content-digest")), 401),
    "no target": (lambda: rfc9421(("@method", "content-digest")), 401),
    "a path without authority": (lambda: rfc9421(("@method", "@path", "content-digest")), 401),
    "a path without its query": (lambda: rfc9421(PLACE, target="/inbox?a=1"), 401),
    "a POST without content-digest": (lambda: rfc9421(("@method", "@target-uri")), 401),
    "a DELETE without content-digest": (
        lambda: rfc9421(("@method", "@target-uri"), method="DELETE", body=b""),
        401,
    ),
    "a GET with a body": (lambda: rfc9421(("@method", "@target-uri"), method="GET"), 401),
    "digest in place of content-digest": (
        lambda: rfc9421(("@method", "@target-uri", "digest"), headers=sent_headers(BODY, "digest")),
        401,
    ),
    "a component twice": (lambda: rfc9421((*WHOLE, "@method")), 401),
    "a header that is absent": (lambda: rfc9421((*WHOLE, "x-absent")), 401),
    "a header that was taken away": (lambda: without(rfc9421((*WHOLE, "date")), "date"), 401),
    # What is not supported is never skipped.
    "@status": (lambda: rfc9421((*WHOLE, "@status")), 401),
    "@query-param": (lambda: rfc9421((*WHOLE, '"@query-param";name="a"')), 401),
    "@query-param without a name": (lambda: rfc9421((*WHOLE, "@query-param")), 401),
    "@signature-params": (lambda: rfc9421((*WHOLE, "@signature-params")), 401),
    "an unknown derived component": (lambda: rfc9421((*WHOLE, "@body")), 401),
    "a name in capitals": (lambda: rfc9421((*WHOLE, "Date")), 401),
    "a name that is no header": (lambda: rfc9421((*WHOLE, "a b")), 401),
    "an empty name": (lambda: rfc9421((*WHOLE, "")), 401),
    ";sf": (lambda: rfc9421((*WHOLE, '"date";sf')), 401),
    ";bs": (lambda: rfc9421((*WHOLE, '"date";bs')), 401),
    ";key": (lambda: rfc9421((*WHOLE, '"x-a";key="b"')), 401),
    ";req": (lambda: rfc9421((*WHOLE, '"@authority";req')), 401),
    ";tr": (lambda: rfc9421((*WHOLE, '"date";tr')), 401),
    "an unknown parameter": (lambda: rfc9421((*WHOLE, '"date";x=1')), 401),
    # Parameters.
    "no created": (lambda: rfc9421(parameters=f';keyid="{KEY}"'), 401),
    "no keyid": (lambda: rfc9421(parameters=f";created={int(NOW)}"), 401),
    "a keyid that is a token": (lambda: rfc9421(parameters=said(keyid="k:a/b")), 401),
    "a relative keyid": (lambda: rfc9421(parameters=said(keyid='"/key"')), 401),
    "a keyid of 10 KB": (lambda: rfc9421(parameters=said(keyid=f'"{KEY}{"a" * 10_000}"')), 401),
    "two hours old": (lambda: rfc9421(parameters=said(created=int(NOW) - 7_200)), 401),
    "two hours ahead": (lambda: rfc9421(parameters=said(created=int(NOW) + 7_200)), 401),
    "an expiry that is past": (
        lambda: rfc9421(parameters=said(rest=f";expires={int(NOW) - 1}")),
        401,
    ),
    "an expiry before created": (
        lambda: rfc9421(parameters=said(created=int(NOW) + 60, rest=f";expires={int(NOW) + 30}")),
        401,
    ),
    "an expiry that is no time": (lambda: rfc9421(parameters=said(rest=';expires="soon"')), 401),
    "another algorithm": (lambda: rfc9421(parameters=said(rest=';alg="rsa-pss-sha512"')), 401),
    "an algorithm that is a token": (lambda: rfc9421(parameters=said(rest=";alg=ed25519")), 401),
    "an empty algorithm": (lambda: rfc9421(parameters=said(rest=';alg=""')), 401),
    "created twice": (lambda: rfc9421(parameters=said(rest=f";created={int(NOW)}")), 401),
    # The body.
    "no digest": (lambda: without(rfc9421(), "content-digest"), 401),
    "another body": (lambda: replace(rfc9421(), body=b"x"), 401),
    "a body that was not kept": (lambda: replace(rfc9421(), body=b""), 401),
    "a wrong digest": (lambda: with_digest(content_digest(b"x")), 401),
    "a digest that is no dictionary": (lambda: with_digest("SHA-256=abc/def"), 400),
    "a digest that is text": (lambda: with_digest('sha-256="abc"'), 400),
    "a digest without a value": (lambda: with_digest("sha-256"), 400),
    "an open digest": (lambda: with_digest("sha-256=:abc"), 400),
    "a digest twice": (lambda: with_digest(f"{content_digest(BODY)}, {content_digest(BODY)}"), 400),
    "a digest in Latin-1": (lambda: with_digest("sha-256=:\xe9:"), 401),
    "10 KB of digests": (
        lambda: with_digest(", ".join(f"a{n}=:AA==:" for n in range(1_000))),
        400,
    ),
    "an empty digest": (lambda: with_digest(""), 401),
    "only digests that nobody computes": (lambda: with_digest("md5=:eHl6:"), 401),
    "one right and one wrong digest": (
        lambda: with_digest(f"{content_digest(BODY)}, sha-512=:eHl6:"),
        401,
    ),
    "a Digest that contradicts": (lambda: with_another(rfc9421(), "digest", digest(b"x")), 401),
    "a Digest that cannot be read": (lambda: with_another(rfc9421(), "digest", "x"), 401),
    # The target.
    "another path": (lambda: replace(rfc9421(), target="/actor/inbox"), 401),
    "another query": (lambda: replace(rfc9421(target="/inbox?a"), target="/inbox?b"), 401),
    "a query more": (lambda: replace(rfc9421(), target="/inbox?a"), 401),
    "another method": (lambda: replace(rfc9421(), method="PUT"), 401),
    "a target in absolute form": (lambda: rfc9421(target=f"{ORIGIN}/inbox"), 400),
    "another host signed": (
        lambda: rfc9421(values={"@target-uri": "https://evil.example/inbox"}),
        401,
    ),
    "another authority signed": (
        lambda: rfc9421(PLACE, values={"@authority": "evil.example"}),
        401,
    ),
    "another scheme signed": (
        lambda: rfc9421((*WHOLE, "@scheme"), values={"@scheme": "http"}),
        401,
    ),
    "another Host": (lambda: with_header(rfc9421(), "host", "evil.example"), 401),
    "the host in capitals": (lambda: with_header(rfc9421(), "host", "pull.Example"), 401),
    "two hosts": (lambda: with_another(rfc9421(), "host", "pull.example"), 400),
    # The headers themselves.
    "Signature-Input lost on the way": (lambda: without(rfc9421(), "signature-input"), 401),
    "Signature lost on the way": (lambda: without(rfc9421(), "signature"), 401),
    "an empty Signature-Input": (lambda: with_header(rfc9421(), "signature-input", ""), 401),
    "no dictionary": (lambda: with_header(rfc9421(), "signature-input", '"@method"'), 401),
    "no list of components": (lambda: with_header(rfc9421(), "signature-input", "sig1=1"), 401),
    "an input without a value": (lambda: with_header(rfc9421(), "signature-input", "sig1"), 401),
    "another label": (lambda: rewritten(rfc9421(), "signature", "sig1", "sig2"), 401),
    "a label twice": (lambda: joined(rfc9421(), rfc9421()), 401),
    "a signature that is text": (lambda: with_header(rfc9421(), "signature", 'sig1="AA=="'), 401),
    "a list as a signature": (lambda: with_header(rfc9421(), "signature", "sig1=(:AA==:)"), 401),
    "base64 without its padding": (lambda: rewritten(rfc9421(), "signature", "==:", ":"), 401),
    "an empty signature": (lambda: with_header(rfc9421(), "signature", "sig1=::"), 401),
    "a draft-cavage Signature": (
        lambda: with_header(rfc9421(), "signature", cavage().values("signature")[0]),
        401,
    ),
    "an Authorization with another signature": (
        lambda: with_another(
            rfc9421(), "authorization", "Signature " + cavage().values("signature")[0]
        ),
        401,
    ),
    "an Authorization in place of the Signature": (
        lambda: with_another(
            without(rfc9421(), "signature"),
            "authorization",
            "Signature " + cavage().values("signature")[0],
        ),
        401,
    ),
    "20 KB": (lambda: rfc9421(parameters=said(rest=f';tag="{"x" * 20_000}"')), 401),
    "an escape that is none": (lambda: rfc9421(parameters=said(rest=';tag="\\n"')), 401),
    "covered Latin-1": (
        lambda: rfc9421(
            (*WHOLE, "x-a"), headers=[*sent_headers(BODY, "content-digest"), ("x-a", "\xe9")]
        ),
        401,
    ),
    "the fifth signature": (
        lambda: joined(*(weak(f"s{n}") for n in range(MAX_SIGNATURES)), rfc9421()),
        401,
    ),
}


# What only the key can tell; everything else is refused before one is fetched.
NEEDS_A_KEY = {
    "another path",
    "another query",
    "a query more",
    "another method",
    "another host signed",
    "another authority signed",
    "another scheme signed",
}


@pytest.mark.parametrize(("made", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(made: Made, status: int) -> None:
    """What a signature does not prove, or what we would have to guess, is refused."""
    assert verdict(made()) == status


def test_no_key_is_fetched_for_what_cannot_be_right() -> None:
    """All that needs no key is checked without one."""
    claims = {name for name, (made, _) in REFUSED.items() if is_claim(made())}

    assert claims == NEEDS_A_KEY


@pytest.mark.parametrize("created", ["-1", "1.5", "?1", '"1700000000"', "@1700000000", "1e9", ""])
def test_a_created_that_is_no_time(created: str) -> None:
    """`created` is whole seconds; anything else is refused without an exception."""
    assert verdict(rfc9421(parameters=said(created=created))) == 401


def test_a_signature_is_judged_as_a_whole() -> None:
    """The first acceptable signature is the claim; the reason of a refusal is the first one's."""
    other = rfc9421(parameters=said(keyid='"https://other.example/key"'), label="sig2")
    claim = examine(joined(weak("sig0"), other, rfc9421()), ORIGIN, NOW)
    refused = examine(joined(weak("a"), rfc9421(parameters="")), ORIGIN, NOW)

    assert isinstance(claim, Claim)
    assert claim.key_id == "https://other.example/key"
    assert refused == examine(weak("a"), ORIGIN, NOW)


def test_a_covered_header_cannot_be_changed() -> None:
    """A header counts as it was signed, one that is not covered may change on the way."""
    request = rfc9421((*WHOLE, "date"))

    assert verdict(with_header(request, "date", "Tue, 14 Nov 2023 22:13:21 GMT")) == 401
    assert verdict(with_header(request, "via", "1.1 proxy")) == "accepted"
    assert verdict(with_header(rfc9421(), "date", "x")) == "accepted"
