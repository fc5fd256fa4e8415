"""A request that came in with a signature, and what the two signature schemes have in common.

It reads no signature and no clock. Invariants: header names are in lower case and their values hold
no line breaks, so that no header can pretend to be two lines of what was signed; a rule that is
broken raises `Fault`, which never leaves `signatures.examine`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any, Literal

import http_sf

from ...errors import BadInput
from .keys import MAX_BITS, Kind
from .uri import DEFAULT_PORTS, Uri, shown, split

# What is read of a header at all: a signature of RSA-8192 over forty headers has 3 KB.
MAX_HEADER = 16_384
# Structured fields are read by a slower parser: this much takes it some milliseconds.
MAX_FIELD = 8_192
# How far a sender's clock may be off. Mastodon takes 12 hours and GoToSocial two; the SWICG report
# on signatures advises "an hour plus a few minutes", for those who signed and then had to retry.
MAX_AGE = 65 * 60.0
MAX_AHEAD = 10 * 60.0

_UNFIT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_METHOD = re.compile(r"[A-Z]{1,20}")
_TARGET = re.compile(r"/[\x21-\x7e]*")
# A second one of these would be read by one party and signed by the other.
_SINGLE = ("host", "date", "digest", "content-type", "content-length", "authorization")


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it was received; values are Latin-1, so that every byte of them is kept."""

    method: str
    target: str  # path and query, raw
    headers: tuple[tuple[str, str], ...]  # in order, names in lower case, repeats kept
    body: bytes
    # A verdict looks for a header some twenty times.
    _named: dict[str, list[str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for name, value in self.headers:
            self._named.setdefault(name, []).append(value)

    def values(self, name: str) -> list[str]:
        return self._named.get(name, [])

    def value(self, name: str) -> str | None:
        """What a signature covers as `name`: its lines joined as RFC 9110 section 5.3 says."""
        values = self.values(name)
        return ", ".join(value.strip(" \t") for value in values) if values else None

    @property
    def has_content(self) -> bool:
        """A POST without a body is one whose body must be signed as empty."""
        return self.method not in ("GET", "HEAD") or bool(self.body)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature claims, all that needs no key having been checked.

    It is confirmed by one of `bases` under one of `hashes`; there are two bases where servers do
    not agree on whether the query, or its question mark, is signed.
    """

    key_id: str  # as sent: a key's id must be it to the letter
    scheme: Literal["cavage", "rfc9421"]
    bases: tuple[bytes, ...]
    signature: bytes
    hashes: tuple[str, ...]
    at: float  # when it was signed; covered by the signature
    kind: Kind | None  # of the key, as the algorithm says; None: any
    covered: tuple[str, ...] = ()  # headers and components that were signed, in lower case


@dataclass(frozen=True, slots=True)
class Rejected:
    """The status to answer, and why, in a plain sentence that gives nothing of ours away."""

    status: int
    reason: str


class Fault(Exception):
    """A rule that is broken."""

    def __init__(self, reason: str, status: int = 401) -> None:
        super().__init__(reason)
        self.rejected = Rejected(status, reason)


def check_request(request: SignedRequest, here: Uri) -> None:
    """The rules that hold whatever signs the request; `here` is our public origin."""
    if not _METHOD.fullmatch(request.method):
        raise Fault("The request has no readable method.", 400)
    # An absolute form, or `*`, is no path that a sender and a verifier would write alike.
    if not _TARGET.fullmatch(request.target):
        raise Fault("The request's target is no path.", 400)
    for name, value in request.headers:
        if _UNFIT.search(value):
            raise Fault(f"The header {shown(name)} holds a control character.", 400)
    for name in _SINGLE:
        if len(request.values(name)) > 1:
            raise Fault(f"There is more than one {name} header.", 400)
    host = request.value("host")
    # To the letter: clients write the host as it stands in our ids. Who comes through a proxy has
    # the host that the proxy was asked for; X-Forwarded-Host is anybody's word.
    if host not in (here.netloc, f"{here.netloc}:{DEFAULT_PORTS[here.scheme]}"):
        raise Fault("The Host header is missing or not that of this server.")


def dictionary(value: str) -> dict[str, Any]:
    """A structured field (RFC 9651) with each key once; ValueError for anything else."""
    if len(value) > MAX_FIELD:
        raise ValueError("longer than any that is meant to be read")
    parsed = http_sf.parse(value.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse)
    assert isinstance(parsed, dict)
    return parsed


def _refuse(key: str, where: str) -> None:
    # By the RFC the last one wins; what is signed must not depend on who reads it.
    raise ValueError(f"{key} stands twice in the {where}")


def checked_key_id(text: str) -> str:
    """The id of a key, which must be a URI that could be asked for."""
    try:
        split(text)
    except BadInput:
        raise Fault("The keyId is no http(s) URI.") from None
    return text


def signature_of(text: str) -> bytes:
    """A signature in base64, in its one spelling: it must not be possible to write it anew.

    Ed25519's have 64 bytes, those of the largest RSA keys 1024: for no other is a key fetched.
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not 64 <= len(data) <= MAX_BITS // 8 or b64encode(data).decode() != text:
        raise Fault("The signature is not base64, or not as long as a signature.")
    return data


def check_times(signed: float, expires: float | None, now: float) -> None:
    """A signature must be of about now; `expires` can only shorten that."""
    if not now - MAX_AGE <= signed <= now + MAX_AHEAD:
        raise Fault("The signature was not made within the last hour, as our clock has it.")
    if expires is not None and (expires <= now or expires < signed):
        raise Fault("The signature has expired.")
