"""Whether a request that came in is signed as it must be: `examine` first, `confirms` with the key.

It fetches no keys, remembers no signatures, and does not know whose key may speak for whom. The
order is that of the cost: all that needs no key comes before a key is fetched for it. Invariant:
no input makes it raise, and what it accepts cannot be changed by a bit in method, target, host,
body or any covered header.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from . import cavage, http_signature
from .digest import check_digests
from .keys import PublicKey
from .signed_request import Claim, Fault, Rejected, SignedRequest, check_request
from .uri import split

__all__ = ["Claim", "Rejected", "SignedRequest", "confirms", "examine", "fingerprint"]

_SCHEME = re.compile(r"signature(?:[ \t]|\Z)", re.IGNORECASE)


def examine(request: SignedRequest, origin: str, now: float) -> Claim | Rejected:
    """What the signature of a request claims, or the status and reason to refuse it with.

    `origin` is our public one, from the configuration: its host is what `host`, `@authority` and
    `@target-uri` must be. A listener that trusts its proxy puts that host into the request.
    """
    try:
        here = split(origin)
        check_request(request, here)
        claim = _claim(request, here.origin, now)
        check_digests(request)
        return claim
    except Fault as fault:
        return fault.rejected


def _claim(request: SignedRequest, origin: str, now: float) -> Claim:
    signatures = request.values("signature")
    authorizations = [
        value for value in request.values("authorization") if _SCHEME.match(value.strip(" \t"))
    ]
    if signatures and authorizations:
        raise Fault("There is a Signature and an Authorization with another.")
    if request.values("signature-input"):
        return http_signature.claim_of(request, origin, now)
    # A Signature whose Signature-Input was lost on the way is none of the draft's, and fails there.
    headers = signatures or authorizations
    if not headers:
        raise Fault("The request is not signed.")
    if len(headers) > 1:
        raise Fault("There is more than one Signature header.")
    return cavage.claim_of(headers[0], request, now)


def confirms(claim: Claim, key: PublicKey, now: float) -> bool:
    """Whether `key`, which is that of `claim.key_id`, has made the signature."""
    if claim.kind not in (None, key.kind) or not key.valid(now):
        return False
    hashes = claim.hashes if key.kind == "rsa" else claim.hashes[:1]
    return any(
        key.verifies(claim.signature, base, hash=name) for base in claim.bases for name in hashes
    )


def fingerprint(claim: Claim) -> bytes:
    """What tells a signature from all others, to be remembered against replays: 16 bytes.

    The key's id is no part of it: the draft does not cover it, and a key may have two names, under
    the second of which the same request would be a new one.
    """
    return blake2b(claim.signature, digest_size=16).digest()
