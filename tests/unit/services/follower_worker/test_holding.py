"""Which lanes a worker holds: its share and no more, renewed, given back one at a time, given up when lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from services.follower_worker.copying import Copier
from services.follower_worker.flights import StrandKey
from services.follower_worker.holding import Holder
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.clock import SystemClock
from shared.domain.ids import EntryId
from shared.domain.lanes import Lane as LaneNumber
from shared.domain.lanes import lane_of
from shared.domain.outcomes import Accepted
from shared.messages.entries import write_subscription
from shared.messages.lane import Commit, LaneRecord
from shared.messages.strand import OwedPhase, StrandV1
from shared.telemetry.metrics import Meter
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS, event, instrument, situation, subscription
from tests.support.bus import MemoryBus
from tests.support.memory_bus import MemoryLeases
from tests.support.surroundings import KnownFollowers, ListedInstruments
from tests.support.waiting import until

LANES, TTL_MS, RENEW_S = 6, 250, 0.03
KEY = StrandKey(FOLLOWER, BTC, LEADER)
LATER = event(0, 10, at_ms=NOON_MS + 5_000)
"""Newer than anything the server may have forgotten."""


class Hall:
    """Workers on one bus."""

    def __init__(self) -> None:
        self.bus, self.known = MemoryBus(), KnownFollowers()
        self.doubts: list[Strand] = []

    def worker(self, name: str, leases: MemoryLeases | None = None, renew_s: float = RENEW_S) -> Holder:
        clock, metrics = SystemClock(), Metrics(Meter("test"))
        copier = Copier(
            self.bus.store,
            self.bus.trades,
            ListedInstruments(instrument()),
            self.known,
            self.bus.venue,
            clock,
            metrics,
            LANES,
        )
        holder = Holder(
            name,
            leases or self.leases(),
            self.bus.store,
            copier,
            self.known,
            clock,
            metrics,
            LANES,
            renew_s,
            (ConnectionError,),
        )
        holder.on_doubt = lambda _lane, strand: self.doubts.append(strand)
        return holder

    def leases(self) -> MemoryLeases:
        return self.bus.leases(lanes=LANES, ttl_ms=TTL_MS)

    @property
    def free(self) -> int:
        return sum(self.bus.redis.holder(LaneNumber(number)) is None for number in range(LANES))


@asynccontextmanager
async def holding(holder: Holder) -> AsyncIterator[asyncio.Event]:
    """Let a worker hold lanes; at the end ask it to stop and wait until it has."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        held = group.create_task(holder.hold_until(stopping))
        yield stopping
        stopping.set()
        await until(held.done)


async def holds(holder: Holder, count: int) -> None:
    await until(lambda: len([lane for lane in holder.lanes if not lane.lost and not lane.draining]) == count)


async def test_alone_it_takes_every_lane_and_releases_them_when_asked_to_stop() -> None:
    hall = Hall()
    alone = hall.worker("a")
    async with holding(alone):
        await holds(alone, LANES)
        assert hall.free == 0
    assert (hall.free, alone.lanes, hall.bus.redis.kept.workers) == (LANES, [], {})


async def test_it_keeps_them_longer_than_a_lease_lasts() -> None:
    hall = Hall()
    alone = hall.worker("a")
    async with holding(alone):
        await holds(alone, LANES)
        first = {lane.lease.token for lane in alone.lanes}
        deadline = alone.lanes[0].lease.deadline
        await until(lambda: alone.lanes[0].lease.deadline > deadline + 2 * TTL_MS / 1000)
        assert {lane.lease.token for lane in alone.lanes} == first


