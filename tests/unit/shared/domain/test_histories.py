"""How a trade is copied, told as histories: what the leader did, one more event, and the numbers that follow.

Read from top to bottom this is the tutorial of the book. The follower holds half of what the leader holds, in lots of
one contract, unless a test says otherwise.
"""

from decimal import Decimal

import pytest

from shared.domain.books import FLAT
from shared.domain.fills import EventKind
from shared.domain.ids import Leg
from shared.domain.planning import plan
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from tests.support.builders import NOON_MS, book, event, instrument, market, subscription
from tests.unit.shared.domain.copyist import HALF, Copyist, copied, leader_at, placed


def test_an_open_is_copied_by_the_ratio() -> None:
    """The leader buys 10; half of it is 5."""
    copyist = copied(leader_at(10))
    assert placed(copyist) == ["open 5"]
    assert copyist.book == book(5, 5)


def test_a_short_is_copied_as_a_short() -> None:
    copyist = copied(leader_at(-10))
    assert placed(copyist) == ["open -5"]


def test_an_add_is_copied_by_what_was_added() -> None:
    """From 10 to 16: 6 more, so 3 more."""
    copyist = copied(leader_at(10, 16))
    assert placed(copyist) == ["open 5", "open 3"]
    assert copyist.book == book(8, 8)


def test_a_partial_close_is_copied_by_its_fraction() -> None:
    """A quarter of 16 is closed, so a quarter of 8."""
    copyist = copied(leader_at(16, 12))
    assert placed(copyist) == ["open 8", "close -2"]


def test_a_partial_close_of_a_follower_who_holds_something_else_is_a_fraction_too() -> None:
    """The ratio was raised on the way: 5 held of a leader's 10. Whatever led there, half closed is half closed."""
    copyist = Copyist(subscription(ratio=3), instrument(), book=book(5, 5), position=Decimal(5))
    copyist.copy_all([event(10, 4, number=9)])
    assert placed(copyist) == ["close -3"]
    assert copyist.book == book(2, 2)


def test_a_full_close_takes_all_that_is_held() -> None:
    """Also what no fraction would have come to: 7 held though the target was 5."""
    copyist = Copyist(HALF, instrument(), book=book(5, 7), position=Decimal(7))
    copyist.copy_all([event(10, 0, number=9)])
    assert placed(copyist) == ["close -7"]
    assert copyist.book == FLAT


def test_a_flip_closes_first_and_then_opens() -> None:
    """From 10 long to 4 short: 5 closed, then 2 opened the other way.

    Two orders, because one through zero could not be a reduce.
    """
    copyist = copied(leader_at(10, -4))
    assert placed(copyist) == ["open 5", "close -5", "open -2"]
    assert [order.reduce_only for order in copyist.orders] == [False, True, False]
    assert copyist.book == book(-2, -2)


def test_less_than_a_lot_waits_in_the_target() -> None:
    """Half of 5 is 2.5: two are bought; half of the next 1 makes it 3, and the third is bought."""
    copyist = copied(leader_at(5))
    assert copyist.book == book("2.5", 2)
    copyist.copy_all([event(5, 6, number=2)])
    assert placed(copyist) == ["open 2", "open 1"]
    assert copyist.book == book(3, 3)


def test_closes_are_rounded_toward_zero_too() -> None:
    """From 3 to a target of 1.5: one is closed, and the half contract too much goes with the next close."""
    copyist = copied(leader_at(6, 3))
    assert copyist.book == book("1.5", 2)
    copyist.copy_all([event(3, 2, number=3)])
    assert placed(copyist)[1:] == ["close -1", "close -1"]
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
    assert placed(copyist) == ["open 5", "close -5"]
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
    assert placed(copyist) == ["open 2", "close -1"]


def test_a_new_follower_joins_a_flip_at_its_second_half() -> None:
    copyist = copied([event(10, -4, number=7)])
    assert placed(copyist) == ["open -2"]
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
    assert placed(copyist) == ["open 5", "close -5"]


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
