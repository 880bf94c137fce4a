"""Open the ways out to every allowed site, and the venue's clock over the first of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from shared.okx.errors import OkxError
from shared.okx.protocol import constant_headers
from shared.okx.rest import Rest
from shared.okx.sites import Site, UnknownSite
from shared.okx.transport import Transport, TransportLimits
from shared.okx.venue_clock import OkxVenueClock, SyncLimits
from shared.ports import Clock
from shared.telemetry.metrics import Meter

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
    rests: dict[str, Rest]
    transports: dict[str, Transport]
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


class VenueMetrics:
    """What every service that talks to OKX shows of it."""

    def __init__(self, meter: Meter) -> None:
        self._offset = meter.gauge("venue_clock_offset_seconds", "Shows how far the venue's clock is ahead of ours.")
        self._error = meter.gauge("venue_clock_error_seconds", "Shows by how much that may be wrong.")
        self._news = meter.counter("undocumented_fields", "Counts fields in answers that nobody documented.")

    def estimated(self, offset_ms: float, error_ms: float) -> None:
        """Show a new estimate of the venue's clock."""
        self._offset.set(offset_ms / 1_000)
        self._error.set(error_ms / 1_000)

    def undocumented(self, _field: str) -> None:
        """Count a field; its name is in the log, once."""
        self._news.inc()


async def open_ways(
    opened: Opener,
    addresses: Mapping[str, tuple[str, str]],
    clock: Clock,
    meter: Meter,
    *,
    simulated: bool,
    connect_s: float,
    margin_ms: int,
) -> Ways:
    """Open transports to sites given as (REST, socket) addresses by name.

    They are closed with `opened`. Nothing connects before its first use; the clock knows nothing until it is run.
    """
    sites = {name: Site(name, rest, socket) for name, (rest, socket) in addresses.items()}
    headers = constant_headers(simulated=simulated)
    limits = TransportLimits(connect_s=connect_s)
    transports = {
        name: await opened.open(Transport(site.rest, limits, headers=headers)) for name, site in sites.items()
    }
    first = next(iter(sites.values()))
    seen = VenueMetrics(meter)
    limit = SyncLimits(burst=_SAMPLES)
    venue = OkxVenueClock(transports[first.name], clock, limit, margin_ms=margin_ms, on_estimate=seen.estimated)
    rests = {name: Rest(transport, clock, venue, on_news=seen.undocumented) for name, transport in transports.items()}
    return Ways(sites, rests, transports, first, venue, clock)
