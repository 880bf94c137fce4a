"""Planning never raises: any well-formed input, however wild, gets an answer."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.books import Book, adopted, denied, filling, fold, observed, settled, withdrawn
from shared.domain.fills import EventKind, PosSide, TradeEvent
from shared.domain.ids import EventId, Leg
from shared.domain.instruments import Instrument, InstType, Market
from shared.domain.orders import Opening
from shared.domain.planning import Decision, decide, plan
from shared.domain.quantities import Contracts, Price
from shared.domain.risk import Account, Situation
from shared.domain.subscriptions import Subscription
from tests.support.builders import NOON_MS, event, instrument, subscription
from tests.unit.shared.domain.drawing import policies, proven, states

sizes = st.decimals(min_value=-(10**15), max_value=10**15, places=9, allow_nan=False, allow_infinity=False)
above_zero = st.decimals(min_value=Decimal("1e-9"), max_value=10**12, places=9, allow_nan=False, allow_infinity=False)
moments = st.integers(0, 2 * NOON_MS)
limits = st.none() | above_zero


@st.composite
def wild_instruments(draw: st.DrawFn) -> Instrument:
    """Draw any step from a billionth to a million, minimum and maxima in whole steps of it."""
    lot = Decimal(draw(st.sampled_from([1, 2, 5, 25]))).scaleb(draw(st.integers(-9, 5)))
    return instrument(
        lot=lot,
        minimum=lot * draw(st.integers(1, 1_000)),
        tick=Decimal(1).scaleb(draw(st.integers(-9, 2))),
        contract_value=draw(above_zero),
        max_market=lot * draw(st.integers(1_000, 10**9)),
        max_limit=lot * draw(st.integers(1_000, 10**9)),
        live=draw(st.booleans()),
        linear=draw(st.booleans()),
        inst_type=draw(st.sampled_from(InstType)),
    )


@st.composite
def wild_subscriptions(draw: st.DrawFn) -> Subscription:
    return subscription(
        ratio=draw(above_zero.map(lambda value: min(value, Decimal(100)))),
        state=draw(states),
        below_minimum=draw(policies),
        max_age_ms=draw(st.none() | st.integers(1, 10**12)),
        slippage_cap=draw(st.none() | st.sampled_from(["0.000001", "0.005", "0.2"])),
        max_order=draw(limits),
        max_position=draw(limits),
    )


@st.composite
def wild_events(draw: st.DrawFn) -> TradeEvent:
    kind = draw(st.sampled_from(EventKind))
    return event(
        draw(sizes),
        draw(sizes),
        number=draw(st.integers(1, 50)),
        price=draw(above_zero) if kind is EventKind.FILL else 0,
        at_ms=draw(moments),
        category=draw(st.sampled_from(["normal", "", "full_liquidation", "adl", "never heard of"])),
        kind=kind,
        pos_side=draw(st.sampled_from(PosSide)),
        late=draw(st.booleans()),
        vouched=draw(st.booleans()),
    )


@st.composite
def wild_books(draw: st.DrawFn) -> Book:
    """Draw a book that need not be one that events could have led to."""
    target, held = draw(sizes), draw(sizes)
    openings = st.builds(
        Opening,
        st.integers(1, 40).map(lambda number: EventId(f"e{number}")),
        moments,
        above_zero.map(Price),
        above_zero.map(lambda size: size if target >= 0 else -size),
    )
    drawn = draw(st.lists(openings, max_size=4).map(tuple))
    return Book(
        Contracts(target), Contracts(held), drawn, draw(st.sampled_from([Decimal(1), Decimal(0), Decimal("0.3")]))
    )


@st.composite
def wild_markets(draw: st.DrawFn) -> Market:
    prices = st.none() | above_zero.map(Price)
    return Market(draw(prices), draw(prices), draw(prices), draw(moments))


situations = st.builds(
    Situation,
    wild_books(),
    wild_subscriptions(),
    st.builds(Account, net_mode=st.booleans(), reduce_only=st.booleans(), fenced=st.booleans()),
    wild_instruments(),
    wild_markets(),
    moments,
)


def _assert_sound(decision: Decision, at: Situation) -> None:
    """Check what must hold of any decision, sensible input or not."""
    if decision.intent:
        assert decision.intent.size > 0
        assert decision.intent.leg is Leg.OPEN or decision.intent.size <= abs(at.book.held)
    assert all(value == value for value in (decision.book.target, decision.book.held))  # noqa: PLR0124 - not a number
    assert decision.book.held == at.book.held
    assert abs(Fraction(decision.book.target)) <= max(
        abs(Fraction(at.book.target)), abs(Fraction(at.book.held)) + Fraction(at.instrument.minimum)
    )


@proven
@given(situations, st.lists(wild_events(), max_size=4))
def test_planning_answers_anything(at: Situation, events: list[TradeEvent]) -> None:
    folded = at.book
    for each in events:
        folded, _ = fold(folded, each, at.subscription, at.instrument)
    decision = plan(at.subscription, at.book, at.account, at.instrument, at.market, events, at.now_ms)
    _assert_sound(decision, replace(at, book=folded))


@proven
@given(situations, sizes, st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1)]), st.sampled_from(Leg))
def test_the_ends_of_an_order_answer_anything(at: Situation, amount: Decimal, portion: Decimal, leg: Leg) -> None:
    decision = decide(at)
    if decision.intent:
        filled = decision.intent.size * portion
        settled(filling(decision.book, decision.intent, filled, Decimal(0)), decision.intent, filled, filled)
        withdrawn(decision.book, decision.intent)
    for after in (adopted(at.book, leg, amount, at.instrument), denied(at.book, amount), observed(at.book, amount)):
        _assert_sound(decide(replace(at, book=after)), replace(at, book=after))


@proven
@given(wild_instruments(), wild_events(), wild_subscriptions(), wild_books())
def test_folding_turns_no_target_around(
    on: Instrument, moved: TradeEvent, settings: Subscription, before: Book
) -> None:
    """Only an event that opens may put a target on the other side, and only after closing this one whole."""
    after, skip = fold(before, moved, settings, on)
    if not moved.opened or skip:
        assert after.target * before.target >= 0
        assert abs(after.target) <= abs(before.target)
    assert after.held == before.held
