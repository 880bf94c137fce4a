"""USE CASE what keeps the house in order behind the trading: offsets for others to see, trimming, gauges."""

from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from services.follower_worker.holding import Holder
from shared.domain.ids import EntryId, entry_order
from shared.domain.lanes import Lane as LaneNumber
from shared.lifecycle import keep_for_good
from shared.ports import Clock

_TRIM_EVERY = 60
_KEEP_MS = 3_600_000
"""Entries younger than this stay even when every lane has passed them, for people to look at."""


class Streams(Protocol):
    """What housekeeping does to the stream."""

    async def mirror(self, offsets: Mapping[LaneNumber, EntryId]) -> None:
        """Show offsets as consumer groups."""

    async def offsets(self, lanes: int) -> list[EntryId]:
        """Return every lane's offset."""

    async def trim(self, keep_after: EntryId) -> int:
        """Drop entries before one."""


class Reader(Protocol):
    """Whoever reads the stream."""

    async def keep_up(self) -> None:
        """Begin anew if the server is another one."""


class Housekeeper:
    """Runs beside the trading; its failures are logged and tried again."""

    def __init__(
        self,
        holder: Holder,
        streams: Streams,
        clock: Clock,
        gauges: Callable[[], None],
        reader: Reader,
        lane_count: int,
        every_s: float,
        unreachable: tuple[type[Exception], ...],
    ) -> None:
        self._holder, self._streams, self._clock, self._gauges, self._reader = holder, streams, clock, gauges, reader
        self._lane_count, self._every_s, self._unreachable = lane_count, every_s, unreachable
        self._kept: frozenset[LaneNumber] = frozenset()

    async def keep_for_ever(self) -> None:
        """Mirror at every turn, trim once in a while."""
        turn = 0
        while True:
            await self._clock.sleep(self._every_s)
            self._gauges()
            self._keep_lanes()
            turn += 1
            try:
                await self._reader.keep_up()
                held = {lane.lease.lane: lane.offset for lane in self._holder.lanes}
                if held:
                    await self._streams.mirror(held)
                if LaneNumber(0) in held and turn % _TRIM_EVERY == 0:
                    await self._trim()
            except self._unreachable as error:
                structlog.get_logger().warning("housekeeping_failed", error=type(error).__name__)

    def _keep_lanes(self) -> None:
        """Spare the collector the lanes in hand, once they are complete: millions of objects that stay."""
        held = frozenset(lane.lease.lane for lane in self._holder.lanes if lane.caught_up)
        if held != self._kept and len(held) == len(self._holder.lanes):
            self._kept = held
            keep_for_good()

    async def _trim(self) -> None:
        slowest = min(await self._streams.offsets(self._lane_count), key=entry_order)
        keep_ms = min(entry_order(slowest)[0], self._clock.now_ms() - _KEEP_MS)
        if keep_ms > 0:
            await self._streams.trim(EntryId(f"{keep_ms}-0"))
