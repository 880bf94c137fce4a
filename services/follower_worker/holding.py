"""USE CASE which lanes are mine: take a fair share, renew, give back; run each lane from its load to its loss.

A lane taken is loaded, its strands in doubt are asked for, what it missed is read, and only then it follows the reader.
A lane is given up the moment anything says that it is not ours: a failed renewal, a refused commit, a refused `begun`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import structlog

from services.follower_worker.committing import Committer
from services.follower_worker.copying import Copier, Followers
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import Phase
from shared.domain.lanes import Lane as LaneNumber
from shared.domain.lanes import Lease, fair_share
from shared.ports import Clock, LaneStore, Leases

_DRAIN_STEP_S = 0.01
_BEHIND_A_LEASE_S = 0.01
"""How soon after a lease has run out it is tried for."""


class Holder:
    """Holds this worker's lanes.

    Redis failures are waited out: without renewal the lease deadline stops the senders.
    """

    def __init__(
        self,
        worker: str,
        leases: Leases,
        store: LaneStore,
        copier: Copier,
        followers: Followers,
        clock: Clock,
        metrics: Metrics,
        lane_count: int,
        renew_s: float,
        unreachable: tuple[type[Exception], ...],
    ) -> None:
        self._worker, self._leases, self._store, self._copier, self._followers = (
            worker,
            leases,
            store,
            copier,
            followers,
        )
        self._clock, self._metrics, self._count, self._renew_s = clock, metrics, lane_count, renew_s
        self._unreachable = unreachable
        self._held: dict[LaneNumber, Lane] = {}
        self._taking: dict[LaneNumber, Lease] = {}
        self._committers: dict[int, Committer] = {}
        self._group: asyncio.TaskGroup | None = None
        self._order = [LaneNumber(number) for number in range(lane_count)]
        Random(worker).shuffle(self._order)
        self._again_s = renew_s
        self.linger_s = 0.0
        """How long a lane gathers before a commit that nobody waits for."""
        self._nudged = asyncio.Event()
        self.on_written: Callable[..., None] = lambda _lane, _strand: None
        self.on_doubt: Callable[..., None] = lambda _lane, _strand: None
        self.on_released: Callable[[], Awaitable[None]] = _tell_nobody
        """Awaited whenever a lane, or a worker's share, has become free: others look for it at once."""

    @property
    def lanes(self) -> list[Lane]:
        """Return the lanes in hand."""
        return list(self._held.values())

    def wake(self, lane: Lane) -> None:
        """Say that a lane may have something to write."""
        committer = self._committers.get(id(lane))
        if committer:
            committer.wake()

    def nudge(self) -> None:
        """Look for free lanes now, not at the next turn. Never blocks."""
        self._nudged.set()

    async def hold_until(self, stopping: asyncio.Event) -> None:
        """Hold lanes until asked to stop, then drain and release them all."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while not stopping.is_set():
                    self._nudged.clear()
                    await self._round_or_wait(group)
                    await first_of(self._again_s, stopping, self._nudged)
            finally:
                self._group = None
            await self._let_go()

    async def _round_or_wait(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._round(group)
        except self._unreachable as error:
            structlog.get_logger().warning("redis_unreachable", error=type(error).__name__)
        self._metrics.lanes.set(len(self._held))

    async def _round(self, group: asyncio.TaskGroup) -> None:
        """Renew what we hold; then take what is free up to our share, or give back one lane above it."""
        self._again_s = self._renew_s
        alive = await self._leases.beat(self._worker)
        leases = [lane.lease for lane in self._held.values() if not lane.lost] + list(self._taking.values())
        for lease in await self._leases.renew(leases):
            self._lose(lease)
        share = fair_share(self._count, alive)
        mine = len(self._held) + len(self._taking)
        if mine > share:
            self._give_back_one(group)
        for number in self._order:
            if mine >= share:
                return
            if number in self._held or number in self._taking:
                continue
            taken = await self._leases.acquire(number)
            if taken:
                self._taking[number] = taken
                mine += 1
                group.create_task(self._run(taken), name=f"lane-{number}")
        if mine < share:
            self._again_s = min(self._renew_s, await self._leases.soonest_s() + _BEHIND_A_LEASE_S)

    def _lose(self, lease: Lease) -> None:
        self._metrics.lanes_lost.labels("lease").inc()
        self._forget_taking(lease)
        lane = self._held.get(lease.lane)
        if lane and lane.lease is lease:
            lane.lost = True
            self.wake(lane)

    def _forget_taking(self, lease: Lease) -> None:
        if self._taking.get(lease.lane) is lease:
            del self._taking[lease.lane]

    async def _run(self, lease: Lease) -> None:
        """Live one lane from its load to its loss."""
        try:
            lane = await self._load(lease)
        except self._unreachable:
            self._forget_taking(lease)
            return
        committer = Committer(lane, self._store, self._clock, self._metrics, self._unreachable)
        committer.on_written, committer.linger_s = self.on_written, self.linger_s
        if self._taking.get(lease.lane) is not lease:
            return
        del self._taking[lease.lane]
        self._held[lease.lane], self._committers[id(lane)] = lane, committer
        self._resume(lane)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.follow(lane))
                await committer.write_until_lost()
        finally:
            lane.lost = True
            self._copier.detach(lane)
            self._committers.pop(id(lane), None)
            if self._held.get(lease.lane) is lane:
                del self._held[lease.lane]

    def _resume(self, lane: Lane) -> None:
        """Ask for what is in doubt or unfinished, and go on with what was left ready to send."""
        for strand in lane.strands.values():
            if strand.phase in (Phase.DOUBTFUL, Phase.UNKNOWN, Phase.UNSETTLED):
                self.on_doubt(lane, strand)
            elif strand.phase is Phase.READY:
                self.on_written(lane, strand)

    async def _load(self, lease: Lease) -> Lane:
        record = await self._store.load(lease.lane)
        if record.unreadable:
            structlog.get_logger().error("lane_fields_unreadable", lane=lease.lane, fields=list(record.unreadable))
        lane = Lane.found(lease, record)
        await self._followers.ensure(list(lane.versions.followers()))
        return lane

    def fell_behind(self, lane: Lane) -> None:
        """Let a detached lane catch up by itself."""
        if self._group and not lane.lost:
            self._group.create_task(self.follow(lane))

    async def follow(self, lane: Lane) -> None:
        """Catch a lane up to the reader, however often the server is away."""
        while not lane.lost:
            try:
                await self._copier.catch_up(lane)
            except self._unreachable:
                await self._clock.sleep(self._renew_s / 10)
                continue
            return

    def _give_back_one(self, group: asyncio.TaskGroup) -> None:
        """Begin to drain one lane, unless one is draining; the others are renewed meanwhile."""
        lane = max(self._held.values(), key=lambda each: each.lease.lane, default=None)
        if lane and not any(each.draining for each in self._held.values()):
            lane.draining = True
            group.create_task(self._drain(lane))

    async def _let_go(self) -> None:
        """Say goodbye, so that others' shares grow; then drain and release everything, each lane as soon as it is done.

        What cannot be reached is left to expire.
        """
        taking = list(self._taking.values())
        self._taking.clear()
        try:
            await self._leases.leave(self._worker)
            for lease in taking:
                await self._leases.release(lease)
            await self.on_released()
        except self._unreachable as error:
            structlog.get_logger().warning("redis_unreachable", error=type(error).__name__)
        async with asyncio.TaskGroup() as group:
            for lane in self.lanes:
                group.create_task(self._drain(lane))

    async def _drain(self, lane: Lane) -> None:
        """Send nothing more for a lane, wait for what is in flight, write it all, release."""
        lane.draining = True
        self._copier.detach(lane)
        while not lane.lost and any(strand.phase is Phase.FLYING for strand in lane.strands.values()):
            await self._clock.sleep(_DRAIN_STEP_S)
        committer = self._committers.get(id(lane))
        try:
            if committer:
                await committer.settle_down()
            lane.lost, clean = True, lane.seq if lane.clean and not lane.lost else None
            await self._leases.release(lane.lease, clean)
            await self.on_released()
        except self._unreachable as error:
            structlog.get_logger().warning("lane_not_released", lane=lane.lease.lane, error=type(error).__name__)
        lane.lost = True
        self.wake(lane)


async def first_of(seconds: float, *events: asyncio.Event) -> None:
    """Wait for a time or for the first of some events."""
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(_set(event)) for event in events]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _tell_nobody() -> None:
    """Keep it to ourselves."""
