"""One parser, one canonical form and one origin for the URIs that name things.

The canonical form lower-cases scheme and host, writes an international host as A-labels, and drops
the default port; path, query and fragment stay as they are, byte for byte, because servers tell
documents apart by them (`?p=1`, a trailing slash, `%7E`, `#create`). It also says which URLs may
be asked for, by their text alone: the addresses that a name leads to are checked where the
connection is made. It resolves and fetches nothing. Invariants: canonical(canonical(u)) ==
canonical(u), and both lead to the same host, port and target.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote

from ...errors import BadInput, Refused
from .addresses import IPNetwork, allowed, parse_address
from .hosts import LABEL, host_name

# Longer than any id that was ever seen; what Mastodon and others allow for a URI.
MAX_LENGTH = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}

# Controls, spaces of every script, directional and zero-width marks, surrogates and the backslash,
# which one parser takes for a slash and another for a user name (`https://a\@127.0.0.1/`).
_FORBIDDEN = re.compile(
    "[\x00-\x20\x7f-\xa0\\\\\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]"
)
# What most ids already are; everything else takes the long way.
_CANONICAL = re.compile(
    r"(https://(?=[a-z0-9._-]{1,253}(?:[/?#]|\Z))"
    rf"(?:{LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?)"
    r"(?:[/?#][\x21-\x5b\x5d-\x7e]*)?"
)
_REST = re.compile(r"[\x21-\x5b\x5d-\x7e]*")
_PARTS = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]{0,5}))?")
# RFC 6761, 6762, 7686, 8375 and ICANN's .internal; .i2p, .lan and .localdomain by common use.
_LOCAL_SUFFIXES = (
    ".localhost",
    ".local",
    ".internal",
    ".home.arpa",
    ".lan",
    ".localdomain",
    ".onion",
    ".i2p",
)


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of a canonical URI; `host` of an IPv6 literal is without its brackets."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None
    fragment: str | None

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def target(self) -> str:
        """What stands in the request line: ASCII, so that bytes beyond it are escaped here."""
        target = (self.path or "/") + ("" if self.query is None else f"?{self.query}")
        return target if target.isascii() else quote(target, safe=_ASCII)

    @property
    def url(self) -> str:
        """The URI without its fragment: what a request is made for."""
        return self.origin + self.path + ("" if self.query is None else f"?{self.query}")

    def __str__(self) -> str:
        return self.url + ("" if self.fragment is None else f"#{self.fragment}")


_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def canonical(uri: str) -> str:
    """The one spelling under which a thing is known; BadInput if `uri` is no http(s) URI."""
    return uri if _plain_origin(uri) is not None else str(split(uri))


def _plain_origin(uri: str) -> str | None:
    """The origin of what matches `_CANONICAL`, else None. The part that takes long to match, up to
    the path, is the same in all ids of a server."""
    if len(uri) > MAX_LENGTH:
        return None
    path = uri.find("/", len("https://"))
    if path < 0:
        return _plain_start(uri)
    return _plain_start(uri[:path]) if _REST.fullmatch(uri, path) else None


@lru_cache(maxsize=1024)
def _plain_start(start: str) -> str | None:
    plain = _CANONICAL.fullmatch(start)
    return None if plain is None else plain[1]


@lru_cache(maxsize=8192)
def split(uri: str) -> Uri:
    if len(uri) > MAX_LENGTH:
        raise _bad(uri, f"is longer than {MAX_LENGTH} characters")
    if _FORBIDDEN.search(uri):
        raise _bad(uri, "holds a space, a control character or a backslash")
    parts = _PARTS.fullmatch(uri)
    if parts is None:
        raise _bad(uri, "is not an absolute URI")
    scheme, authority, path, query, fragment = parts.groups()
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise _bad(uri, f"has the scheme {scheme}")
    if "@" in authority:
        raise _bad(uri, "holds a user name")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise _bad(uri, "has a host or port that cannot be read")
    port = int(match[2]) if match[2] else DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        raise _bad(uri, f"has the port {port}")
    result = Uri(scheme, _host(match[1], uri), port, path, query, fragment)
    if len(str(result)) > MAX_LENGTH:  # A-labels are longer than what they stand for
        raise _bad(uri, f"is longer than {MAX_LENGTH} characters")
    return result


def _host(text: str, uri: str) -> str:
    if text.startswith("["):
        try:
            if "%" in text:
                raise ValueError
            return str(IPv6Address(text[1:-1]))
        except ValueError:
            raise _bad(uri, "has no valid IPv6 address in its brackets") from None
    try:
        return host_name(text)
    except ValueError as error:
        raise _bad(uri, str(error)) from None


def _bad(uri: str, reason: str) -> BadInput:
    return BadInput(shown(uri), reason, "https://host/path")


def shown(text: str) -> str:
    """Foreign text made fit for one line of a message."""
    cut = text if len(text) <= 120 else text[:117] + "..."
    return cut.encode("unicode_escape").decode("ascii") if not cut.isprintable() else cut


def origin(uri: str) -> str:
    return _plain_origin(uri) or split(uri).origin


def is_at(place: str, uri: str) -> bool:
    """Is the origin of a canonical `uri` the origin `place`? It is what the URI begins with."""
    end = len(place)
    return uri.startswith(place) and (len(uri) == end or uri[end] in "/?#")


def host_port(uri: str) -> str:
    """`host:port`, always with the port: the unit in which politeness is counted."""
    parts = split(uri)
    return f"[{parts.host}]:{parts.port}" if ":" in parts.host else f"{parts.host}:{parts.port}"


def same_origin(one: str, other: str) -> bool:
    """Have they the same scheme, host and port (FEP-fe34)? What is no URI has no origin."""
    try:
        return origin(one) == origin(other)
    except BadInput:
        return False


def without_fragment(uri: str) -> str:
    """The URL to fetch; fragments never travel."""
    return canonical(uri).partition("#")[0]


@dataclass(frozen=True, slots=True)
class UrlRules:
    """What the operator allows beyond https on port 443 of public hosts."""

    http: bool = False
    ports: frozenset[int] = frozenset({443})
    local_names: tuple[str, ...] = ()
    networks: tuple[IPNetwork, ...] = ()
    own_origins: frozenset[str] = frozenset()


def check_url(uri: str, rules: UrlRules) -> Uri:
    """The parts of a URL that may be asked for; BadInput or Refused for any other."""
    parts = split(uri)
    if parts.scheme != "https" and not rules.http:
        raise BadInput(shown(uri), f"has the scheme {parts.scheme}", "https")
    if parts.port not in rules.ports and not (parts.scheme == "http" and parts.port == 80):
        ports = ", ".join(map(str, sorted(rules.ports)))
        raise BadInput(shown(uri), f"names the port {parts.port}", f"{ports} (network.ports)")
    _check_host(parts.host, uri, rules)
    if parts.origin in rules.own_origins:
        raise Refused(shown(uri), "is our own")
    return parts


def _check_host(host: str, uri: str, rules: UrlRules) -> None:
    address = parse_address(host)
    if address is not None:
        if not allowed(address, rules.networks):
            raise BadInput(shown(uri), f"names the address {host}", "a public one (network.allow)")
        return
    if "." in host and not host.endswith(_LOCAL_SUFFIXES):
        return
    if not any(fnmatchcase(host, pattern.lower()) for pattern in rules.local_names):
        raise BadInput(shown(uri), f"names the local host {host}", "one of network.local_names")
