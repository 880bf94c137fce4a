"""Closes pass every limit: whatever a subscription, an account, the venue or the clock says, they go."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import Leg
from shared.domain.instruments import Market
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.domain.subscriptions import BelowMinimum, Subscription, SubscriptionState
from tests.support.builders import NOON_MS, book, event, instrument, market, opening, situation, subscription
from tests.support.history import Kind, Move, history
from tests.unit.shared.domain.copyist import Copyist
from tests.unit.shared.domain.drawing import moves, policies, proven, small_ratios
from tests.unit.shared.domain.test_orders import accounts, markets, subscriptions

LONG_AGO = NOON_MS + 3 * 24 * 3_600_000


@proven
@given(subscriptions(), moves(Kind.ADD, Kind.FLIP, longest=6), st.integers(1, 99), accounts, markets(), st.booleans())
def test_no_limit_holds_a_close_back(
    limited: Subscription, drawn: list[Move], part: int, account: Account, at: Market, live: bool
) -> None:
    """The same follower, once without any limit and once with all of them and days late: the same closes."""
    opens, events = len(history(drawn)), history([*drawn, Move(Kind.REDUCE, part), Move(Kind.CLOSE, 1)])
    free = Copyist(subscription(ratio=limited.sizing.ratio), instrument())
    free.copy_all(events[:opens])
    bound = Copyist(limited, instrument(live=live), account, at, LONG_AGO, book=free.book, position=free.position)
    for last in events[opens:]:
        for copyist in (free, bound):
            first = len(copyist.orders)
            copyist.receive(last)
            copyist.rest()
            assert all(order.leg is Leg.CLOSE for order in copyist.orders[first:])
        assert bound.position == free.position
    assert bound.position == 0


@pytest.mark.parametrize("state", [SubscriptionState.PAUSED, SubscriptionState.CLOSE_ONLY, SubscriptionState.ENDED])
def test_a_flip_under_a_stopped_subscription_is_its_close_alone(state: SubscriptionState) -> None:
    """The half that closes is mirrored, the half that opens is skipped with the state as its reason."""
    copyist = Copyist(subscription(), instrument()).copy_all([event(0, 10, number=1)])
    copyist.subscription = replace(copyist.subscription, state=state)
    copyist.receive(event(10, -4, number=2))
    copyist.rest()

    assert copyist.position == 0
    assert [skip.reason.value for skip in copyist.skips] == [state.value]


def test_of_a_close_that_was_bought_back_only_what_needs_an_order_is_judged() -> None:
    """10 held; the leader halved and bought back to 11, too late for us. Nothing is closed, and 1 is not opened."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument()).copy_all([event(0, 10, number=1)])
    copyist.receive(event(10, 5, number=2))
    copyist.receive(event(5, 11, number=3))
    copyist.now_ms = NOON_MS + 60_000
    copyist.rest()

    assert [order.change for order in copyist.orders] == [10]
    assert [(skip.event[-1], skip.reason) for skip in copyist.skips] == [("3", Reason.STALE)]
    assert copyist.book == book(10, 10)


def test_openings_shrink_with_what_they_opened() -> None:
    """10 added too late for us and 10 in time, then half of all closed: 5 of each were left, and 5 are bought."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.receive(event(10, 20, number=2, at_ms=NOON_MS + 60_000))
    copyist.receive(event(20, 10, number=3, at_ms=NOON_MS + 60_001))
    copyist.now_ms = NOON_MS + 60_100
    copyist.rest()

    assert [skip.event[-1] for skip in copyist.skips] == ["1"]
    assert copyist.book == book(5, 5)


def test_an_open_that_made_a_close_smaller_is_answered_by_it() -> None:
    """Half of 100 closed and 10 bought back at once: 40 go, and the 10 are done. Only what comes later can be stale."""
    copyist = Copyist(subscription(max_age_ms=1_000), instrument()).copy_all([event(0, 100, number=1)])
    copyist.receive(event(100, 50, number=2))
    copyist.receive(event(50, 60, number=3))
    copyist.start()
    copyist.receive(event(60, 80, number=4))
    copyist.finish()
    copyist.now_ms = NOON_MS + 60_000
    copyist.rest()

    assert [order.change for order in copyist.orders] == [100, -40]
    assert [skip.event[-1] for skip in copyist.skips] == ["4"]
    assert copyist.book == book(60, 60)


def test_an_open_that_only_replaces_what_was_closed_costs_nothing() -> None:
    """Halved and bought back within one burst, and nothing denies it: no order at all."""
    copyist = Copyist(subscription(), instrument()).copy_all([event(0, 10, number=1)])
    copyist.receive(event(10, 5, number=2))
    copyist.receive(event(5, 10, number=3))
    copyist.rest()

    assert len(copyist.orders) == 1
    assert copyist.book.target == copyist.position == 10


def test_an_unfilled_close_goes_again_until_nothing_is_left() -> None:
    copyist = Copyist(subscription(), instrument()).copy_all([event(0, 10, number=1)])
    copyist.receive(event(10, 0, number=2))
    for filled in (0, 4, 0, 6):
        copyist.start()
        copyist.finish(Decimal(filled))

    assert [order.change for order in copyist.orders[1:]] == [-10, -10, -6, -6]
    assert copyist.start() == (None, ())


def test_closes_come_before_opens_of_the_same_book() -> None:
    """A flip waits for its close; only then may it open."""
    decision = situation(book(-4, 10, opening(-4)))
    copyist = Copyist(subscription(), instrument(), book=decision.book, position=Decimal(10))
    copyist.rest()
    assert [order.change for order in copyist.orders] == [-10, -4]
    assert [order.leg for order in copyist.orders] == [Leg.CLOSE, Leg.OPEN]


@proven
@given(small_ratios, policies, moves(*Kind, longest=8), st.integers(-30, 30))
def test_an_account_that_holds_less_than_the_book_is_believed_and_never_bought_back(
    ratio: Decimal, policy: BelowMinimum, drawn: list[Move], position: int
) -> None:
    """After a refused close the account is read: the book may shrink to it, target and all, and grows in nothing."""
    copyist = Copyist(subscription(ratio=ratio, below_minimum=policy), instrument())
    copyist.copy_all(history(drawn))
    before = copyist.book
    copyist.observe(Decimal(position))

    assert abs(copyist.book.held) <= abs(before.held)
    assert abs(copyist.book.target) <= abs(before.target)
    assert copyist.book.held == 0 or copyist.book.held * position > 0
    assert abs(copyist.book.held) <= abs(position)
    assert abs(copyist.book.gap) <= abs(before.gap)
    intent, _ = copyist.start()
    assert intent is None or intent.leg is Leg.CLOSE


def test_a_follower_who_sold_by_hand_is_not_bought_back() -> None:
    """10 held, 6 sold by the follower; the leader then halves: of the 4 left, those above the shrunken target go."""
    copyist = Copyist(subscription(), instrument()).copy_all([event(0, 10, number=1)])
    copyist.observe(Decimal(4))
    assert copyist.book == book(4, 4)
    copyist.receive(event(10, 5, number=2))
    copyist.rest()
    assert copyist.book.held == 2


def test_a_market_of_no_price_and_no_band_closes_all_the_same() -> None:
    copyist = Copyist(subscription(slippage_cap="0.01"), instrument(), market=market())
    copyist.copy_all([event(0, 10, number=1), event(10, 3, number=2)])
    assert copyist.position == 3
