"""Which names have one owner: the registrable domain of a host, by the public suffix list.

Pure; the list comes with the library `publicsuffixlist` and is never fetched. Its private part
counts: sites under `github.io` have an owner each, like names under `co.uk`. Invariant: every
host has exactly one domain, and a host under another one's name shares that one's unless the list
says otherwise.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from .addresses import parse_address

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

# Some 200 bytes each: the hosts of a busy hour; a flood of new names only makes it slower.
_REMEMBERED = 16_384


@lru_cache(_REMEMBERED)
def domain(host: str) -> str:
    """The registrable domain of `host` or `host:port`.

    What has none is its own: an address, a name without a dot, a public suffix itself."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]") or host
    if parse_address(name) is not None:
        return name
    found: str | None = _list().privatesuffix(name)
    return found or name


@cache
def _list() -> PublicSuffixList:
    # Loaded at the first use, in 40 ms and 5 MB: who only reads a store needs none of it.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
