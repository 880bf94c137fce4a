"""Where a webhook may point: never into our own network. Pure but for the asking of names, which is given.

A name is asked for once per delivery, everything it stands for is checked, and the connection goes to the very address
that was checked: a name that changes its meaning in between changes nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Every address of a host; OSError if it has none."""

_HTTPS, _LEAST_OPEN, _LONGEST = 443, 1_024, 2_048
_EMBEDDING = tuple(IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
"""Ranges that carry an IPv4 address inside: through a gateway they lead wherever that one does."""


class NotAllowed(ValueError):
    """A webhook may not point there; says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked place to send to: the address to connect to, and the name to speak to."""

    scheme: str
    host: str
    address: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """Return the URL by address."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def is_public(text: str) -> bool:
    """Tell whether an address is one of the internet's: not private, local, shared, reserved, or a group of hosts."""
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(str(address.ipv4_mapped))
        if any(address in network for network in _EMBEDDING):
            return False
    return address.is_global and not address.is_multicast


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks places; `rehearsing` lets everything pass, for machines without an internet."""

    resolve: Resolve
    rehearsing: bool = False

    async def check(self, url: str) -> Target:
        """Return where to connect for a URL.

        Raises:
            NotAllowed: it is not https, names a user, an odd port, or a host that is not the internet's or unknown.
        """
        parts = urlsplit(url)
        try:
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise NotAllowed("its port is no number from 1 to 65535") from None
        if len(url) > _LONGEST or not host or parts.username or parts.password or parts.fragment:
            raise NotAllowed(f"use https://host/path: a host, no user, no fragment, up to {_LONGEST} characters")
        if parts.scheme != "https" and not (self.rehearsing and parts.scheme == "http"):
            raise NotAllowed("use https: what is sent is about people's money")
        port = port or (_HTTPS if parts.scheme == "https" else 80)
        if port not in (_HTTPS, 80) and port < _LEAST_OPEN:
            raise NotAllowed(f"use port {_HTTPS}, or one from {_LEAST_OPEN} on")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(parts.scheme, host, await self._address(host, port), port, path)

    async def _address(self, host: str, port: int) -> str:
        try:
            addresses = await self.resolve(host, port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise NotAllowed(f"{host} has no address")
        if not self.rehearsing and not all(is_public(each) for each in addresses):
            raise NotAllowed(f"{host} leads to an address that is not the internet's")
        return addresses[0]
