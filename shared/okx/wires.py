"""Open the hot ways out: a wire to every allowed site, beside the cold ones. Only who may trade imports this."""

from shared.okx.opening import Opener, Ways
from shared.okx.protocol import constant_headers
from shared.okx.rest import SiteWays
from shared.okx.wire import Wire, WireLimits


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
    return {name: SiteWays(wire, ways.rests[name]) for name, wire in wires.items()}, wires
