"""HTTP signatures as other servers make and read them: draft-cavage-12 and RFC 9421.

Written apart from Fedpull's own, from the two documents, so that a mistake on one side shows on the
other. It decides nothing: what a server demands is in `policies`, what one sends is in `forms`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from .keys import Private, sign

PARAMETER = re.compile(r'\s*([A-Za-z]+)=(?:"([^"]*)"|([0-9]+))\s*(?:,|$)')
MEMBER = re.compile(
    r'([a-z*][a-z0-9_.*-]*)=(\(((?:"[^"]*" ?)*)\)((?:;[a-z]+=(?:"[^"]*"|-?[0-9]+))*))'
)
MEMBER_PARAMETER = re.compile(r';([a-z]+)=(?:"([^"]*)"|(-?[0-9]+))')


class Unreadable(ValueError):
    """There is a signature, and nothing can be made of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it is signed or verified; header names in lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def target(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"

    def component(self, name: str, *, query: bool = True) -> str:
        """The value of a header or of a derived component; KeyError when it has none."""
        parts = urlsplit(self.url)
        derived = {
            "(request-target)": f"{self.method.lower()} {self.target if query else parts.path}",
            "@method": self.method,
            "@target-uri": self.url,
            "@authority": parts.netloc.lower(),
            "@scheme": parts.scheme,
            "@path": parts.path or "/",
            "@query": f"?{parts.query}",
            "@request-target": self.target,
        }
        return derived[name] if name in derived else self.headers[name]


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature says of itself. `algorithm` is "" where it says nothing."""

    scheme: Literal["cavage", "rfc9421"]
    key_id: str
    algorithm: str
    covered: tuple[str, ...]
    signature: bytes
    created: int | None
    expires: int | None
    parameters: str = ""  # of RFC 9421: the value of @signature-params as it was sent

    def base(self, message: Message, *, query: bool = True) -> bytes:
        """What was signed. Unreadable when it covers what is not there."""
        try:
            lines = [self._line(name, message, query) for name in self.covered]
        except KeyError as error:
            raise Unreadable(f"{error} is covered and absent") from error
        if self.scheme == "rfc9421":
            lines.append(f'"@signature-params": {self.parameters}')
        return "\n".join(lines).encode()

    def _line(self, name: str, message: Message, query: bool) -> str:
        if self.scheme == "rfc9421":
            return f'"{name}": {message.component(name)}'
        times = {"(created)": self.created, "(expires)": self.expires}
        value = times[name] if name in times else message.component(name, query=query)
        return f"{name}: {value}"


# Signing


def digest(body: bytes) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def content_digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def cavage(
    message: Message,
    key: Private,
    key_id: str,
    covered: Sequence[str],
    *,
    algorithm: str = "rsa-sha256",
    created: int | None = None,
    expires: int | None = None,
    hash: str = "sha256",
    query: bool = True,
) -> dict[str, str]:
    """The `Signature` header of draft-cavage; `algorithm` "" leaves the parameter out."""
    signed = Signed("cavage", key_id, algorithm, tuple(covered), b"", created, expires)
    made = base64.b64encode(sign(key, signed.base(message, query=query), hash)).decode()
    parts = [f'keyId="{key_id}"']
    parts += [f'algorithm="{algorithm}"'] if algorithm else []
    parts += [f"created={created}"] if created is not None else []
    parts += [f"expires={expires}"] if expires is not None else []
    parts += [f'headers="{" ".join(covered)}"', f'signature="{made}"']
    return {"signature": ",".join(parts)}


def rfc9421(
    message: Message,
    key: Private,
    covered: Sequence[str],
    parameters: Mapping[str, str | int],
    *,
    label: str = "sig1",
    hash: str = "sha256",
) -> dict[str, str]:
    """`Signature-Input` and `Signature`; the parameters stand in the order they are given."""
    inner = " ".join(f'"{name}"' for name in covered)
    rest = "".join(
        f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"'
        for name, value in parameters.items()
    )
    signed = Signed(
        "rfc9421", "", "", tuple(covered), b"", None, None, parameters=f"({inner}){rest}"
    )
    made = base64.b64encode(sign(key, signed.base(message), hash)).decode()
    return {
        "signature-input": f"{label}={signed.parameters}",
        "signature": f"{label}=:{made}:",
    }


# Reading


def read(message: Message) -> Signed | None:
    """The signature of a request, None when it has none; of several of RFC 9421 the first."""
    if "signature-input" in message.headers:
        return _read_rfc9421(message)
    if "signature" in message.headers:
        return _read_cavage(message.headers["signature"])
    return None


def _read_cavage(text: str) -> Signed:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = PARAMETER.match(text, position)
        if match is None or match[1] in found:
            raise Unreadable(text)
        found[match[1]] = match[2] if match[2] is not None else match[3]
        position = match.end()
    if not {"keyId", "signature"} <= found.keys():
        raise Unreadable(text)
    return Signed(
        "cavage",
        found["keyId"],
        found.get("algorithm", ""),
        tuple(found.get("headers", "date").split(" ")),
        _decoded(found["signature"]),
        int(found["created"]) if "created" in found else None,
        int(found["expires"]) if "expires" in found else None,
    )


def _read_rfc9421(message: Message) -> Signed:
    entry = MEMBER.match(message.headers["signature-input"])
    if entry is None:
        raise Unreadable(message.headers["signature-input"])
    label, parameters, inner, rest = entry[1], entry[2], entry[3], entry[4]
    value = re.search(
        rf"(?:^|, ?){re.escape(label)}=:([^:]*):", message.headers.get("signature", "")
    )
    if value is None:
        raise Unreadable("there is no signature under the label")
    said = {name: text or number for name, text, number in MEMBER_PARAMETER.findall(rest)}
    return Signed(
        "rfc9421",
        said.get("keyid", ""),
        said.get("alg", ""),
        tuple(re.findall(r'"([^"]*)"', inner)),
        _decoded(value[1]),
        int(said["created"]) if "created" in said else None,
        int(said["expires"]) if "expires" in said else None,
        parameters,
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Unreadable(text) from error
