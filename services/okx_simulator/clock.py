"""Time at the venue, which may be set apart from ours to rehearse a clock that is off."""

import time


class VenueClock:
    """The venue's time: the machine's, plus an offset."""

    def __init__(self) -> None:
        self.offset_ms = 0

    def now_ms(self) -> int:
        """Return the venue's time in Unix milliseconds."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def now_us(self) -> int:
        """Return the venue's time in Unix microseconds."""
        return time.time_ns() // 1_000 + self.offset_ms * 1_000

    def true_us(self) -> int:
        """Return the machine's own time in Unix microseconds: what evidence is stamped with, whatever the offset."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Return seconds that never jump: for windows and lags."""
        return time.monotonic()
