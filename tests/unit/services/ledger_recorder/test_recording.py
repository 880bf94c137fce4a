"""Rows before acknowledgements; one bad entry never costs its batch; a database that is away is waited for."""

import asyncio
from collections.abc import Sequence

import pytest

from services.ledger_recorder.metrics import Metrics
from services.ledger_recorder.recording import Read, Recording, read_outcome, read_trade
from shared.domain.fills import EventKind, PosSide
from shared.domain.ids import EntryId
from shared.domain.instruments import InstType
from shared.domain.subscriptions import SubscriptionState
from shared.messages import entries as entry_messages
from shared.messages import outcome as outcome_messages
from shared.messages.entries import SubscriptionV1, TradeEventV1
from shared.messages.outcome import OutcomeKind, OutcomeV1
from shared.telemetry.metrics import Meter
from tests.support.clock import FakeClock
from tests.support.memory_store import MemoryLedger

EVENT = TradeEventV1(
    *("leader:BTC-USDT-SWAP:1", EventKind.FILL, "leader", "BTC-USDT-SWAP", InstType.SWAP, PosSide.NET),
    *("0", "1", "43000", "normal"),
    late=False,
    vouched=True,
    filled_ms=1,
    seen_ms=2,
    published_ms=3,
)
SUBSCRIPTION = SubscriptionV1("follower", "leader", 1, SubscriptionState.ACTIVE, "1")


def outcome(name: str, filled: str = "") -> bytes:
    return outcome_messages.encode(
        OutcomeV1(name, OutcomeKind.SETTLED, 1, "follower", "leader", "BTC-USDT-SWAP", EVENT.id, filled=filled)
    )


def entry(number: int) -> EntryId:
    return EntryId(f"{number}-0")


class Away(MemoryLedger):
    """A ledger whose database is away for some calls."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times
        self.went = asyncio.Event()

    async def record(self, events: Sequence[tuple[str, TradeEventV1]], outcomes: Sequence[OutcomeV1]) -> None:
        if self.left:
            self.left -= 1
            self.went.set()
            raise ConnectionError("database is locked")
        await super().record(events, outcomes)


class Desk:
    """A recording with everything around it."""

    def __init__(self, ledger: MemoryLedger | None = None, read: Read = read_outcome) -> None:
        self.ledger = ledger or MemoryLedger()
        self.buried: list[tuple[EntryId, bytes, str]] = []
        self.meter = Meter("ledger_recorder")
        self.clock = FakeClock(auto=True)
        self.stopping = asyncio.Event()
        self.recording = Recording("outcome", read, self.ledger, self._bury, self.clock, Metrics(self.meter))

    async def _bury(self, name: EntryId, payload: bytes, reason: str) -> None:
        self.buried.append((name, payload, reason))

    async def record(self, *payloads: bytes) -> list[EntryId]:
        return await self.recording.record(
            [(entry(number), payload) for number, payload in enumerate(payloads, 1)], self.stopping
        )


async def test_a_batch_is_in_the_ledger_before_it_may_be_acknowledged() -> None:
    desk = Desk()

    assert await desk.record(outcome("a"), outcome("b")) == [entry(1), entry(2)]
    assert await desk.ledger.counts() == {"trade_events": 0, "settled": 2}
    assert desk.meter.registry.get_sample_value("slipstream_entries_recorded_total", {"kind": "outcome"}) == 2


@pytest.mark.parametrize("junk", [b"", b"\xff", b"{}", b'{"schema":"outcome/9"}', b'{"schema":"outcome/1"}'])
async def test_an_entry_that_is_no_outcome_is_set_aside_and_the_rest_recorded(junk: bytes) -> None:
    desk = Desk()

    assert await desk.record(outcome("a"), junk, outcome("b")) == [entry(1), entry(3)]
    [(name, payload, reason)] = desk.buried
    assert (name, payload) == (entry(2), junk)
    assert "expected schema outcome/1" in reason


async def test_an_outcome_no_column_takes_is_set_aside_and_the_rest_recorded() -> None:
    desk = Desk()

    assert await desk.record(outcome("a"), outcome("b", filled="many"), outcome("c")) == [entry(1), entry(3)]
    assert [name for name, _, _ in desk.buried] == [entry(2)]
    assert set(desk.ledger.copies) == {"a", "c"}


async def test_of_trades_the_events_are_recorded_and_everything_else_is_passed_by() -> None:
    desk = Desk(read=read_trade)

    recorded = await desk.record(
        entry_messages.encode(EVENT), entry_messages.encode(SUBSCRIPTION), b"junk of which its first reader tells"
    )

    assert recorded == [entry(1), entry(2), entry(3)]
    assert desk.ledger.events == {EVENT.id: (entry(1), EVENT)}
    assert desk.buried == []


async def test_a_database_that_is_away_is_waited_for_and_told_of() -> None:
    desk = Desk(Away(times=3))

    assert await desk.record(outcome("a")) == [entry(1)]
    assert set(desk.ledger.copies) == {"a"}
    assert desk.clock.monotonic() == 1.5
    assert desk.recording.trouble is None


async def test_told_to_stop_while_the_database_is_away_nothing_is_acknowledged() -> None:
    desk = Desk(Away(times=1_000_000))

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(desk.record(outcome("a")))
        assert isinstance(desk.ledger, Away)
        await desk.ledger.went.wait()
        desk.stopping.set()

    assert waiting.result() == []
    assert desk.recording.trouble == "database is locked"
