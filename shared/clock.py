"""Time on this host: the only module of shared and services that reads it."""

import asyncio
import time


class SystemClock:
    """The machine's clock, as `ports.Clock` asks for it."""

    def now_ms(self) -> int:
        """Return Unix milliseconds; may jump when the host's clock is set."""
        return time.time_ns() // 1_000_000

    def now_us(self) -> int:
        """Return Unix microseconds; may jump when the host's clock is set."""
        return time.time_ns() // 1_000

    monotonic = staticmethod(time.monotonic)
    """Return seconds that never go back; only differences mean anything. Asked seven times per order: no frame."""

    async def sleep(self, seconds: float) -> None:
        """Wait at least `seconds`; zero or less only lets others run."""
        await asyncio.sleep(max(0.0, seconds))
