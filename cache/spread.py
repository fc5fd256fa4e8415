"""What differs from one to the other without chance: so that not all come back at one moment.

It is no secret and no randomness. Invariant: the same name and seed give the same share in every
run, so that what is decided can be decided again.
"""

from __future__ import annotations

from hashlib import blake2b


def share_of(name: str, seed: float) -> float:
    """A number in [0, 1)."""
    text = f"{name} {seed!r}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=4).digest(), "big") / 2**32
