"""The names that people type: handles, and URIs in their place.

It looks nothing up. Invariant: a Handle's parts are safe to stand in a URL as they are, and two
handles of one account on one server differ in nothing but the case of `user`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import BadInput
from .addresses import parse_address
from .hosts import host_name
from .uri import shown, split

# RFC 7565 allows more; these are the characters that real servers give out. No asterisk, which
# some WebFinger servers take for "everybody", and nothing that would need an escape in a query.
_USER = re.compile(r"[A-Za-z0-9_~](?:[A-Za-z0-9_.~-]{0,126}[A-Za-z0-9_~-])?")
_FORM = "@user@host"


@dataclass(frozen=True, slots=True)
class Handle:
    """`user` as it was written, `host` in its canonical form."""

    user: str
    host: str

    @property
    def acct(self) -> str:
        return f"{self.user}@{self.host}"

    def __str__(self) -> str:
        return f"@{self.acct}"

    def same_as(self, other: Handle) -> bool:
        """No server tells accounts apart by case; several change it between their answers."""
        return self.host == other.host and self.user.casefold() == other.user.casefold()


def parse_handle(text: str) -> Handle:
    """Read `@user@host`, `user@host`, `acct:user@host`, or `!group@host` as Lemmy writes it."""
    name = text.strip()
    for prefix in ("acct:", "@", "!"):
        if name[: len(prefix)].lower() == prefix:
            name = name[len(prefix) :]
            break
    user, at, host = name.partition("@")
    if not at or not _USER.fullmatch(user):
        raise BadInput(shown(text), "is not a handle", _FORM)
    try:
        host = host_name(host)
    except ValueError as error:
        raise BadInput(shown(text), str(error), _FORM) from None
    if parse_address(host) is not None:
        raise BadInput(shown(text), "has an address for a host", _FORM)
    return Handle(user, host)


def parse_actor(text: str, *, http: bool = True) -> Handle | str:
    """A handle, or the canonical URI of an actor; `http` says whether http:// is one too (whether
    it may be asked for is the rules' business)."""
    name = text.strip()
    if re.match(r"https?://", name, re.IGNORECASE):
        parts = split(name)
        if parts.scheme == "https" or http:
            return str(parts)
    elif "@" in name and "/" not in name:
        return parse_handle(name)
    raise BadInput(shown(text), "is neither a handle nor an https URI", f"{_FORM} or https://...")
