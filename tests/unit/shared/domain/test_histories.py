"""How a trade is copied, told as histories: what the leader did, one more event, and the numbers that follow.

Read from top to bottom this is the tutorial of the book. The follower holds half of what the leader holds, in lots of
one contract, unless a test says otherwise.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest

from shared.domain.books import FLAT, fold
from shared.domain.fills import EventKind, TradeEvent
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument
from shared.domain.planning import plan
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.domain.subscriptions import BelowMinimum
from tests.support.builders import NOON_MS, Number, book, event, instrument, market, opening, subscription
from tests.unit.shared.domain.copyist import Copyist

HALF = subscription(ratio="0.5")


def leader_at(*positions: Number) -> list[TradeEvent]:
    """Tell a history by the positions the leader went through, from none."""
    return [event(*pair, number=n) for n, pair in enumerate(pairwise([0, *positions]), 1)]


def copied(
    events: Sequence[TradeEvent], settings: object = None, on: Instrument | None = None, **more: object
) -> Copyist:
    return Copyist(settings or HALF, on or instrument(), **more).copy_all(events)  # type: ignore[arg-type]  # tests' defaults


def placed(copyist: Copyist) -> list[tuple[str, Decimal]]:
    return [(order.leg.value, order.change) for order in copyist.orders]


def test_an_open_is_copied_by_the_ratio() -> None:
    """The leader buys 10; half of it is 5."""
    copyist = copied(leader_at(10))
    assert placed(copyist) == [("open", 5)]
    assert copyist.book == book(5, 5)


def test_a_short_is_copied_as_a_short() -> None:
    copyist = copied(leader_at(-10))
    assert placed(copyist) == [("open", -5)]


def test_an_add_is_copied_by_what_was_added() -> None:
    """From 10 to 16: 6 more, so 3 more."""
    copyist = copied(leader_at(10, 16))
    assert placed(copyist) == [("open", 5), ("open", 3)]
    assert copyist.book == book(8, 8)


def test_a_partial_close_is_copied_by_its_fraction() -> None:
    """A quarter of 16 is closed, so a quarter of 8."""
    copyist = copied(leader_at(16, 12))
    assert placed(copyist) == [("open", 8), ("close", -2)]


def test_a_partial_close_of_a_follower_who_holds_something_else_is_a_fraction_too() -> None:
    """The ratio was raised on the way: 5 held of a leader's 10. Whatever led there, half closed is half closed."""
    copyist = Copyist(subscription(ratio=3), instrument(), book=book(5, 5), position=Decimal(5))
    copyist.copy_all([event(10, 4, number=9)])
    assert placed(copyist) == [("close", -3)]
    assert copyist.book == book(2, 2)


def test_a_full_close_takes_all_that_is_held() -> None:
    """Also what no fraction would have come to: 7 held though the target was 5."""
    copyist = Copyist(HALF, instrument(), book=book(5, 7), position=Decimal(7))
    copyist.copy_all([event(10, 0, number=9)])
    assert placed(copyist) == [("close", -7)]
    assert copyist.book == FLAT


def test_a_flip_closes_first_and_then_opens() -> None:
    """From 10 long to 4 short: 5 closed, then 2 opened the other way.

    Two orders, because one through zero could not be a reduce.
    """
    copyist = copied(leader_at(10, -4))
    assert placed(copyist) == [("open", 5), ("close", -5), ("open", -2)]
    assert [order.reduce_only for order in copyist.orders] == [False, True, False]
    assert copyist.book == book(-2, -2)


def test_less_than_a_lot_waits_in_the_target() -> None:
    """Half of 5 is 2.5: two are bought; half of the next 1 makes it 3, and the third is bought."""
    copyist = copied(leader_at(5))
    assert copyist.book == book("2.5", 2)
    copyist.copy_all([event(5, 6, number=2)])
    assert placed(copyist) == [("open", 2), ("open", 1)]
    assert copyist.book == book(3, 3)


def test_closes_are_rounded_toward_zero_too() -> None:
    """From 3 to a target of 1.5: one is closed, and the half contract too much goes with the next close."""
    copyist = copied(leader_at(6, 3))
    assert copyist.book == book("1.5", 2)
    copyist.copy_all([event(3, 2, number=3)])
    assert placed(copyist)[1:] == [("close", -1), ("close", -1)]
    assert copyist.book == book(1, 1)


