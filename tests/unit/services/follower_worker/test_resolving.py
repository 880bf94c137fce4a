"""What is not known is asked: nothing is believed absent at the first answer, nothing found is sent again."""

# mypy: disable-error-code="comparison-overlap"
# Contracts are decimals, and decimals equal whole numbers; mypy holds the two types apart.

import asyncio
from decimal import Decimal

import pytest

from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.domain.ids import Leg, client_order_id
from shared.domain.outcomes import OrderState, Placement
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.messages.outcome import OutcomeKind
from shared.ports import CouldNotAsk, GrantUnusable
from tests.support.asking import (
    ACCEPTED,
    CLOSE,
    GAP_S,
    ONE,
    REFUSED,
    TWO,
    UNKNOWN,
    Asking,
    asking,
    doubted,
    flown,
    holding,
    launched,
    told,
)
from tests.support.builders import FOLLOWER, NOON_MS, event, instrument, situation, subscription
from tests.support.lanes import lane
from tests.support.waiting import until


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
        monkeypatch.setattr("services.follower_worker.resolving.RETRY_MS", (1, 10))
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, ACCEPTED)
        desk.fill(named, 10)
        desk.exchange.trouble.append(trouble)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_an_account_that_cannot_be_asked_delays_nobody_else(self) -> None:
        desk, taken = Asking(), lane(*[subscription(follower=name) for name in ("a", "b")])
        dead, alive = (strand for strand in taken.apply(ONE, instrument(), NOON_MS))
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

    async def test_a_lane_lost_before_its_turn_is_not_asked_for_at_all(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, _ = flown(taken, ONE, ACCEPTED)
        taken.lost = True
        async with asking(desk, taken, strand):
            await until(lambda: not desk.resolver.waiting)
        assert desk.exchange.asked == []


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
        desk.exchange.held[FOLLOWER, strand.key.inst_id] = Decimal(6)
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


class TestRecheck:
    async def test_a_refused_close_goes_on_from_what_the_account_holds(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand = holding(taken)
        flown(taken, CLOSE, REFUSED)
        desk.exchange.held[FOLLOWER, strand.key.inst_id] = Decimal(4)
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


class TestMeanwhile:
    """What is asked for may come into doubt before the answer is there."""

    @pytest.mark.parametrize("placement", [ACCEPTED, UNKNOWN])
    async def test_an_answer_does_not_end_a_doubt_that_came_meanwhile(self, placement: Placement) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, placement)
        desk.fill(named, 10)
        desk.exchange.tell_s = 0.02
        async with asking(desk, taken, strand):
            await until(lambda: desk.exchange.asked)
            taken.apply(event(10, 15, number=2, vouched=False), instrument(), NOON_MS)
            assert strand.phase is Phase.DOUBTFUL
            await desk.resolved(strand)
        assert {client_order_id(TWO.id, FOLLOWER, leg, 0) for leg in Leg} <= set(desk.exchange.asked)
        assert (strand.book.target, strand.book.held) == (15, 10)

    async def test_an_order_that_is_accepted_after_all_is_not_called_absent(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = launched(taken, ONE)
        taken.apply(event(10, 15, number=2, vouched=False), instrument(), NOON_MS)
        whole, last = desk.exchange.ask, client_order_id(TWO.id, FOLLOWER, Leg.OPEN, 0)

        async def ask(*about: str) -> object:
            shown = await whole(*about)  # type: ignore[arg-type]  # passed on as they came
            if desk.exchange.asked.count(last) == 2 and strand.flight and not strand.flight.order_id:
                desk.fill(named, 10)
                strand.answered(ACCEPTED)
            return shown

        desk.exchange.ask = ask  # type: ignore[method-assign,assignment]  # the answer comes behind the last question
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (15, 10)
        assert OutcomeKind.ABSENT not in [each.kind for each in told(taken)]
