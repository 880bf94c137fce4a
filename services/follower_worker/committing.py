"""USE CASE what was decided becomes durable.

One commit in flight per lane, carrying everything that gathered meanwhile and for a moment before: a commit costs as
much as ten strands in it. Who has an order to send that waits for it is not kept waiting.
"""

import asyncio
from collections.abc import Callable

import structlog

from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.records import Written
from services.follower_worker.strands import Strand
from shared.messages.lane import Written as Result
from shared.ports import Clock, LaneStore

_RETRY_S = 0.05


class Committer:
    """Writes one lane. Ends when the lane is lost, or drained."""

    def __init__(
        self, lane: Lane, store: LaneStore, clock: Clock, metrics: Metrics, unreachable: tuple[type[Exception], ...]
    ) -> None:
        self._lane, self._store, self._clock, self._metrics, self._unreachable = (
            lane,
            store,
            clock,
            metrics,
            unreachable,
        )
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.linger_s = 0.0
        """How long to gather before a commit that nobody waits for."""
        self._hurry = asyncio.Event()
        self.on_written: Callable[[Lane, Strand], None] = lambda _lane, _strand: None
        """Called for each strand whose commit succeeded: it may have something to send."""

    def wake(self) -> None:
        """Say that there may be something to write. Never blocks."""
        self._wake.set()
        if self._lane.hurried or self._lane.lost:
            self._hurry.set()

    async def write_until_lost(self) -> None:
        """Write whenever woken, until the lane is lost."""
        while not self._lane.lost:
            await self._wake.wait()
            self._wake.clear()
            if self.linger_s:
                await self._gather()
            await self.settle_down()

    async def _gather(self) -> None:
        """Wait for more to write, unless somebody waits for this."""
        try:
            async with asyncio.timeout(self.linger_s):
                await self._hurry.wait()
        except TimeoutError:
            pass
        finally:
            self._hurry.clear()

    async def settle_down(self) -> None:
        """Write until nothing writable is left; also the last step of a drain."""
        async with self._one_at_a_time:
            while not self._lane.lost and (written := self._lane.prepare()):
                await self._write(written)

    async def _write(self, written: Written) -> None:
        """Write one step, again and again while the server cannot be reached: repeating it changes nothing."""
        lane = self._lane
        while not lane.lost:
            try:
                result = await self._store.commit(lane.lease, written.commit)
            except self._unreachable:
                self._metrics.commits.labels("unreachable").inc()
                if lane.draining and self._clock.monotonic() > lane.lease.deadline:
                    lane.lost = True  # nobody renews a lane that is given back: whoever takes it asks
                await self._clock.sleep(_RETRY_S)
                continue
            self._metrics.commits.labels(result.value).inc()
            if result in (Result.LOST, Result.GAP):
                structlog.get_logger().warning("lane_given_up", lane=lane.lease.lane, why=result.value)
                self._metrics.lanes_lost.labels(result.value).inc()
                lane.lost = True
                return
            for strand in lane.wrote(written):
                self.on_written(lane, strand)
            return
