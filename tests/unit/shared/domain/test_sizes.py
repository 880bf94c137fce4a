"""What becomes of an order that is too small, too large, or not filled: histories again, in lots of one contract."""

from decimal import Decimal

from shared.domain.books import FLAT, fold
from shared.domain.planning import plan
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.domain.subscriptions import BelowMinimum, SubscriptionState
from tests.support.builders import NOON_MS, book, event, instrument, market, opening, subscription
from tests.unit.shared.domain.copyist import HALF, Copyist, copied, leader_at, placed

# ---- below the minimum


def test_skip_leaves_out_an_open_below_the_minimum() -> None:
    """Half of 1 is 0.5: nothing is bought, nothing is remembered, and the next 0.5 is as small."""
    copyist = copied(leader_at(1, 2, 3))
    assert copyist.position == 0
    assert copyist.book == FLAT
    assert [dict(skip.numbers) for skip in copyist.skips] == [{"size": "0.5", "minimum": "1", "ratio": "0.5"}] * 3


def test_carry_adds_an_open_below_the_minimum_to_the_next() -> None:
    copyist = copied(leader_at(1, 2, 3, 4), subscription(ratio="0.5", below_minimum=BelowMinimum.CARRY))
    assert placed(copyist) == ["open 1", "open 1"]
    assert [skip.event[-1] for skip in copyist.skips] == ["1", "3"]
    assert {skip.reason for skip in copyist.skips} == {Reason.CARRIED}


def test_round_up_buys_the_minimum() -> None:
    """The target follows what was bought, so the next open is a decision of its own."""
    copyist = copied(leader_at(1, 2), subscription(ratio="0.5", below_minimum=BelowMinimum.ROUND_UP))
    assert placed(copyist) == ["open 1", "open 1"]
    assert copyist.book == book(2, 2)


def test_a_rounded_up_order_that_never_existed_leaves_nothing_behind() -> None:
    """0.5 rounded up to 1, proven absent, the subscription paused: nothing of it is wanted any more."""
    copyist = Copyist(subscription(ratio="0.5", below_minimum=BelowMinimum.ROUND_UP), instrument())
    copyist.receive(event(0, 1))
    copyist.start()
    copyist.vanish()
    copyist.subscription = subscription(state=SubscriptionState.PAUSED)
    copyist.rest()
    assert copyist.book == FLAT


def test_what_rounding_added_to_an_order_that_never_existed_leaves_with_it_as_far_as_the_leader_still_holds() -> None:
    """0.4 is held for by 1; 0.4 more is rounded up, half of everything is closed meanwhile, the order proves absent."""
    copyist = Copyist(subscription(ratio="0.1", below_minimum=BelowMinimum.ROUND_UP), instrument())
    copyist.book, copyist.position = book("0.8", 1), Decimal(1)
    copyist.receive(event(8, 12, number=1))
    copyist.start()
    assert copyist.book.target == 2
    copyist.receive(event(12, 6, number=2))
    copyist.vanish()
    assert copyist.book.target == Decimal("0.6")
    copyist.rest()
    assert copyist.orders[1:] == []


def test_of_a_skipped_open_only_what_needed_an_order_leaves_the_target() -> None:
    """10 held, 0.5 too much after a small close: an open of 0.8 needs 0.3, which is too small and not chased."""
    copyist = Copyist(subscription(), instrument(), book=book("9.5", 10), position=Decimal(10))
    copyist.copy_all([event("9.5", "10.3", number=9)])
    assert copyist.orders == []
    assert [(skip.reason, skip.numbers["size"]) for skip in copyist.skips] == [(Reason.BELOW_MINIMUM, "0.3")]
    assert copyist.book == book(10, 10)


def test_an_open_too_small_is_skipped_whatever_stale_ones_came_with_it() -> None:
    """3 stale and 0.4 fresh: together they could have been an order, but what is left of them could not."""
    settings = subscription(max_age_ms=1_000)
    fresh = opening("0.4", number=2, at_ms=NOON_MS + 9_000)
    copyist = Copyist(settings, instrument(), book=book("12.8", 10, opening(3), fresh), position=Decimal(10))
    copyist.now_ms = NOON_MS + 9_100
    copyist.rest()

    assert [skip.reason for skip in copyist.skips] == [Reason.STALE, Reason.BELOW_MINIMUM]
    assert copyist.book == book(10, 10)


