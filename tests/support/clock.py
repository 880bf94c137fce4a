"""A clock that moves only when a test says so."""

import asyncio
import heapq
from itertools import count


class FakeClock:
    """Time as a number; `advance` moves it and wakes, in order, whoever slept until then."""

    def __init__(self, now_ms: int = 1_700_000_000_000, *, auto: bool = False) -> None:
        """Start at `now_ms`; with `auto` a sleep takes no time but moves the clock by its length."""
        self._start_us = now_ms * 1_000
        self._elapsed_us = 0
        self._auto = auto
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []
        self._order = count()

    def now_ms(self) -> int:
        return self.now_us() // 1_000

    def now_us(self) -> int:
        return self._start_us + self._elapsed_us

    def monotonic(self) -> float:
        return self._elapsed_us / 1_000_000

    @property
    def sleepers(self) -> int:
        """How many tasks wait for time to pass."""
        return len(self._sleepers)

    async def sleep(self, seconds: float) -> None:
        wake_us = self._elapsed_us + max(0, round(seconds * 1_000_000))
        if self._auto:
            self._elapsed_us = max(self._elapsed_us, wake_us)
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        entry = (wake_us, next(self._order), woken)
        heapq.heappush(self._sleepers, entry)
        try:
            await woken.wait()
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move time, stopping at each sleeper's moment so that what it starts may sleep again."""
        await settle()
        end_us = self._elapsed_us + round(seconds * 1_000_000)
        while self._sleepers and self._sleepers[0][0] <= end_us:
            wake_us, _, woken = heapq.heappop(self._sleepers)
            self._elapsed_us = max(self._elapsed_us, wake_us)
            woken.set()
            await settle()
        self._elapsed_us = end_us
        await settle()


async def settle(turns: int = 20) -> None:
    """Let every task that can run do so; enough turns for a chain of awaits on values already there."""
    for _ in range(turns):
        await asyncio.sleep(0)
