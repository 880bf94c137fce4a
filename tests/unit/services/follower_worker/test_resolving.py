"""What is not known is asked: nothing is believed absent at the first answer, nothing found is sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.resolving import Resolver
from services.follower_worker.strands import Phase, Strand
from services.follower_worker.submitting import Venue
from shared.clock import SystemClock
from shared.domain.fills import TradeEvent
from shared.domain.ids import Leg, client_order_id
from shared.domain.orders import Attempt
from shared.domain.outcomes import Accepted, Category, OrderState, Placement, Refused, Unknown
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.messages.outcome import OutcomeKind, OutcomeV1
from shared.ports import CouldNotAsk, GrantUnusable
from shared.telemetry.metrics import Meter
from tests.support.builders import FOLLOWER, LEADER, NOON_MS, event, instrument, situation, subscription
from tests.support.bus import MemoryBus, SetVenueClock
from tests.support.lanes import lane, lease, strand_of, write_all
from tests.support.paper_exchange import ListedInstruments, PaperExchange, report_of
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
        await self.bus.publisher.renew_epoch(NOON_MS, 4)
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
        tasks = [group.create_task(desk.resolver.ask_for_ever()) for _ in range(2)]
        for strand in strands:
            desk.resolver.add(taken, strand)
        yield
        for task in tasks:
            task.cancel()


def flown(taken: Lane, each: TradeEvent, placement: Placement) -> tuple[Strand, Attempt]:
    """Send one order and take its answer."""
    (strand,) = taken.apply(each, instrument(), NOON_MS, NOON_MS)
    named, _ = strand.next(situation(strand.book))
    assert named
    strand.launch(named, NOON_MS + 1_000, NOON_MS)
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
        other.apply(each, instrument(), NOON_MS, NOON_MS)
    strand = strand_of(other)
    named, _ = strand.next(situation(strand.book))
    assert named
    return named


def doubted(*events: TradeEvent) -> tuple[Lane, Strand]:
    taken = lane(subscription(), held=lease(begun_found="9999999999999-0", wait_ms=NOON_MS + 3_000))
    for each in events:
        taken.apply(each, instrument(), NOON_MS, NOON_MS)
    return taken, strand_of(taken)


def told(taken: Lane) -> list[OutcomeV1]:
    return [outcome for commit in write_all(taken) for outcome in commit.outcomes]


class TestSettling:
    async def test_an_accepted_order_is_asked_until_it_is_done(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, ACCEPTED)
        desk.fill(named, 4, OrderState.PARTIALLY_FILLED)
        async with asking(desk, taken, strand):
            await until(lambda: len(desk.exchange.asked) > 2)
            assert strand.book.held == 0
            desk.fill(named, 10)
            await desk.resolved(strand)
        assert strand.book.held == 10
        (settled,) = told(taken)
        assert (settled.kind, settled.filled, settled.fee) == (OutcomeKind.SETTLED, "10", "-0.01")

    async def test_one_that_is_shown_late_is_never_taken_back(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, ACCEPTED)
        desk.fill(named, 10)
        desk.exchange.hidden[named.cl_ord_id] = 3
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (len(desk.exchange.asked), strand.book.held) == (4, 10)

    @pytest.mark.parametrize("trouble", [CouldNotAsk("down"), ValueError("ours")])
    async def test_a_question_that_failed_is_asked_again(
        self, trouble: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.follower_worker.resolving._RETRY_MOST_MS", 10)
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, ACCEPTED)
        desk.fill(named, 10)
        desk.exchange.trouble.append(trouble)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_an_account_that_cannot_be_asked_delays_nobody_else(self) -> None:
        desk, taken = Asking(), lane(*[subscription(follower=name) for name in ("a", "b")])
        dead, alive = (strand for strand in taken.apply(ONE, instrument(), NOON_MS, NOON_MS))
        for strand in (dead, alive):
            named, _ = strand.next(situation(strand.book))
            assert named
            strand.launch(named, NOON_MS + 1_000, NOON_MS)
            strand.answered(ACCEPTED)
            desk.fill(named, 10)
        whole = desk.exchange.ask

        async def ask(follower: str, *rest: str) -> object:
            if follower == dead.key.follower:
                raise GrantUnusable("dead")
            return await whole(follower, *rest)  # type: ignore[arg-type]  # passed on as they came

        desk.exchange.ask = ask  # type: ignore[method-assign,assignment]  # one follower's account fails
        async with asking(desk, taken, dead, alive):
            await until(lambda: alive.phase is Phase.READY)
            assert dead.phase is Phase.UNSETTLED
            assert desk.resolver.waiting == 1

    async def test_a_strand_is_asked_for_once_however_often_it_is_added(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, ACCEPTED)
        desk.fill(named, 10)
        async with asking(desk, taken, strand, strand, strand):
            await desk.resolved(strand)
        assert len(desk.exchange.asked) == 1

    async def test_a_lane_that_was_lost_is_asked_for_no_more(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, _ = flown(taken, ONE, ACCEPTED)
        async with asking(desk, taken, strand):
            await until(lambda: desk.exchange.asked)
            taken.lost = True
            await until(lambda: not desk.resolver.waiting)
        assert strand.phase is Phase.UNSETTLED


class TestUnknown:
    async def test_nobody_asks_before_the_venue_must_refuse_it(self) -> None:
        desk, taken = Asking(), lane(subscription())
        desk.venue.at_ms = NOON_MS + 1_000
        strand, named = flown(taken, ONE, UNKNOWN)
        desk.fill(named, 10)
        async with asking(desk, taken, strand):
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            desk.venue.at_ms += 1
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_found_is_settled(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, UNKNOWN)
        desk.fill(named, 7)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.held, strand.tries[Leg.OPEN]) == (7, 1)
        assert [each.kind for each in told(taken)] == [OutcomeKind.SETTLED]

    async def test_absent_is_proven_by_two_answers_and_no_fill(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, _ = flown(taken, ONE, UNKNOWN)
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert len(desk.exchange.asked) == 2
        assert loop.time() - began >= GAP_S
        assert (strand.book.target, strand.book.held, strand.flight) == (10, 0, None)
        assert [each.kind for each in told(taken)] == [OutcomeKind.ABSENT]

    async def test_one_absent_answer_proves_nothing(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, UNKNOWN)
        desk.fill(named, 10)
        desk.exchange.hidden[named.cl_ord_id] = 1
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_a_fill_of_that_name_outweighs_any_number_of_absent_answers(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, UNKNOWN)
        desk.fill(named, 10)
        desk.exchange.hidden[named.cl_ord_id] = 5
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.held, len(desk.exchange.asked)) == (10, 6)


class TestUnfenced:
    UNFENCED = Account(fenced=False)

    async def test_an_open_in_doubt_is_given_up(self) -> None:
        desk, taken = Asking(account=self.UNFENCED), lane(subscription())
        strand, _ = flown(taken, ONE, UNKNOWN)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert strand.book.gap == 0
        assert [each.reason or each.kind for each in told(taken)] == [OutcomeKind.ABSENT, Reason.UNFENCED]

    async def test_a_failed_read_of_the_position_concludes_nothing(self) -> None:
        desk, taken = Asking(account=self.UNFENCED), lane(subscription())
        strand, _ = flown(taken, ONE, UNKNOWN)
        whole, reads = desk.exchange.position, 0

        async def position(*key: str) -> Contracts:
            nonlocal reads
            reads += 1
            if reads == 1:
                assert strand.phase is Phase.UNKNOWN
                raise CouldNotAsk("down")
            return await whole(*key)  # type: ignore[arg-type]  # passed on as they came

        desk.exchange.position = position  # type: ignore[method-assign,assignment]  # the first read fails
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (reads, strand.book.gap) == (2, 0)

    async def test_a_close_in_doubt_is_planned_from_what_the_account_holds(self) -> None:
        desk, taken = Asking(account=self.UNFENCED), lane(subscription())
        strand = holding(taken)
        flown(taken, CLOSE, UNKNOWN)
        desk.exchange.positions[FOLLOWER, strand.key.inst_id] = Decimal(6)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (0, 6)

    async def test_after_a_takeover_too(self) -> None:
        desk = Asking(account=self.UNFENCED)
        taken, strand = doubted(ONE)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert strand.book.gap == 0
        assert [each.reason for each in told(taken)] == [Reason.UNFENCED]


class TestDoubtful:
    async def test_what_nobody_sent_is_decided_afresh(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE, TWO)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (15, 0)
        names = {client_order_id(each.id, FOLLOWER, leg, 0) for each in (ONE, TWO) for leg in Leg}
        assert set(desk.exchange.asked) == names
        assert len(desk.exchange.asked) == 2 * len(names)

    async def test_an_order_for_the_last_event_covers_the_earlier(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE, TWO)
        desk.fill(planned(ONE, TWO), 15)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (15, 15)
        (adopted,) = told(taken)
        assert (adopted.kind, adopted.event, adopted.filled) == (OutcomeKind.SETTLED, TWO.id, "15")

    async def test_several_orders_are_all_found_before_anything_is_concluded(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE, CLOSE)
        opened = planned(ONE)
        desk.fill(opened, 10)
        for tries, (size, filled) in enumerate(((10, 6), (4, 4))):
            name = client_order_id(CLOSE.id, FOLLOWER, Leg.CLOSE, tries)
            change = Contracts(Decimal(-size))
            close = replace(opened, cl_ord_id=name, intent=replace(opened.intent, leg=Leg.CLOSE, change=change))
            desk.fill(close, filled)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.flat, strand.tries[Leg.CLOSE]) == (True, 2)
        assert len(told(taken)) == 3

    async def test_one_still_working_is_waited_for(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        named = planned(ONE)
        desk.fill(named, 3, OrderState.PARTIALLY_FILLED)
        async with asking(desk, taken, strand):
            await until(lambda: desk.exchange.asked.count(named.cl_ord_id) > 2)
            assert strand.phase is Phase.DOUBTFUL
            desk.fill(named, 10)
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_its_own_accepted_order_is_never_believed_absent(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, ACCEPTED)
        strand.doubt(NOON_MS)
        async with asking(desk, taken, strand):
            await until(lambda: len(desk.exchange.asked) > 1)
            assert strand.phase is Phase.DOUBTFUL
            desk.fill(named, 10)
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_nothing_is_asked_before_the_last_holders_orders_have_expired(self) -> None:
        desk = Asking(venue=SetVenueClock(NOON_MS + 3_000))
        taken, strand = doubted(ONE)
        async with asking(desk, taken, strand):
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            desk.venue.at_ms += 1
            await desk.resolved(strand)

    async def test_nothing_is_asked_before_the_lane_follows_the_reader(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        taken.caught_up = False
        async with asking(desk, taken, strand):
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            taken.caught_up = True
            await desk.resolved(strand)

    async def test_after_redis_forgot_the_leader_is_published_and_read_first(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        async with asking(desk, taken):
            desk.bus.redis.restart()
            await desk.bus.publisher.renew_epoch(NOON_MS, 4)
            desk.resolver.add(taken, strand)
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            await desk.confirm()
            last = desk.bus.redis.add(b"not read yet")
            taken.confirmed[LEADER] = last
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            taken.position = last
            await desk.resolved(strand)

    async def test_an_event_that_arrives_meanwhile_is_asked_for_before_anything_is_concluded(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        whole = desk.exchange.has_fill

        async def has_fill(*about: object) -> bool:
            if len(strand.doubtful) == 1:
                taken.apply(TWO, instrument(), NOON_MS, NOON_MS)
                desk.fill(planned(ONE, TWO), 15)
            return await whole(*about)  # type: ignore[arg-type]  # passed on as they came

        desk.exchange.has_fill = has_fill  # type: ignore[method-assign,assignment]  # the event comes while we ask
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (15, 15)


class TestRecheck:
    async def test_a_refused_close_goes_on_from_what_the_account_holds(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand = holding(taken)
        flown(taken, CLOSE, REFUSED)
        desk.exchange.positions[FOLLOWER, strand.key.inst_id] = Decimal(4)
        done: list[Strand] = []
        desk.resolver.on_done = lambda _lane, each: done.append(each)
        async with asking(desk, taken, strand):
            await until(lambda: done)
        assert (strand.recheck, strand.book.held, strand.book.target) == (False, 4, 0)

    async def test_each_further_refusal_waits_longer(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand = holding(taken)
        flown(taken, CLOSE, REFUSED)
        strand.failures = 2
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asking(desk, taken, strand):
            await until(lambda: not strand.recheck)
        assert loop.time() - began >= 0.25
