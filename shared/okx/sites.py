"""OKX's sites: an account lives on one and is served by its hosts only."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

SocketPath = Literal["public", "private", "business"]


class UnknownSite(Exception):
    """A grant names a site that this installation does not call; says which it calls."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where one site answers, in the environment this installation trades in."""

    name: str
    rest: str
    sockets: str
    """Scheme and host; empty where no address is known (okx-connect's Turkish site)."""

    def socket(self, path: SocketPath) -> str:
        """Return the address of a socket.

        Raises:
            UnknownSite: the site has none that we know of.
        """
        if not self.sockets:
            raise UnknownSite(f"site {self.name!r} has no known socket address; set one, or read its accounts by REST")
        return f"{self.sockets}/ws/v5/{path}"


class Sites:
    """The sites that may be called, whatever a grant or a callback says."""

    def __init__(self, sites: Mapping[str, Site], allowed: Collection[str]) -> None:
        """Keep those of `sites` whose name is `allowed`."""
        self._sites = {name: site for name, site in sites.items() if name in allowed}

    def find(self, name: str) -> Site:
        """Return an allowed site.

        Raises:
            UnknownSite: it is not.
        """
        site = self._sites.get(name)
        if site is None:
            raise UnknownSite(f"site {name!r} is not allowed; expected one of {', '.join(sorted(self._sites))}")
        return site
