"""The epoch: which server's memory is trusted, and from which venue time on."""

from shared.bus.keys import Keys
from shared.bus.scripts import Steps
from shared.domain.lanes import Lane

CLOCK_MARGIN_MS = 1_000
"""How far ahead `since` is set.

If our estimate of the venue's clock is behind, the last fills before the loss must not pass for new.
"""


async def renew_epoch(steps: Steps, keys: Keys, lanes: int, venue_ms: int) -> None:
    """Note that this server is not the one we knew: void all leases, trust nothing older than now. Safe to repeat."""
    leases = [keys.lease(Lane(lane)) for lane in range(lanes)]
    await steps.epoch([keys.epoch, *leases], venue_ms + CLOCK_MARGIN_MS)
