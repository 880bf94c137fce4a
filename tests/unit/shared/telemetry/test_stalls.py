"""A step that takes too long shows, for a minute or two, and then no more."""

import asyncio

from shared.telemetry.metrics import Meter
from shared.telemetry.stalls import Stalls

LOOKS_A_MINUTE = 1_200


class LateClock:
    """Time that passes only in sleeps; each may last longer than asked for."""

    def __init__(self) -> None:
        self.now, self.late_s, self.sleeps = 0.0, 0.0, 0

    def now_ms(self) -> int:
        return round(self.now * 1_000)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late_s
        self.late_s = 0.0
        self.sleeps += 1
        await asyncio.sleep(0)


def shown(meter: Meter) -> float:
    (line,) = (row for row in meter.render().decode().splitlines() if row.startswith("slipstream_loop_stall_seconds "))
    return round(float(line.split()[1]), 3)


async def looks(clock: LateClock, count: int) -> None:
    until = clock.sleeps + count
    while clock.sleeps < until:
        await asyncio.sleep(0)


async def test_the_worst_of_this_minute_and_the_last_is_shown() -> None:
    meter, clock = Meter("test"), LateClock()
    watching = asyncio.ensure_future(Stalls(meter, clock).watch_for_ever())
    await looks(clock, 3)
    assert shown(meter) == 0
    clock.late_s = 0.4
    await looks(clock, 3)
    assert shown(meter) == 0.4
    await looks(clock, LOOKS_A_MINUTE)
    assert shown(meter) == 0.4
    await looks(clock, LOOKS_A_MINUTE)
    assert shown(meter) == 0
    watching.cancel()
