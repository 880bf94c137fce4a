"""A sender at work on a paper venue, its lane committed by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.pacing import Pace
from services.follower_worker.phases import Phase
from services.follower_worker.queues import ReadyQueue
from services.follower_worker.strands import Strand
from services.follower_worker.submitting import Submitter, Venue
from shared.domain.fills import TradeEvent
from shared.domain.instruments import Instrument
from shared.domain.risk import Account
from shared.messages.lane import Commit
from shared.telemetry.metrics import Meter
from tests.support.builders import NOON_MS, event, instrument
from tests.support.bus import SetVenueClock
from tests.support.clock import FakeClock
from tests.support.lanes import write_all
from tests.support.paper_exchange import PaperExchange
from tests.support.surroundings import ListedInstruments
from tests.support.waiting import until

ONE, TWO, THREE = event(0, 10, number=1), event(10, 15, number=2), event(15, 0, number=3)


@dataclass
class Desk:
    """A sender, with the lane committed by hand."""

    orders_a_window: int = 60
    listed: tuple[Instrument, ...] = (instrument(),)
    venue: SetVenueClock = field(default_factory=SetVenueClock)
    clock: FakeClock = field(default_factory=FakeClock)
    ready: ReadyQueue = field(default_factory=ReadyQueue)
    doubts: list[Strand] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.exchange = PaperExchange(self.venue)
        venue = Venue(self.exchange, ListedInstruments(*self.listed), self.venue, lambda _follower: Account())
        pace = Pace(self.orders_a_window, 0.01)
        self.submitter = Submitter(venue, self.clock, self.ready, pace, Metrics(Meter("test")), 1_000)
        self.submitter.on_touched = lambda lane, strand: lane.touch(strand)
        self.submitter.on_doubt = lambda _lane, strand: self.doubts.append(strand)

    def apply(self, taken: Lane, *events: TradeEvent) -> None:
        for each in events:
            for strand in taken.apply(each, instrument(inst_id=each.inst_id), NOON_MS):
                self.ready.put(taken, strand)

    def commit(self, taken: Lane) -> list[Commit]:
        commits = write_all(taken)
        for strand in taken.strands.values():
            self.ready.put(taken, strand)
        return commits


@asynccontextmanager
async def sending(desk: Desk) -> AsyncIterator[None]:
    desk.submitter.begin(4)
    yield
    desk.submitter.begin(0)


async def answered(desk: Desk, strand: Strand, phase: Phase) -> None:
    await until(lambda: strand.phase is phase and not desk.exchange.in_the_air)


def reasons(commits: list[Commit]) -> list[str]:
    return [outcome.reason or outcome.kind for commit in commits for outcome in commit.outcomes]
