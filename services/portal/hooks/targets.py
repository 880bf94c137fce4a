"""A webhook's URL, read strictly: whatever two readers might read differently is refused. Pure."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from services.portal.hooks.addresses import Address, read_address

_PLAIN = re.compile(
    r"https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~:/@!$&'()*+,;=%?-]*)?(\?[A-Za-z0-9._~:/@!$&'()*+,;=%?-]*)?"
)
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
"""The last label begins with a letter: `127.1` and `0x7f.1` are addresses to a resolver, and to nobody else."""
_LONGEST = 2_048
_PORTS = {"https": 443, "http": 80}
_LEAST_FREE_PORT = 1_024


class Unsafe(ValueError):
    """A URL is not one we call; says what to change, never what is behind it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts."""

    scheme: str
    host: str
    """A name in lower case, or an address without brackets."""
    port: int
    path: str
    """With its query."""

    @property
    def address(self) -> Address | None:
        """Return the host as an address; None if it is a name."""
        return read_address(self.host)

    @property
    def authority(self) -> str:
        """Spell host and port as the Host header does."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str, *, rehearsal: bool) -> Target:
    """Read a URL; a rehearsal may use http and any port.

    Raises:
        Unsafe: it is not one we call.
    """
    if len(url) > _LONGEST or not _PLAIN.fullmatch(url):
        raise Unsafe(
            f"use https://HOST/PATH of at most {_LONGEST} plain characters, without user, password or fragment"
        )
    try:
        parts = urlsplit(url)
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        raise Unsafe("use a host that can be read, and a port between 1024 and 65535 or none") from None
    host = (parts.hostname or "").removesuffix(".")
    if read_address(host) is None and not _NAME.fullmatch(host):
        raise Unsafe("use a host name in ASCII, or an address")
    if not rehearsal and parts.scheme != "https":
        raise Unsafe("use https")
    if port == 0 or (not rehearsal and port != _PORTS["https"] and port < _LEAST_FREE_PORT):
        raise Unsafe("use port 443, or one from 1024 on")
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, port, f"{parts.path or '/'}{query}")
