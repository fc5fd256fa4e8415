"""Signing a request that goes out: the headers to add to it, in each form that servers read.

It sends nothing and decides on no form. Invariant: it signs the method, the target and the host of
the request in hand, never anything that another server has worded, but for a nonce and a tag in
the place that RFC 9421 has for them.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from email.utils import formatdate

from http_sf.types import ParamsType

from .digest import content_digest, digest
from .http_signature import ALGORITHMS, DERIVED, base_of, parameters_text
from .keys import Kind, PrivateKey
from .knock import Form
from .signed_request import dictionary
from .uri import Uri

Headers = tuple[tuple[str, str], ...]

# What Mastodon, Fedify and NodeBB each want of a signature, together; `content-digest` is added
# where there is a body.
DEFAULT = ("@method", "@target-uri", "@authority")
# What a server may ask for on top: nothing here says more than the request itself does.
_OFFERED = frozenset((*DERIVED, "content-digest", "content-type", "date", "host"))
_ALGORITHM_OF: dict[Kind, str] = {kind: name for name, kind in ALGORITHMS.items()}
# A nonce of 256 bits has 43 characters in base64.
_LONGEST_WORD = 256


@dataclass(frozen=True, slots=True)
class Wish:
    """What an `Accept-Signature` asks for, as far as we would sign it."""

    components: tuple[str, ...] = DEFAULT
    kind: Kind | None = None  # of the key; None: any
    nonce: str | None = None
    tag: str | None = None


def sign(
    form: Form,
    method: str,
    uri: Uri,
    body: bytes | None,
    content_type: str | None,
    key: PrivateKey,
    now: float,
    components: tuple[str, ...] = DEFAULT,
    *,
    nonce: str | None = None,
    tag: str | None = None,
    extra: Headers = (),
) -> Headers:
    """The headers to add, in a fixed order; `Host` is `uri.netloc` and `Content-Type` as given.

    `extra` are headers of ours that go along signed or not at all: they come first, as they are.
    They are good for this request and this moment: a retry signs again.
    """
    if form == "unsigned":
        return ()
    if body is None and method not in ("GET", "HEAD"):
        body = b""
    fields = {"host": uri.netloc, "date": formatdate(int(now), usegmt=True)}
    if body is not None and content_type is not None:
        fields["content-type"] = content_type
    if form == "rfc9421":
        parameters: ParamsType = {
            "created": int(now),
            "keyid": key.id,
            "alg": _ALGORITHM_OF[key.kind],
        }
        parameters |= {
            name: word for name, word in (("nonce", nonce), ("tag", tag)) if word is not None
        }
        fields |= {name.lower(): value for name, value in extra}
        components = (*components, *(name.lower() for name, _ in extra))
        return (*extra, *_rfc9421(method, uri, body, fields, key, components, parameters))
    target = uri.target if form == "cavage" else uri.target.partition("?")[0]
    return (*extra, *_cavage(f"{method.lower()} {target}", body, fields, key, extra))


def _cavage(
    request_target: str,
    body: bytes | None,
    fields: dict[str, str],
    key: PrivateKey,
    extra: Headers,
) -> Headers:
    headers = [("Date", fields["date"])]
    covered = {
        "(request-target)": request_target,
        "host": fields["host"],
        "date": fields["date"],
    }
    if body is not None:
        covered["digest"] = digest(body)
        headers.append(("Digest", covered["digest"]))
        if "content-type" in fields:
            covered["content-type"] = fields["content-type"]
    covered |= {name.lower(): value for name, value in extra}
    base = "\n".join(f"{name}: {value}" for name, value in covered.items())
    signature = b64encode(key.sign(base.encode("ascii"))).decode()
    # `hs2019` would mean the same for RSA, but Takahē, onepage.pub and activitypub-bot want this.
    algorithm = "rsa-sha256" if key.kind == "rsa" else "hs2019"
    value = f'keyId="{key.id}",algorithm="{algorithm}",headers="{" ".join(covered)}"'
    return (*headers, ("Signature", f'{value},signature="{signature}"'))


def _rfc9421(
    method: str,
    uri: Uri,
    body: bytes | None,
    fields: dict[str, str],
    key: PrivateKey,
    components: tuple[str, ...],
    parameters: ParamsType,
) -> Headers:
    headers = [("Date", fields["date"])] if "date" in components else []
    if body is not None:
        fields["content-digest"] = content_digest(body)
        headers.append(("Content-Digest", fields["content-digest"]))
        components = tuple(dict.fromkeys((*components, "content-digest")))
    lines = [
        (name, DERIVED[name](method, uri.origin, uri.target) if name in DERIVED else fields[name])
        for name in components
        if name in DERIVED or name in fields
    ]
    text = parameters_text([name for name, _ in lines], parameters)
    signature = b64encode(key.sign(base_of(lines, text))).decode()
    return (*headers, ("Signature-Input", f"sig1={text}"), ("Signature", f"sig1=:{signature}:"))


def read_accept_signature(value: str) -> Wish | None:
    """What the first signature that a server asks for (RFC 9421 section 5.1) comes to, or None.

    A wish adds to what we sign and never takes away, and one for anything but the method, the
    target and a few plain headers gets nothing: nobody has us sign their words.
    """
    try:
        asked = dictionary(value)
    except ValueError:
        return None
    entry = next(iter(asked.values()), None)
    if not (isinstance(entry, tuple) and isinstance(entry[0], list)):
        return None
    names = [item[0] if type(item[0]) is str and not item[1] else "" for item in entry[0]]
    parameters = entry[1]
    kind = ALGORITHMS.get(parameters["alg"]) if type(parameters.get("alg")) is str else None
    words = [parameters.get(name) for name in ("nonce", "tag")]
    if not _OFFERED.issuperset(names) or (kind is None and "alg" in parameters):
        return None
    if any(w is not None and (type(w) is not str or len(w) > _LONGEST_WORD) for w in words):
        return None
    return Wish(tuple(dict.fromkeys((*DEFAULT, *names))), kind, *words)
