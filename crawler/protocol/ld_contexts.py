"""The JSON-LD contexts that come with Fedpull, by the URLs that documents name them by.

It asks nobody: what is not in this table is a context that we do not have, whoever serves it and
whether its server is up or down. The files in `crawler/contexts` are data of the program, read
once. Invariant: a text that was handed out is the same for the life of the process, and nobody can
change it for others.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

AS2_CONTEXT = "https://www.w3.org/ns/activitystreams"
# What `form=compacted` is written in. Where a type is known by one more name (Mastodon's quoteUrl,
# Misskey's), it has a term here, so that readers find it under that, whoever wrote it.
CANONICAL = "canonical"

# Without scheme: http and https name the same one (the w3id.org and w3.org redirect).
_FILES = {
    "funkwhale.audio/ns": "funkwhale",
    "gotosocial.org/ns": "gotosocial",
    "join-lemmy.org/context.json": "lemmy",
    "joinmastodon.org/ns": "mastodon",
    "litepub.social/context.jsonld": "litepub",
    "litepub.social/litepub/context.jsonld": "litepub",
    "purl.archive.org/miscellany": "miscellany",
    "purl.archive.org/socialweb/blocked": "blocked",
    "purl.archive.org/socialweb/miscellany": "miscellany",
    "purl.archive.org/socialweb/oauth": "oauth",
    "purl.archive.org/socialweb/oauth/1.1": "oauth",
    "purl.archive.org/socialweb/pending": "pending",
    "purl.archive.org/socialweb/webfinger": "webfinger",
    "w3id.org/did/v1": "did-v1",
    "w3id.org/fep/5711": "fep-5711",
    "w3id.org/identity/v1": "identity-v1",
    "w3id.org/security/data-integrity/v1": "data-integrity-v1",
    "w3id.org/security/data-integrity/v2": "data-integrity-v2",
    "w3id.org/security/multikey/v1": "multikey-v1",
    "w3id.org/security/suites/ed25519-2020/v1": "ed25519-2020-v1",
    "w3id.org/security/suites/jws-2020/v1": "jws-2020-v1",
    "w3id.org/security/v1": "security-v1",
    "w3id.org/security/v2": "security-v2",
    "www.w3.org/2018/credentials/v1": "credentials-v1",
    "www.w3.org/ns/activitystreams": "activitystreams",
    "www.w3.org/ns/activitystreams.jsonld": "activitystreams",
    "www.w3.org/ns/credentials/v2": "credentials-v2",
    "www.w3.org/ns/did/v1": "did-v1",
}
# Every server of the Pleroma family serves its own copy of one file.
_LITEPUB = re.compile(r"[^/?#]+/schemas/litepub-0\.1\.jsonld")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)


def known(url: str) -> str | None:
    """The name of the file that stands for a context's URL; None: a context that we do not have."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        return None
    rest = url[scheme.end() :].removesuffix("#")
    found = _FILES.get(rest)
    return "litepub" if found is None and _LITEPUB.fullmatch(rest) else found


def names() -> tuple[str, ...]:
    """The files that there are, each once."""
    return tuple(sorted({*_FILES.values(), CANONICAL}))


@cache
def text(name: str) -> bytes:
    """A context as JSON text; parse it anew for whoever may change it (PyLD does)."""
    return files(__package__).joinpath("..", "contexts", f"{name}.json").read_bytes()


def entries(name: str) -> list[Any]:
    """The entries of a context: URLs of others, and objects."""
    found = orjson.loads(text(name))["@context"]
    return found if isinstance(found, list) else [found]
