"""USE CASE which leaders are watched: the list is read again and again, new ones begin, those that are gone end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import structlog

from services.leader_watcher.metrics import Metrics
from shared.domain.ids import AccountId
from shared.ports import Clock


class Watch(Protocol):
    """One leader's watch."""

    trouble: str

    async def watch(self) -> None:
        """Watch until cancelled."""


Begin = Callable[[], Watch]


class Leading:
    """Keeps one watch per leader."""

    def __init__(
        self,
        roster: Callable[[], Awaitable[Mapping[AccountId, Begin]]],
        clock: Clock,
        metrics: Metrics,
        every_s: float,
        unreadable: tuple[type[Exception], ...],
    ) -> None:
        self._roster, self._clock, self._metrics, self._every_s = roster, clock, metrics, every_s
        self._unreadable = unreadable
        self._watches: dict[AccountId, tuple[Watch, asyncio.Task[None]]] = {}
        self._read = False

    def trouble(self) -> str | None:
        """Return why not every leader is fully watched, in words; None when all are."""
        if not self._read:
            return "the list of leaders was not read yet"
        troubled = {name: watch.trouble for name, (watch, _) in self._watches.items() if watch.trouble}
        if not troubled:
            return None
        first = next(iter(troubled))
        return f"{len(troubled)} of {len(self._watches)} leaders; {first}: {troubled[first]}"

    async def lead_until(self, stopping: asyncio.Event) -> None:
        """Watch every leader until asked to stop; what is being published is finished by the other watcher."""
        async with asyncio.TaskGroup() as group:
            while not stopping.is_set():
                await self._refresh(group)
                try:
                    async with asyncio.timeout(self._every_s):
                        await stopping.wait()
                except TimeoutError:
                    continue
            for _, task in self._watches.values():
                task.cancel()

    async def _refresh(self, group: asyncio.TaskGroup) -> None:
        try:
            wanted = await self._roster()
        except self._unreadable as error:
            structlog.get_logger().warning("leaders_unreadable", error=type(error).__name__)
            return
        self._read = True
        for name in self._watches.keys() - wanted.keys():
            self._watches.pop(name)[1].cancel()
        for name in wanted.keys() - self._watches.keys():
            watch = wanted[name]()
            self._watches[name] = (watch, group.create_task(watch.watch(), name=f"leader-{name}"))
        self._metrics.leaders.set(len(self._watches))
