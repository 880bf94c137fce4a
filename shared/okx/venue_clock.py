"""The venue's time, estimated from round trips of `GET public/time`.

A round trip that took `rtt` on our monotonic clock and brought `ts` proves that the venue's clock stood at `ts` at some
moment of it; taking the middle is wrong by at most half of it. From then on the two clocks drift apart. Of the last
samples the one with the least error now is used, so a slow round trip never spoils what a fast one taught. A sample
that cannot be true together with the present estimate replaces everything before it: one of the clocks was set, or our
host was suspended.

Counted on the monotonic clock, so setting the host's time of day changes nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog

from shared.okx import models, protocol, translation
from shared.okx.answers import read_items
from shared.okx.errors import OkxError, Unreadable
from shared.okx.protocol import WayOut
from shared.ports import Clock

_TIME = msgspec.json.Decoder(models.Reply[models.ServerTime])

_DRIFT = 200e-6
"""How fast two clocks may drift apart: 200 ppm, twice what cheap quartz does."""
_RESOLUTION_MS = 1.0
"""`ts` is cut to the millisecond."""
_KEPT = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """One round trip: the venue's clock was `offset_ms` ahead of our monotonic one, give or take `error_ms`."""

    offset_ms: float
    error_ms: float
    at_s: float

    def error_at(self, now_s: float) -> float:
        """Return by how much the sample may be wrong by now, milliseconds."""
        return self.error_ms + (now_s - self.at_s) * 1_000 * _DRIFT


def sample(sent_s: float, received_s: float, venue_ms: int) -> Sample:
    """Judge one round trip; times on the monotonic clock, seconds."""
    middle_s = (sent_s + received_s) / 2
    half_ms = (received_s - sent_s) * 500
    return Sample(venue_ms + _RESOLUTION_MS / 2 - middle_s * 1_000, half_ms + _RESOLUTION_MS / 2, received_s)


class Estimate:
    """The last samples, and the best of them."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self.best: Sample | None = None
        """The sample with the least error, now and later: all errors grow alike. None before the first."""

    def add(self, new: Sample) -> None:
        """Take a sample; one that contradicts the estimate replaces all before it."""
        best = self.best
        if best and abs(best.offset_ms - new.offset_ms) > best.error_at(new.at_s) + new.error_ms:
            self._samples.clear()
        self._samples.append(new)
        self.best = min(self._samples, key=lambda one: one.error_at(new.at_s))


@dataclass(frozen=True, slots=True)
class SyncLimits:
    """How often the venue is asked for its time (its limit is 10 per 2 s and address); seconds."""

    burst: int = 3
    every_s: float = 10.0
    pause_s: float = 1.0
    """The least between two bursts, however often `resync` is called."""
    answer_s: float = 2.0


class OkxVenueClock:
    """`ports.VenueClock`. Before the first sample it shows the host's time and vouches for nothing."""

    def __init__(
        self,
        way: WayOut,
        clock: Clock,
        limits: SyncLimits = SyncLimits(),
        *,
        margin_ms: int = 0,
        on_estimate: Callable[[float, float], None] = lambda _offset_ms, _error_ms: None,
    ) -> None:
        """Ask over `way`; never claim an error below `margin_ms`; tell each estimate as (ahead of the host, error)."""
        self._way = way
        self._clock = clock
        self._limits = limits
        self._margin_ms = margin_ms
        self._on_estimate = on_estimate
        self._estimate = Estimate()
        self._wanted = asyncio.Event()

    @property
    def synchronised(self) -> bool:
        """Tell whether the venue has been heard at least once."""
        return self._estimate.best is not None

    def now_ms(self) -> int:
        """Return the venue's Unix milliseconds, estimated."""
        best = self._estimate.best
        return int(best.offset_ms + self._clock.monotonic() * 1_000) if best else self._clock.now_ms()

    def error_ms(self) -> float:
        """Return by how much `now_ms` may be wrong; infinite before the first sample."""
        best = self._estimate.best
        return max(best.error_at(self._clock.monotonic()), self._margin_ms) if best else float("inf")

    def surely_past(self, venue_ms: int) -> bool:
        """Tell whether the venue's clock has passed `venue_ms` even if the estimate is wrong by its whole error."""
        return self.now_ms() - self.error_ms() > venue_ms

    def resync(self) -> None:
        """Have the venue asked soon, because it contradicted our time. Never blocks; repeated calls are one."""
        self._wanted.set()

    async def measure(self) -> None:
        """Ask once and learn.

        Raises:
            OkxError: the venue did not tell its time; nothing changed.
        """
        sent_s = self._clock.monotonic()
        response = await self._way.send(protocol.server_time(), self._limits.answer_s)
        received_s = self._clock.monotonic()
        items = read_items(response, _TIME)
        if len(items) != 1:
            raise Unreadable(f"the answer has {len(items)} items; expected one")
        self._estimate.add(sample(sent_s, received_s, translation.moment(items[0].ts, "ts")))
        self._on_estimate(self.now_ms() - self._clock.now_ms(), self.error_ms())

    async def run(self) -> None:
        """Keep the estimate fresh until cancelled; a venue out of reach is logged, and the error bound grows."""
        while True:
            self._wanted.clear()
            await self._burst()
            await self._clock.sleep(self._limits.pause_s)
            try:
                async with asyncio.timeout(self._limits.every_s):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def _burst(self) -> None:
        for _ in range(self._limits.burst):
            try:
                await self.measure()
            except OkxError as error:
                structlog.get_logger().warning("venue_time_unknown", why=str(error), error_ms=self.error_ms())
                return
