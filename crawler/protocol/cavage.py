"""The signatures of draft-cavage-http-signatures-12, as the Fediverse uses them: reading a claim.

It fetches no key, confirms nothing and computes no digest. Invariant: everything that a claim rests
on (request, host, time, digest) is covered by the signature itself; parameters that are not covered
can only make it fail (a `created` that an attacker adds to an old request says nothing).
"""

from __future__ import annotations

import re

from .keys import Kind
from .signed_request import (
    MAX_HEADER,
    Claim,
    Fault,
    SignedRequest,
    check_times,
    checked_key_id,
    signature_of,
)
from .times import http_date

# One parameter and what separates it from the next: a string with escapes, or a token (RFC 9110
# section 11.2; draft section 2.1 shows numbers without quotes, Mastodon reads them with).
_PARAMETER = re.compile(
    r"([A-Za-z][A-Za-z0-9_-]*)[ \t]*=[ \t]*"
    r'(?:"([^"\\\x00-\x1f\x7f-\xff]*+(?:\\["\\][^"\\\x00-\x1f\x7f-\xff]*+)*+)"'
    r"|([A-Za-z0-9!#$%&'*+.^_`|~-]+))"
    r"[ \t]*(?:(,)[ \t]*|\Z)"
)
_ESCAPED = re.compile(r'\\(["\\])')
# Old versions of node's http-signature wrote the scheme of `Authorization` here too.
_PREFIX = re.compile(r"Signature[ \t]+", re.IGNORECASE)
# Unix seconds: an integer for `created`, decimals are allowed for `expires` (section 2.1.4).
_CREATED = re.compile(r"[0-9]{1,11}")
_EXPIRES = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?")

# What the label says of the key and of the hash. `hs2019`, or none, leaves it to the key: RSA is
# PKCS#1 v1.5 with SHA-256 everywhere, GoToSocial also reads SHA-512.
_ALGORITHMS: dict[str, tuple[Kind | None, tuple[str, ...]]] = {
    "hs2019": (None, ("sha256", "sha512")),
    "rsa-sha256": ("rsa", ("sha256",)),
    "rsa-sha512": ("rsa", ("sha512",)),
    "ed25519": ("ed25519", ("sha256",)),
}


def claim_of(header: str, request: SignedRequest, now: float) -> Claim:
    """What the value of a `Signature` header claims; Fault if it may not be believed."""
    parameters = read_parameters(header)
    key = checked_key_id(_needed(parameters, "keyId"))
    signature = signature_of(_needed(parameters, "signature"))
    algorithm = parameters.get("algorithm", "hs2019").lower()
    if algorithm not in _ALGORITHMS:
        raise Fault("The signature's algorithm is not supported.")
    kind, hashes = _ALGORITHMS[algorithm]
    covered = _covered(_needed(parameters, "headers"), request)
    created = _seconds(parameters, "created", _CREATED)
    expires = _seconds(parameters, "expires", _EXPIRES)
    if kind == "rsa" and ("(created)" in covered or "(expires)" in covered):
        raise Fault("An rsa-… signature cannot cover (created) or (expires).")  # section 2.3
    at = _signed_at(covered, request, created)
    for moment in at:
        check_times(moment, expires, now)
    bases = _bases(covered, request, parameters)
    return Claim(key, "cavage", bases, signature, hashes, at[0], kind, tuple(covered))


def read_parameters(header: str) -> dict[str, str]:
    """The parameters, each once; anything but the grammar is a Fault, never a guess."""
    if len(header) > MAX_HEADER:
        raise Fault("The Signature header is too long.")
    text = header.strip(" \t")
    prefix = _PREFIX.match(text)
    place = prefix.end() if prefix else 0
    found: dict[str, str] = {}
    seen: set[str] = set()
    more = True
    while more:
        match = _PARAMETER.match(text, place)
        if match is None:
            raise Fault("The Signature header cannot be read.")
        name, quoted, token, comma = match.groups()
        if name.lower() in seen:
            raise Fault("The Signature header has a parameter twice.")
        seen.add(name.lower())
        found[name] = _ESCAPED.sub(r"\1", quoted) if token is None else token
        place = match.end()
        more = comma is not None
    return found


def _needed(parameters: dict[str, str], name: str) -> str:
    # Without `headers` the draft takes the date alone, which is too little anyway.
    if not parameters.get(name):
        raise Fault(f"The Signature header has no {name}.")
    return parameters[name]


def _covered(text: str, request: SignedRequest) -> list[str]:
    names = text.lower().split(" ")
    if len(set(names)) != len(names):
        raise Fault("The signature covers a header twice.")
    needed = {"(request-target)", "host"} | ({"digest"} if request.has_content else set())
    missing = sorted(needed - set(names))
    if missing:
        raise Fault(f"The signature does not cover {' and '.join(missing)}.")
    if "date" not in names and "(created)" not in names:
        raise Fault("The signature covers neither date nor (created).")
    return names


def _seconds(parameters: dict[str, str], name: str, form: re.Pattern[str]) -> float | None:
    text = parameters.get(name)
    if text is None:
        return None
    if not form.fullmatch(text):
        raise Fault(f"The signature's {name} is no time.")
    return float(text)


def _signed_at(
    covered: list[str], request: SignedRequest, created: float | None
) -> tuple[float, ...]:
    """The times that the signature covers, one at least: nothing else says how old it is."""
    moments = []
    if "date" in covered:
        text = request.value("date") or ""
        # With dashes it is the form of RFC 850, whose year has two digits.
        date = None if "-" in text else http_date(text)
        if date is None:
            raise Fault("The Date header is missing or no date.")
        moments.append(date)
    if "(created)" in covered:
        if created is None:
            raise Fault("The signature covers (created) but has none.")
        moments.append(created)
    return tuple(moments)


def _bases(
    covered: list[str], request: SignedRequest, parameters: dict[str, str]
) -> tuple[bytes, ...]:
    """What may have been signed: the target as received, and (PeerTube, Takahē, BookWyrm, Fedify,
    Misskey's forks) without its query."""
    path, mark, _ = request.target.partition("?")
    targets = [request.target, path] if mark else [request.target]
    lines: list[str] = []
    for name in covered:
        if name == "(request-target)":
            lines.append("")  # filled in below
        elif name in ("(created)", "(expires)"):
            lines.append(f"{name}: {_needed(parameters, name[1:-1])}")
        else:
            value = request.value(name)
            if value is None:
                # Section 2.3 demands an error; an empty value would let headers be taken away.
                raise Fault("The signature covers a header that is not there.")
            lines.append(f"{name}: {value}")
    place = covered.index("(request-target)")
    bases = []
    for target in targets:
        lines[place] = f"(request-target): {request.method.lower()} {target}"
        bases.append("\n".join(lines).encode("latin-1"))
    return tuple(bases)
