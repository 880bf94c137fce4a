"""Every order is one the venue can take, in the direction it must have, whatever led to it."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.books import Book
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument, Market, Side
from shared.domain.orders import Intent, OrderType
from shared.domain.risk import Account
from shared.domain.subscriptions import BelowMinimum, Subscription
from tests.support.builders import NOON_MS, instrument, market, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import (
    filled,
    instruments,
    moves,
    policies,
    portions,
    proven,
    small_ratios,
    states,
)

caps = st.none() | st.integers(1, 400).map(lambda number: Decimal(number) / 4)
accounts = st.builds(Account, net_mode=st.booleans(), reduce_only=st.booleans())


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    """Draw settings with any limits; caps in the worth of a few lots."""
    return subscription(
        ratio=draw(small_ratios),
        state=draw(states),
        below_minimum=draw(policies),
        max_age_ms=draw(st.none() | st.integers(1, 20)),
        slippage_cap=draw(st.none() | st.sampled_from(["0.001", "0.01", "0.2"])),
        max_order=draw(caps),
        max_position=draw(caps),
    )


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Draw a price near the leader's 100, or none, with a band that need not be on the tick."""
    last = draw(st.none() | st.integers(8_000, 12_000).map(lambda number: Decimal(number) / 100))
    low, high = (draw(st.none() | st.integers(9_000, 11_000).map(lambda number: Decimal(number) / 100)) for _ in "ab")
    return market(last, buy_limit=high, sell_limit=low, at_ms=NOON_MS + draw(st.integers(-3_000, 30)))


def _check(intent: Intent, book: Book, on: Instrument, account: Account, placed: list[Intent]) -> None:
    """Check an order against the book it was decided on."""
    assert intent.change != 0
    assert intent.size % on.lot == 0
    assert intent.size <= (on.max_market if intent.type is OrderType.MARKET else on.max_limit)
    if intent.leg is Leg.CLOSE:
        _check_close(intent, book, on, account)
    else:
        assert intent.size >= on.minimum
        assert intent.change * book.held >= 0
        assert intent.openings
        assert not intent.reduce_only
    placed.append(intent)


def _check_close(intent: Intent, book: Book, on: Instrument, account: Account) -> None:
    assert intent.change * book.held < 0
    assert intent.size <= abs(book.held)
    assert intent.size >= on.minimum or intent.size == abs(book.held)  # the venue may hold less than it lets one order
    assert (intent.type, intent.price, intent.reduce_only) == (OrderType.MARKET, None, account.reduce_only)


@proven
@given(instruments(pieces=True), subscriptions(), moves(*Kind, longest=15), accounts, markets(), st.data())
def test_every_order_is_one_the_venue_can_take(
    on: Instrument, settings: Subscription, drawn: list[Move], account: Account, at: Market, data: st.DataObject
) -> None:
    """On the lot, inside minimum and maximum, never through zero, a close never more than is held.

    Settings change on the way.
    """
    copyist, placed = Copyist(settings, on, account, at), list[Intent]()
    for each in history(drawn, on.lot):
        copyist.now_ms = each.at_ms + data.draw(st.integers(0, 30))
        copyist.receive(each)
        if copyist.flying:
            size = filled(copyist.flying.size, data.draw(portions), on)
            copyist.finish(size)
        intent, _ = copyist.start()
        if intent:
            _check(intent, copyist.book, on, account, placed)
        copyist.subscription = replace(copyist.subscription, state=data.draw(states))
    if copyist.flying:
        copyist.finish()
    while intent := copyist.start()[0]:
        _check(intent, copyist.book, on, account, placed)
        copyist.finish()


@proven
@given(instruments(), small_ratios, moves(Kind.ADD, Kind.FLIP, Kind.REDUCE, longest=10))
def test_a_flip_is_two_legs_and_never_one_order_through_zero(on: Instrument, ratio: Decimal, drawn: list[Move]) -> None:
    copyist = Copyist(subscription(ratio=ratio, below_minimum=BelowMinimum.CARRY), on)
    for each in history(drawn, on.lot):
        before = copyist.position
        copyist.receive(each)
        first = len(copyist.orders)
        copyist.rest()
        placed = copyist.orders[first:]
        if each.before * each.after < 0:
            closes = [order.change for order in placed if order.leg is Leg.CLOSE]
            assert sum(closes) == -before
            assert [order.leg for order in placed] == sorted(order.leg for order in placed)
        assert all(order.size <= abs(before) for order in placed if order.leg is Leg.CLOSE)


@proven
@given(instruments(pieces=True), moves(Kind.ADD, most=2_000, longest=4), policies)
def test_what_is_above_the_maximum_goes_in_pieces_and_arrives_whole(
    on: Instrument, drawn: list[Move], policy: BelowMinimum
) -> None:
    """No piece below the minimum, and no event of which a part is copied and a part reported as too small."""
    copyist = Copyist(subscription(below_minimum=policy), on)
    for each in history(drawn, on.minimum):
        copyist.receive(each)
        copyist.rest()
        assert copyist.position == each.after
    assert all(on.minimum <= order.size <= on.max_market for order in copyist.orders)
    assert copyist.skips == []


@proven
@given(
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(1, 200).map(lambda number: Decimal(number) / 1_000),
    st.integers(100, 10_000_000).map(lambda number: Decimal(number) / 100),
    st.sampled_from([Decimal(text) for text in ("0.01", "0.1", "0.5", "1")]),
    markets(),
)
def test_a_limit_price_is_on_the_tick_and_inside_cap_and_band(
    side: Side, cap: Decimal, price: Decimal, tick: Decimal, at: Market
) -> None:
    """Also where the venue's band is not on the tick."""
    at = replace(at, last=None)
    on = instrument(tick=tick)
    copyist = Copyist(subscription(slippage_cap=cap), on, market=at)
    copyist.receive(history([Move(Kind.ADD, 5 * side.sign)], price=price)[0])
    intent, _ = copyist.start()
    assert intent is not None
    assert intent.type is OrderType.IOC
    assert intent.price is not None
    assert intent.price % tick == 0
    bound = price * (1 + cap * side.sign)
    band = at.buy_limit if side is Side.BUY else at.sell_limit
    edges = [bound, *([band] if band else [])]
    assert all((edge - intent.price) * side.sign >= 0 for edge in edges)
    assert any(abs(edge - intent.price) < tick for edge in edges), "as near to the bound as the tick lets it"


def test_a_leader_without_a_cap_is_followed_by_market_orders() -> None:
    copyist = Copyist(subscription(), instrument(), market=market(200))
    copyist.receive(history([Move(Kind.ADD, 5)], price=Decimal(100))[0])
    intent, _ = copyist.start()
    assert intent is not None
    assert (intent.type, intent.price) == (OrderType.MARKET, None)
