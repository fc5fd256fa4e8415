"""Whose request it is that a proxy passes on: X-Forwarded-For, believed from trusted proxies only.

It decides nothing about the address. Invariant: an address that anybody could have written into a
header is never taken for the client's; there is always one that somebody we trust has seen.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = tuple[IPv4Network | IPv6Network, ...]

# Proxies that stand behind one another are two or three; the rest of the header is decoration.
_MOST = 16
# An IPv6 address in brackets with a port has 47 characters; what is longer is none, cut or not.
_LONGEST = 64


@lru_cache(maxsize=1024)
def is_trusted(peer: str, trusted: Networks) -> bool:
    """Whether a connection comes from a proxy of ours. One without an address (a unix socket) is
    made by whoever the operator lets use the socket."""
    if not peer:
        return True
    address = _address(peer)
    return address is not None and any(address in network for network in trusted)


def client_address(peer: str, forwarded: str, trusted: Networks) -> str:
    """The right-most address that is no trusted proxy's.

    Each proxy adds on the right whom it was asked by, so what stands further left than an address
    that we do not trust is that one's word. What cannot be read ends the search.
    """
    client = peer
    if not is_trusted(peer, trusted):
        return client
    for entry in reversed(forwarded.split(",")[-_MOST:]):
        address = _address(entry.strip(" \t")[:_LONGEST])
        if address is None:
            break
        client = str(address)
        if not any(address in network for network in trusted):
            break
    return client


def budget_address(client: str) -> str:
    """Whom a limit for each client counts: of IPv6 the /64, which is what one customer gets."""
    address = _address(client)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False).network_address)
    return client


@lru_cache(maxsize=1024)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address with or without a port, as proxies write it; IPv4 in its own spelling."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address
