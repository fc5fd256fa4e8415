"""What our actor publishes of itself: the actor, WebFinger, NodeInfo, a page.

Values only: which request gets which of them is `public`'s. The documents say what they are to
machines and to people, and how to keep us out. Invariant: nothing here is secret, and nothing that
the operator has written ends up in HTML unescaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from ..config.model import Identity
from .protocol import multikey
from .protocol.keys import PublicKey

if TYPE_CHECKING:
    from .instance import Instance

ACTIVITY = "application/activity+json"
JRD = "application/jrd+json"
NODEINFO = "http://nodeinfo.diaspora.software/ns/schema/2.1"
_AS2 = "https://www.w3.org/ns/activitystreams"
HOMEPAGE = "https://github.com/fedpull/fedpull"

# Contexts that Fedify, Mastodon and others have built in. Terms of smaller vocabularies are
# defined in place: a server that cannot fetch a context cannot read the key either.
_CONTEXT: list[object] = [
    _AS2,
    "https://w3id.org/security/v1",
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
    {
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "toot": "http://joinmastodon.org/ns#",
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "webfinger": "https://purl.archive.org/socialweb/webfinger#webfinger",
        "implements": {
            "@id": "https://w3id.org/fep/844e#implements",
            "@type": "@id",
            "@container": "@set",
        },
    },
]
# FEP-844e's registry of what a server can be told before it has to find out by knocking.
_IMPLEMENTS = [
    {
        "type": "Link",
        "href": "https://datatracker.ietf.org/doc/html/rfc9421",
        "name": "RFC-9421: HTTP Message Signatures",
    },
    {
        "type": "Link",
        "href": "https://datatracker.ietf.org/doc/html/rfc9421#name-eddsa-using-curve-edwards25",
        "name": "RFC-9421 signatures using the Ed25519 algorithm",
    },
]
_EXAMPLE_SUMMARY = Identity.model_fields["summary"].default
_ABOUT = (
    "This is a program, not a person. It reads what is public, keeps a copy for its operator,"
    " checks it again, and drops what its origin has taken back."
)


@dataclass(frozen=True, slots=True)
class Published:
    """The keys in our actor's document: the RSA key that signs, and those that verify as well."""

    signing: PublicKey
    others: tuple[PublicKey, ...]


def actor_document(we: Instance, now: float) -> dict[str, object]:
    """The actor. Readable by everybody: servers fetch it to verify the first thing we ask them."""
    keys, identity = we.published, we.identity
    return {
        "@context": _CONTEXT,
        "id": we.actor,
        "type": "Application",
        "preferredUsername": identity.username,
        "webfinger": we.acct,
        "name": identity.name,
        "summary": summary_html(we),
        "url": f"{we.origin}/",
        "inbox": we.inbox,
        "outbox": we.outbox,
        "followers": we.followers,
        "following": we.following,
        "endpoints": {"sharedInbox": we.shared_inbox},
        "manuallyApprovesFollowers": identity.followers != "all",
        "discoverable": False,
        "indexable": False,
        # One object, though it could be a list: half of the Fediverse reads no list here.
        "publicKey": {
            "id": keys.signing.id,
            "owner": we.actor,
            "publicKeyPem": keys.signing.pem,
        },
        # The RSA key that signs stands above; former ones can only stand here (FEP-521a).
        "assertionMethod": [_multikey(key) for key in keys.others if key.valid(now)],
        "implements": _IMPLEMENTS,
        "generator": {
            "type": "Application",
            "name": "Fedpull",
            "url": HOMEPAGE,
            "implements": _IMPLEMENTS,
        },
    }


def _multikey(key: PublicKey) -> dict[str, str]:
    value = {
        "id": key.id,
        "type": "Multikey",
        "controller": key.owner,
        "publicKeyMultibase": multikey.encode(key),
    }
    if key.expires is not None:
        expires = datetime.fromtimestamp(key.expires, UTC)
        value["expires"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def jrd(we: Instance, *, about_host: bool) -> dict[str, Any]:
    """The WebFinger answer, for the actor or for the host as such (FEP-d556)."""
    links = [
        {"rel": "self", "type": ACTIVITY, "href": we.actor},
        {
            "rel": "http://webfinger.net/rel/profile-page",
            "type": "text/html",
            "href": f"{we.origin}/",
        },
    ]
    if about_host:
        links.insert(0, {"rel": f"{_AS2}#Service", "type": ACTIVITY, "href": we.actor})
    subject = f"{we.origin}/" if about_host else f"acct:{we.acct}"
    return {"subject": subject, "aliases": [we.actor], "links": links}


def nodeinfo_index(we: Instance) -> dict[str, object]:
    """Where NodeInfo is, and who stands for this server (FEP-2677)."""
    return {
        "links": [
            {"rel": NODEINFO, "href": f"{we.origin}/nodeinfo/2.1"},
            {"rel": f"{_AS2}#Application", "href": we.actor},
        ]
    }


def nodeinfo(we: Instance, version: str, posts: int) -> dict[str, object]:
    """NodeInfo 2.1. There are no users here, and nobody can become one."""
    return {
        "version": "2.1",
        "software": {
            "name": "fedpull",
            "version": version,
            "repository": HOMEPAGE,
            "homepage": HOMEPAGE,
        },
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {
            "users": {"total": 0, "activeMonth": 0, "activeHalfyear": 0},
            "localPosts": posts,
        },
        "metadata": {"nodeName": we.identity.name, "nodeDescription": _words(we)},
    }


def summary_html(we: Instance) -> str:
    """The operator's words, what this is, and how to keep it out."""
    paragraphs = [f"<p>{escape(_words(we))}</p>"]
    if _words(we) != _ABOUT:
        paragraphs.append(f"<p>{escape(_ABOUT)}</p>")
    paragraphs.append(
        f"<p>To keep it out, block this account or the domain {escape(we.host)}, or refuse the"
        " user agent Fedpull.</p>"
    )
    if we.contact is not None:
        paragraphs.append(f"<p>Contact: {_link(we.contact)}</p>")
    return "".join(paragraphs)


def page(we: Instance) -> str:
    """What a person sees who follows the actor's `url`."""
    name = escape(we.identity.name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="robots" content="noindex">'
        f"<title>{name}</title>"
        f'<link rel="alternate" type="{ACTIVITY}" href="{escape(we.actor)}"></head>'
        f"<body><h1>{name}</h1><p>{escape(we.handle)}</p>{summary_html(we)}"
        f'<p><a href="{HOMEPAGE}">Fedpull</a></p></body></html>\n'
    )


def _words(we: Instance) -> str:
    """The operator's summary; what stands in the example says nothing about anybody."""
    summary = we.identity.summary
    return _ABOUT if summary == _EXAMPLE_SUMMARY else summary


def _link(contact: str) -> str:
    web = contact.startswith(("https://", "http://"))
    target = contact if web or contact.startswith("mailto:") else f"mailto:{contact}"
    return f'<a href="{escape(target)}">{escape(contact.removeprefix("mailto:"))}</a>'
