"""USE CASE entries → ledger rows: in batches, durable before anything is acknowledged, any number of times.

A database that is away is waited for: the streams keep what we do not read. One entry that cannot be recorded is set
aside, never its batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from services.ledger_recorder.metrics import Metrics
from shared.domain.ids import EntryId
from shared.messages import outcome as outcome_messages
from shared.messages.entries import TradeEventV1, Undecodable
from shared.messages.entries import decode as decode_entry
from shared.messages.outcome import OutcomeV1
from shared.ports import Clock

Batch = Sequence[tuple[EntryId, bytes]]
Bury = Callable[[EntryId, bytes, str], Awaitable[None]]

_PAUSE_S = 0.5


class Ledger(Protocol):
    """Where rows become durable."""

    async def record(self, events: Sequence[tuple[str, TradeEventV1]], outcomes: Sequence[OutcomeV1]) -> None:
        """Write all or nothing; repeating it changes nothing.

        Raises:
            ConnectionError: nothing was written; try again.
            ValueError: an entry fits no column; nothing was written.
        """


@dataclass(frozen=True, slots=True)
class Rows:
    """What a batch asks to be written."""

    events: Sequence[tuple[str, TradeEventV1]] = ()
    outcomes: Sequence[OutcomeV1] = ()


Read = Callable[[EntryId, bytes], Rows]
"""Turn an entry into rows; ValueError says why it cannot be."""


def read_outcome(entry: EntryId, payload: bytes) -> Rows:
    """Read an entry of `outcomes`.

    Raises:
        ValueError: it is not one.
    """
    del entry
    try:
        return Rows(outcomes=[outcome_messages.decode(payload)])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"outcome is not understood: {error}; expected schema outcome/1") from error


def read_trade(entry: EntryId, payload: bytes) -> Rows:
    """Read an entry of `trades`: only trade events are recorded; what nobody can read its first reader buries."""
    try:
        message = decode_entry(payload)
    except Undecodable:
        return Rows()
    return Rows(events=[(entry, message)]) if isinstance(message, TradeEventV1) else Rows()


class Recording:
    """Writes one stream's entries."""

    def __init__(self, kind: str, read: Read, ledger: Ledger, bury: Bury, clock: Clock, metrics: Metrics) -> None:
        self._kind, self._read, self._ledger, self._bury = kind, read, ledger, bury
        self._clock, self._metrics = clock, metrics
        self.trouble: str | None = None
        """Why the database takes nothing now, or None."""

    async def record(self, batch: Batch, stopping: asyncio.Event) -> list[EntryId]:
        """Write a batch, waiting for the database as long as it takes, and return what may be acknowledged.

        Told to stop while waiting, it returns nothing: the entries stay pending and are claimed by whoever comes next.
        """
        while True:
            try:
                return await self._record(batch)
            except ConnectionError as error:
                self.trouble = str(error)
                self._metrics.refused.inc()
                structlog.get_logger().warning("records_put_off", kind=self._kind, reason=str(error))
            if stopping.is_set():
                return []
            await self._clock.sleep(_PAUSE_S)

    async def _record(self, batch: Batch) -> list[EntryId]:
        readable = [(entry, payload, rows) for entry, payload in batch if (rows := await self._rows(entry, payload))]
        began = self._clock.monotonic()
        try:
            await self._write([rows for _, _, rows in readable])
        except ValueError:
            readable = [each for each in readable if await self._alone(*each)]
        self.trouble = None
        self._metrics.seconds.observe(self._clock.monotonic() - began)
        self._metrics.batch.observe(len(batch))
        self._metrics.recorded.labels(self._kind).inc(len(readable))
        return [entry for entry, _, _ in readable]

    async def _write(self, rows: Sequence[Rows]) -> None:
        events = [event for each in rows for event in each.events]
        outcomes = [outcome for each in rows for outcome in each.outcomes]
        if events or outcomes:
            await self._ledger.record(events, outcomes)

    async def _rows(self, entry: EntryId, payload: bytes) -> Rows | None:
        try:
            return self._read(entry, payload)
        except ValueError as error:
            await self._set_aside(entry, payload, error)
            return None

    async def _alone(self, entry: EntryId, payload: bytes, rows: Rows) -> bool:
        try:
            await self._write([rows])
        except ValueError as error:
            await self._set_aside(entry, payload, error)
            return False
        return True

    async def _set_aside(self, entry: EntryId, payload: bytes, error: ValueError) -> None:
        self._metrics.buried.labels(self._kind).inc()
        structlog.get_logger().error("entry_buried", kind=self._kind, entry=entry, reason=str(error))
        await self._bury(entry, payload, str(error))
