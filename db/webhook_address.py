"""Where a webhook may be: what is said of it when it is set up, and of each address that its name stands for when it is posted to.

Whoever sets up a webhook chooses what this server connects to; what only this server can reach is not for them.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import inet_aton

import httpx

LONGEST_URL = 2000

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All else of IPv6 is for something special, or stands for an IPv4 address somewhere else (NAT64)."""


def read_webhook_url(url: str, networks: Collection[Network]) -> httpx.URL:
    """The URL, if a webhook may be there as far as can be told without asking for its address. Raises ValueError with a sentence."""
    if not 1 <= len(url) <= LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"An address has 1 to {LONGEST_URL} characters, other than those of ASCII percent-encoded.")
    try:
        read = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise ValueError("This is no address such as https://hooks.example/scoregraph.") from None
    if (
        read.scheme not in ("https", "http")
        or not read.host
        or not 1 <= (443 if read.port is None else read.port) <= 65535
    ):
        raise ValueError("This is no address such as https://hooks.example/scoregraph.")
    if read.userinfo:
        raise ValueError("A user name and password in the address would be shown; messages are signed instead.")
    if read.fragment:
        raise ValueError("What follows # is never sent.")
    if read.scheme == "http" and not any(network.is_loopback for network in networks):
        raise ValueError("The address begins with https://.")
    literal = _literal(read.host)
    if literal is not None and not is_reachable(literal, networks):
        raise ValueError("Nothing is sent to private or reserved addresses.")
    return read


def is_reachable(address: Address, networks: Collection[Network]) -> bool:
    """Whether a webhook may be at the address: it is public, or in one of the networks that are allowed anyway."""
    real = _real(address)
    if any(real in network for network in networks if network.version == real.version):
        return True
    if isinstance(real, IPv6Address):
        inner = real.sixtofour
        if real not in GLOBAL_UNICAST or (inner is not None and not is_reachable(inner, networks)):
            return False
    return real.is_global and not real.is_multicast


def is_loopback(address: Address) -> bool:
    """Whether what is sent there never leaves the machine."""
    return _real(address).is_loopback


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # As systems read it, too: 2130706433, 0x7f.1.
        return IPv4Address(inet_aton(host))
    except OSError:
        return None


def _real(address: Address) -> Address:
    """The IPv4 address that is written as one of IPv6 (``::ffff:127.0.0.1``)."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
