"""One holder per lane, and never an order later than what it may write."""

import asyncio

import pytest

from shared.bus.epoch import CLOCK_MARGIN_MS
from shared.bus.leases import SchemeMismatch
from shared.domain.ids import STREAM_START, EntryId
from shared.domain.lanes import Lane, Lease
from shared.messages.entries import write_subscription
from shared.messages.lane import Commit
from tests.support.builders import LEADER, NOON_MS, subscription
from tests.support.bus import Bus, entry_after
from tests.support.waiting import until

LANE = Lane(0)


async def taken(bus: Bus, lane: Lane = LANE, ttl_ms: int = 60_000) -> Lease:
    await bus.renew_epoch(NOON_MS - 1_000_000)
    lease = await bus.leases(ttl_ms=ttl_ms).acquire(lane)
    assert lease is not None
    return lease


async def test_a_lane_has_one_holder(bus: Bus) -> None:
    await bus.renew_epoch(NOON_MS)
    leases = await asyncio.gather(*(bus.leases().acquire(LANE) for _ in range(5)))
    assert sum(lease is not None for lease in leases) == 1


async def test_before_the_first_epoch_a_lane_is_taken_at_the_second_asking(bus: Bus) -> None:
    leases = bus.leases()
    assert await leases.acquire(LANE) is None
    assert await leases.acquire(LANE) is not None


async def test_a_released_lane_is_free_at_once_and_only_its_holder_releases_it(bus: Bus) -> None:
    lease = await taken(bus)
    stranger = Lease(LANE, "0" * 32, 0.0, 0, STREAM_START, 0, 0)
    await bus.leases().release(stranger)
    assert await bus.leases().acquire(LANE) is None
    await bus.leases().release(lease)
    assert await bus.leases().acquire(LANE) is not None


async def test_a_lane_not_renewed_becomes_free_and_its_lease_is_lost(bus: Bus) -> None:
    lease = await taken(bus, ttl_ms=50)
    other = await until(lambda: bus.leases().acquire(LANE))
    assert await bus.leases().renew([lease]) == [lease]
    assert other
    assert await bus.leases().renew([other]) == []


async def test_the_deadline_is_counted_from_before_the_asking(bus: Bus) -> None:
    loop = asyncio.get_running_loop()
    await bus.renew_epoch(NOON_MS)
    leases = bus.leases(ttl_ms=10_000)
    before = loop.time()
    lease = await leases.acquire(LANE)
    after = loop.time()
    assert lease
    assert before + 10 <= lease.deadline <= after + 10
    await leases.renew([lease])
    assert after + 10 <= lease.deadline <= loop.time() + 10


async def test_the_latest_expiry_is_raised_by_taking_and_renewing_and_never_falls(bus: Bus) -> None:
    lease = await taken(bus)
    assert lease.exp_max == NOON_MS + 60_000 == (await bus.facts(LANE)).exp_max
    bus.venue.at_ms += 500
    await bus.leases().renew([lease])
    assert lease.exp_max == NOON_MS + 60_500 == (await bus.facts(LANE)).exp_max
    bus.venue.at_ms -= 10_000
    await bus.leases().renew([lease])
    assert lease.exp_max == NOON_MS + 60_500 == (await bus.facts(LANE)).exp_max


async def test_who_takes_over_waits_for_the_expiry_it_found(bus: Bus) -> None:
    first = await taken(bus)
    await bus.leases().release(first)
    bus.venue.at_ms += 7
    second = await bus.leases().acquire(LANE)
    assert second
    assert (second.wait_ms, second.exp_max) == (first.exp_max, first.exp_max + 7)


async def test_after_an_epoch_it_waits_for_what_a_forgotten_holder_may_have_written(bus: Bus) -> None:
    await bus.renew_epoch(NOON_MS)
    lease = await bus.leases(ttl_ms=3_000).acquire(LANE)
    assert lease
    since = NOON_MS + CLOCK_MARGIN_MS
    assert (lease.since_ms, lease.wait_ms) == (since, since + 3_000)


async def test_a_missing_begun_means_everything_in_the_stream(bus: Bus) -> None:
    await bus.renew_epoch(NOON_MS)
    await bus.publisher.publish(LEADER, await bus.publisher.state(LEADER), [], {}, 0, NOON_MS)
    empty = await bus.leases().acquire(Lane(1))
    assert empty
    assert empty.begun_found == STREAM_START
    entry = await announced(bus)
    lease = await bus.leases().acquire(LANE)
    assert lease
    assert lease.begun_found == entry


async def announced(bus: Bus) -> EntryId:
    await bus.subscriptions.publish([write_subscription(subscription())])
    return await bus.trades.last()


async def test_begun_is_found_as_the_last_holder_left_it(bus: Bus) -> None:
    lease = await taken(bus)
    assert await bus.store.raise_begun([lease], EntryId("5-1")) == [True]
    await bus.leases().release(lease)
    other = await bus.leases().acquire(LANE)
    assert other
    assert other.begun_found == "5-1"


