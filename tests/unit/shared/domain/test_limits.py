"""Limits on opens: what each lets through, by example and by property."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.books import denied
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument
from shared.domain.orders import Intent
from shared.domain.quantities import Quote
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.domain.subscriptions import BelowMinimum, Subscription, SubscriptionState
from tests.support.builders import NOON_MS, book, event, instrument, market, opening, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import moves, policies, proven, small_ratios
from tests.unit.shared.domain.test_orders import caps

BIG = instrument(contract_value=1)
"""One contract at 100 is worth 100."""


def _copied(settings: Subscription, *positions: int, on: Instrument = BIG) -> Copyist:
    """Copy a leader who goes from one position to the next."""
    copyist = Copyist(settings, on)
    return copyist.copy_all([event(*pair, number=n) for n, pair in enumerate(pairwise([0, *positions]), 1)])


def _reasons(copyist: Copyist) -> list[Reason]:
    return [skip.reason for skip in copyist.skips]


# ---- age


def test_an_open_older_than_the_maximum_age_is_skipped_and_not_chased() -> None:
    copyist = Copyist(subscription(max_age_ms=1_000), BIG, now_ms=NOON_MS + 1_002)
    copyist.copy_all([event(0, 10, number=1)])

    assert copyist.position == copyist.book.target == 0
    assert [(skip.reason, dict(skip.numbers)) for skip in copyist.skips] == [
        (Reason.STALE, {"age_ms": "1001", "max_age_ms": "1000"})
    ]


def test_an_open_of_exactly_the_maximum_age_still_goes() -> None:
    copyist = Copyist(subscription(max_age_ms=1_000), BIG, now_ms=NOON_MS + 1_001)
    assert copyist.copy_all([event(0, 10, number=1)]).position == 10


def test_of_a_burst_only_the_stale_part_is_left_out() -> None:
    """Age is a matter of each trade: the fresh one is copied whole."""
    copyist = Copyist(subscription(max_age_ms=1_000), BIG, now_ms=NOON_MS + 2_000)
    copyist.receive(event(0, 10, number=1))
    copyist.receive(event(10, 14, number=2, at_ms=NOON_MS + 1_500))
    copyist.rest()

    assert copyist.position == copyist.book.target == 4
    assert [(skip.event[-1], skip.reason) for skip in copyist.skips] == [("1", Reason.STALE)]


def test_what_replaces_a_close_is_the_oldest_and_needs_no_order() -> None:
    """12.8 wanted, 10 held: of 3 stale and 0.4 fresh, 0.6 of the stale only replace what was closed and not yet sold.

    The other 2.4 are denied; the 0.4 are rounded up on their own.
    """
    late = opening("0.4", number=2, at_ms=NOON_MS + 9_000)
    settings = subscription(max_age_ms=1_000, below_minimum=BelowMinimum.ROUND_UP)
    copyist = Copyist(settings, BIG, book=book("12.8", 10, opening(3), late), position=Decimal(10))
    copyist.now_ms = NOON_MS + 9_100
    copyist.rest()

    assert [skip.event[-1] for skip in copyist.skips] == ["1"]
    assert copyist.book == book(11, 11)


def test_a_stale_open_that_leaves_nothing_to_order_is_not_rounded_up() -> None:
    """Without the stale part there is nothing to order: not the minimum either, and no order of 0."""
    stale = opening(3, number=2)
    settings = subscription(max_age_ms=1_000, below_minimum=BelowMinimum.ROUND_UP)
    copyist = Copyist(settings, BIG, book=book("12.5", 10, stale), position=Decimal(10), now_ms=NOON_MS + 9_100)
    copyist.rest()

    assert copyist.orders == []
    assert copyist.book == book(10, 10)


# ---- slippage


@pytest.mark.parametrize(
    ("leader", "last", "copied"),
    [(10, "100.5", 10), (10, "100.6", 0), (10, "50", 10), (-10, "99.5", -10), (-10, "99.4", 0)],
)
def test_a_price_that_ran_further_than_the_cap_denies(leader: int, last: str, copied: int) -> None:
    """Half a per cent from 100, against us; a better price is never too far."""
    copyist = Copyist(subscription(slippage_cap="0.005"), BIG, market=market(last))
    assert copyist.copy_all([event(0, leader)]).position == copied
    assert _reasons(copyist) == ([] if copied else [Reason.SLIPPAGE])


def test_slippage_is_measured_from_the_weighted_price_of_what_is_copied() -> None:
    """30 at 100 and 10 at 104 make 101.

    A last price of 101.5 is within half a per cent, and the order may pay 101.505.
    """
    copyist = Copyist(subscription(slippage_cap="0.005"), BIG, market=market("101.5"))
    copyist.receive(event(0, 30, number=1, price=100))
    copyist.receive(event(30, 40, number=2, price=104))
    intent, _ = copyist.start()

    assert intent is not None
    assert intent.change == 40
    assert intent.price == Decimal("101.5")


def test_an_old_price_judges_nothing() -> None:
    """The limit price of the order still does."""
    copyist = Copyist(subscription(slippage_cap="0.005"), BIG, market=market(150, at_ms=NOON_MS - 2_001))
    intent_price = copyist.copy_all([event(0, 10)]).orders[0].price
    assert intent_price == Decimal("100.5")


def test_a_denied_open_takes_what_was_carried_before_with_it_no_further_than_itself() -> None:
    """0.9 of earlier trades waits for its lot.

    A denied trade of 2 leaves it waiting, and the next trade takes it along.
    """
    copyist = Copyist(subscription(ratio="0.1", slippage_cap="0.005"), BIG, market=market(100))
    copyist.copy_all([event(0, 19, number=1)])
    assert copyist.book == book("1.9", 1)
    copyist.market = market(120)
    copyist.copy_all([event(19, 39, number=2)])
    assert copyist.book == book("1.9", 1)
    copyist.market = market(100)
    copyist.copy_all([event(39, 50, number=3)])
    assert copyist.book == book(3, 3)


# ---- caps


@proven
@given(small_ratios, caps, caps, policies, moves(*Kind, longest=15), st.sampled_from(["0.01", "1", "0.37"]))
def test_no_order_is_above_its_cap_and_no_position_above_its_own(
    ratio: Decimal,
    max_order: Decimal | None,
    max_position: Decimal | None,
    policy: BelowMinimum,
    drawn: list[Move],
    worth: str,
) -> None:
    """Judged at the price the leader paid, rounding up included."""
    on = instrument(contract_value=worth, lot="0.1", minimum="0.3")
    copyist = Copyist(
        subscription(ratio=ratio, max_order=max_order, max_position=max_position, below_minimum=policy), on
    )
    for each in history(drawn):
        copyist.receive(each)
        first = len(copyist.orders)
        copyist.rest()
        for order in copyist.orders[first:]:
            _assert_within(copyist, order)


def _assert_within(copyist: Copyist, order: Intent) -> None:
    on, settings = copyist.instrument, copyist.subscription
    if order.leg is Leg.CLOSE:
        return
    assert settings.max_order is None or on.notional(order.size, Decimal(100)) <= settings.max_order
    assert settings.max_position is None or on.notional(copyist.position, Decimal(100)) <= settings.max_position


def test_a_cap_per_order_trims_and_what_it_trims_is_not_chased() -> None:
    """10 wanted, 350 allowed at 100 each: 3 are bought, and half a contract stays wanted."""
    copyist = _copied(subscription(max_order=350), 10)
    assert copyist.book == book("3.5", 3)
    (trim,) = copyist.orders[0].trims
    assert trim.reason is Reason.ORDER_CAP
    assert trim.numbers == {"wanted": "10", "room": "3.5", "minimum": "1", "max_order": "350", "price": "100"}
    assert copyist.skips == []


def test_a_cap_per_position_leaves_the_room_there_is() -> None:
    copyist = _copied(subscription(max_position=500), 3, 10, 12)
    assert [order.change for order in copyist.orders] == [3, 2]
    assert _reasons(copyist) == [Reason.POSITION_CAP]
    assert copyist.skips[0].numbers == {
        "wanted": "2",
        "room": "0",
        "minimum": "1",
        "held": "5",
        "max_position": "500",
        "price": "100",
    }


def test_after_a_partial_close_there_is_room_again() -> None:
    """Half of 5 closes 2, rounded toward zero; of the next 2 one more contract reaches a target of 4.5."""
    copyist = _copied(subscription(max_position=500), 5, 10, 5, 7)
    assert [order.change for order in copyist.orders] == [5, -2, 1]


def test_a_position_above_its_limit_opens_nothing() -> None:
    """The limit was lowered, or the price has risen: nothing is opened, and nothing is closed for it either."""
    copyist = Copyist(subscription(max_position=500), BIG, book=book(10, 10), position=Decimal(10))
    copyist.copy_all([event(10, 13, number=2)])
    assert copyist.book == book(10, 10)
    assert copyist.skips[0].numbers["room"] == "0"


def test_a_cap_that_leaves_less_than_the_minimum_denies() -> None:
    copyist = _copied(subscription(max_order=50), 10)
    assert copyist.book == book(0, 0)
    assert _reasons(copyist) == [Reason.ORDER_CAP]


def test_a_denied_cap_takes_its_own_open_and_no_more() -> None:
    """0.9 waits for its lot at a full position; 2 more find no room: the 0.9 still waits, and nothing is closed."""
    copyist = Copyist(subscription(max_position=1_000), BIG, book=book("10.9", 10), position=Decimal(10))
    copyist.copy_all([event("10.9", "12.9", number=2)])
    assert _reasons(copyist) == [Reason.POSITION_CAP]
    assert copyist.book == book("10.9", 10)


def test_at_a_full_position_closing_and_buying_back_costs_nothing() -> None:
    """Closed one by one there would have been room again; so a burst of both must not leave the follower with less."""
    copyist = Copyist(subscription(max_position=1_000), BIG, book=book(10, 10), position=Decimal(10))
    copyist.receive(event(10, 3, number=2))
    copyist.receive(event(3, 13, number=3))
    copyist.rest()
    assert copyist.orders == []
    assert copyist.book == book(10, 10)


@pytest.mark.parametrize(
    ("max_order", "max_position", "reason"), [(50, None, Reason.ORDER_CAP), (None, 150, Reason.POSITION_CAP)]
)
def test_rounding_up_stops_at_a_cap(max_order: int | None, max_position: int | None, reason: Reason) -> None:
    """One contract is worth 100: neither an order of 50 nor a position of 150 has room for one more."""
    settings = subscription(
        ratio="0.3", below_minimum=BelowMinimum.ROUND_UP, max_order=max_order, max_position=max_position
    )
    copyist = Copyist(settings, BIG)
    copyist.book, copyist.position = book(1, 1), Decimal(1)
    copyist.copy_all([event(1, 2, number=2)])
    assert copyist.position == 1
    assert _reasons(copyist) == [reason]


def test_the_tightest_limit_is_the_one_that_is_told() -> None:
    copyist = _copied(subscription(max_order=700, max_position=300), 10)
    assert [trim.reason for trim in copyist.orders[0].trims] == [Reason.POSITION_CAP]


@pytest.mark.parametrize(("amount", "left"), [("1.5", "10.5"), ("2", "10"), ("9", "10"), ("-1", "12"), ("0", "12")])
def test_what_is_denied_leaves_the_target_down_to_what_is_held(amount: str, left: str) -> None:
    """A denial opens less; it never closes, and what is denied of the other side is not here."""
    assert denied(book(12, 10), Decimal(amount)) == book(left, 10)
    assert denied(book(-12, -10), -Decimal(amount)) == book(-Decimal(left), -10)


# ---- states and modes


@pytest.mark.parametrize("state", [SubscriptionState.PAUSED, SubscriptionState.CLOSE_ONLY, SubscriptionState.ENDED])
def test_a_stopped_subscription_opens_nothing_and_remembers_nothing(state: SubscriptionState) -> None:
    """After it is resumed, trades of the time between are not caught up with."""
    copyist = _copied(subscription(state=state), 10)
    copyist.subscription = subscription()
    copyist.copy_all([event(10, 13, number=2)])
    assert copyist.position == 3
    assert [(skip.reason.value, skip.numbers["size"]) for skip in copyist.skips] == [(state.value, "10")]


def test_a_pause_between_a_fill_and_its_order_counts() -> None:
    """Folded while active, decided while paused: denied at the last moment, and not chased after."""
    copyist = Copyist(subscription(), BIG)
    copyist.receive(event(0, 10))
    copyist.subscription = subscription(state=SubscriptionState.PAUSED)
    copyist.rest()
    assert copyist.position == copyist.book.target == 0
    assert _reasons(copyist) == [Reason.PAUSED]


def test_a_follower_in_long_short_mode_opens_nothing() -> None:
    copyist = Copyist(subscription(), BIG, Account(net_mode=False)).copy_all([event(0, 10)])
    assert copyist.position == 0
    assert _reasons(copyist) == [Reason.FOLLOWER_MODE]


def test_an_instrument_the_venue_suspended_opens_nothing_and_closes_all_the_same() -> None:
    copyist = Copyist(subscription(), instrument(live=False), book=book(5, 5), position=Decimal(5))
    copyist.copy_all([event(5, 10, number=1), event(10, 0, number=2)])
    assert copyist.position == 0
    assert _reasons(copyist) == [Reason.INSTRUMENT_NOT_LIVE]


def test_a_level_without_reduce_only_closes_without_it() -> None:
    copyist = Copyist(subscription(), BIG, Account(reduce_only=False)).copy_all(
        [event(0, 5, number=1), event(5, 0, number=2)]
    )
    assert [(order.leg, order.reduce_only) for order in copyist.orders] == [(Leg.OPEN, False), (Leg.CLOSE, False)]


def test_an_amount_of_quote_is_worth_contracts() -> None:
    on = instrument(contract_value="0.01")
    assert on.size_worth(Decimal(500), Decimal(100)) == 500
    assert on.notional(Decimal(-500), Decimal(100)) == Quote(Decimal(500))