def test_a_liquidation_of_the_leader_is_mirrored() -> None:
    """The venue took half of the leader's position: the follower does not stay in alone."""
    copyist = copied([*leader_at(10), event(10, 5, number=2, category="full_liquidation")])
    assert copyist.book == book("2.5", 3)


@pytest.mark.parametrize("category", ["full_liquidation", "partial_liquidation", "adl", "delivery", "never heard of"])
def test_growth_the_leader_did_not_choose_is_never_copied(category: str) -> None:
    copyist = copied([*leader_at(10), event(10, 14, number=2, category=category)])
    assert copyist.book == book(5, 5)
    assert [skip.reason for skip in copyist.skips] == [Reason.NOT_CHOSEN]


def test_a_forced_flip_is_its_close_alone() -> None:
    copyist = copied([*leader_at(10), event(10, -4, number=2, category="adl")])
    assert placed(copyist) == [("open", 5), ("close", -5)]
    assert [skip.reason for skip in copyist.skips] == [Reason.NOT_CHOSEN]


def test_an_adjustment_shrinks_like_a_close_and_never_opens() -> None:
    """Our view of the leader was 10, the venue's is 5; then it is 8. No fill explains either."""
    copyist = copied([*leader_at(10), event(10, 5, number=2, kind=EventKind.ADJUSTMENT, price=0)])
    assert copyist.book == book("2.5", 3)
    copyist.copy_all([event(5, 8, number=3, kind=EventKind.ADJUSTMENT, price=0)])
    assert copyist.book == book("2.5", 3)
    assert [skip.reason for skip in copyist.skips] == [Reason.NOT_CHOSEN]


def test_dust_of_the_leader_counts_as_a_full_close() -> None:
    """0.4 contracts are left to the leader, less than anybody could hold a copy of."""
    copyist = copied([*leader_at(10), event(10, "0.4", number=2)])
    assert copyist.book == FLAT
    assert copyist.position == 0


def test_after_dust_the_leader_starts_afresh() -> None:
    """From 0.4 to 10.4: 10 are added, so 5; half of it closed is half of 5."""
    copyist = copied([*leader_at(10), event(10, "0.4", number=2), event("0.4", "10.4", number=3)])
    assert copyist.book == book(5, 5)


def test_a_new_follower_ignores_the_end_of_a_trade_it_did_not_begin() -> None:
    copyist = copied([event(10, 5, number=7), event(5, 0, number=8)])
    assert copyist.orders == []
    assert [skip.reason for skip in copyist.skips] == [Reason.NOTHING_HELD] * 2


def test_a_new_follower_copies_what_is_added_from_now_on() -> None:
    """The leader's 10 are not ours; of the 4 added we hold 2; a close of half of all 14 is half of our 2."""
    copyist = copied([event(10, 14, number=7), event(14, 7, number=8)])
    assert placed(copyist) == [("open", 2), ("close", -1)]


def test_a_new_follower_joins_a_flip_at_its_second_half() -> None:
    copyist = copied([event(10, -4, number=7)])
    assert placed(copyist) == [("open", -2)]
    assert copyist.skips == []


def test_the_end_of_a_trade_is_not_nothing_while_its_open_is_in_flight() -> None:
    """The leader closed to dust and then closed the dust, all before our order was answered.

    No claim that we hold nothing.
    """
    copyist = Copyist(HALF, instrument())
    copyist.receive(event(0, 10, number=1))
    copyist.start()
    copyist.receive(event(10, "0.4", number=2))
    skip = copyist.receive(event("0.4", 0, number=3))
    copyist.rest()

    assert skip is None
    assert placed(copyist) == [("open", 5), ("close", -5)]


# ---- below the minimum


def test_skip_leaves_out_an_open_below_the_minimum() -> None:
    """Half of 1 is 0.5: nothing is bought, nothing is remembered, and the next 0.5 is as small."""
    copyist = copied(leader_at(1, 2, 3))
    assert (copyist.position, copyist.book) == (0, FLAT)
    assert [dict(skip.numbers) for skip in copyist.skips] == [{"size": "0.5", "minimum": "1", "ratio": "0.5"}] * 3


def test_carry_adds_an_open_below_the_minimum_to_the_next() -> None:
    copyist = copied(leader_at(1, 2, 3, 4), subscription(ratio="0.5", below_minimum=BelowMinimum.CARRY))
    assert placed(copyist) == [("open", 1), ("open", 1)]
    assert [skip.event[-1] for skip in copyist.skips] == ["1", "3"]
    assert {skip.reason for skip in copyist.skips} == {Reason.CARRIED}


