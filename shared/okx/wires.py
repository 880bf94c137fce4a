"""Open the hot ways out: a wire to every allowed site, beside the cold ones. Only who may trade imports this."""

from shared.okx.opening import Opener, Ways
from shared.okx.pool import WireLimits
from shared.okx.protocol import constant_headers
from shared.okx.rest import Rest, SiteWays
from shared.okx.wire import Wire


async def open_wires(
    opened: Opener, ways: Ways, *, simulated: bool, connect_s: float, connections: int
) -> tuple[dict[str, SiteWays], dict[str, Wire]]:
    """Open a wire per site; returns what an exchange needs of each site, and the wires. Nothing connects yet."""
    headers = constant_headers(simulated=simulated)
    limits = WireLimits(connections=connections, connect_s=connect_s)
    wires = {
        name: await opened.open(Wire(site.rest, ways.clock, limits, headers=headers))
        for name, site in ways.sites.items()
    }
    # What an account is asked in doubt goes the hot way too: after a takeover a thousand accounts are asked at once,
    # and the cold way takes five times the processor's time for each (fills: 1.7 ms against 0.3).
    return {name: SiteWays(wire, Rest(wire, ways.clock, ways.venue)) for name, wire in wires.items()}, wires
