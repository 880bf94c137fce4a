"""A planner that is lost, and one that takes its place: what it finds at the venue brings it to the same book."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.books import FLAT, adopted, filling, fold, settled, withdrawn
from shared.domain.fills import TradeEvent
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument
from shared.domain.orders import Intent, MarginMode, OrderType
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason
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


def test_what_the_lost_planner_had_denied_stays_denied() -> None:
    """8 wanted, 3 placed because of a limit: an heir without that knowledge does not chase the other 5."""
    wanted = fold(FLAT, event(0, 8), subscription(), instrument())[0]
    found = adopted(wanted, Leg.OPEN, Decimal(3), instrument())
    assert found == book(3, 0)


def test_a_close_that_was_whole_because_of_a_denial_stays_so() -> None:
    """Halved and bought back, buying back denied, the half closed.

    An heir that finds the close does not buy it back either.
    """
    folded = book(10, 10)
    for each in (event(10, 5, number=2), event(5, 10, number=3)):
        folded = fold(folded, each, subscription(), instrument())[0]
    found = adopted(folded, Leg.CLOSE, Decimal(-5), instrument())
    assert found == book(5, 10)


# ---- orders proven not to exist


@proven
@given(instruments(pieces=True), small_ratios, moves(*Kind, longest=12), policies, st.data())
def test_an_order_that_never_existed_is_sent_again_as_it_was(
    on: Instrument, ratio: Decimal, drawn: list[Move], policy: BelowMinimum, data: st.DataObject
) -> None:
    """Nothing happened in between: the very same order, and the same place in the end."""
    vanishing, other = (Copyist(subscription(ratio=ratio, below_minimum=policy), on) for _ in range(2))
    for each in history(drawn, on.lot):
        for copyist in (vanishing, other):
            copyist.receive(each)
        intent, _ = vanishing.start()
        if intent and data.draw(st.booleans()):
            vanishing.vanish()
            again, skips = vanishing.start()
            assert (again, skips) == (intent, ())
        vanishing.rest()
        other.rest()
        assert (vanishing.position, vanishing.book) == (other.position, other.book)


@proven
@given(instruments(), small_ratios, moves(*Kind, longest=15), st.data())
def test_with_events_behind_it_only_what_is_missing_is_sent(
    on: Instrument, ratio: Decimal, drawn: list[Move], data: st.DataObject
) -> None:
    """Closes shrink what a vanished order wanted: its next one is the gap, and never more."""
    copyist = Copyist(subscription(ratio=ratio, below_minimum=BelowMinimum.CARRY), on)
    for each in history(drawn, on.lot):
        copyist.receive(each)
        if copyist.flying and data.draw(st.booleans()):
            copyist.vanish()
        if not copyist.flying:
            gap, held = copyist.book.gap, copyist.book.held
            intent, _ = copyist.start()
            assert intent is None or intent.size <= max(abs(gap), abs(held) if intent.leg is Leg.CLOSE else Decimal(0))
        if data.draw(st.booleans()):
            copyist.rest()
    copyist.rest()
    assert abs(copyist.position - copyist.book.target) < on.minimum


def test_a_vanished_order_gives_back_what_closes_left_of_it() -> None:
    """10 ordered, halved while in flight, proven absent: 5 are asked for again, by the same event."""
    copyist = Copyist(subscription(), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.start()
    copyist.receive(event(10, 5, number=2))
    copyist.vanish()

    assert copyist.book == book(5, 0, opening(5, number=1))


def test_a_vanished_order_whose_trade_is_over_gives_back_nothing() -> None:
    """A later opening is judged by its own age and price, not by those of a trade the leader has closed."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.start()
    copyist.receive(event(10, 0, number=2))
    copyist.receive(event(0, 3, number=3, at_ms=NOON_MS + 60_000))
    copyist.now_ms = NOON_MS + 60_100
    copyist.vanish()
    copyist.rest()

    assert copyist.position == 3
    assert copyist.skips == []


# ---- what has filled so far


@proven
@given(instruments(), small_ratios, moves(*Kind, longest=10), portions, portions)
def test_filling_bit_by_bit_is_filling_at_once(
    on: Instrument, ratio: Decimal, drawn: list[Move], some: Decimal, all_in_all: Decimal
) -> None:
    """`accFillSz` is cumulative: reading it twice or thrice changes nothing of the end."""
    copyist = Copyist(subscription(ratio=ratio), on)
    for each in history(drawn, on.lot):
        copyist.receive(each)
        intent, _ = copyist.start()
        if intent is None:
            continue
        in_all = filled(intent.size, max(some, all_in_all), on)
        first = filled(intent.size, min(some, all_in_all), on)
        partly = filling(copyist.book, intent, first, Decimal(0))
        assert filling(partly, intent, first, first) == partly
        assert settled(partly, intent, in_all, first) == settled(copyist.book, intent, in_all)
        copyist.finish(in_all)


def test_pieces_give_back_only_what_they_did_not_answer() -> None:
    """25 in pieces of 10: after the first, 15 are asked for; the trade turns stale, and the 10 that are held stay."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument(max_market=10))
    copyist.receive(event(0, 25))
    copyist.start()
    copyist.finish()
    assert copyist.book == book(25, 10, opening(15))

    copyist.now_ms = NOON_MS + 60_000
    copyist.rest()
    assert copyist.position == copyist.book.target == 10
    assert [skip.reason for skip in copyist.skips] == [Reason.STALE]


def test_a_piece_that_did_not_fill_ends_the_opening() -> None:
    """The market had no more to give at our price: the further pieces are not chased."""
    copyist = Copyist(subscription(), instrument(max_market=10))
    copyist.receive(event(0, 25))
    copyist.start()
    copyist.finish(Decimal(7))
    copyist.rest()

    assert [order.change for order in copyist.orders] == [10]
    assert copyist.book == book(7, 7)


def test_openings_closed_while_a_piece_was_in_flight_do_not_come_back() -> None:
    """They would be judged stale, and take a fresh opening with them."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument(max_market=10))
    copyist.receive(event(0, 25, number=1))
    copyist.start()
    copyist.receive(event(25, 0, number=2))
    copyist.receive(event(0, 13, number=3, at_ms=NOON_MS + 60_000))
    copyist.finish()
    copyist.now_ms = NOON_MS + 60_100
    copyist.rest()

    assert copyist.position == 13
    assert copyist.skips == []


def test_an_order_withdrawn_is_the_book_it_was_decided_on() -> None:
    before = fold(FLAT, event(0, 10), subscription(), instrument())[0]
    copyist = Copyist(subscription(), instrument(), book=before)
    intent, _ = copyist.start()
    assert intent is not None
    assert copyist.book.openings == ()
    assert withdrawn(copyist.book, intent) == before
