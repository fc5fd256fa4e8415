"""Verifies signed requests for one simulated host, as its policy says.

To do so it fetches the actor behind the key from where its id leads, like the real servers: what an
actor document says of its keys is thereby tested too. It stores nothing but keys.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from .documents import ACTIVITY_JSON
from .keys import Private, Public, from_multikey, from_pem, rsa_key, verifies
from .policies import FINE, Policy
from .reach import Reach
from .signatures import Message, Signed, Unreadable, cavage, read

REQUIRED = {"cavage": {"(request-target)", "host"}, "rfc9421": {"@method"}}
DIGEST = {"cavage": "digest", "rfc9421": "content-digest"}
HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


class Refusal(Exception):
    """The request is not let in; the status is all that the other side learns."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Doorkeeper:
    """`reach` is set when the host becomes part of a Fediverse."""

    reach: Reach | None = None

    def __init__(self, host: str, policy: Policy) -> None:
        self.host = host
        self.policy = policy
        self.refusals: list[str] = []  # why, in order: for whoever debugs a test
        self._keys: dict[str, tuple[str, Public]] = {}

    def judge(self, message: Message, now: float) -> tuple[int, str]:
        """200 and the actor who signed, or the status of the refusal and nobody."""
        try:
            signed = read(message)
            if signed is None:
                raise Refusal(401, "not signed")
            return FINE, self._verified(message, signed, now)
        except Unreadable as error:
            refusal = Refusal(401, f"unreadable: {error}")
        except Refusal as error:
            refusal = error
        self.refusals.append(f"{message.method} {message.url}: {refusal}")
        return refusal.status, ""

    def _verified(self, message: Message, signed: Signed, now: float) -> str:
        self._form_is_known(signed)
        self._covers_enough(message, signed)
        self._is_of_now(message, signed, now)
        owner, key = self._key(signed.key_id)
        self._kind_is_known(signed, key)
        ways = {"with": [True], "without": [False], "either": [True, False]}
        if _fits(message, signed, key, ways[self.policy.query]):
            return owner
        if _fits(message, signed, key, ways["either"]):
            raise Refusal(401, "the query is signed, or not, as this host does not expect it")
        raise Refusal(self.policy.wrong, "by another key, or of another request")

    def _form_is_known(self, signed: Signed) -> None:
        """What can be said before the key is there."""
        policy = self.policy
        if signed.scheme == "cavage":
            if "(created)" in signed.covered and policy.created != FINE:
                raise Refusal(policy.created, "(created)")
            if signed.algorithm not in policy.algorithms:
                raise Refusal(policy.other_algorithm, f"algorithm {signed.algorithm!r}")
            return
        if not signed.algorithm and policy.rfc9421_unlabelled is not None:
            raise Refusal(policy.rfc9421_unlabelled, "no alg")
        if {policy.rfc9421, policy.rfc9421_ed25519} & {FINE}:
            return
        raise Refusal(policy.rfc9421, "RFC 9421")

    def _covers_enough(self, message: Message, signed: Signed) -> None:
        covered = set(signed.covered)
        if not covered >= REQUIRED[signed.scheme]:
            raise Refusal(401, f"covers {signed.covered}")
        if signed.scheme == "rfc9421" and "@target-uri" not in covered:
            raise Refusal(401, f"covers {signed.covered}")
        if message.method != "POST":
            return
        name = DIGEST[signed.scheme]
        if name not in covered or not _digest_fits(message.headers.get(name, ""), message.body):
            raise Refusal(401, f"{name} is not covered or does not fit")

    def _is_of_now(self, message: Message, signed: Signed, now: float) -> None:
        if signed.scheme == "rfc9421" or "(created)" in signed.covered:
            at = float(signed.created or 0)
        elif "date" in signed.covered and "date" in message.headers:
            at = parsedate_to_datetime(message.headers["date"]).timestamp()
        else:
            raise Refusal(401, "no covered time")
        expired = signed.expires is not None and signed.expires < now
        if expired or not now - self.policy.past <= at <= now + self.policy.future:
            raise Refusal(401, f"of {at}, and it is {now}")

    def _kind_is_known(self, signed: Signed, key: Public) -> None:
        policy, rsa = self.policy, hasattr(key, "key_size")
        if signed.scheme == "cavage":
            status = policy.rsa if rsa else policy.ed25519
        else:
            status = policy.rfc9421 if rsa else policy.rfc9421_ed25519
            stated = "rsa-v1_5-sha256" if rsa else "ed25519"
            if signed.algorithm and signed.algorithm != stated:
                raise Refusal(401, f"alg {signed.algorithm} of another key")
        if status != FINE:
            raise Refusal(status, f"{signed.scheme} by {'RSA' if rsa else 'Ed25519'}")

    # The key

    def _key(self, key_id: str) -> tuple[str, Public]:
        """The owner's actor id and the key, as the owner's own document states it."""
        known = self._keys.get(key_id)
        if known is not None and self.policy.remembers:
            return known
        document = self._fetch(key_id.partition("#")[0])
        found = _find(document, key_id)
        if found is None:
            raise Refusal(401, f"{document.get('id')} has no key {key_id}")
        self._keys[key_id] = found
        return found

    def _fetch(self, url: str) -> Any:
        headers = {"accept": ACTIVITY_JSON, "user-agent": self.host}
        message = Message("GET", url, headers)
        if self.policy.signs:
            message = self._signed(message)
        if self.reach is None:
            raise Refusal(401, "nobody to ask")
        try:
            told = self.reach.carry(message, self.host)
            if told.status != 200 or "json" not in told.headers.get("content-type", ""):
                raise Refusal(401, f"{url} answered {told.status}")
            return told.json
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Refusal(401, f"{url}: {error!r}") from error

    def _signed(self, message: Message) -> Message:
        key: Private = rsa_key()
        host = message.component("@authority")
        headers = {**message.headers, "host": host, "date": formatdate(usegmt=True)}
        message = Message(message.method, message.url, headers)
        instance = f"https://{self.host}/users/{self.host}/main-key"
        made = cavage(
            message, key, instance, ("(request-target)", "host", "date"), algorithm="hs2019"
        )
        return Message(message.method, message.url, {**headers, **made})


def _fits(message: Message, signed: Signed, key: Public, ways: list[bool]) -> bool:
    return any(
        verifies(key, signed.signature, signed.base(message, query=query), hash)
        for query in ways
        for hash in ("sha256", "sha512")
    )


def _digest_fits(stated: str, body: bytes) -> bool:
    """`SHA-256=...` (RFC 3230) or `sha-256=:...:` (RFC 9530); one known digest is enough here."""
    match = re.match(r"(sha-256|sha-512)=:?([A-Za-z0-9+/]+=*):?$", stated, re.IGNORECASE)
    if match is None:
        return False
    return base64.b64encode(HASHES[match[1].lower()](body).digest()).decode() == match[2]


def _find(document: Any, key_id: str) -> tuple[str, Public] | None:
    """Among `publicKey` and FEP-521a's `assertionMethod`; the owner must be the document itself."""
    owner = document.get("id")
    keys = document.get("publicKey", [])
    for one in keys if isinstance(keys, list) else [keys]:
        if one.get("id") == key_id and one.get("owner") == owner:
            return owner, from_pem(one["publicKeyPem"])
    for one in document.get("assertionMethod", []):
        if one.get("id") == key_id and one.get("controller") == owner:
            return owner, from_multikey(one["publicKeyMultibase"])
    return None
