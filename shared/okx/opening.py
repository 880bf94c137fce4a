"""Open the ways out to every allowed site, and the venue's clock over the first of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from shared.okx.errors import OkxError
from shared.okx.protocol import constant_headers
from shared.okx.rest import Rest, SiteWays
from shared.okx.sites import Site, UnknownSite
from shared.okx.transport import Transport, TransportLimits
from shared.okx.venue_clock import OkxVenueClock, SyncLimits
from shared.okx.wire import Wire, WireLimits
from shared.ports import Clock

T = TypeVar("T")

_ASK_AGAIN_S = 0.5
_SAMPLES = 1
"""Of the venue's time in a row: the venue allows ten in two seconds to all processes of one address together."""


class Opener(Protocol):
    """What closes at its end whatever it opened (`lifecycle.Lifetime`)."""

    async def open(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Enter a context manager now and leave it at the end."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What a service needs to reach OKX. `first` is the site reference data and time are read from."""

    sites: dict[str, Site]
    accounts: dict[str, SiteWays]
    rests: dict[str, Rest]
    transports: dict[str, Transport]
    wires: dict[str, Wire]
    first: Site
    venue: OkxVenueClock
    clock: Clock

    def site(self, name: str) -> Site:
        """Return an allowed site.

        Raises:
            UnknownSite: it is not allowed.
        """
        if name not in self.sites:
            raise UnknownSite(f"site {name!r} is not allowed; expected one of {', '.join(sorted(self.sites))}")
        return self.sites[name]

    async def heard(self, stopping: asyncio.Event, learn: Callable[[], Awaitable[None]]) -> bool:
        """Wait until the venue has told its time and `learn` has succeeded, however long it takes.

        Returns False if `stopping` was set first. What the venue refuses meanwhile is logged and asked again.
        """
        while not stopping.is_set():
            try:
                await self.venue.measure()
                await learn()
            except OkxError as error:
                structlog.get_logger().warning("venue_not_heard", why=str(error))
            else:
                return True
            await self.clock.sleep(_ASK_AGAIN_S)
        return False

    def trouble(self) -> str | None:
        """Return why the venue's time is not known, or None: a check for /readyz."""
        return None if self.venue.synchronised else "the venue has not told its time yet"


async def open_ways(
    opened: Opener,
    addresses: Mapping[str, tuple[str, str]],
    clock: Clock,
    *,
    simulated: bool,
    connect_s: float,
    margin_ms: int,
    connections: int = 0,
) -> Ways:
    """Open transports (and, for `connections` > 0, wires) to sites given as (REST, socket) addresses by name.

    They are closed with `opened`. Nothing connects before its first use; the clock knows nothing until it is run.
    """
    sites = {name: Site(name, rest, socket) for name, (rest, socket) in addresses.items()}
    headers = constant_headers(simulated=simulated)
    limits = TransportLimits(connect_s=connect_s)
    transports = {
        name: await opened.open(Transport(site.rest, limits, headers=headers)) for name, site in sites.items()
    }
    first = next(iter(sites.values()))
    venue = OkxVenueClock(transports[first.name], clock, SyncLimits(burst=_SAMPLES), margin_ms=margin_ms)
    rests = {name: Rest(transport, clock, venue) for name, transport in transports.items()}
    wires = {
        name: await opened.open(
            Wire(site.rest, clock, WireLimits(connections=connections, connect_s=connect_s), headers=headers)
        )
        for name, site in sites.items()
        if connections
    }
    ways = {name: SiteWays(wire, rests[name]) for name, wire in wires.items()}
    return Ways(sites, ways, rests, transports, wires, first, venue, clock)
