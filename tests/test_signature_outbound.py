"""Requests that we sign: the exact headers, and what others would read in them."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signature_cases import BODY, DATE, ED25519, KEY, NOW, RSA, TYPE, content_digest, digest

from fedpull.crawler.protocol.keys import PrivateKey
from fedpull.crawler.protocol.knock import Form
from fedpull.crawler.protocol.signatures import Claim, SignedRequest, confirms, examine
from fedpull.crawler.protocol.signing import DEFAULT, Headers, Wish, read_accept_signature, sign
from fedpull.crawler.protocol.uri import split

OUTBOX = "https://social.example/users/a/outbox?page=true"
DIGEST = "SHA-256=MXALsYI6Bfq8lrgSfEHx9QNmG0KGEK+iB4EeRi5w4jg="


def header(headers: Headers, name: str) -> str:
    [value] = [value for key, value in headers if key == name]
    return value


def signed(form: Form, method: str, url: str, key: PrivateKey = RSA) -> Headers:
    posts = method == "POST"
    uri = split(url)
    return sign(form, method, uri, BODY if posts else None, TYPE if posts else None, key, NOW)


CAVAGE: dict[str, tuple[Form, str, str, str, str]] = {
    "a GET": (
        "cavage",
        "GET",
        OUTBOX,
        "(request-target) host date",
        f"(request-target): get /users/a/outbox?page=true\nhost: social.example\ndate: {DATE}",
    ),
    "a GET without its query": (
        "cavage-bare",
        "GET",
        OUTBOX,
        "(request-target) host date",
        f"(request-target): get /users/a/outbox\nhost: social.example\ndate: {DATE}",
    ),
    "a POST": (
        "cavage",
        "POST",
        "https://social.example/inbox",
        "(request-target) host date digest content-type",
        (
            "(request-target): post /inbox\nhost: social.example\n"
            f"date: {DATE}\ndigest: {digest(BODY)}\ncontent-type: application/activity+json"
        ),
    ),
    "the default port": (
        "cavage",
        "GET",
        "https://social.example:443/a",
        "(request-target) host date",
        f"(request-target): get /a\nhost: social.example\ndate: {DATE}",
    ),
    "another port": (
        "cavage",
        "GET",
        "https://social.example:8443/a",
        "(request-target) host date",
        f"(request-target): get /a\nhost: social.example:8443\ndate: {DATE}",
    ),
    "an international host": (
        "cavage",
        "GET",
        "https://bücher.example/ü?ö#fragment",
        "(request-target) host date",
        f"(request-target): get /%C3%BC?%C3%B6\nhost: xn--bcher-kva.example\ndate: {DATE}",
    ),
    "no path": (
        "cavage",
        "GET",
        "https://social.example",
        "(request-target) host date",
        f"(request-target): get /\nhost: social.example\ndate: {DATE}",
    ),
    "an empty query": (
        "cavage",
        "GET",
        "https://social.example/a?",
        "(request-target) host date",
        f"(request-target): get /a?\nhost: social.example\ndate: {DATE}",
    ),
    "escapes": (
        "cavage",
        "GET",
        "https://social.example//a%2fb?c=%7E",
        "(request-target) host date",
        f"(request-target): get //a%2fb?c=%7E\nhost: social.example\ndate: {DATE}",
    ),
}


@pytest.mark.parametrize(("form", "method", "url", "covered", "base"), CAVAGE.values(), ids=CAVAGE)
def test_cavage(form: Form, method: str, url: str, covered: str, base: str) -> None:
    """The headers are these to the byte, and the signature is that of these lines."""
    headers = signed(form, method, url)
    signature = header(headers, "Signature").rpartition('signature="')[2][:-1]

    posts = [("Digest", digest(BODY))] if method == "POST" else []
    start = f'keyId="{KEY}",algorithm="rsa-sha256",headers="{covered}"'
    assert list(headers) == [
        ("Date", DATE),
        *posts,
        ("Signature", f'{start},signature="{signature}"'),
    ]
    assert RSA.public.verifies(b64decode(signature), base.encode())


RFC9421: dict[str, tuple[str, str, str]] = {
    "a GET": (
        "GET",
        OUTBOX,
        (
            f'"@method": GET\n"@target-uri": {OUTBOX}\n"@authority": social.example\n'
            '"@signature-params": ("@method" "@target-uri" "@authority")'
        ),
    ),
    "a POST": (
        "POST",
        "https://social.example/inbox",
        (
            '"@method": POST\n"@target-uri": https://social.example/inbox\n'
            f'"@authority": social.example\n"content-digest": {content_digest(BODY)}\n'
            '"@signature-params": ("@method" "@target-uri" "@authority" "content-digest")'
        ),
    ),
    "the default port": (
        "GET",
        "https://social.example:443/a",
        (
            '"@method": GET\n"@target-uri": https://social.example/a\n'
            '"@authority": social.example\n'
            '"@signature-params": ("@method" "@target-uri" "@authority")'
        ),
    ),
    "another port": (
        "GET",
        "https://social.example:8443/a",
        (
            '"@method": GET\n"@target-uri": https://social.example:8443/a\n'
            '"@authority": social.example:8443\n'
            '"@signature-params": ("@method" "@target-uri" "@authority")'
        ),
    ),
    "an international host": (
        "GET",
        "https://bücher.example/ü#fragment",
        (
            '"@method": GET\n"@target-uri": https://xn--bcher-kva.example/%C3%BC\n'
            '"@authority": xn--bcher-kva.example\n'
            '"@signature-params": ("@method" "@target-uri" "@authority")'
        ),
    ),
}


@pytest.mark.parametrize(("method", "url", "base"), RFC9421.values(), ids=RFC9421)
def test_rfc9421(method: str, url: str, base: str) -> None:
    """The headers are these to the byte, and the signature is that of these lines."""
    headers = signed("rfc9421", method, url)
    signature = header(headers, "Signature").removeprefix("sig1=:").removesuffix(":")

    parameters = f';created=1700000000;keyid="{KEY}";alg="rsa-v1_5-sha256"'
    components = base.rpartition(": ")[2]
    posts = [("Content-Digest", content_digest(BODY))] if method == "POST" else []
    assert list(headers) == [
        *posts,
        ("Signature-Input", f"sig1={components}{parameters}"),
        ("Signature", f"sig1=:{signature}:"),
    ]
    assert RSA.public.verifies(b64decode(signature), f"{base}{parameters}".encode())


FROZEN: dict[str, tuple[Form, str, str, PrivateKey, str]] = {
    "draft-cavage, RSA": (
        "cavage",
        "GET",
        OUTBOX,
        RSA,
        (
            "OMGckEUGJYcvARQV0dHGVGv3vTXt3PbsoenDXaLo4trn5x1JfeBHkidNCUQL0YOpxpRteHaWZwTWO9CeYt8YkQu6"
            "KsV8UDyymAolSIS2tMbPCVymFcL6KoBFnErjWLQpP+DtGDXXyn27Ps5tiO2g71CSQXSjDqmmd5rWP1CdP0qVo7Lm"
            "m/Tx4j8DWA5kAqWS5aot1+iLHTKhcmnkr9JzxQ7eM9MhjOihZLTYJPAFSnQCkF3MkdSYYMGy4OurEr7WwFMIjeMZ"
            "Dsg4lvuqXzNYO9pVVQ4OzWZZODW22i3IJOfvOCI8Kgci72tE/7aPsHRc9xA3ia5UNZ5VzQkwqkLJzQ=="
        ),
    ),
    "RFC 9421, RSA": (
        "rfc9421",
        "POST",
        "https://social.example/inbox",
        RSA,
        (
            "l0IMfVMUPXzs53QI1bD3ZXE0+vuARKtcK8QsKiE2LwNhSmfttSWhm6z/DTKiCYYS+eDHZjWqlohnNbxXTTBPyC+k"
            "4mv/CpxY/Cj8mBO+YRSpF3Mr2pMYR2IvnrFB8cwGSZe826Mc8qKsNdFVC39g3GPlcmlJhoFH+mR2cwqpqo9fUyZo"
            "yxVwLxj9W40ePmdGgbBHnrV4VV2DcI+8Z6gFIhwQrxbMNghexpe0Tpq/5s4aSRxOA5j1rG88VqMamA+mFm2/Ovgz"
            "n/2jLGHSp/YH4Ypa248B3avZw83K8tjI79woRUC+UGgS2btm1MpfZGfM7J4JTbPR2wC6nfruCIqxMQ=="
        ),
    ),
    "RFC 9421, Ed25519": (
        "rfc9421",
        "GET",
        OUTBOX,
        ED25519,
        "7/w1L9RlfFpupqoBJQf0ac6z7uKGL/4pdrfxPhTgpKMzihfeTuPqpQKSRzMSDbRc51nCG2PbDEi0qGFQooAuAw==",
    ),
}


@pytest.mark.parametrize(("form", "method", "url", "key", "expected"), FROZEN.values(), ids=FROZEN)
def test_frozen_signatures(
    form: Form, method: str, url: str, key: PrivateKey, expected: str
) -> None:
    """Neither kind of key signs with randomness, so the same request has the same signature."""
    assert expected in header(signed(form, method, url, key), "Signature")


def test_unsigned_adds_nothing() -> None:
    """The first rung of the ladder is a request as it is."""
    assert signed("unsigned", "GET", OUTBOX) == ()


def test_an_ed25519_key_is_not_called_rsa() -> None:
    """The label of the draft leaves it to the key, that of the RFC names it."""
    assert 'algorithm="hs2019"' in header(signed("cavage", "GET", OUTBOX, ED25519), "Signature")
    assert header(signed("rfc9421", "GET", OUTBOX, ED25519), "Signature-Input").endswith(
        ';alg="ed25519"'
    )


def test_a_post_always_signs_its_body() -> None:
    """A body that is not there is signed as an empty one."""
    uri = split("https://social.example/inbox")

    assert header(sign("cavage", "POST", uri, None, None, RSA, NOW), "Digest") == digest(b"")
    rfc = sign("rfc9421", "POST", uri, None, None, RSA, NOW)
    assert header(rfc, "Content-Digest") == content_digest(b"")
    assert '"content-digest"' in header(rfc, "Signature-Input")


def test_a_retry_is_signed_anew() -> None:
    """Two hours later the date and the signature are others."""
    uri = split("https://social.example/inbox")
    for form in ("cavage", "rfc9421"):
        one = sign(form, "POST", uri, BODY, TYPE, RSA, NOW)
        other = sign(form, "POST", uri, BODY, TYPE, RSA, NOW + 7_200)

        assert header(one, "Signature") != header(other, "Signature")


@given(
    form=st.sampled_from([form for form in get_args(Form) if form != "unsigned"]),
    method=st.sampled_from(["GET", "POST"]),
    path=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20),
    body=st.binary(max_size=50),
    key=st.sampled_from([RSA, ED25519]),
    extra=st.lists(st.sampled_from(["@query", "@scheme", "@path", "date", "host"]), unique=True),
    now=st.floats(0, 4e9),
)
def test_what_we_sign_is_confirmed(
    form: Form, method: str, path: str, body: bytes, key: PrivateKey, extra: list[str], now: float
) -> None:
    """Every form, signed and sent to a Fedpull of that origin, is accepted by it."""
    uri = split("https://peer.example/" + path.replace("\\", "/"))
    content = body if method == "POST" else None
    kind = TYPE if method == "POST" else None
    added = sign(form, method, uri, content, kind, key, now, (*DEFAULT, *extra))
    headers = [("host", uri.netloc), *([("content-type", TYPE)] if kind else []), *added]
    received = tuple((name.lower(), value) for name, value in headers)
    request = SignedRequest(method, uri.target, received, content or b"")

    claim = examine(request, "https://peer.example", now)

    assert isinstance(claim, Claim)
    assert claim.key_id == key.id
    assert confirms(claim, key.public, now)
    assert not confirms(claim, (ED25519 if key is RSA else RSA).public, now)


WISHES: dict[str, tuple[str, Wish | None]] = {
    "what we sign anyway": ('sig1=("@method" "@target-uri")', Wish()),
    "nothing in particular": ("sig1=()", Wish()),
    "a few more": (
        's=("@path" "date" "content-digest");created',
        Wish((*DEFAULT, "@path", "date", "content-digest")),
    ),
    "a kind of key": ('s=("@method");alg="ed25519"', Wish(kind="ed25519")),
    "RSA": ('s=("@method");alg="rsa-v1_5-sha256"', Wish(kind="rsa")),
    "a nonce and a tag": ('s=("@method");nonce="n";tag="t"', Wish(nonce="n", tag="t")),
    "the first of two": ('a=("date"), b=("host")', Wish((*DEFAULT, "date"))),
    "a header of theirs": ('s=("@method" "x-secret")', None),
    "a credential": ('s=("authorization")', None),
    "a cookie": ('s=("@method" "cookie")', None),
    "a parameter": ('s=("@query-param";name="a")', None),
    "a parameter of a header": ('s=("date";sf)', None),
    "the status of an answer": ('s=("@status")', None),
    "the request of an answer": ('s=("@method";req)', None),
    "a number": ("s=(1)", None),
    "a key that we have not": ('s=("@method");alg="hmac-sha256"', None),
    "an algorithm that is a token": ('s=("@method");alg=ed25519', None),
    "a long nonce": (f's=("@method");nonce="{"n" * 300}"', None),
    "a nonce that is no string": ('s=("@method");nonce=5', None),
    "no list": ("s=1", None),
    "nothing": ("", None),
    "no dictionary": ("()", None),
    "a label twice": ('s=("date"), s=("host")', None),
    "20 KB": (f's=("@method");tag="{"t" * 20_000}"', None),
    "umlauts": ('s=("ü")', None),
}


@pytest.mark.parametrize(("value", "expected"), WISHES.values(), ids=WISHES)
def test_what_a_server_may_ask_to_be_signed(value: str, expected: Wish | None) -> None:
    """A wish adds plain components of the request; anything else gets nothing signed."""
    assert read_accept_signature(value) == expected


@given(st.text(max_size=200) | st.text('sig1=("@methodate);:,?%', max_size=60))
def test_a_wish_never_takes_away(value: str) -> None:
    """Whatever a server asks for, the method, the target and the host are signed."""
    wish = read_accept_signature(value)

    assert wish is None or wish.components[: len(DEFAULT)] == DEFAULT


def test_a_wish_is_signed() -> None:
    """Nonce and tag stand among the parameters, what a request has not is left out."""
    wish = read_accept_signature('s=("date" "content-type");nonce="a\\"b";tag="t"')
    assert wish is not None
    uri = split(OUTBOX)
    headers = sign(
        "rfc9421", "GET", uri, None, None, RSA, NOW, wish.components, nonce=wish.nonce, tag=wish.tag
    )

    assert header(headers, "Date") == DATE
    assert header(headers, "Signature-Input") == (
        'sig1=("@method" "@target-uri" "@authority" "date");created=1700000000;'
        f'keyid="{KEY}";alg="rsa-v1_5-sha256";nonce="a\\"b";tag="t"'
    )
    assert replace(wish, components=DEFAULT) == Wish(nonce='a"b', tag="t")
