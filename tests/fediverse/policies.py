"""What each server demands of a signed request, measured on the running servers.

One table: a number is the status that the form gets, 200 means that the signature is verified.
Nothing here verifies; `doorkeeper` does.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Literal

HOUR = 3_600.0
ANY = frozenset({"rsa-sha256", "hs2019", ""})
FINE = 200


@dataclass(frozen=True, slots=True)
class Policy:
    """How a server verifies. `algorithms`: what draft-cavage may state, "" for nothing."""

    query: Literal["with", "without", "either"] = "either"  # in (request-target)
    algorithms: Set[str] = ANY
    other_algorithm: int = 401
    created: int = 401  # `(created)` in place of `Date`
    rsa: int = FINE  # of draft-cavage
    ed25519: int = 401
    rfc9421: int = 401  # by an RSA key
    rfc9421_unlabelled: int | None = None  # without `alg`; None: no difference
    rfc9421_ed25519: int = 401
    wrong: int = 401  # the signature does not verify
    past: float = 12 * HOUR
    future: float = HOUR
    remembers: bool = True  # the key; else the actor is fetched for each request
    signs: bool = False  # the fetch of the actor
    always: bool = False  # judges a signature even where none is demanded
    accept_signature: str = ""  # sent with a 401


MASTODON_4_4 = Policy(query="with")
MASTODON = replace(MASTODON_4_4, rfc9421=FINE)  # from 4.5
GOTOSOCIAL = Policy(created=FINE, signs=True)
# Some forks read `(request-target)` as the bare path; the skew is that of node's http-signature.
MISSKEY = Policy(query="without", past=300.0, future=300.0)
# verifyRequest rebuilds the target from URL.pathname; a key it cannot use raises.
FEDIFY = Policy(query="without", ed25519=500, rfc9421=FINE, wrong=500, past=HOUR, remembers=False)
ONEPAGE = Policy(algorithms={"rsa-sha256"}, rfc9421=400, always=True)
ACTIVITYPUB_BOT = Policy(
    algorithms={"rsa-sha256", "hs2019"},
    created=500,
    rfc9421=FINE,
    rfc9421_unlabelled=401,
    wrong=500,
    always=True,
)
BOVINE = Policy(rfc9421=500, rfc9421_unlabelled=500, rfc9421_ed25519=500)
ONLY_ED25519 = Policy(
    algorithms={"hs2019"},
    rsa=401,
    ed25519=FINE,
    rfc9421_ed25519=FINE,
    accept_signature='sig1=("@method" "@target-uri" "@authority");created;keyid;alg="ed25519"',
)
ONLY_RFC9421 = Policy(other_algorithm=401, rsa=401, rfc9421=FINE)
# hachyderm.io, tech.lgbt: 401 to whoever they do not know, however it is signed.
UNWELCOMING = Policy(wrong=401, rsa=401, rfc9421=401)
# Reads signed and unsigned requests alike; of what is posted to it, it wants the usual.
EASY = Policy(created=FINE, ed25519=FINE, rfc9421=FINE, rfc9421_ed25519=FINE)
