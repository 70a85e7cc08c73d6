"""Who the client is when proxies stand between, and how origins are spelled: pure rules over addresses and headers.

This promises that a header is believed only as far as trusted hops vouch for it: `X-Forwarded-For` is read from the
right, and the first address that is not a trusted proxy is the client. Both the HTTP guard and the live protocol
class use it, since the latter sees raw sockets. It must not know of either.
A peer without an address (a Unix socket) can only be a local proxy and counts as trusted when any proxy is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """What the client used to reach us.

    Attributes:
        address: the client's address; None on a Unix socket without a proxy that names it.
        scheme: `http` or `https` (a WebSocket counts as the scheme of its handshake).
        host: the authority as the client typed it, port included; empty if it sent none.
    """

    address: str | None
    scheme: str
    host: str


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The trusted networks of `Settings.trusted_proxies`.

    Raises:
        ValueError: one is neither a network nor an address.
    """
    return tuple(ip_network(text, strict=False) for text in texts)


def seen_through(
    trusted: Sequence[Network], peer: str | None, scheme: str, headers: Mapping[str, str]
) -> Origin:
    """Where a request came from.

    Args:
        trusted: networks whose headers are believed.
        peer: the address at the other end of the socket; None for a Unix socket.
        scheme: the scheme of the socket: `http`, `https`, `ws` or `wss`.
        headers: names in lower case.
    """
    plain = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    host = headers.get("host", "")
    if not trusted or not _is_trusted(trusted, peer):
        return Origin(peer, plain, host)
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    client = next((hop for hop in reversed(hops) if not _is_trusted(trusted, hop)), hops[0] if hops else peer)
    told_scheme = headers.get("x-forwarded-proto", plain).rpartition(",")[2].strip().lower()
    told_host = headers.get("x-forwarded-host", host).rpartition(",")[2].strip()
    return Origin(client, told_scheme if told_scheme in {"http", "https"} else plain, told_host)


def normalise_origin(origin: str) -> str | None:
    """`scheme://host[:port]` in lower case without a default port, or None if that is not an origin (RFC 6454)."""
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    if parts.path or parts.query or parts.fragment or origin.endswith(("?", "#")):
        return None
    shown_host = f"[{host}]" if ":" in host else host
    suffix = "" if port in {None, DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{shown_host}{suffix}"


@lru_cache(maxsize=4_096)
def limit_key(address: str | None) -> str:
    """What address limits count by: an IPv4 address, or the /64 of an IPv6 one, since one client owns all of it."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or "local"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, 64), strict=False).network_address)


def _is_trusted(trusted: Sequence[Network], address: str | None) -> bool:
    if address is None:
        return True
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)
