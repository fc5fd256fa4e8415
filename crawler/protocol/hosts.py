"""Host names in their one spelling.

It resolves nothing and does not say which hosts may be asked. Invariant: what it returns is a
dotted quad that was written as one, or a DNS name in lower case whose last label is no number.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import idna

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{LABEL}\.)*{LABEL}")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def host_name(text: str) -> str:
    """A DNS name or dotted quad in its one spelling; ValueError says what is wrong with it.

    Resolvers read `2130706433`, `0x7f.1`, `127.1` and their full-width forms as 127.0.0.1, so a
    host whose last label is a number must be a plain dotted quad that was written as one.
    """
    name = text.lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise ValueError("has a host that is no valid international name") from None
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError("has a host that is no DNS name")
    if _NUMERIC.fullmatch(name.rpartition(".")[2]):
        try:
            if str(IPv4Address(name)) != text:
                raise ValueError
        except ValueError:
            raise ValueError("has a number for a host") from None
    return name