@pytest.mark.parametrize(("second", "kept"), [("5-0", "5-1"), ("4-9", "5-1"), ("5-2", "5-2"), ("10-0", "10-0")])
async def test_begun_is_never_lowered(bus: Bus, second: str, kept: str) -> None:
    lease = await taken(bus)
    await bus.store.raise_begun([lease], EntryId("5-1"))
    assert await bus.store.raise_begun([lease], EntryId(second)) == [True]
    assert (await bus.facts(LANE)).begun == kept


async def test_begun_is_raised_for_each_lane_whose_token_is_right(bus: Bus) -> None:
    mine, other = await taken(bus), await taken(bus, Lane(1))
    stale = Lease(Lane(1), "f" * 32, other.deadline, other.exp_max, STREAM_START, 0, 0)
    entry = entry_after(STREAM_START)
    assert await bus.store.raise_begun([stale, mine], entry) == [False, True]
    assert ((await bus.facts(LANE)).begun, (await bus.facts(Lane(1))).begun) == (entry, None)


async def test_only_the_lost_of_several_leases_are_told(bus: Bus) -> None:
    mine, other = await taken(bus), await taken(bus, Lane(1))
    await bus.leases().release(other)
    assert await bus.leases().renew([mine, other]) == [other]
    assert await bus.leases().renew([]) == []


async def test_live_workers_are_counted_until_they_leave_or_fall_silent(bus: Bus) -> None:
    leases = bus.leases(ttl_ms=50)
    assert [await leases.beat("a"), await leases.beat("b"), await leases.beat("a")] == [1, 2, 2]
    await leases.leave("b")
    assert await leases.beat("a") == 1
    await leases.beat("c")
    await until(lambda: alone(bus))


async def alone(bus: Bus) -> bool:
    return await bus.leases(ttl_ms=50).beat("a") == 1


async def test_a_worker_of_another_lane_count_is_refused(bus: Bus) -> None:
    await bus.leases(lanes=4).check_installation()
    await bus.leases(lanes=4).check_installation()
    with pytest.raises(SchemeMismatch, match="lanes is 8 here but 4 in the installation"):
        await bus.leases(lanes=8).check_installation()


class TestCleanRelease:
    """A lane given back with nothing on its way: the next holder has nothing to ask for, and only then."""

    async def begun(self, bus: Bus) -> Lease:
        lease = await taken(bus)
        await bus.store.commit(lease, Commit(1, EntryId("4-0")))
        await bus.store.raise_begun([lease], EntryId("5-0"))
        return lease

    async def test_nothing_of_it_is_in_doubt(self, bus: Bus) -> None:
        await bus.leases().release(await self.begun(bus), clean=1)
        again = await bus.leases().acquire(LANE)
        assert again
        assert (again.clean, again.begun_found) == (True, STREAM_START)

    async def test_given_back_in_a_hurry_it_is_in_doubt(self, bus: Bus) -> None:
        await bus.leases().release(await self.begun(bus))
        again = await bus.leases().acquire(LANE)
        assert again
        assert (again.clean, again.begun_found) == (False, EntryId("5-0"))

    async def test_the_mark_is_of_one_commit(self, bus: Bus) -> None:
        await bus.leases().release(await self.begun(bus), clean=0)
        again = await bus.leases().acquire(LANE)
        assert again
        assert not again.clean

    async def test_the_mark_is_gone_once_somebody_holds_the_lane(self, bus: Bus) -> None:
        await bus.leases(ttl_ms=50).release(await self.begun(bus), clean=1)
        assert await bus.leases(ttl_ms=50).acquire(LANE)
        again = await until(lambda: bus.leases().acquire(LANE))
        assert again
        assert not again.clean, "who held it meanwhile may have sent and died"

    async def test_a_stranger_leaves_no_mark(self, bus: Bus) -> None:
        lease = await self.begun(bus)
        await bus.leases().release(Lease(LANE, "0" * 32, 0.0, 0, STREAM_START, 0, 0), clean=1)
        await bus.leases().release(lease)
        again = await bus.leases().acquire(LANE)
        assert again
        assert not again.clean


async def test_a_lane_whose_lease_runs_out_is_known_before_it_does(bus: Bus) -> None:
    await bus.renew_epoch(NOON_MS)
    leases = bus.leases()
    assert await leases.soonest_s() == 0
    for lane in range(4):
        assert await bus.leases(ttl_ms=2_000 if lane == 2 else 60_000).acquire(Lane(lane))
    assert 1 < await leases.soonest_s() <= 2


async def test_a_worker_counts_as_long_as_a_lease_lasts(bus: Bus) -> None:
    leases = bus.leases(ttl_ms=100)
    assert await leases.beat("a") == 1
    assert await leases.beat("b") == 2
    await leases.leave("b")
    assert await leases.beat("c") == 2
    await until(lambda: _counted(leases, 1))


async def _counted(leases: object, wanted: int) -> bool:
    return bool(await leases.beat("d") == wanted)  # type: ignore[attr-defined]  # either subject
