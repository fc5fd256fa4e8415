"""The keys that a document publishes, and whose they are (FEP-521a, FEP-fe34, ActivityPub's wont).

It fetches nothing: it reads an answer, and says which document to ask for where one is not enough.
Status and content type are checked before. Invariant: a key counts for an actor only if the actor's
own document, from the actor's own origin, lists the key's id; nothing that somebody else serves,
and no post, hands out keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput
from .classes import class_of
from .identity import claimed_id
from .keys import PublicKey, public_key
from .multikey import decode
from .shapes import as_list, id_of, types_of, uri_or_none
from .times import rfc3339
from .uri import same_origin, without_fragment

# Mastodon's MAX_PUBLIC_KEYS; real actors have one to three.
MAX_KEYS = 10
_KEY_TYPES = frozenset(
    ("Key", "CryptographicKey", "Multikey", "sec:Key", "https://w3id.org/security#Key")
)


@dataclass(frozen=True, slots=True)
class OwnerWanted:
    """What was read says whose the key is; it counts once the owner's own document lists it.

    So serve GoToSocial (`/main-key`) and activitypub-bot (`/publickey`) their keys. `stated` is the
    key as that document states it, for owners who list no more than its id.
    """

    owner: str
    key_id: str
    stated: PublicKey | None


def key_url(key_id: str) -> str | None:
    """Where a key is to be asked for; None for what names none: relative, too long, no URI."""
    uri = uri_or_none(key_id)
    return None if uri is None else without_fragment(uri)


def keys_of(document: dict[str, Any]) -> tuple[PublicKey, ...]:
    """The keys that an actor's document lists as the actor's own; none for any other document.

    What cannot be read, or belongs to somebody else, is left out. An `expires` or `revoked` is in
    `PublicKey.expires`: who uses a key asks `valid(now)`.
    """
    actor = claimed_id(document)
    if actor is None or class_of(document) != "actor":
        return ()
    return tuple(key for entry in _entries(document) if (key := _key(entry, actor)) is not None)


def find_key(
    document: dict[str, Any], key_id: str, final_url: str
) -> PublicKey | OwnerWanted | None:
    """The key `key_id` in the answer to `key_url(key_id)`, which came from `final_url`.

    None: the document has no such key, or nothing to say about it.
    """
    asked, came_from, id = uri_or_none(key_id), uri_or_none(final_url), claimed_id(document)
    if asked is None or came_from is None or id is None:
        return None
    if not same_origin(came_from, asked) or not same_origin(id, asked):
        return None
    if class_of(document) == "actor":
        if _bare(id) in (_bare(asked), _bare(came_from)):
            return _listed(document, id, asked, None)
        return OwnerWanted(id, asked, _listed(document, id, asked, None))
    return _standing(document, id, asked)


def confirm_key(wanted: OwnerWanted, document: dict[str, Any], final_url: str) -> PublicKey | None:
    """The wanted key, if its owner's document, which came from `final_url`, lists it."""
    id = claimed_id(document)
    if id != wanted.owner or class_of(document) != "actor" or not same_origin(final_url, id):
        return None
    return _listed(document, id, wanted.key_id, wanted.stated)


def _standing(document: dict[str, Any], id: str, asked: str) -> OwnerWanted | None:
    """A document that is a key and nothing else. A post with a `publicKeyPem` is not one."""
    types = types_of(document)
    if id != asked or (types and _KEY_TYPES.isdisjoint(types)):
        return None
    owner = _owner(document)
    if owner is None or not same_origin(owner, asked):
        return None
    return OwnerWanted(owner, asked, _key(document, owner))


def _listed(
    document: dict[str, Any], actor: str, asked: str, stated: PublicKey | None
) -> PublicKey | None:
    """The key `asked` in an actor's document; what only the id of is there, as it was `stated`."""
    for entry in _entries(document):
        if isinstance(entry, str):
            if uri_or_none(entry) == asked and stated is not None:
                return stated
        elif uri_or_none(entry.get("id")) == asked:
            return _key(entry, actor)
    return _only_key(document, actor) if asked == actor else None


def _only_key(document: dict[str, Any], actor: str) -> PublicKey | None:
    """PeerTube names the actor where the key's id belongs: clear as long as there is one key."""
    entries = as_list(document.get("publicKey"))
    if len(entries) != 1 or not isinstance(entries[0], dict):
        return None
    return _key({**entries[0], "id": actor}, actor)


def _entries(document: dict[str, Any]) -> Iterator[dict[str, Any] | str]:
    for name in ("publicKey", "assertionMethod"):
        for entry in as_list(document.get(name))[:MAX_KEYS]:
            if isinstance(entry, dict | str):
                yield entry


def _key(entry: dict[str, Any] | str, owner: str) -> PublicKey | None:
    """One entry as a key of `owner`; None where it is no such key."""
    if isinstance(entry, str):
        return None
    id = uri_or_none(entry.get("id"))
    if id is None or not same_origin(id, owner):
        return None
    try:
        expires = _end(entry)
        if "publicKeyMultibase" in entry:
            # FEP-521a: the controller must be there; the older form's owner is often left out.
            if id_of(entry.get("controller")) != owner:
                return None
            return decode(id, owner, entry["publicKeyMultibase"], expires=expires)
        pem = entry.get("publicKeyPem")
        if not isinstance(pem, str) or _owner(entry) not in (None, owner):
            return None
        return public_key(id, owner, pem, expires=expires)
    except BadInput:
        return None


def _owner(entry: dict[str, Any]) -> str | None:
    """Who an entry says that it belongs to: an unreadable owner is nobody, and not the actor."""
    named = entry.get("owner", entry.get("controller"))
    return None if named is None else id_of(named) or ""


def _end(entry: dict[str, Any]) -> float | None:
    """When a key ends: the earlier of `expires` and `revoked`. BadInput where one is no date."""
    ends = []
    for name in ("expires", "revoked"):
        if entry.get(name) is not None:
            end = rfc3339(entry[name])
            if end is None:
                raise BadInput(name, "is no date")
            ends.append(end)
    return min(ends, default=None)


def _bare(uri: str) -> str:
    return uri.partition("#")[0]
