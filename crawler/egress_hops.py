"""What the door decides about one hop: the bytes to send, the types that count, where to go next.

Pure: values in, values out. Invariant: a request carries the headers that are listed here, those of
a signature that was made for this very request, and no others (no cookie, no referer); conditional
headers go only to the origin that the validators came from, in the form that they came under.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urljoin

from .answer import Ask, Lost
from .egress_response import Plan
from .protocol.media import (
    ACCEPT_ACTIVITY,
    ACCEPT_JRD,
    is_activity,
    is_jrd,
    is_json,
    is_validator,
)
from .protocol.robots import MAX_BYTES
from .protocol.uri import Uri

# What an error page, and any answer to a delivery, may cost: a Tombstone with 410 and a problem
# document are read, no more.
ERROR_BYTES = 64 * 1024

_ACCEPT = {
    "activity": ACCEPT_ACTIVITY,
    "jrd": ACCEPT_JRD,
    "json": "application/json",
    "robots": "text/plain, */*;q=0.1",
}
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_VISIBLE = re.compile(r"[\x20-\x7e]*")
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~-]+\*?(?:\s*=\s*(?:"[^"]*"|[^\s",;]+))?)*)')
_LINK_PARAMETER = re.compile(r';\s*([\w!#$&+.^`|~-]+)\*?\s*=\s*(?:"([^"]*)"|([^\s",;]+))')


def request_bytes(
    uri: Uri,
    ask: Ask,
    user_agent: str,
    signature: tuple[tuple[str, str], ...],
    *,
    conditional: bool,
) -> bytes:
    """The request line, the headers, always in the same order, and the body of a delivery."""
    lines = [
        f"{ask.method} {uri.target} HTTP/1.1",
        f"Host: {uri.netloc}",
        f"User-Agent: {user_agent}",
        f"Accept: {_ACCEPT[ask.accept]}",
        "Accept-Encoding: gzip",
    ]
    if conditional:
        if is_validator(ask.etag):
            lines.append(f"If-None-Match: {ask.etag}")
        if is_validator(ask.last_modified):
            lines.append(f"If-Modified-Since: {ask.last_modified}")
    body = ask.body or b""
    if ask.method == "POST":
        lines += [f"Content-Type: {ask.content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in signature]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


def counts_as(ask: Ask, content_type: str | None) -> bool:
    """Is this the type of an answer to `ask`, should the status be 200?"""
    if ask.accept == "activity":
        return is_activity(content_type) or (ask.page and is_json(content_type))
    if ask.accept == "robots":
        return True  # whatever it says it is: what parses counts
    return is_jrd(content_type) if ask.accept == "jrd" else is_json(content_type)


def plan(ask: Ask, status: int, headers: Mapping[str, str], max_bytes: int) -> Plan:
    """How much of a response to read; Lost("type") when there is nothing in it for us."""
    if status != 200 or ask.method == "POST":
        return Plan(min(ERROR_BYTES, max_bytes), cut=True)
    if ask.accept == "robots":
        return Plan(min(MAX_BYTES, max_bytes), cut=True)
    content_type = headers.get("content-type")
    if counts_as(ask, content_type):
        return Plan(max_bytes, cut=False)
    if _alternate(ask, headers) is not None:
        return Plan(0, cut=True)
    raise Lost("type", f"the content type is {(content_type or 'missing')[:80]!r}")


def next_hop(ask: Ask, uri: Uri, status: int, headers: Mapping[str, str]) -> str | None:
    """The URL that this response sends us to, not yet checked; None: this is the answer.

    Raises Lost("redirect") for a redirect that leads nowhere.
    """
    if status in _REDIRECTS:
        location = headers.get("location", "")
        if not location or not _VISIBLE.fullmatch(location):
            raise Lost("redirect", f"status {status} without a usable Location")
        return _resolved(uri, location)
    if status == 200 and not counts_as(ask, headers.get("content-type")):
        link = _alternate(ask, headers)
        return None if link is None else _resolved(uri, link)
    return None


def _resolved(uri: Uri, reference: str) -> str:
    try:
        return urljoin(uri.url, reference).partition("#")[0]
    except ValueError:
        raise Lost("redirect", "the redirect leads to no URL") from None


def _alternate(ask: Ask, headers: Mapping[str, str]) -> str | None:
    """Where an HTML page says, in its header, that its ActivityPub form is (WordPress, Ghost).

    The page itself is not read. Whether the link stays on the origin is for the door to check.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if ask.accept != "activity" or kind not in ("text/html", "application/xhtml+xml"):
        return None
    for reference, parameters in _LINK.findall(headers.get("link", "")[:8192]):
        fields = {
            name.lower(): quoted or token
            for name, quoted, token in _LINK_PARAMETER.findall(parameters)
        }
        relations = fields.get("rel", "").lower().split()
        if "alternate" in relations and is_activity(fields.get("type")):
            return str(reference)
    return None
