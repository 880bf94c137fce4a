"""USE CASE what Redis keeps is copied into the database every few seconds, for the day it comes back empty.

A copy that cannot be made or written is left out; the next one holds everything since the last that was.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from services.ledger_recorder.metrics import Metrics
from shared.messages.copy import Copy
from shared.ports import Clock


class Source(Protocol):
    """What is copied."""

    async def take(self) -> Copy | None:
        """Copy what changed since the last copy that was kept, or None if there is nothing to trust."""

    def kept(self, copy: Copy) -> None:
        """Note that a copy is safe."""


class Copying:
    """Copies for ever; says how old the newest copy is."""

    def __init__(
        self,
        source: Source,
        save: Callable[[Copy], Awaitable[None]],
        clock: Clock,
        metrics: Metrics,
        every_s: float,
        unreachable: tuple[type[Exception], ...],
    ) -> None:
        self._source, self._save, self._clock, self._metrics = source, save, clock, metrics
        self._every_s = every_s
        self._failures: tuple[type[Exception], ...] = (ConnectionError, *unreachable)
        self._newest_s = clock.monotonic()

    async def copy_for_ever(self) -> None:
        """Copy every few seconds until cancelled."""
        while True:
            await self._clock.sleep(self._every_s)
            await self.copy()
            self._metrics.copy_age.set(self._clock.monotonic() - self._newest_s)

    async def copy(self) -> bool:
        """Make one copy; False if that was not possible now."""
        began = self._clock.monotonic()
        try:
            copy = await self._source.take()
            if copy is None:
                return False
            await self._save(copy)
        except self._failures as error:
            structlog.get_logger().warning("copy_put_off", error=type(error).__name__)
            return False
        self._source.kept(copy)
        self._newest_s = began
        self._metrics.copy_seconds.observe(self._clock.monotonic() - began)
        return True
