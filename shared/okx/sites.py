"""OKX's sites: an account lives on one and is served by its hosts only."""

from dataclasses import dataclass
from typing import Literal

SocketPath = Literal["public", "private", "business"]


class UnknownSite(Exception):
    """A grant names a site that this installation does not call, or of which no address is known."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where one site answers, in the environment this installation trades in."""

    name: str
    rest: str
    sockets: str
    """Scheme and host; empty where no address is documented, as for the Turkish site."""

    def socket(self, path: SocketPath) -> str:
        """Return the address of a socket.

        Raises:
            UnknownSite: the site has none that we know of.
        """
        if not self.sockets:
            raise UnknownSite(f"site {self.name!r} has no known socket address; set one, or read its accounts by REST")
        return f"{self.sockets}/ws/v5/{path}"
