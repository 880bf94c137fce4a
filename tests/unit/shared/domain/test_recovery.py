"""A planner that is lost, and one that takes its place: what it finds at the venue brings it to the same book."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.books import FLAT, Book, adopted, fold, settled
from shared.domain.fills import TradeEvent
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument
from shared.domain.orders import Intent, MarginMode, OrderType
from shared.domain.quantities import Contracts
from shared.domain.subscriptions import BelowMinimum
from tests.support.builders import NOON_MS, book, event, instrument, market, opening, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import filled, instruments, moves, policies, portions, proven, small_ratios
from tests.unit.shared.domain.witness import NOISE, Beat, beats


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as the venue shows it: the last event it covers, its leg and size, what it filled."""

    last: int
    leg: Leg
    change: Contracts
    filled: Decimal


@dataclass(slots=True)
class Recorded:
    """A copyist whose orders are kept as the venue would show them."""

    copyist: Copyist
    folded: int = 0
    decided_on: int = 0
    placed: list[Placed] = field(default_factory=list)

    def receive(self, each: TradeEvent) -> None:
        self.copyist.receive(each)
        self.folded += 1

    def beat(self, beat: Beat, portion: Decimal) -> None:
        if beat is Beat.NOTHING:
            return
        if self.copyist.flying:
            self.finish(portion)
        else:
            self.start()
        while beat is Beat.REST and (self.copyist.flying or self.start()):
            self.finish()

    def start(self) -> Intent | None:
        self.decided_on = self.folded
        return self.copyist.start()[0]

    def finish(self, portion: Decimal = Decimal(1)) -> None:
        intent = self.copyist.flying
        assert intent is not None
        # Opens with further pieces fill whole: a rest that nobody was told of cannot be told from one still to come.
        size = intent.size if intent.more else filled(intent.size, portion, self.copyist.instrument)
        self.placed.append(Placed(self.decided_on, intent.leg, intent.change, size))
        self.copyist.finish(size)

    def recovered(self, events: list[TradeEvent]) -> Copyist:
        """Begin with nothing but the events so far and the orders the venue shows."""
        heir = Copyist(self.copyist.subscription, self.copyist.instrument)
        for number, each in enumerate(events[: self.folded], 1):
            heir.receive(each)
            for order in (order for order in self.placed if order.last == number):
                heir.book = adopted(heir.book, order.leg, order.change, heir.instrument)
                heir.book = settled(heir.book, _seen(order, heir.instrument), order.filled)
        heir.position = self.copyist.position
        return heir


def _seen(order: Placed, on: Instrument) -> Intent:
    """Spell an order as an heir sees it; it is a piece where it is as large as the venue lets it be."""
    piece = order.leg is Leg.OPEN and abs(order.change) in (on.max_market, on.max_limit)
    return Intent(on.inst_id, order.leg, order.change, OrderType.MARKET, None, False, MarginMode.CROSS, more=piece)


def _lose(events: list[TradeEvent], planner: Recorded, data: st.DataObject) -> int:
    """Run a planner over some of the events, in any rhythm; its last order is done when it is lost."""
    lost_at = data.draw(st.integers(1, len(events)))
    for each in events[:lost_at]:
        planner.receive(each)
        planner.beat(*data.draw(beats))
    if planner.copyist.flying:
        planner.finish(data.draw(portions))
    return lost_at


@proven
@given(instruments(pieces=True, above_lot=False), small_ratios, moves(*Kind, longest=15).filter(history), st.data())
def test_an_heir_comes_to_the_same_target(
    on: Instrument, ratio: Decimal, drawn: list[Move], data: st.DataObject
) -> None:
    """Whatever part of its orders the lost planner placed, whatever had piled up behind them, partly filled or not."""
    events = history(drawn, on.lot)
    planner = Recorded(Copyist(subscription(ratio=ratio, below_minimum=BelowMinimum.CARRY), on))
    lost_at = _lose(events, planner, data)

    heir = planner.recovered(events)
    assert heir.book.held == planner.copyist.book.held == planner.copyist.position
    for copyist in (heir, planner.copyist):
        copyist.rest()
        copyist.copy_all(events[lost_at:])
    _assert_same(heir, planner.copyist)


