"""draft-cavage signatures of requests that come in: which are refused."""

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
    other_end,
    signature,
    with_date,
    with_digest,
)
from signature_cases import (
    BODY,
    DATE,
    GET,
    KEY,
    NOW,
    ORIGIN,
    POST,
    cavage,
    content_digest,
    digest,
    is_claim,
    rewritten,
    sent_headers,
    verdict,
    with_another,
    with_header,
    without,
)

from fedpull.crawler.protocol.signatures import (
    SignedRequest,
)

Made = Callable[[], SignedRequest]

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
    "base64 that ends in another way": (  # the last bits of the last letter say nothing
        lambda: with_header(cavage(), "signature", other_end(signature())),
        401,
    ),
    "a parameter twice": (lambda: cavage(parameters=[f'keyId="{KEY}"']), 401),
    "a parameter twice, once in small letters": (
        lambda: cavage(parameters=[f'keyid="{KEY}"']),
        401,
    ),
    "headers twice": (lambda: cavage(parameters=['headers="date"']), 401),
    "20 KB": (lambda: cavage(parameters=[f'opaque="{"x" * 20_000}"']), 401),
}


# What only the key can tell; everything else is refused before one is fetched.
NEEDS_A_KEY = {
    "SHA-512 under rsa-sha256",
    "SHA-256 under rsa-sha512",
    "another path",
    "another method",
    "another query",
    "a query signed that is not there",
    "an escape undone",
    "an escape in other capitals",
    "a slash less",
    "a line more of a covered header",
}


@pytest.mark.parametrize(("made", "status"), REFUSED.values(), ids=REFUSED)
def test_refused(made: Made, status: int) -> None:
    """What a signature does not prove, or two readers could read in two ways, is refused."""
    assert verdict(made()) == status


def test_no_key_is_fetched_for_what_cannot_be_right() -> None:
    """All that needs no key is checked without one."""
    claims = {name for name, (made, _) in REFUSED.items() if is_claim(made())}

    assert claims == NEEDS_A_KEY


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
