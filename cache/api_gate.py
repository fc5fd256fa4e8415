"""Who may call the private API at all: names, origins, tokens and content types. Pure.

The API listens where only this machine, or whoever has the token, can connect; but every browser
on this machine can connect too, in the name of any page that it shows. So a call must name one of
our own hosts (a page that rebinds its own name to our address names its own), come from no other
origin, and say JSON where it changes something (a form cannot). Invariant: no answer of ours ever
carries an Access-Control header.
"""

from __future__ import annotations

import contextlib
import hmac
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from ..config.endpoint import parse_endpoint
from ..errors import BadInput
from .api_http import JSON, MAX_BODY, Answer, Call, problem

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# What supervisors and load balancers ask without knowing any token; they tell nothing of value.
_OPEN = frozenset({"/healthz", "/readyz"})
# Sent by browsers only: "none" is an address typed by hand, everything else a page's doing.
_OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`hosts`: names a Host header may give, None for any. `token`: the bearer token, if any."""

    hosts: frozenset[str] | None = _LOOPBACK
    token: str | None = None


def settings_for(description: str, token_file: Path | None) -> ApiSettings:
    """The settings for an API that listens as `description` says.

    Where other machines can connect, any name may lead to us (a container's, a proxy's), and the
    token, which such a configuration must have, keeps a rebinding page out instead.
    """
    token = read_token(token_file) if token_file is not None else None
    endpoint = parse_endpoint(description)
    if not endpoint.private:
        return ApiSettings(None, token)
    interface = endpoint.get("interface")
    return ApiSettings(_LOOPBACK | {interface.lower()} if interface else _LOOPBACK, token)


def read_token(path: Path) -> str:
    """The token of `api.token_file`: the file's text without the white space around it."""
    expected = "a file with one line of printable ASCII"
    try:
        token = path.read_text("ascii").strip()
    except UnicodeDecodeError as error:
        raise BadInput("api.token_file", f"{path} is not ASCII", expected) from error
    except OSError as error:
        reason = f"{path} cannot be read: {error.strerror}"
        raise BadInput("api.token_file", reason, expected) from error
    if not token or not token.isprintable() or " " in token:
        raise BadInput("api.token_file", f"{path} holds no token", expected)
    return token


def refusal(call: Call, settings: ApiSettings) -> Answer | None:
    """Why this call is turned away before anybody looks at what it asks; None: it may go on."""
    headers = call.headers
    host = headers.get("host", "")
    if settings.hosts is not None and host_name(host) not in settings.hosts:
        return problem(421, "forbidden", f"{host[:80]!r} is not a name of this service")
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in (f"http://{host}".lower(), f"https://{host}"):
        return problem(403, "forbidden", "calls from pages of other origins are refused")
    if headers.get("sec-fetch-site", "none").lower() not in _OWN_SITE:
        return problem(403, "forbidden", "calls from pages of other sites are refused")
    if settings.token is not None and call.path not in _OPEN and not _knows(call, settings.token):
        # For Basic a browser asks its user: for a name, which may be any, and the token. It does
        # so for the page, whose script and links lead to the calls of the API.
        schemes = ("Bearer", "Basic")
        challenge = tuple(("WWW-Authenticate", f'{one} realm="fedpull"') for one in schemes)
        return problem(401, "unauthorized", "Authorization: Bearer TOKEN is needed", challenge)
    return None


def body_refusal(
    call: Call, wanted: str = JSON, also: Sequence[str] = (), most: int = MAX_BODY
) -> Answer | None:
    """Why the body of a call that changes something is not read.

    What is not JSON any page of any site can send, so that it must be said to come from ours: every
    browser says so with a form (Fetch standard, "append a request Origin header").
    """
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (wanted, *also):
        accepted = ", ".join((wanted, *also))
        return problem(415, "type", f"a body must be {wanted}", (("Accept-Post", accepted),))
    if wanted != JSON and not _from_our_page(call):
        return problem(403, "forbidden", "this is for the forms of our own pages")
    if len(call.body) > most:
        return too_large(most)
    return None


def _from_our_page(call: Call) -> bool:
    """Whether a browser says so; that an Origin is our own was looked at before."""
    headers = call.headers
    return "origin" in headers or headers.get("sec-fetch-site", "").lower() == "same-origin"


def too_large(most: int = MAX_BODY) -> Answer:
    return problem(413, "size", f"a body must not be larger than {most} bytes")


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets; IPv6 in its one spelling."""
    name = host.strip().lower()
    if name.startswith("["):
        literal, bracket, port = name[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and port[1:].isdigit())):
            return ""
        try:
            return str(ip_address(literal))
        except ValueError:
            return ""
    name, colon, port = name.partition(":")
    return "" if colon and not port.isdigit() else name


def _knows(call: Call, token: str) -> bool:
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            given = b64decode(given, validate=True).decode("ascii").partition(":")[2]
            scheme = "bearer"
    # In constant time, so that a token cannot be found out letter by letter.
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    return same and scheme.lower() == "bearer"
