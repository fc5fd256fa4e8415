"""HTTP Message Signatures (RFC 9421): reading what one claims, and the base that it signs.

It fetches no key, confirms nothing and computes no digest. Invariant: every component that a
signature names is either put into the base exactly as the RFC says, or the signature is refused as
unsupported; none is skipped.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

import http_sf
from http_sf.types import ItemType, ParamsType

from .keys import Kind
from .signed_request import (
    Claim,
    Fault,
    SignedRequest,
    check_times,
    checked_key_id,
    dictionary,
    signature_of,
)

# Mastodon reads one, Fedify all. The bound is on our work: what stands behind these is not looked
# at.
MAX_SIGNATURES = 4
_FIELD = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
# RFC 9421 section 3.3; the other algorithms have no keys in the Fediverse.
ALGORITHMS: dict[str, Kind] = {"rsa-v1_5-sha256": "rsa", "ed25519": "ed25519"}

# How a component is derived from method, origin and target (section 2.2).
DERIVED: dict[str, Callable[[str, str, str], str]] = {
    "@method": lambda method, origin, target: method,
    "@target-uri": lambda method, origin, target: origin + target,
    "@authority": lambda method, origin, target: origin.partition("://")[2],
    "@scheme": lambda method, origin, target: origin.partition("://")[0],
    "@request-target": lambda method, origin, target: target,
    "@path": lambda method, origin, target: target.partition("?")[0],
    # The question mark belongs to it, and stands alone where there is no query.
    "@query": lambda method, origin, target: "?" + target.partition("?")[2],
}


def parameters_text(names: Sequence[str], parameters: ParamsType) -> str:
    """The covered components and the parameters, as both the header and the base have them."""
    items: list[ItemType] = list(names)
    return http_sf.ser({"sig1": (items, parameters)}).partition("=")[2]


def base_of(lines: Sequence[tuple[str, str]], parameters: str) -> bytes:
    """The bytes that are signed: one line a component, the parameters last (section 2.5)."""
    text = [f'"{name}": {value}' for name, value in lines]
    text.append(f'"@signature-params": {parameters}')
    try:
        return "\n".join(text).encode("ascii")
    except UnicodeEncodeError:
        raise Fault("The signature covers what is not ASCII.") from None  # section 2.5


def claim_of(request: SignedRequest, origin: str, now: float) -> Claim:
    """The first of the signatures that may be believed; else the Fault of the first."""
    inputs = _dictionary(request, "signature-input")
    signatures = _dictionary(request, "signature")
    raw = request.value("signature") or ""
    first: Fault | None = None
    for label in list(inputs)[:MAX_SIGNATURES]:
        try:
            return _claim(inputs[label], _signature(signatures, label, raw), request, origin, now)
        except Fault as fault:
            first = first or fault
    raise first or Fault("The Signature-Input header is empty.")


def _dictionary(request: SignedRequest, header: str) -> dict[str, Any]:
    try:
        return dictionary(request.value(header) or "")
    except ValueError:
        raise Fault(f"The {header} header cannot be read.") from None


def _signature(signatures: dict[str, Any], label: str, raw: str) -> bytes:
    entry = signatures.get(label)
    if not (isinstance(entry, tuple) and isinstance(entry[0], bytes)):
        raise Fault("The Signature header has no signature under the label of its input.")
    # The parser forgives how base64 ends: what it would write itself must be what was sent.
    text = b64encode(entry[0]).decode()
    return signature_of(text if f":{text}:" in raw else "")


def _claim(
    entry: object, signature: bytes, request: SignedRequest, origin: str, now: float
) -> Claim:
    if not (isinstance(entry, tuple) and isinstance(entry[0], list)):
        raise Fault("The Signature-Input is no list of components.")
    names = [_name(item) for item in entry[0]]
    parameters: dict[str, Any] = entry[1]
    key = parameters.get("keyid")
    if type(key) is not str:
        raise Fault("The signature has no keyid.")
    checked_key_id(key)
    kind = _kind(parameters)
    created, expires = _seconds(parameters, "created"), _seconds(parameters, "expires")
    if created is None:
        raise Fault("The signature has no created time.")
    _check_cover(names, request)
    check_times(created, expires, now)
    bases = _bases(names, parameters_text(names, parameters), request, origin)
    return Claim(key, "rfc9421", bases, signature, ("sha256",), created, kind, tuple(names))


def _name(item: object) -> str:
    name, parameters = item if isinstance(item, tuple) else (item, {})
    if parameters:
        # ;sf ;bs ;key ;req ;tr ;name: nobody in the Fediverse sends them.
        raise Fault("A parameter of a signed component is not supported.")
    if type(name) is not str or not (name in DERIVED or _FIELD.fullmatch(name)):
        raise Fault("A signed component is not supported.")
    return name


def _kind(parameters: dict[str, Any]) -> Kind | None:
    if "alg" not in parameters:
        return None
    algorithm = parameters["alg"]
    if type(algorithm) is not str or algorithm not in ALGORITHMS:
        raise Fault("The signature's algorithm is not supported.")
    return ALGORITHMS[algorithm]


def _seconds(parameters: dict[str, Any], name: str) -> float | None:
    if name not in parameters:
        return None
    value = parameters[name]
    if type(value) is not int or value < 0:  # a bool is an int too, of a sort
        raise Fault(f"The signature's {name} is no time.")
    return float(value)


def _check_cover(names: list[str], request: SignedRequest) -> None:
    covered = set(names)
    if len(covered) != len(names):
        raise Fault("The signature covers a component twice.")
    place = {"@authority", "@path"} | ({"@query"} if "?" in request.target else set())
    if "@method" not in covered or not ("@target-uri" in covered or place <= covered):
        raise Fault("The signature does not cover the method and the target.")
    if request.has_content and "content-digest" not in covered:
        raise Fault("The signature does not cover content-digest.")


def _bases(
    names: list[str], parameters: str, request: SignedRequest, origin: str
) -> tuple[bytes, ...]:
    """As the RFC has it; and, where @query is signed, as Fedify does: without its question mark."""
    lines = [(name, _value(name, request, origin)) for name in names]
    bases = [base_of(lines, parameters)]
    if "@query" in names:
        bare = [(name, value[1:] if name == "@query" else value) for name, value in lines]
        bases.append(base_of(bare, parameters))
    return tuple(bases)


def _value(name: str, request: SignedRequest, origin: str) -> str:
    if name in DERIVED:
        return DERIVED[name](request.method, origin, request.target)
    value = request.value(name)
    if value is None:
        raise Fault("The signature covers a header that is not there.")
    return value