async def test_two_share_and_lanes_move_one_at_a_time() -> None:
    hall = Hall()
    first, second = hall.worker("a"), hall.worker("b")
    draining: list[int] = []

    async def count() -> None:
        draining.append(sum(lane.draining for lane in first.lanes))

    first.on_released = count
    async with holding(first):
        await holds(first, LANES)
        async with holding(second):
            await until(lambda: len(first.lanes) == len(second.lanes) == LANES // 2)
            assert draining == [1] * (LANES // 2)
        await holds(first, LANES)


async def test_told_of_a_free_lane_it_looks_at_once() -> None:
    hall = Hall()
    long = hall.bus.leases(lanes=LANES, ttl_ms=60_000)
    await hall.bus.renew_epoch(NOON_MS)
    strangers = await long.acquire(LaneNumber(3))
    assert strangers
    waiting = hall.worker("a", long, renew_s=60)
    async with holding(waiting):
        await holds(waiting, LANES - 1)
        await long.release(strangers)
        waiting.nudge()
        await holds(waiting, LANES)


async def test_a_lane_of_a_dead_worker_is_taken_as_soon_as_its_lease_has_run_out() -> None:
    hall = Hall()
    await hall.bus.renew_epoch(NOON_MS)
    assert await hall.bus.leases(lanes=LANES, ttl_ms=80).acquire(LaneNumber(3))
    waiting = hall.worker("a", hall.bus.leases(lanes=LANES, ttl_ms=60_000), renew_s=60)
    async with holding(waiting):
        await holds(waiting, LANES)


async def test_a_lane_whose_lease_is_gone_is_given_up_and_taken_anew() -> None:
    hall = Hall()
    alone = hall.worker("a")
    async with holding(alone):
        await holds(alone, LANES)
        lost = alone.lanes[2]
        await hall.leases().release(lost.lease)
        await until(lambda: lost.lost and lost not in alone.lanes)
        await holds(alone, LANES)
        assert lost.lease.token not in {lane.lease.token for lane in alone.lanes}


async def test_on_another_server_every_lane_starts_over() -> None:
    hall = Hall()
    alone = hall.worker("a")
    async with holding(alone):
        await holds(alone, LANES)
        before = alone.lanes
        hall.bus.redis.restart(hall.bus.redis.kept)
        await until(lambda: all(lane.lost for lane in before))
        await holds(alone, LANES)
        assert all(lane.lease.since_ms for lane in alone.lanes)


async def test_without_the_server_its_leases_lapse_and_it_waits() -> None:
    class Away(MemoryLeases):
        away = False

        async def beat(self, worker: str) -> int:
            if self.away:
                raise ConnectionError("away")
            return await super().beat(worker)

    hall = Hall()
    leases = Away(hall.bus.redis, SystemClock(), hall.bus.venue, LANES, TTL_MS)
    alone = hall.worker("a", leases)
    async with holding(alone):
        await holds(alone, LANES)
        leases.away = True
        await until(lambda: all(lane.lease.deadline < SystemClock().monotonic() for lane in alone.lanes))
        leases.away = False
        await until(lambda: all(lane.lease.deadline > SystemClock().monotonic() for lane in alone.lanes))
        await holds(alone, LANES)


async def flying(holder: Holder) -> tuple[Lane, Strand]:
    """Put an order in the air for a follower of ours."""
    await holds(holder, LANES)
    lane = next(each for each in holder.lanes if each.lease.lane == lane_of(FOLLOWER, LANES))
    lane.change(EntryId("1-0"), write_subscription(subscription()))
    (strand,) = lane.apply(LATER, instrument(), NOON_MS)
    named, _ = strand.next(situation(strand.book))
    assert named
    strand.launch(named, NOON_MS + 1_000, NOON_MS)
    return lane, strand


async def test_a_drain_waits_for_what_is_in_the_air_and_writes_it_before_it_releases() -> None:
    hall = Hall()
    alone = hall.worker("a")
    async with holding(alone) as stopping:
        lane, strand = await flying(alone)
        stopping.set()
        await until(lambda: hall.free == LANES - 1)
        assert lane.draining
        strand.answered(Accepted("venue-1", NOON_MS))
        lane.touch(strand)
        await until(lambda: hall.free == LANES)
    record = await hall.bus.store.load(lane.lease.lane)
    assert [each.phase for each in record.strands.values()] == [OwedPhase.UNSETTLED]
    assert record.offset == LATER.entry


async def test_giving_a_lane_back_does_not_keep_the_others_from_being_renewed() -> None:
    hall = Hall()
    first, second = hall.worker("a"), hall.worker("b")
    async with holding(first):
        await holds(first, LANES)
        lanes = first.lanes
        given_back = max(lanes, key=lambda each: each.lease.lane)
        stuck = given_back.strands[KEY] = Strand(KEY, phase=Phase.FLYING)
        async with holding(second):
            await until(lambda: given_back.draining)
            deadline = given_back.lease.deadline
            await until(lambda: all(lane.lease.deadline > deadline + 2 * TTL_MS / 1000 for lane in lanes))
            assert not any(lane.lost for lane in lanes)
            stuck.phase = Phase.IDLE
            await holds(second, LANES // 2)


class SlowHall(Hall):
    """A hall whose lanes are loaded when it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.loading, self.go_on = 0, asyncio.Event()
        whole = self.bus.store.load

        async def load(lane: LaneNumber) -> LaneRecord:
            self.loading += 1
            await self.go_on.wait()
            return await whole(lane)

        self.bus.store.load = load  # type: ignore[method-assign]  # the server is slow


async def test_asked_to_stop_while_loading_it_stops_and_releases() -> None:
    hall = SlowHall()
    alone = hall.worker("a")
    async with holding(alone) as stopping:
        await until(lambda: hall.loading == LANES)
        stopping.set()
        await until(lambda: hall.free == LANES)
        hall.go_on.set()
    assert alone.lanes == []


async def test_a_lane_lost_while_loading_runs_under_its_newer_lease_only() -> None:
    hall = SlowHall()
    alone = hall.worker("a")
    async with holding(alone):
        await until(lambda: hall.loading == LANES)
        hall.bus.redis.kept.leases.clear()
        await until(lambda: hall.loading == 2 * LANES)
        hall.go_on.set()
        await holds(alone, LANES)
        tokens = {lane.lease.lane: lane.lease.token for lane in alone.lanes}
        assert tokens == {lane: token for lane, (token, _) in hall.bus.redis.kept.leases.items()}


async def test_what_is_owed_is_asked_for_as_soon_as_the_lane_is_taken() -> None:
    hall = Hall()
    number = lane_of(FOLLOWER, LANES)
    await hall.bus.renew_epoch(NOON_MS)
    lease = await hall.leases().acquire(number)
    assert lease
    record = StrandV1("5-1", "e", NOON_MS, (0, 1), Decimal(1), Decimal(0), Decimal(1), phase=OwedPhase.REST)
    settings = [write_subscription(subscription())]
    await hall.bus.store.commit(lease, Commit(1, EntryId("5-1"), {"|".join(KEY): record}, subscriptions=settings))
    await hall.leases().release(lease)
    alone = hall.worker("a")
    async with holding(alone):
        await until(lambda: hall.doubts)
        assert [strand.key for strand in hall.doubts] == [KEY]
        assert hall.known.ensured == [FOLLOWER]
