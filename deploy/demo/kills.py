"""Kill a worker in the middle of a fan-out, and bring it back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from deploy.demo.processes import Process
from deploy.demo.stage import Stage
from deploy.demo.tally import Tally

_LEAST_MS, _JITTER_MS = 60, 120
"""How slow the venue is made around a kill, so that a fan-out takes long enough to be cut in two."""
_MOST_SHARE = 0.5
"""Of the followers of an event: beyond it the dead worker's part may be over already."""
_WATCH_S = 0.01
_PATIENCE_S = 15.0
_AWAY_S = 4.0
"""Longer than a lease: the other workers take over what the dead one held."""


@dataclass(slots=True)
class Kills:
    """Kills so far, by the time they happened (Unix milliseconds)."""

    stage: Stage
    tally: Tally
    gather: Callable[[], Awaitable[None]]
    at_ms: list[int] = field(default_factory=list)

    async def strike(self) -> bool:
        """Kill the next worker in the middle of a fan-out and start it again after its leases have passed on.

        Returns False if no fan-out could be caught in time; then nobody was killed.
        """
        worker = self.stage.workers[len(self.at_ms) % len(self.stage.workers)]
        async with self.stage.venue.slowed(_LEAST_MS, _JITTER_MS):
            if not await self._fan_out_under_way():
                return False
            self._kill(worker)
        await asyncio.sleep(_AWAY_S)
        worker.start()
        await self.stage.ready(worker)
        return True

    def _kill(self, worker: Process) -> None:
        worker.kill()
        self.at_ms.append(time.time_ns() // 1_000_000)

    async def _fan_out_under_way(self) -> bool:
        """Wait for an event of which the first orders arrive now, and not all have."""
        await self.gather()
        before = self.tally.newest_event
        for _ in range(round(_PATIENCE_S / _WATCH_S)):
            await self.gather()
            event = self.tally.newest_event
            expected = len(self.tally.followers_of.get(event.split(":", 1)[0], ()))
            if event != before and self.tally.arrived(event) <= _MOST_SHARE * expected:
                return True
            await asyncio.sleep(_WATCH_S)
        return False
