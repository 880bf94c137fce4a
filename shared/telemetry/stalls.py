"""How long the event loop keeps everybody waiting: whatever runs too long in one step delays every order behind it."""

from shared.ports import Clock
from shared.telemetry.metrics import Meter

_EVERY_S = 0.05
_LOOKS = 1_200
"""A minute's worth."""


class Stalls:
    """Watches the loop it runs on."""

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._clock = clock
        self._worst = meter.gauge(
            "loop_stall_seconds", "Shows how late the event loop was at worst, this minute or last."
        )
        self._last_s = 0.0

    async def watch_for_ever(self) -> None:
        """Look twenty times a second whether the loop is on time, until cancelled."""
        while True:
            self._last_s = await self._minute()

    async def _minute(self) -> float:
        """Show the worst of this minute, or of the last one where that was worse; returns this one's."""
        worst_s = 0.0
        for _ in range(_LOOKS):
            began = self._clock.monotonic()
            await self._clock.sleep(_EVERY_S)
            worst_s = max(worst_s, self._clock.monotonic() - began - _EVERY_S)
            self._worst.set(max(worst_s, self._last_s))
        return worst_s
