"""A resolver at work on a paper venue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import Phase
from services.follower_worker.resolving import Resolver
from services.follower_worker.strands import Strand
from services.follower_worker.submitting import Venue
from shared.clock import SystemClock
from shared.domain.fills import TradeEvent
from shared.domain.orders import Attempt
from shared.domain.outcomes import Accepted, Category, OrderState, Placement, Refused, Unknown
from shared.domain.risk import Account
from shared.messages.outcome import OutcomeV1
from shared.telemetry.metrics import Meter
from tests.support.builders import LEADER, NOON_MS, event, instrument, situation, subscription
from tests.support.bus import MemoryBus, SetVenueClock
from tests.support.lanes import lane, lease, strand_of, write_all
from tests.support.paper_exchange import PaperExchange, report_of
from tests.support.surroundings import ListedInstruments
from tests.support.waiting import until

ONE, TWO, CLOSE = event(0, 10, number=1), event(10, 15, number=2), event(10, 0, number=3)
GAP_S = 0.03
LATE_MS = NOON_MS + 60_000
ACCEPTED, UNKNOWN = Accepted("venue-1", NOON_MS), Unknown("no answer")
REFUSED = Refused("51008", "", Category.FUNDS, "insufficient balance")


@dataclass
class Asking:
    account: Account = field(default_factory=Account)
    venue: SetVenueClock = field(default_factory=lambda: SetVenueClock(LATE_MS))
    bus: MemoryBus = field(default_factory=MemoryBus)

    def __post_init__(self) -> None:
        self.exchange = PaperExchange(self.venue)
        venue = Venue(self.exchange, ListedInstruments(), self.venue, lambda _follower: self.account)
        self.resolver = Resolver(venue, self.bus.trades, SystemClock(), Metrics(Meter("test")), GAP_S)

    async def confirm(self) -> None:
        """Have the leader published completely."""
        await self.bus.renew_epoch(NOON_MS)
        await self.bus.publisher.publish(LEADER, await self.bus.publisher.state(LEADER), [], {}, 0, NOON_MS)

    def fill(self, named: Attempt, filled: int | Decimal, state: OrderState | None = None) -> None:
        """Let the venue show an order, filled so far."""
        self.exchange.orders[named.follower, named.cl_ord_id] = report_of(named, filled, state=state)

    async def looked_thrice(self) -> None:
        """Wait until it was looked three times whether one may ask."""
        before = self.venue.looks
        await until(lambda: self.venue.looks >= before + 3)

    async def resolved(self, strand: Strand) -> None:
        await until(lambda: not self.resolver.waiting)
        assert strand.phase is Phase.READY


@asynccontextmanager
async def asking(desk: Asking, taken: Lane, *strands: Strand) -> AsyncIterator[None]:
    await desk.confirm()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(desk.resolver.ask_for_ever(2))
        for strand in strands:
            desk.resolver.add(taken, strand)
        yield
        task.cancel()


def launched(taken: Lane, each: TradeEvent) -> tuple[Strand, Attempt]:
    """Send one order."""
    (strand,) = taken.apply(each, instrument(), NOON_MS)
    named, _ = strand.next(situation(strand.book))
    assert named
    strand.launch(named, NOON_MS + 1_000, NOON_MS)
    return strand, named


def flown(taken: Lane, each: TradeEvent, placement: Placement) -> tuple[Strand, Attempt]:
    """Send one order and take its answer."""
    strand, named = launched(taken, each)
    strand.answered(placement)
    return strand, named


def holding(taken: Lane, size: int = 10) -> Strand:
    strand, named = flown(taken, event(0, size, number=1), ACCEPTED)
    strand.settle(report_of(named, size))
    strand.next(situation(strand.book))
    taken.touch(strand)
    write_all(taken)
    return strand


def planned(*events: TradeEvent) -> Attempt:
    """Return what another holder would have sent for these events."""
    other = lane(subscription())
    for each in events:
        other.apply(each, instrument(), NOON_MS)
    strand = strand_of(other)
    named, _ = strand.next(situation(strand.book))
    assert named
    return named


def doubted(*events: TradeEvent) -> tuple[Lane, Strand]:
    taken = lane(subscription(), held=lease(begun_found="9999999999999-0", wait_ms=NOON_MS + 3_000))
    for each in events:
        taken.apply(each, instrument(), NOON_MS)
    return taken, strand_of(taken)


def told(taken: Lane) -> list[OutcomeV1]:
    return [outcome for commit in write_all(taken) for outcome in commit.outcomes]
