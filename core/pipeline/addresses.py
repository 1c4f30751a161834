"""Addresses: which a feed may have, which the crawler may connect to, and how they are shown."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit, urlunsplit

from core.errors import BadRequest

# Feeds are unique by address, and a btree entry holds 2,704 bytes at most.
LONGEST_URL = 2_000

# IANA's special-purpose registries, as far as the ipaddress of some supported Python calls them global, and
# machines that only the host's own cloud can reach.
_NOT_PUBLIC_4 = (
    ip_network("192.0.0.0/24"),  # protocol assignments (RFC 6890); 192.0.0.192 is Oracle's metadata server
    ip_network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    ip_network("168.63.129.16/32"),  # Azure's metadata and DNS server
)
# Global unicast is all of IPv6 that is assigned for use between networks (RFC 4291).
_GLOBAL_6 = ip_network("2000::/3")
_NOT_PUBLIC_6 = (
    ip_network("2001::/23"),  # protocol assignments, Teredo among them: an IPv4 address inside
    ip_network("2001:db8::/32"),  # documentation
    ip_network("2002::/16"),  # 6to4: an IPv4 address inside
    ip_network("3fff::/20"),  # documentation (RFC 9637)
)
# Hosts without IPv4 reach all of it through this prefix (RFC 6052), the private part included.
_NAT64 = ip_network("64:ff9b::/96")


def feed_url(text: str) -> str:
    """The address as it is stored: http or https, a host, no fragment; `https://` is added where there is no scheme.

    Raises BadRequest with a sentence that shows no password.
    """
    given = re.sub(r"[\x00-\x20\x7f]+", "", text)
    if given.lower().startswith("feed:"):
        given = re.sub(r"^feed:(//)?", "", given, flags=re.IGNORECASE)
    if given and not re.match(r"[a-z][a-z0-9+.-]*:(?!\d)", given, flags=re.IGNORECASE):
        given = f"https://{given.lstrip('/')}"
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadRequest("That is not a web address.") from None
    if not given or not host:
        raise BadRequest("That is not a web address: it names no server.")
    if parts.scheme not in {"http", "https"}:
        raise BadRequest(f"{parts.scheme}: addresses cannot be crawled, only http and https.")
    if len(given) > LONGEST_URL:
        raise BadRequest(f"That address is longer than {LONGEST_URL:,} characters.")
    default = {"http": 80, "https": 443}[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    at = parts.netloc.rpartition("@")[:2]
    netloc = "".join(at) + (name if port in {None, default} else f"{name}:{port}")
    return urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))


def shown(url: str) -> str:
    """The address without user name and password, for logs, errors and screens."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_public(address: str) -> bool:
    """Whether anyone on the Internet could reach that IP address: the only kind that the crawler connects to."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    match ip:
        case IPv4Address():
            return _is_public_4(ip)
        case IPv6Address():
            return _is_public_6(ip)


def _is_public_4(ip: IPv4Address) -> bool:
    return (
        ip.is_global
        and not ip.is_multicast
        and not ip.is_reserved
        and not any(ip in network for network in _NOT_PUBLIC_4)
    )


def _is_public_6(ip: IPv6Address) -> bool:
    if ip.scope_id is not None:
        return False
    if ip.ipv4_mapped is not None:
        return _is_public_4(ip.ipv4_mapped)
    if ip in _NAT64:
        return _is_public_4(IPv4Address(int(ip) & 0xFFFFFFFF))
    return ip in _GLOBAL_6 and not any(ip in network for network in _NOT_PUBLIC_6)
