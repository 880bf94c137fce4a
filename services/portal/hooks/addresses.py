"""Which addresses a webhook may be at: public ones, whatever name they hide behind. Pure.

The lists are the IANA registries of special-purpose addresses, written out: what `ipaddress` calls global has changed
between releases of Python. An IPv6 address that carries an IPv4 one is refused as a whole, public or not: a gateway
would unpack it where we cannot look.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_REFUSED_4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's wire server, public only by its looks
        "169.254.0.0/16",  # link-local; clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_6 = IPv6Network("2000::/3")
"""What is handed out; all else is mapped, translated, local, multicast or reserved."""
_REFUSED_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open Internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_4)
    # A scope names an interface of ours.
    return address.scope_id is None and address in _GLOBAL_6 and not any(address in network for network in _REFUSED_6)


def read_address(text: str) -> Address | None:
    """Read an address as it stands in a URL or comes from a resolver; None if it is a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None