def _assert_same(heir: Copyist, other: Copyist) -> None:
    exact = Fraction(other.book.target)
    assert abs(Fraction(heir.book.target) - exact) <= NOISE * max(Fraction(1), abs(exact))
    assert abs(heir.position - other.position) <= heir.instrument.lot
    assert other.book.target != 0 or heir.position == other.position == 0


@proven
@given(
    instruments(pieces=True),
    small_ratios,
    moves(*Kind, longest=12),
    policies,
    st.sampled_from([None, "0.001", "0.05"]),
    st.data(),
)
def test_an_heir_closes_all_when_the_leader_does(
    on: Instrument, ratio: Decimal, drawn: list[Move], policy: BelowMinimum, cap: str | None, data: st.DataObject
) -> None:
    """Under any policy, and where the lost planner had denied what the heir knows nothing of."""
    events = history([*drawn, Move(Kind.CLOSE, 1)], on.lot)
    if not events:
        return
    settings = subscription(ratio=ratio, below_minimum=policy, slippage_cap=cap, max_age_ms=5)
    price = market(data.draw(st.sampled_from(["99", "101", "110"])), at_ms=NOON_MS)
    planner = Recorded(Copyist(settings, on, market=price, now_ms=NOON_MS + data.draw(st.integers(0, 12))))
    lost_at = _lose(events, planner, data)

    heir = planner.recovered(events)
    heir.rest()
    assert abs(heir.position) <= abs(heir.book.target) + on.minimum
    heir.copy_all(events[lost_at:])
    assert heir.position == 0
    assert heir.book.flat


@pytest.mark.parametrize("dead_after", range(4))
def test_an_heir_of_a_flip_goes_on_where_it_stopped(dead_after: int) -> None:
    """Nothing placed; the close placed; the close filled in part; both legs placed."""
    orders = [
        [],
        [Placed(2, Leg.CLOSE, Contracts(Decimal(-10)), Decimal(10))],
        [Placed(2, Leg.CLOSE, Contracts(Decimal(-10)), Decimal(4))],
        [
            Placed(2, Leg.CLOSE, Contracts(Decimal(-10)), Decimal(10)),
            Placed(2, Leg.OPEN, Contracts(Decimal(-4)), Decimal(4)),
        ],
    ][dead_after]
    first = Placed(1, Leg.OPEN, Contracts(Decimal(10)), Decimal(10))
    planner = Recorded(Copyist(subscription(), instrument()), folded=2, placed=[first, *orders])
    heir = planner.recovered([event(0, 10, number=1), event(10, -4, number=2)])
    heir.position = heir.book.held
    heir.rest()

    assert heir.position == -4
    assert heir.book.target == -4


@pytest.mark.parametrize(
    ("minimum", "maximum", "wanted", "found", "left"),
    [
        (1, 10, "25", 10, book(25, 0, opening(25))),
        (1, 10, "10.4", 10, book("10.4", 0)),
        (5, 25, "26", 21, book(26, 0, opening(26))),
    ],
)
def test_an_order_as_large_as_a_piece_is_one_where_more_is_to_come(
    minimum: int, maximum: int, wanted: str, found: int, left: Book
) -> None:
    """A piece leaves the rest to be ordered; an order of the very maximum that nothing can follow was the whole."""
    on = instrument(minimum=minimum, max_market=maximum)
    assert adopted(book(wanted, 0, opening(wanted)), Leg.OPEN, Decimal(found), on) == left


def test_what_the_lost_planner_had_denied_stays_denied() -> None:
    """8 wanted, 3 placed because of a limit: an heir without that knowledge does not chase the other 5."""
    wanted = fold(FLAT, event(0, 8), subscription(), instrument())[0]
    found = adopted(wanted, Leg.OPEN, Decimal(3), instrument())
    assert found == book(3, 0)