def test_round_up_buys_the_minimum() -> None:
    """The target follows what was bought, so the next open is a decision of its own."""
    copyist = copied(leader_at(1, 2), subscription(ratio="0.5", below_minimum=BelowMinimum.ROUND_UP))
    assert placed(copyist) == [("open", 1), ("open", 1)]
    assert copyist.book == book(2, 2)


def test_a_skipped_open_leaves_the_target_whole() -> None:
    """10 held, 0.5 too much after a small close.

    An open of 0.8 is skipped whole, so the target is 9.5 again and not 10.
    """
    copyist = Copyist(subscription(), instrument(), book=book("9.5", 10), position=Decimal(10))
    copyist.copy_all([event("9.5", "10.3", number=9)])
    assert copyist.orders == []
    assert [skip.reason for skip in copyist.skips] == [Reason.BELOW_MINIMUM]
    assert copyist.book == book("9.5", 10)


def test_an_open_that_could_be_an_order_is_never_called_too_small() -> None:
    """10 held, 0.8 too much; an open of 1.5 needs only 0.7 more. It is not skipped: what is missing stays wanted."""
    copyist = Copyist(subscription(), instrument(), book=book("9.2", 10), position=Decimal(10))
    copyist.copy_all([event("9.2", "10.7", number=9)])
    assert (copyist.orders, copyist.skips) == ([], [])
    assert copyist.book == book("10.7", 10)


def test_a_minimum_of_several_lots_is_the_least_order() -> None:
    """Lots of 1, orders of at least 5. 4 is skipped; 7 is bought; a close of 2 waits until it is 5.

    A full close takes all.
    """
    on = instrument(lot=1, minimum=5)
    copyist = copied(leader_at(4, 11), subscription(), on)
    assert placed(copyist) == [("open", 7)]
    copyist.copy_all([event(14, 10, number=3)])
    assert copyist.book == book(5, 7)
    copyist.copy_all([event(10, 2, number=4)])
    assert placed(copyist)[1:] == [("close", -7)]


# ---- above the maximum


def test_an_open_above_the_maximum_goes_in_pieces() -> None:
    """60 at a maximum of 25: pieces, each after the one before has filled."""
    copyist = copied(leader_at(120), on=instrument(max_market=25))
    assert placed(copyist) == [("open", 25), ("open", 25), ("open", 10)]
    assert [order.more for order in copyist.orders] == [True, True, False]


def test_a_piece_never_leaves_a_rest_too_small_to_order() -> None:
    """26 at a maximum of 25 and a minimum of 5: 21 and 5, not 25 and a rest nobody takes."""
    on = instrument(max_market=25, minimum=5)
    copyist = copied([*leader_at(52), event(52, 0, number=2)], on=on)
    assert placed(copyist) == [("open", 21), ("open", 5), ("close", -21), ("close", -5)]


def test_limit_orders_have_a_maximum_of_their_own() -> None:
    on = instrument(max_market=25, max_limit=50)
    copyist = copied([*leader_at(120), event(120, 0, number=2)], subscription(ratio="0.5", slippage_cap="0.01"), on)
    assert placed(copyist) == [("open", 50), ("open", 10), ("close", -25), ("close", -25), ("close", -10)]


# ---- unfilled


def test_what_an_open_did_not_fill_is_not_chased() -> None:
    copyist = Copyist(HALF, instrument())
    copyist.receive(event(0, 10))
    copyist.start()
    copyist.finish(Decimal(2))
    copyist.rest()
    assert placed(copyist) == [("open", 5)]
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


# ---- the plan as one call


def test_a_plan_is_folding_and_deciding() -> None:
    """Two events and one order named after neither: naming is the caller's."""
    decision = plan(HALF, FLAT, Account(), instrument(), market(), leader_at(10, 16), NOON_MS)
    assert decision.intent is not None
    assert (decision.intent.leg, decision.intent.change) == (Leg.OPEN, Contracts(Decimal(8)))
    assert [each.size for each in decision.intent.openings] == [5, 3]
    assert decision.book == book(8, 0)
    assert decision.skips == ()


def test_a_plan_tells_what_folding_and_deciding_skipped() -> None:
    events = [event(0, 1, number=1), event(1, 5, number=2, category="adl")]
    decision = plan(HALF, FLAT, Account(), instrument(), market(), events, NOON_MS)
    assert [(skip.event[-1], skip.reason) for skip in decision.skips] == [
        ("2", Reason.NOT_CHOSEN),
        ("1", Reason.BELOW_MINIMUM),
    ]
