import asyncio

from shared.clock import SystemClock
from tests.support.clock import FakeClock


async def test_the_clocks_agree_on_units() -> None:
    clock = SystemClock()

    before, began = clock.now_ms(), clock.monotonic()
    await clock.sleep(0.01)

    assert 1_500_000_000_000 < before <= clock.now_ms()
    assert 0 <= clock.now_us() // 1_000 - clock.now_ms() <= 1_000
    assert 0.009 < clock.monotonic() - began < 10


async def test_sleepers_wake_in_order_of_their_moments() -> None:
    clock, woken = FakeClock(now_ms=1_000), []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now_ms()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 2))
        group.create_task(sleeper("early", 1))
        await clock.advance(1.5)
        assert woken == [("early", 2_000)]
        await clock.advance(1)

    assert woken == [("early", 2_000), ("late", 3_000)]
    assert clock.now_ms() == 3_500
    assert clock.sleepers == 0


async def test_an_automatic_clock_sleeps_in_no_time() -> None:
    clock = FakeClock(auto=True)

    await clock.sleep(3_600)

    assert clock.monotonic() == 3_600
