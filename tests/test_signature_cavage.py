"""draft-cavage signatures of requests that come in: which are accepted, and what they claim."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cavage_cases import (
    CREATED,
    HS2019,
    SHA512_DIGEST,
    created,
    dated,
    in_authorization,
    signature,
    with_date,
    with_digest,
)
from signature_cases import (
    BODY,
    DATE,
    ED25519,
    GET,
    KEY,
    NOW,
    ORIGIN,
    POST,
    RSA,
    cavage,
    content_digest,
    digest,
    sent_headers,
    verdict,
    with_another,
    with_header,
)

from fedpull.crawler.protocol.cavage import read_parameters
from fedpull.crawler.protocol.keys import PrivateKey
from fedpull.crawler.protocol.signatures import (
    Claim,
    SignedRequest,
    confirms,
    examine,
    fingerprint,
)
from fedpull.crawler.protocol.signed_request import Fault

Made = Callable[[], SignedRequest]

ACCEPTED: dict[str, Made] = {
    "a POST": cavage,
    "a GET": lambda: cavage(GET, method="GET", body=b""),
    "a HEAD": lambda: cavage(GET, method="HEAD", body=b""),
    "an empty body with its digest": lambda: cavage(
        body=b"", headers=[*sent_headers(b"", "digest"), ("digest", digest(b""))]
    ),
    "the target last": lambda: cavage("host date digest content-type (request-target)"),
    "names in capitals in the list": lambda: cavage("(request-target) Host Date Digest"),
    "the label hs2019": lambda: cavage(parameters=[HS2019]),
    "the label in capitals": lambda: cavage(parameters=['algorithm="RSA-SHA256"']),
    "no label": lambda: cavage(parameters=[]),
    "SHA-512 under hs2019 (GoToSocial)": lambda: cavage(parameters=[HS2019], hash="sha512"),
    "SHA-512 without a label": lambda: cavage(parameters=[], hash="sha512"),
    "the label rsa-sha512": lambda: cavage(parameters=['algorithm="rsa-sha512"'], hash="sha512"),
    "(created) and no date": lambda: created(NOW),
    "(created) in quotes": lambda: cavage(CREATED, parameters=[HS2019, f'created="{int(NOW)}"']),
    "(created) without a label": lambda: cavage(CREATED, parameters=[f"created={int(NOW)}"]),
    "(created) and (expires)": lambda: created(
        NOW, f"expires={int(NOW) + 3600}", covered=f"{CREATED} (expires)"
    ),
    "expires with a fraction": lambda: created(
        NOW, f"expires={int(NOW)}.5", covered=f"{CREATED} (expires)"
    ),
    "date and (created)": lambda: created(NOW, covered=f"{CREATED} date"),
    "an hour old": lambda: dated(NOW - 64 * 60),
    "nine minutes ahead": lambda: dated(NOW + 9 * 60),
    "an expiry ahead that is not covered": lambda: dated(NOW, f"expires={int(NOW) + 60}"),
    "a query": lambda: cavage(target="/inbox?a=1&b=2"),
    "a query that is not signed": lambda: cavage(target="/inbox?a=1", signed_target="/inbox"),
    "a question mark and no query": lambda: cavage(target="/inbox?", signed_target="/inbox"),
    "an escaped slash": lambda: cavage(target="/a%2Fb/inbox"),
    "two slashes": lambda: cavage(target="//inbox"),
    "lower-case digest names (Misskey)": lambda: with_digest(digest(BODY).replace("SHA", "sha")),
    "a SHA-512 digest": lambda: with_digest(SHA512_DIGEST),
    "two digests": lambda: with_digest(f"{digest(BODY)},{SHA512_DIGEST}"),
    "a digest of another kind beside ours": lambda: with_digest(f"md5=xyz, {digest(BODY)}"),
    "a Content-Digest that agrees": lambda: with_another(
        cavage(), "content-digest", content_digest(BODY)
    ),
    "a header in two lines": lambda: cavage(
        f"{POST} x-part",
        headers=[*sent_headers(BODY, "digest"), ("x-part", "a"), ("x-part", "b")],
    ),
    "spaces around a value": lambda: with_header(cavage(), "date", f" {DATE}\t"),
    "the default port in Host": lambda: cavage(
        headers=[("host", "pull.example:443"), *sent_headers(BODY, "digest")[1:]]
    ),
    "Latin-1 in a covered header": lambda: cavage(
        f"{POST} x-name", headers=[*sent_headers(BODY, "digest"), ("x-name", "Zo\xeb")]
    ),
    "Authorization in place of Signature": lambda: in_authorization(cavage(), "Signature "),
    "the scheme written in small letters": lambda: in_authorization(cavage(), "signature\t"),
    "the scheme in the Signature header too (old http-signature)": lambda: with_header(
        cavage(), "signature", "Signature " + signature()
    ),
    "spaces between parameters": lambda: with_header(
        cavage(), "signature", signature().replace('",', '" , ')
    ),
    "a parameter that nobody knows": lambda: cavage(parameters=['opaque="x,=\\"y\\""']),
}


@pytest.mark.parametrize("made", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(made: Made) -> None:
    """What servers send, and the draft allows, is accepted."""
    assert verdict(made()) == "accepted"


def test_a_day_of_one_digit() -> None:
    """Java's RFC_1123_DATE_TIME writes no zero before the day."""
    request = with_date("Tue, 7 Nov 2023 22:13:20 GMT")

    assert verdict(request, now=NOW - 7 * 86_400) == "accepted"


