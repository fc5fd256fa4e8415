"""draft-cavage signatures of requests that come in: which are accepted, and which refused."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha512

import pytest
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
    rewritten,
    sent_headers,
    verdict,
    with_another,
    with_header,
    without,
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
HS2019 = 'algorithm="hs2019"'
CREATED = "(request-target) (created) host digest"
SHA512_DIGEST = f"SHA-512={b64encode(sha512(BODY).digest()).decode()}"


def created(at: float, *others: str, covered: str = CREATED, **how: object) -> SignedRequest:
    parameters = (HS2019, f"created={int(at)}", *others)
    return cavage(covered, parameters=parameters, **how)  # type: ignore[arg-type]


def dated(at: float, *parameters: str) -> SignedRequest:
    return cavage(
        headers=sent_headers(BODY, "digest", at),
        parameters=parameters or ('algorithm="rsa-sha256"',),
    )


def with_date(text: str) -> SignedRequest:
    return cavage(
        headers=[(n, text if n == "date" else v) for n, v in sent_headers(BODY, "digest")]
    )


def with_digest(text: str) -> SignedRequest:
    headers = [(n, text if n == "digest" else v) for n, v in sent_headers(BODY, "digest")]
    return cavage(headers=headers)


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


def signature() -> str:
    return cavage().values("signature")[0]


def in_authorization(request: SignedRequest, scheme: str) -> SignedRequest:
    [value] = request.values("signature")
    return with_another(without(request, "signature"), "authorization", scheme + value)


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


REFUSED: dict[str, tuple[Made, int]] = {
    # What must be covered.
    "only the date": (lambda: cavage("date"), 401),
    "no (request-target)": (lambda: cavage("host date digest"), 401),
    "no host": (lambda: cavage("(request-target) date digest"), 401),
    "no time": (lambda: cavage("(request-target) host digest"), 401),
    "a POST without digest in the list": (lambda: cavage(GET), 401),
    "a DELETE without digest in the list": (lambda: cavage(GET, method="DELETE", body=b""), 401),
    "a GET with a body and no digest": (lambda: replace(cavage(GET, method="GET"), body=b"x"), 401),
    "no list of headers": (lambda: rewritten(cavage(), "signature", f'headers="{POST}",', ""), 401),
    "an empty list": (lambda: rewritten(cavage(), "signature", POST, ""), 401),
    "a header that is absent": (lambda: cavage(f"{POST} x-absent"), 401),
    "a header that was taken away": (
        lambda: without(cavage(f"{POST} content-type"), "content-type"),
        401,
    ),
    "a pseudo-header that nobody knows": (lambda: cavage(f"{POST} (method)"), 401),
    "a header twice in the list": (lambda: cavage(f"{POST} date"), 401),
    "a header twice, once in capitals": (lambda: cavage(f"{POST} Date"), 401),
    "two spaces in the list": (lambda: cavage(f"(request-target)  {POST[17:]}"), 401),
    # The body.
    "a digest that is absent": (lambda: without(cavage(), "digest"), 401),
    "another body": (lambda: replace(cavage(), body=BODY + b" "), 401),
    "a body that was not kept": (lambda: replace(cavage(), body=b""), 401),
    "only digests that nobody computes": (lambda: with_digest("md5=xyz"), 401),
    "one right and one wrong digest": (
        lambda: with_digest(f"{digest(BODY)},{SHA512_DIGEST[:-4]}AA=="),
        401,
    ),
    "a digest that contradicts itself": (
        lambda: with_digest(f"{digest(BODY)},{digest(b'x')}"),
        401,
    ),
    "a digest without a value": (lambda: with_digest("SHA-256"), 401),
    "a Content-Digest that disagrees": (
        lambda: with_another(cavage(), "content-digest", content_digest(b"x")),
        401,
    ),
    "a Content-Digest that cannot be read": (
        lambda: with_another(cavage(), "content-digest", "SHA-256=x"),
        400,
    ),
    # The time.
    "no date": (lambda: without(cavage(), "date"), 401),
    "two hours old": (lambda: dated(NOW - 7_200), 401),
    "two hours ahead": (lambda: dated(NOW + 7_200), 401),
    "66 minutes old": (lambda: dated(NOW - 66 * 60), 401),
    "eleven minutes ahead": (lambda: dated(NOW + 11 * 60), 401),
    "a date that is none": (lambda: with_date("soon"), 401),
    "an empty date": (lambda: with_date(""), 401),
    "RFC 850's form": (lambda: with_date("Tuesday, 14-Nov-23 22:13:20 GMT"), 401),
    "asctime's form": (lambda: with_date("Tue Nov 14 22:13:20 2023"), 401),
    "another zone": (lambda: with_date("Tue, 14 Nov 2023 22:13:20 CET"), 401),
    "RFC 3339's form": (lambda: with_date("2023-11-14T22:13:20Z"), 401),
    "(created) two hours old": (lambda: created(NOW - 7_200), 401),
    "(created) ahead": (lambda: created(NOW + 7_200), 401),
    "(created) covered and not given": (lambda: cavage(CREATED, parameters=[HS2019]), 401),
    "(expires) covered and not given": (
        lambda: created(NOW, covered=f"{CREATED} (expires)"),
        401,
    ),
    "a date of now and (created) of yesterday": (
        lambda: created(NOW - 86_400, covered=f"{CREATED} date"),
        401,
    ),
    "(created) of now and a covered date of yesterday": (
        lambda: created(
            NOW, covered=f"{CREATED} date", headers=sent_headers(BODY, "digest", NOW - 86_400)
        ),
        401,
    ),
    "an expiry that is past": (lambda: created(NOW - 60, f"expires={int(NOW) - 1}"), 401),
    "an expiry that is now": (lambda: created(NOW - 60, f"expires={int(NOW)}"), 401),
    "an expiry before the time of signing": (
        lambda: created(NOW + 300, f"expires={int(NOW) + 200}"),
        401,
    ),
    "an expiry that is past beside a date": (lambda: dated(NOW, f"expires={int(NOW) - 1}"), 401),
    "an expiry that is no time": (lambda: dated(NOW, 'expires="soon"'), 401),
    # The label.
    "(created) under rsa-sha256": (
        lambda: cavage(CREATED, parameters=['algorithm="rsa-sha256"', f"created={int(NOW)}"]),
        401,
    ),
    "(expires) under rsa-sha512": (
        lambda: cavage(
            f"{POST} (expires)",
            parameters=['algorithm="rsa-sha512"', f"expires={int(NOW) + 60}"],
            hash="sha512",
        ),
        401,
    ),
    "SHA-512 under rsa-sha256": (lambda: cavage(hash="sha512"), 401),
    "SHA-256 under rsa-sha512": (lambda: cavage(parameters=['algorithm="rsa-sha512"']), 401),
    "rsa-sha1": (lambda: cavage(parameters=['algorithm="rsa-sha1"']), 401),
    "hmac-sha256": (lambda: cavage(parameters=['algorithm="hmac-sha256"']), 401),
    "an empty label": (lambda: cavage(parameters=['algorithm=""']), 401),
    # The key's id.
    "no keyId": (lambda: rewritten(cavage(), "signature", f'keyId="{KEY}",', ""), 401),
    "a keyId in small letters": (lambda: rewritten(cavage(), "signature", "keyId", "keyid"), 401),
    "a relative keyId": (lambda: cavage(key_id="/users/alice#main-key"), 401),
    "a keyId that is a fragment": (lambda: cavage(key_id="#main-key"), 401),
    "an acct: keyId": (lambda: cavage(key_id="acct:alice@sender.example"), 401),
    "a file: keyId": (lambda: cavage(key_id="file:///etc/passwd"), 401),
    "a keyId of 10 KB": (lambda: cavage(key_id=KEY + "a" * 10_000), 401),
    "a keyId with a user name": (lambda: cavage(key_id="https://a@b.example/k"), 401),
    "an empty keyId": (lambda: cavage(key_id=""), 401),
    # The target.
    "another path": (lambda: replace(cavage(), target="/actor/inbox"), 401),
    "another method": (lambda: replace(cavage(), method="PUT"), 401),
    "a GET's signature on a POST": (
        lambda: replace(cavage(GET, method="GET", body=b""), method="POST"),
        401,
    ),
    "another query": (lambda: replace(cavage(target="/inbox?a=1"), target="/inbox?a=2"), 401),
    "a query signed that is not there": (
        lambda: cavage(target="/inbox", signed_target="/inbox?a=1"),
        401,
    ),
    "an escape undone": (lambda: cavage(target="/a%2fb", signed_target="/a/b"), 401),
    "an escape in other capitals": (lambda: cavage(target="/a%2Fb", signed_target="/a%2fb"), 401),
    "a slash less": (lambda: cavage(target="//inbox", signed_target="/inbox"), 401),
    "a target in absolute form": (lambda: cavage(target=f"{ORIGIN}/inbox"), 400),
    "a target of a star": (lambda: cavage(target="*"), 400),
    "an empty target": (lambda: cavage(target=""), 400),
    "a line break in the target": (lambda: cavage(target="/inbox\nhost: x"), 400),
    "a method in small letters": (lambda: cavage(method="post"), 400),
    # The host.
    "another host": (lambda: with_header(cavage(), "host", "evil.example"), 401),
    "another host, signed": (
        lambda: cavage(headers=[("host", "evil.example"), *sent_headers(BODY, "digest")[1:]]),
        401,
    ),
    "the host in capitals": (lambda: with_header(cavage(), "host", "Pull.example"), 401),
    "another port": (lambda: with_header(cavage(), "host", "pull.example:8443"), 401),
    "no host header": (lambda: without(cavage(), "host"), 401),
    "a host by X-Forwarded-Host": (
        lambda: with_another(
            with_header(cavage(), "host", "127.0.0.1:8788"), "x-forwarded-host", "pull.example"
        ),
        401,
    ),
    # What stands twice.
    "two hosts": (lambda: with_another(cavage(), "host", "pull.example"), 400),
    "two dates": (lambda: with_another(cavage(), "date", DATE), 400),
    "two digests in two lines": (lambda: with_another(cavage(), "digest", digest(BODY)), 400),
    "two content types": (lambda: with_another(cavage(), "content-type", "text/html"), 400),
    "two signatures": (
        lambda: with_another(cavage(), "signature", signature()),
        401,
    ),
    "a line more of a covered header": (
        lambda: with_another(
            cavage(f"{POST} x-a", headers=[*sent_headers(BODY, "digest"), ("x-a", "1")]), "x-a", "2"
        ),
        401,
    ),
    "Signature and Authorization": (
        lambda: with_another(cavage(), "authorization", "Signature " + signature()),
        401,
    ),
    "a line break in a header": (lambda: with_header(cavage(), "x-a", "1\ndate: 2"), 400),
    # The header itself.
    "nothing signed": (lambda: without(cavage(), "signature"), 401),
    "another authorization alone": (
        lambda: with_another(without(cavage(), "signature"), "authorization", "Bearer abc"),
        401,
    ),
    "an empty Signature": (lambda: with_header(cavage(), "signature", ""), 401),
    "the scheme alone": (lambda: with_header(cavage(), "signature", "Signature "), 401),
    "a comma at the end": (lambda: with_header(cavage(), "signature", f"{signature()},"), 401),
    "the signature is RFC 9421's": (lambda: with_header(cavage(), "signature", "sig1=:AA==:"), 401),
    "no signature in it": (
        lambda: with_header(cavage(), "signature", signature().partition(",signature")[0]),
        401,
    ),
    "a signature that is not base64": (lambda: rewritten(cavage(), "signature", "==", "=*"), 401),
    "base64 without its padding": (lambda: rewritten(cavage(), "signature", '=="', '"'), 401),
    "a parameter twice": (lambda: cavage(parameters=[f'keyId="{KEY}"']), 401),
    "a parameter twice, once in small letters": (
        lambda: cavage(parameters=[f'keyid="{KEY}"']),
        401,
    ),
    "headers twice": (lambda: cavage(parameters=['headers="date"']), 401),
    "20 KB": (lambda: cavage(parameters=[f'opaque="{"x" * 20_000}"']), 401),
}


@pytest.mark.parametrize(("made", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(made: Made, status: int) -> None:
    """What a signature does not prove, or two readers could read in two ways, is refused."""
    assert verdict(made()) == status


ODD_TIMES = ("-1", "1e99", "12abc", f"{int(NOW)}.5", "", " ", "0x10", "9" * 400, "NaN", "true")


@pytest.mark.parametrize("text", ODD_TIMES)
def test_a_created_that_is_no_time(text: str) -> None:
    """A `created` is whole seconds; anything else is refused without an exception."""
    assert verdict(cavage(CREATED, parameters=[HS2019, f'created="{text}"'])) == 401
    assert verdict(cavage(parameters=[HS2019, f'created="{text}"'])) == 401


def test_what_is_not_covered_makes_nothing_fresh() -> None:
    """An old request stays old when an attacker writes `created` and `hs2019` beside it."""
    old = cavage(headers=sent_headers(BODY, "digest", NOW - 86_400))
    assert verdict(old, now=NOW - 86_400) == "accepted"
    renewed = rewritten(old, "signature", 'algorithm="rsa-sha256"', f"{HS2019},created={int(NOW)}")
    listed = rewritten(renewed, "signature", POST, "(request-target) (created) host digest")

    assert verdict(old) == 401
    assert verdict(renewed) == 401
    assert verdict(listed) == 401
    assert verdict(with_header(old, "date", DATE)) == 401


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
    """The same signature has the same fingerprint, another time, key or body another one."""
    requests = [
        cavage(),
        dated(NOW - 1),
        cavage(key_id=f"{KEY}-2"),
        cavage(GET, method="GET", body=b""),
    ]
    claims = [examine(request, ORIGIN, NOW) for request in requests]
    prints = [fingerprint(claim) for claim in claims if isinstance(claim, Claim)]
    again = examine(cavage(), ORIGIN, NOW + 60)

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
