"""The FastStream edge: one batch subscriber per stream, in the recorders' group; acknowledged by us, after the rows."""

import asyncio
from typing import Any

import structlog
from faststream.redis import RedisBroker

from services.ledger_recorder.metrics import Metrics
from services.ledger_recorder.recording import Batch, Recording
from shared.bus.client import UNREACHABLE
from shared.bus.groups import Group
from shared.bus.reading import StreamSub, subscribe
from shared.domain.ids import EntryId, entry_order
from shared.ports import Clock


class Intake:
    """One stream's way into the ledger, looked after: its group exists, somebody reads, nothing stays abandoned."""

    def __init__(
        self,
        kind: str,
        broker: RedisBroker,
        group: Group,
        recording: Recording,
        stopping: asyncio.Event,
        metrics: Metrics,
        *,
        entries: int,
        block_ms: int,
    ) -> None:
        self._kind, self._broker, self._group, self._recording = kind, broker, group, recording
        self._stopping, self._metrics = stopping, metrics
        self._entries, self._block_ms = entries, block_ms
        self._writing = asyncio.Lock()
        self._subscriber: Any = None

    async def tend_until_stopped(self, clock: Clock, every_s: float, idle_ms: int) -> None:
        """Look after this intake until told to stop; then finish the batch in hand and read no more."""
        while not self._stopping.is_set():
            try:
                await self.tend(idle_ms)
            except UNREACHABLE as error:
                structlog.get_logger().warning("intake_not_tended", kind=self._kind, error=type(error).__name__)
            await clock.sleep(every_s)
        await self.stop()

    async def tend(self, idle_ms: int) -> None:
        """Make the group if it is gone, read if nobody reads, claim what died with others. Redis failures propagate."""
        if await self._group.ensure() or self._subscriber is None or not self._subscriber.running:
            await self._read()
        while claimed := await self._group.claim(idle_ms, self._entries):
            self._metrics.claimed.labels(self._kind).inc(len(claimed))
            if not await self._take(claimed):
                return
        backlog = await self._group.backlog()
        self._metrics.pending.labels(self._kind).set(backlog.pending)
        self._metrics.unread.labels(self._kind).set(-1 if backlog.unread is None else backlog.unread)

    def trouble(self) -> str | None:
        """Return why nothing is recorded now, or None. Never blocks."""
        if self._subscriber is None or not self._subscriber.running:
            return f"nobody reads {self._group.stream}"
        return self._recording.trouble

    async def trim(self, older_than_ms: int) -> int:
        """Drop recorded entries published before a time; never one that is not recorded."""
        finished_ms = entry_order(await self._group.finished_before())[0]
        return await self._group.trim(EntryId(f"{min(finished_ms, older_than_ms)}-0"))

    async def stop(self) -> None:
        """Finish the batch in hand, then read no more and leave the group."""
        async with self._writing:
            pass  # whoever waits for the lock now finds us stopping and leaves its batch to the next recorder
        if self._subscriber is not None:
            await self._subscriber.stop()
        try:
            await self._group.leave()
        except UNREACHABLE as error:
            structlog.get_logger().warning("group_not_left", kind=self._kind, error=type(error).__name__)

    async def _read(self) -> None:
        if self._subscriber is not None:
            await self._subscriber.stop()
        stream = StreamSub(
            self._group.stream,
            group=self._group.name,
            consumer=self._group.consumer,
            batch=True,
            max_records=self._entries,
            polling_interval=self._block_ms,
        )
        self._subscriber = subscribe(self._broker, stream, self._receive)
        await self._subscriber.start()

    async def _receive(self, batch: Batch) -> None:
        await self._take(batch)

    async def _take(self, batch: Batch) -> bool:
        """Record a batch and acknowledge it; False if it was left for whoever comes next."""
        async with self._writing:
            if self._stopping.is_set():
                return False
            recorded = await self._recording.record(batch, self._stopping)
            await self._group.acknowledge(recorded)
            return bool(recorded)