def test_an_open_that_could_be_an_order_is_never_called_too_small() -> None:
    """10 held, 0.8 too much; an open of 1.5 needs only 0.7 more. It is not skipped: what is missing stays wanted."""
    copyist = Copyist(subscription(), instrument(), book=book("9.2", 10), position=Decimal(10))
    copyist.copy_all([event("9.2", "10.7", number=9)])
    assert copyist.orders == []
    assert copyist.skips == []
    assert copyist.book == book("10.7", 10)


def test_a_minimum_of_several_lots_is_the_least_order() -> None:
    """Lots of 1, orders of at least 5. 4 is skipped; 7 is bought; a close of 2 waits until it is 5.

    A full close takes all.
    """
    on = instrument(lot=1, minimum=5)
    copyist = copied(leader_at(4, 11), subscription(), on)
    assert placed(copyist) == ["open 7"]
    copyist.copy_all([event(14, 10, number=3)])
    assert copyist.book == book(5, 7)
    copyist.copy_all([event(10, 2, number=4)])
    assert placed(copyist)[1:] == ["close -7"]


# ---- above the maximum


def test_an_open_above_the_maximum_goes_in_pieces() -> None:
    """60 at a maximum of 25: pieces, each after the one before has filled."""
    copyist = copied(leader_at(120), on=instrument(max_market=25))
    assert placed(copyist) == ["open 25", "open 25", "open 10"]
    assert [order.more for order in copyist.orders] == [True, True, False]


def test_a_piece_never_leaves_a_rest_too_small_to_order() -> None:
    """26 at a maximum of 25 and a minimum of 5: 21 and 5, not 25 and a rest nobody takes."""
    on = instrument(max_market=25, minimum=5)
    copyist = copied([*leader_at(52), event(52, 0, number=2)], on=on)
    assert placed(copyist) == ["open 21", "open 5", "close -21", "close -5"]


def test_limit_orders_have_a_maximum_of_their_own() -> None:
    on = instrument(max_market=25, max_limit=50)
    copyist = copied([*leader_at(120), event(120, 0, number=2)], subscription(ratio="0.5", slippage_cap="0.01"), on)
    assert placed(copyist) == ["open 50", "open 10", "close -25", "close -25", "close -10"]


# ---- unfilled


def test_what_an_open_did_not_fill_is_not_chased() -> None:
    copyist = Copyist(HALF, instrument())
    copyist.receive(event(0, 10))
    copyist.start()
    copyist.finish(Decimal(2))
    copyist.rest()
    assert placed(copyist) == ["open 5"]
    assert copyist.book == book(2, 2)


def test_what_waits_for_its_lot_outlives_an_unfilled_order() -> None:
    """7.5 wanted, 7 ordered, 3 filled: the half contract was not ordered, so it was not refused either."""
    copyist = Copyist(HALF, instrument())
    copyist.receive(event(0, 15))
    copyist.start()
    copyist.finish(Decimal(3))
    assert copyist.book == book("3.5", 3)


# ---- many openings


def test_openings_beyond_what_is_remembered_one_by_one_are_merged_by_weight() -> None:
    """Forty opens of one contract each, the price rising by one.

    32 are remembered, size and weighted price as if all were.
    """
    folded = FLAT
    for n in range(40):
        folded = fold(folded, event(n, n + 1, number=n + 1, price=100 + n), subscription(), instrument())[0]
    assert len(folded.openings) == 32
    assert sum(each.size for each in folded.openings) == folded.target == 40
    decision = plan(subscription(slippage_cap="0.001"), folded, Account(), instrument(), market(), [], NOON_MS)
    assert decision.intent is not None
    assert decision.intent.price == Decimal("119.6")  # 119.5 x 1.001 = 119.6195
    assert folded.openings[0].at_ms == NOON_MS + 1
    assert folded.openings[-1] == opening(1, number=40, price=139)
