"""Twisted endpoint descriptions (`tcp:8787:interface=127.0.0.1`), read but never opened.

It does not import Twisted: the shape is checked here so that a typing error is one line at start
and not a traceback later. Invariant: `private` is true only where no other machine can connect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from ..errors import BadInput
from .units import shown

EXAMPLE = "tcp:8787:interface=127.0.0.1 or unix:/run/fedpull.sock"

# What each kind accepts by name, after twisted.internet.endpoints' parsers. An unknown argument
# would be a TypeError there, a misspelt `interface` an API open to the world.
_ARGUMENTS: dict[str, frozenset[str]] = {
    "tcp": frozenset({"port", "interface", "backlog"}),
    "tcp6": frozenset({"port", "interface", "backlog"}),
    "unix": frozenset({"address", "mode", "backlog", "lockfile"}),
    "systemd": frozenset({"domain", "index", "name"}),
    "ssl": frozenset(
        {"port", "interface", "backlog", "privateKey", "certKey", "sslmethod", "extraCertChain"}
        | {"dhParameters"}
    ),
}
_FIRST = {"tcp": "port", "tcp6": "port", "ssl": "port", "unix": "address", "systemd": "domain"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One description, taken apart: its kind, and its arguments by name in their order."""

    kind: str
    arguments: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        return dict(self.arguments).get(name, "")

    @property
    def private(self) -> bool:
        """Only this machine can connect: a unix socket, or an address of the loopback."""
        if self.kind == "unix" or (self.kind == "systemd" and self.get("domain") == "UNIX"):
            return True
        interface = self.get("interface")
        if interface == "localhost":
            return True
        try:
            return ip_address(interface).is_loopback
        except ValueError:  # none given means all interfaces; a name could be any address
            return False

    def __str__(self) -> str:
        first = _FIRST[self.kind]
        parts = [_quote(v) if n == first else f"{n}={_quote(v)}" for n, v in self.arguments]
        return ":".join([self.kind, *parts])


def parse_endpoint(text: str) -> Endpoint:
    """Take a description apart, refusing what Twisted would trip over."""
    kind, *rest = _split(text, ":")
    known = _ARGUMENTS.get(kind)
    if known is None or not rest:
        raise BadInput(shown(text), "is not an endpoint description", EXAMPLE)
    arguments: dict[str, str] = {}
    for position, part in enumerate(rest):
        name, *value = _split(part, "=")
        if not value:
            name, value = (_FIRST[kind] if position == 0 else ""), [name]
        if name not in known or name in arguments or len(value) != 1:
            reason = f"has an argument that {kind} does not know, {_unquote(part)!r}"
            raise BadInput(shown(text), reason, EXAMPLE)
        arguments[name] = _unquote(value[0])
    _check(text, kind, arguments)
    first = _FIRST[kind]
    ordered = sorted(arguments.items(), key=lambda item: item[0] != first)
    return Endpoint(kind, tuple(ordered))


def _check(text: str, kind: str, arguments: dict[str, str]) -> None:
    first = arguments.get(_FIRST[kind], "")
    if not first:
        raise BadInput(shown(text), f"has no {_FIRST[kind]}", EXAMPLE)
    if _FIRST[kind] == "port" and not (re.fullmatch("[0-9]{1,5}", first) and int(first) < 65_536):
        raise BadInput(shown(text), "has no valid port", "a port from 0 to 65535")
    interface = arguments.get("interface")
    if interface is None or interface in ("", "localhost"):
        return
    try:
        ip_address(interface)
    except ValueError as error:
        reason = f"names the interface {interface!r}, which is not an address"
        raise BadInput(shown(text), reason, EXAMPLE) from error


def _split(text: str, mark: str) -> list[str]:
    r"""Split at unescaped marks; `tcp:80:interface=\:\:1` has three parts."""
    parts, escaped = [""], False
    for character in text:
        if character == mark and not escaped:
            parts.append("")
        else:
            parts[-1] += character
        escaped = character == "\\" and not escaped
    return parts


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _quote(text: str) -> str:
    return re.sub(r"([\\:=])", r"\\\1", text)
