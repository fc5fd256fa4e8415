"""Which IP addresses may be contacted: the public ones, and what the operator adds.

It resolves nothing and knows no ports. Invariant: an address is public only if the tables here say
so; the standard library's opinion is not asked, since it calls several translated, mapped and
special addresses global (64:ff9b::7f00:1 and 2002:7f00:1:: lead to loopback).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

# The IANA special-purpose registries, with the AS112 blocks, the 6to4 relay anycast and multicast.
_DENY_V4_BLOCKS = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24
198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
"""
_DENY_V4 = tuple(IPv4Network(block) for block in _DENY_V4_BLOCKS.split())
# Global unicast only: mapped, compatible, NAT64, ULA and link-local lie outside of it.
_ALLOW_V6 = IPv6Network("2000::/3")
_DENY_V6 = tuple(
    IPv6Network(block)
    for block in ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]
)


def parse_address(text: str) -> IPAddress | None:
    """The address that `text` spells in its one plain form; None for anything else."""
    if "%" in text:  # a scope names an interface of this machine
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def public(ip: IPAddress) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in block for block in _DENY_V4)
    if ip.scope_id is not None:
        return False
    return ip in _ALLOW_V6 and not any(ip in block for block in _DENY_V6)


def allowed(ip: str | IPAddress, extra: Sequence[IPNetwork] = ()) -> bool:
    """May we connect to it? `extra` adds networks; a mapped address needs its own IPv6 network."""
    address = parse_address(ip) if isinstance(ip, str) else ip
    if address is None or (isinstance(address, IPv6Address) and address.scope_id is not None):
        return False
    return public(address) or any(address in network for network in extra)
