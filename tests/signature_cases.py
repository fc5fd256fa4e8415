"""Signed requests for the tests of signatures, put together by hand from the two documents.

Nothing here uses Fedpull's own signing: bases are joined line by line, and the `cryptography`
library signs them. `verdict` says what Fedpull makes of a request.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate
from hashlib import sha256

from fedpull.crawler.protocol.keys import PrivateKey, private_key
from fedpull.crawler.protocol.signatures import Claim, Rejected, SignedRequest, confirms, examine

ORIGIN = "https://pull.example"
ACTOR = "https://sender.example/users/alice"
KEY = f"{ACTOR}#main-key"
NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
BODY = b'{"type":"Create","actor":"https://sender.example/users/alice"}'
TYPE = "application/activity+json"
GET = "(request-target) host date"
POST = "(request-target) host date digest"
WHOLE = ("@method", "@target-uri", "content-digest")

# Made for these tests, which need signatures that never change (PKCS#1 v1.5 has no randomness).
_RSA_PEM = b"""-----BEGIN PRIVATE KEY-----
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDWll63kW/YSx3e
aGuTIf0jeP9GdqiTawyM6Px5ECR4D7k1b4pzWfoZsdFSlD51WhStEqok293ekDKe
fI0JbR4itaAnBI59zpF8wjBByqw7TpdAbhE68OuCKUq/cbYy3W1kGrsLwGEcarav
/VWNCs+rTdueXZ+bmJPTwpb/q/35vBeHJoBCL0JYizdUNzLmdp5yRGO0Rjald8ON
pS2JteorysibKfWWyuYiTHiXDxFxHvNkGfwWiHfoTDs5vwPMDIrxnUwJpnWvYmjh
PzSRo39uzdni8fnsb2oL7tWHitSKneZV5ebTBx8vDF9KCa6IcYVjKC0j909sueJv
ax9q5f0RAgMBAAECggEAEUaVhTQoFng5r976kM5YNFkN6CzZC9aUR0CMmZct8HKH
nSCH5hsqJ5O+v+YKaeU2K+wy7CO9UX6MwgtR9B5893C63i6fkCD8v9gHDYzqX8ic
ebCYIjAk2Fudq8WqVEmqVbhR3bN/vfYYvhi9oKIXBPoQLR2UIhvfBC8y0TjrX1sE
+pRv/8styt98ULl+XXRFs24/oq/+qoX6ourYn4VfWJ5JLn+alD54uh0xiqWEiolg
hQt3ROt/P7dopvOPQQInSFP2mYFCDVoE9342Lg8U/fBDMoGAmoL+drFR94c2iiro
WPTFDJ5aH1rGMnnb567Xa04KrNSebKZ+L7PSBqyB6QKBgQDufCF6NcB5/55FKIuZ
TWVvN5gfPpHVPpd2X7M3xsRCyXBKvnhq912rdCNFlK4RRhqPKZg+RA4UlTf2CWu8
GSr6evZOo2GhJ+z6+cI/KXqZruz/cBVhNE95EVcPqYENBN++HB0Vi6o6ZHUNMH2a
hGd8CJMCw9vRfMWXUZu5xB/QrQKBgQDmWO5Fn3bVL74nyH0GQttBRuLhs0UwCjZD
YilkaO5s9VjDQZn3DmwGlO8xrLa+ISvqneSNtkRUFDCD7IY/n/yuVioN3ZIJ/jEj
Vh0ChsmX7i+9iKt9KtA7bIMm+LD1yLYNtUEXJR7dguyC6CzfFA4XUg2Z9ix+cyw4
gfJ5XffWdQKBgEhE7ZAvQci2oaurgcJPJfHyEvNE7sSEVznT/mdkoIzspk7AMZWY
qJYQd6/aQnWRnPLNVAlqbinmnjK84Bz8M338TS+/axJ/Gt1jWm3xj+mKjN9Lg+8U
/xBdJNjmMOlVFMhzlIy26jsPvjjk/OsaPJHlt0cbOz3cZbRZUquUt19xAoGAQX6D
sRQYK6F5hcJBmigkQzkuhVH9mB0vNJWSg1Q6hox0AoCCkHZvTKfIIu2iwAiafgkK
1Sg/4VAkQz5bJXgN1lv1dR/MyD6YJh3z/aXpZ+N3e4KCkAI+VscRu2D2n8vDx74D
ldseHYl+SfJN39fJ8eOIroAKQqHoruBz2wJW14kCgYAXY6p9T5JQy0qaT4oXb5q8
3P5BevwCHOlqVvTAHqMROMMOiXTzIKbkVWc7XZeTzYqnTRANGjWurJbWkItCrmsd
ahRly8k88XGfxB5FimSAYvOjyuTx+ziVL/3oChRcZCJyUEboMr61w+Ljqh1mA4/n
i8N8yNDFrhA/VEp9R3ep+g==
-----END PRIVATE KEY-----
"""
_ED25519_PEM = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
RSA = private_key(KEY, ACTOR, _RSA_PEM)
ED25519 = private_key(KEY, ACTOR, _ED25519_PEM)

Headers = Sequence[tuple[str, str]]


def digest(body: bytes) -> str:
    return f"SHA-256={b64encode(sha256(body).digest()).decode()}"


def content_digest(body: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def date(at: float) -> str:
    return formatdate(at, usegmt=True)


def cavage(
    covered: str = POST,
    *,
    method: str = "POST",
    target: str = "/inbox",
    signed_target: str | None = None,
    body: bytes = BODY,
    headers: Headers | None = None,
    key: PrivateKey = RSA,
    hash: str = "sha256",
    parameters: Sequence[str] = ('algorithm="rsa-sha256"',),
    key_id: str = KEY,
) -> SignedRequest:
    """A request signed as the draft says; `parameters` stand in the header as they are written."""
    sent = list(headers if headers is not None else [*sent_headers(body, "digest")])
    values = {name: ", ".join(v for n, v in sent if n == name) for name, _ in sent}
    values["(request-target)"] = f"{method.lower()} {signed_target or target}"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        values[f"({name})"] = value.strip('"')
    base = "\n".join(f"{name}: {values.get(name, '')}" for name in covered.lower().split(" "))
    made = b64encode(key.sign(base.encode("latin-1"), hash=hash)).decode()
    text = ",".join(
        [f'keyId="{key_id}"', *parameters, f'headers="{covered}"', f'signature="{made}"']
    )
    return SignedRequest(method, target, (*sent, ("signature", text)), body)


def rfc9421(
    covered: Sequence[str] = WHOLE,
    *,
    method: str = "POST",
    target: str = "/inbox",
    body: bytes = BODY,
    headers: Headers | None = None,
    key: PrivateKey = RSA,
    parameters: str | None = None,
    label: str = "sig1",
    values: dict[str, str] | None = None,
) -> SignedRequest:
    """A request signed as the RFC says; `parameters` and names stand there as they are written."""
    sent = list(headers if headers is not None else [*sent_headers(body, "content-digest")])
    path, _, query = target.partition("?")
    known = {name: ", ".join(v for n, v in sent if n == name) for name, _ in sent} | {
        "@method": method,
        "@target-uri": ORIGIN + target,
        "@authority": "pull.example",
        "@scheme": "https",
        "@request-target": target,
        "@path": path,
        "@query": f"?{query}",
    }
    known |= values or {}
    if parameters is None:
        parameters = f';created={int(NOW)};keyid="{KEY}"'
    quoted = [name if name.endswith(")") or ";" in name else f'"{name}"' for name in covered]
    inner = f"({' '.join(quoted)}){parameters}"
    lines = [f"{q}: {known.get(name, '')}" for q, name in zip(quoted, covered, strict=True)]
    base = "\n".join([*lines, f'"@signature-params": {inner}'])
    made = b64encode(key.sign(base.encode("latin-1"))).decode()
    sent += [("signature-input", f"{label}={inner}"), ("signature", f"{label}=:{made}:")]
    return SignedRequest(method, target, tuple(sent), body)


def sent_headers(body: bytes, kind: str, at: float = NOW) -> list[tuple[str, str]]:
    found = [("host", "pull.example"), ("date", date(at)), ("content-type", TYPE)]
    if body and kind == "digest":
        found.append(("digest", digest(body)))
    if body and kind == "content-digest":
        found.append(("content-digest", content_digest(body)))
    return found


def with_header(request: SignedRequest, name: str, value: str) -> SignedRequest:
    """The request with the header changed in its place, or added."""
    headers = tuple((n, value if n == name else v) for n, v in request.headers)
    if not request.values(name):
        headers = (*headers, (name, value))
    return replace(request, headers=headers)


def with_another(request: SignedRequest, name: str, value: str) -> SignedRequest:
    return replace(request, headers=(*request.headers, (name, value)))


def without(request: SignedRequest, *names: str) -> SignedRequest:
    return replace(request, headers=tuple(h for h in request.headers if h[0] not in names))


def rewritten(request: SignedRequest, name: str, old: str, new: str) -> SignedRequest:
    """The request with a piece of a header written otherwise."""
    [value] = request.values(name)
    assert old in value
    return with_header(request, name, value.replace(old, new))


def verdict(request: SignedRequest, key: PrivateKey = RSA, now: float = NOW) -> str | int:
    """`accepted`, or the status that the request is refused with."""
    claim = examine(request, ORIGIN, now)
    if isinstance(claim, Rejected):
        assert claim.reason.endswith(".")
        return claim.status
    assert isinstance(claim, Claim)
    if claim.key_id != key.id:
        return 401  # the key of another id, or none
    return "accepted" if confirms(claim, key.public, now) else 401


def is_claim(request: SignedRequest) -> bool:
    """Whether all that can be checked without a key is in order."""
    return isinstance(examine(request, ORIGIN, NOW), Claim)
