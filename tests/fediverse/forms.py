"""How each kind of server signs what it posts: one row per form seen in the wild.

A form says what is covered, under which labels, and by which kind of key. It sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Literal
from urllib.parse import urlsplit

from .documents import ACTIVITY_JSON, AS_PROFILE
from .keys import Private
from .signatures import Message, cavage, content_digest, digest, rfc9421

WHOLE = ("@method", "@target-uri", "content-digest")


@dataclass(frozen=True, slots=True)
class Form:
    """`covered` names headers and derived components, `key` what kind of key signs."""

    scheme: Literal["cavage", "rfc9421", "none"]
    covered: tuple[str, ...] = ()
    algorithm: str = "rsa-sha256"  # cavage's `algorithm`, RFC 9421's `alg`; "" for none
    key: Literal["rsa", "ed25519"] = "rsa"
    hash: str = "sha256"
    label: str = "sig1"
    order: tuple[str, ...] = ("created", "keyid", "alg")  # of RFC 9421's parameters
    lasts: int | None = None  # seconds from created to expires
    content_type: str = ACTIVITY_JSON
    dated: bool = True  # is there a Date header?


_RSA = "rsa-v1_5-sha256"
FORMS: dict[str, Form] = {
    # All headers in the order in which http.rb holds them, the target last.
    "mastodon": Form("cavage", ("host", "date", "digest", "content-type", "(request-target)")),
    # httpsig signs as hs2019 and calls it so; the key id is a path of its own.
    "gotosocial": Form("cavage", ("(request-target)", "host", "date", "digest"), "hs2019"),
    "gotosocial sha512": Form(
        "cavage", ("(request-target)", "host", "date", "digest"), "hs2019", hash="sha512"
    ),
    # http-signature-normalization: an hour from (created), no Date needed.
    "lemmy": Form(
        "cavage",
        ("(request-target)", "(created)", "(expires)", "content-type", "digest", "host"),
        "hs2019",
        lasts=3_600,
        dated=False,
    ),
    "lemmy compat": Form(
        "cavage", ("(request-target)", "content-type", "date", "digest", "host"), "hs2019"
    ),
    "misskey": Form("cavage", ("(request-target)", "date", "host", "digest")),
    "pleroma": Form(
        "cavage",
        ("(request-target)", "content-length", "content-type", "date", "digest", "host"),
    ),
    "unlabelled": Form("cavage", ("(request-target)", "host", "date", "digest"), ""),
    "fedify 9421": Form(
        "rfc9421",
        ("@method", "@target-uri", "@authority", "host", "date", "content-digest"),
        _RSA,
        order=("alg", "keyid", "created"),
    ),
    "mastodon 9421": Form("rfc9421", WHOLE, "", order=("created", "keyid"), dated=False),
    "nodebb 9421": Form(
        "rfc9421",
        ("@method", "@target-uri", "@authority", "content-digest"),
        _RSA,
        label="activitypub",
        order=("created", "keyid", "alg", "nonce", "tag"),
    ),
    "authority and path": Form(
        "rfc9421", ("@method", "@authority", "@path", "content-digest"), _RSA, lasts=300
    ),
    "ed25519 cavage": Form(
        "cavage", ("(request-target)", "host", "date", "digest"), "hs2019", "ed25519"
    ),
    "ed25519 9421": Form("rfc9421", WHOLE, "ed25519", "ed25519"),
    "ld+json": Form(
        "cavage",
        ("(request-target)", "host", "date", "digest", "content-type"),
        content_type=AS_PROFILE,
    ),
    "unsigned": Form("none"),
}


def prepare(
    form: Form, url: str, body: bytes, key: Private, key_id: str, at: float, nonce: str = ""
) -> Message:
    """The POST as this form sends it."""
    host = urlsplit(url).netloc
    headers = {"host": host, "content-type": form.content_type, "user-agent": "simulated/1"}
    headers["content-length"] = str(len(body))
    if form.dated:
        headers["date"] = formatdate(at, usegmt=True)
    if form.scheme == "rfc9421":
        headers["content-digest"] = content_digest(body)
    else:
        headers["digest"] = digest(body)
    message = Message("POST", url, headers, body)
    return replace(message, headers=headers | _signature(form, message, key, key_id, at, nonce))


def _signature(
    form: Form, message: Message, key: Private, key_id: str, at: float, nonce: str
) -> dict[str, str]:
    created = int(at)
    expires = None if form.lasts is None else created + form.lasts
    if form.scheme == "none":
        return {}
    if form.scheme == "cavage":
        timed = "(created)" in form.covered
        return cavage(
            message,
            key,
            key_id,
            form.covered,
            algorithm=form.algorithm,
            created=created if timed else None,
            expires=expires if timed else None,
            hash=form.hash,
        )
    values: dict[str, str | int] = {
        "created": created,
        "keyid": key_id,
        "alg": form.algorithm,
        "nonce": nonce,
        "tag": "activitypub",
    }
    parameters = {name: values[name] for name in form.order}
    if expires is not None:
        parameters["expires"] = expires
    return rfc9421(message, key, form.covered, parameters, label=form.label)
