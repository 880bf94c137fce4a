"""The venue's time: never surer of it than the round trips allow."""

import asyncio
from collections.abc import Callable
from math import inf

import pytest

from shared.okx.errors import NotSent, OkxError, Unreadable
from shared.okx.protocol import Request, Response
from shared.okx.venue_clock import Estimate, OkxVenueClock, Sample, SyncLimits, sample
from tests.support.clock import FakeClock
from tests.unit.shared.okx.scripted import ScriptedWay, spoken

HOST_MS = 1_751_000_000_000


class DistantVenue:
    """A venue whose clock is `ahead_ms` of the host's, so many milliseconds away each way."""

    def __init__(self, clock: FakeClock, ahead_ms: int = 0, there_ms: int = 0, back_ms: int = 0) -> None:
        self.clock, self.ahead_ms, self.there_ms, self.back_ms = clock, ahead_ms, there_ms, back_ms
        self.asked = 0
        self.reachable = True

    async def send(self, _request: Request, _timeout_s: float, _leave_before: float = inf) -> Response:
        self.asked += 1
        if not self.reachable:
            raise NotSent("out of reach")
        await self.clock.sleep(self.there_ms / 1_000)
        ts = self.clock.now_ms() + self.ahead_ms
        await self.clock.sleep(self.back_ms / 1_000)
        return spoken({"code": "0", "msg": "", "data": [{"ts": str(ts)}]})


@pytest.mark.parametrize(("there", "back"), [(0, 0), (20, 20), (40, 0), (0, 40), (3, 37)])
@pytest.mark.parametrize("ahead", [0, 7_000, -7_000])
async def test_the_estimate_is_never_wrong_by_more_than_it_admits(ahead: int, there: int, back: int) -> None:
    clock = FakeClock(HOST_MS, auto=True)
    venue = OkxVenueClock(DistantVenue(clock, ahead, there, back), clock)
    await venue.measure()
    assert abs(venue.now_ms() - (clock.now_ms() + ahead)) <= venue.error_ms()
    assert venue.error_ms() <= (there + back) / 2 + 2


async def test_nothing_is_sure_before_the_venue_was_heard() -> None:
    clock = FakeClock(HOST_MS)
    venue = OkxVenueClock(ScriptedWay(), clock)
    assert not venue.synchronised
    assert venue.now_ms() == HOST_MS
    assert not venue.surely_past(0)


async def test_surely_past_waits_for_the_whole_error() -> None:
    clock = FakeClock(HOST_MS, auto=True)
    venue = OkxVenueClock(DistantVenue(clock, 0, 50, 50), clock, margin_ms=200)
    await venue.measure()
    assert venue.synchronised
    now_ms = venue.now_ms()
    assert not venue.surely_past(now_ms - 200)
    assert venue.surely_past(now_ms - 201)


async def test_time_passes_between_samples_and_doubt_grows() -> None:
    clock = FakeClock(HOST_MS, auto=True)
    venue = OkxVenueClock(DistantVenue(clock, 500), clock)
    await venue.measure()
    before, doubt = venue.now_ms(), venue.error_ms()
    await clock.advance(100)
    assert venue.now_ms() - before == 100_000
    assert venue.error_ms() == pytest.approx(doubt + 20)


def test_a_slow_round_trip_does_not_spoil_what_a_fast_one_taught() -> None:
    estimate = Estimate()
    fast, slow = sample(0.0, 0.002, HOST_MS), sample(1.0, 1.4, HOST_MS + 1_150)
    estimate.add(fast)
    estimate.add(slow)
    assert estimate.best == fast


def test_what_contradicts_the_estimate_replaces_it() -> None:
    estimate = Estimate()
    estimate.add(sample(0.0, 0.002, HOST_MS))
    jumped = sample(1.0, 1.2, HOST_MS + 9_000)
    estimate.add(jumped)
    assert estimate.best == jumped


def test_an_old_fast_sample_gives_way_to_a_new_slower_one_in_the_end() -> None:
    estimate = Estimate()
    old, new = Sample(0.0, 1.0, 0.0), Sample(0.0, 5.0, 60.0)
    estimate.add(old)
    estimate.add(new)
    assert estimate.best == new


async def test_each_estimate_is_told() -> None:
    told: list[tuple[float, float]] = []
    clock = FakeClock(HOST_MS, auto=True)
    venue = OkxVenueClock(
        DistantVenue(clock, 500, 10, 10), clock, on_estimate=lambda ahead, error: told.append((ahead, error))
    )
    await venue.measure()
    [(ahead, error)] = told
    assert abs(ahead - 500) <= error <= 12


@pytest.mark.parametrize("data", [[], [{"ts": "1"}, {"ts": "2"}], [{"ts": "noon"}]])
async def test_a_strange_answer_teaches_nothing(data: list[object]) -> None:
    clock = FakeClock(HOST_MS)
    venue = OkxVenueClock(ScriptedWay(spoken({"code": "0", "data": data})), clock)
    with pytest.raises(Unreadable):
        await venue.measure()
    assert not venue.synchronised


async def test_running_measures_at_once_and_again_when_asked() -> None:
    clock = FakeClock(HOST_MS)
    far = DistantVenue(clock)
    venue = OkxVenueClock(far, clock, SyncLimits(burst=2, every_s=3_600, pause_s=1))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(venue.run())
        await _advance_until(clock, lambda: far.asked == 2)
        for _ in range(5):
            venue.resync()
        await _advance_until(clock, lambda: far.asked == 4)
        await clock.advance(30)
        assert far.asked == 4
        running.cancel()


async def test_a_venue_out_of_reach_ends_nothing() -> None:
    clock = FakeClock(HOST_MS)
    far = DistantVenue(clock)
    far.reachable = False
    venue = OkxVenueClock(far, clock, SyncLimits(burst=2, every_s=0.01, pause_s=0))
    with pytest.raises(OkxError):
        await venue.measure()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(venue.run())
        await _advance_until(clock, lambda: far.asked > 2)
        far.reachable = True
        await _advance_until(clock, lambda: venue.synchronised)
        running.cancel()


async def _advance_until(clock: FakeClock, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await clock.advance(0.5)
            await asyncio.sleep(0.001)