ED25519_FORMS = {
    "hs2019": HS2019,
    "ed25519": 'algorithm="ed25519"',
    "no label": "",
}


@pytest.mark.parametrize("label", ED25519_FORMS.values(), ids=ED25519_FORMS)
def test_ed25519(label: str) -> None:
    """An Ed25519 key may sign under any label that is not RSA's, also with (created)."""
    parameters = [label] if label else []

    assert verdict(cavage(key=ED25519, parameters=parameters), ED25519) == "accepted"
    timed = cavage(CREATED, key=ED25519, parameters=[*parameters, f"created={int(NOW)}"])
    assert verdict(timed, ED25519) == "accepted"


WRONG_KEYS: dict[str, tuple[PrivateKey, str, PrivateKey]] = {
    "an Ed25519 signature under rsa-sha256": (ED25519, 'algorithm="rsa-sha256"', ED25519),
    "an RSA signature under ed25519": (RSA, 'algorithm="ed25519"', RSA),
    "the other key": (RSA, HS2019, ED25519),
    "the other key again": (ED25519, HS2019, RSA),
}


@pytest.mark.parametrize(("signer", "label", "key"), WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_the_algorithm_is_the_keys(signer: PrivateKey, label: str, key: PrivateKey) -> None:
    """A label that contradicts the key, and another key than the signer's, confirm nothing."""
    assert verdict(cavage(key=signer, parameters=[label]), key) == 401


def test_the_age_of_a_claim_is_what_is_covered() -> None:
    """`at` is the signed time, whatever `created` says beside it."""
    claim = examine(dated(NOW - 60, f"created={int(NOW)}"), ORIGIN, NOW)

    assert isinstance(claim, Claim)
    assert claim.at == NOW - 60


def test_a_request_without_a_query_has_one_base() -> None:
    """Leaving the query out is tried only where there is one."""
    plain, query = examine(cavage(), ORIGIN, NOW), examine(cavage(target="/inbox?a"), ORIGIN, NOW)

    assert isinstance(plain, Claim)
    assert isinstance(query, Claim)
    assert [len(plain.bases), len(query.bases)] == [1, 2]


def test_an_expired_key_confirms_nothing() -> None:
    """A key is good until it expires."""
    claim = examine(cavage(), ORIGIN, NOW)
    assert isinstance(claim, Claim)

    assert confirms(claim, replace(RSA.public, expires=NOW + 1), NOW)
    assert not confirms(claim, replace(RSA.public, expires=NOW), NOW)


def test_fingerprints_tell_signatures_apart() -> None:
    """Another time, target or body has another fingerprint; another name of the key has not."""
    requests = [cavage(), dated(NOW - 1), cavage(GET, method="GET", body=b""), cavage(target="/x")]
    claims = [examine(request, ORIGIN, NOW) for request in requests]
    prints = [fingerprint(claim) for claim in claims if isinstance(claim, Claim)]
    again = examine(cavage(key_id=f"{KEY}-2"), ORIGIN, NOW + 60)

    assert len(set(prints)) == 4
    assert {len(one) for one in prints} == {16}
    assert isinstance(again, Claim)
    assert fingerprint(again) == prints[0]


def test_a_public_origin_with_a_port() -> None:
    """Host is what the configuration says, with its port where it has one."""
    headers = [("host", "pull.example:8443"), *sent_headers(BODY, "digest")[1:]]
    request = cavage(headers=headers)

    assert isinstance(examine(request, "https://pull.example:8443", NOW), Claim)
    assert not isinstance(examine(request, ORIGIN, NOW), Claim)


PARAMETERS = {
    "a quoted value": ('a="b"', {"a": "b"}),
    "commas and equals signs in quotes": ('a="b,c=d",e="f"', {"a": "b,c=d", "e": "f"}),
    "escapes": (r'a="\"\\"', {"a": '"\\'}),
    "a token": ("a=b-1,c=2", {"a": "b-1", "c": "2"}),
    "spaces and tabs": ('a = "b" ,\tc = d ', {"a": "b", "c": "d"}),
    "the scheme first": ('signature  a="b"', {"a": "b"}),
    "an empty value": ('a=""', {"a": ""}),
}


@pytest.mark.parametrize(("text", "expected"), PARAMETERS.values(), ids=PARAMETERS)
def test_parameters(text: str, expected: dict[str, str]) -> None:
    """The header is a list of names with strings or tokens."""
    assert read_parameters(text) == expected


NO_PARAMETERS = {
    "nothing": "",
    "a name alone": "a",
    "a name without a value": "a=",
    "an open quote": 'a="b',
    "a quote too many": 'a="b"c"',
    "an escape of anything else": r'a="\n"',
    "an escape at the end": 'a="b\\',
    "no comma": 'a="b" c="d"',
    "a semicolon": 'a="b";c="d"',
    "two commas": 'a="b",,c="d"',
    "a comma first": ',a="b"',
    "a comma last": 'a="b",',
    "a control character": 'a="b\x01"',
    "a byte above ASCII": 'a="\xe9"',
    "a URI without quotes": "a=https://b.example/",
    "a digit first": '1a="b"',
    "single quotes": "a='b c'",
    "two of one name": 'a="b",a="b"',
    "two of one name in two spellings": 'a="b",A="b"',
}


@pytest.mark.parametrize("text", NO_PARAMETERS.values(), ids=NO_PARAMETERS)
def test_what_is_no_list_of_parameters(text: str) -> None:
    """Anything but the grammar is a fault, never a guess."""
    with pytest.raises(Fault):
        read_parameters(text)
