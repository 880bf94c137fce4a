"""What a comparison of account, book and leader concludes; and what it never does."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.books import FLAT, Book
from shared.domain.drift import DRIFT_REMEDIES, Drift, DriftKind, Standing, compare, may_act
from shared.domain.ids import EventId
from shared.domain.orders import Opening
from shared.domain.quantities import Contracts, Price
from shared.domain.subscriptions import BelowMinimum, DriftPolicy
from tests.support.builders import NOON_MS, instrument, subscription

sizes = st.integers(-50, 50).map(lambda number: Contracts(Decimal(number) / 4))


def standing(held: float, position: float, leader: float, target: float | None = None, missed: float = 0) -> Standing:
    book = Book(Contracts(Decimal(str(held if target is None else target))), Contracts(Decimal(str(held))))
    openings = (Opening(EventId("e"), NOON_MS - 1_000, Price(Decimal(100)), Decimal(str(missed))),) if missed else ()
    return Standing(book, Contracts(Decimal(str(position))), Contracts(Decimal(str(leader))), openings)


def found(at: Standing, **settings: object) -> Drift | None:
    return compare(at, subscription(ratio=2, **settings), instrument(), NOON_MS)  # type: ignore[arg-type]  # by name


def test_where_all_agree_there_is_nothing_to_say() -> None:
    assert found(standing(10, 10, 5)) is None


def test_who_joined_in_the_middle_rightly_holds_less() -> None:
    assert found(standing(4, 4, 5)) is None


def test_a_follower_who_sold_by_hand_is_followed_by_the_book() -> None:
    drift = found(standing(10, 6, 5))
    assert drift
    assert (drift.kind, drift.book) == (DriftKind.REDUCED_BY_HAND, Book(Contracts(Decimal(6)), Contracts(Decimal(6))))


@pytest.mark.parametrize("position", [0, -3])
def test_an_account_that_holds_nothing_of_it_any_more_empties_the_book(position: int) -> None:
    drift = found(standing(10, position, 5))
    assert drift
    assert drift.book
    assert drift.book.flat


@pytest.mark.parametrize("position", [14, 10.25])
def test_what_was_bought_by_hand_is_seen_and_left_alone(position: float) -> None:
    drift = found(standing(10, position, 5))
    assert drift
    assert (drift.kind, drift.book) == (DriftKind.FOREIGN, None)


def test_a_position_of_an_account_that_copied_nothing_is_left_alone() -> None:
    drift = found(standing(0, 7, 5))
    assert drift
    assert (drift.kind, drift.book) == (DriftKind.FOREIGN, None)


@pytest.mark.parametrize(("leader", "left"), [(0, 0), (-5, 0), (2, 4)])
def test_a_missed_close_is_closed_down_to_what_the_leader_holds(leader: int, left: int) -> None:
    drift = found(standing(10, 10, leader))
    assert drift
    assert drift.book
    assert drift.kind is DriftKind.OVER_TARGET
    assert (int(drift.book.target), int(drift.book.held)) == (left, 10)


def test_less_than_an_order_too_much_is_nothing() -> None:
    assert found(standing(10, 10, 4.5)) is None


def test_a_rounded_up_position_is_judged_only_when_the_leader_is_out() -> None:
    assert found(standing(10, 10, 1), below_minimum=BelowMinimum.ROUND_UP) is None
    assert found(standing(10, 10, 0), below_minimum=BelowMinimum.ROUND_UP) is not None


def test_after_an_edit_a_partial_excess_is_only_reported() -> None:
    """What was copied under the earlier ratio is held rightly."""
    drift = found(standing(10, 10, 2), version=2)
    assert drift
    assert drift.book is None
    gone = found(standing(10, 10, 0), version=2)
    assert gone
    assert gone.book


def test_a_refused_copy_is_made_up_for_within_what_the_leader_holds() -> None:
    drift = found(standing(2, 2, 5, missed=9), max_age_ms=60_000)
    assert drift
    assert drift.book
    assert (drift.kind, int(drift.book.target)) == (DriftKind.MISSED_COPY, 10)
    assert [each.size for each in drift.book.openings] == [8]


@pytest.mark.parametrize("age", [None, 500])
def test_one_that_is_too_old_or_has_no_age_is_not(age: int | None) -> None:
    assert found(standing(2, 2, 5, missed=4), max_age_ms=age) is None


def test_only_following_the_account_needs_no_permission() -> None:
    book = Book()
    for kind in DriftKind:
        allowed = {policy for policy in DriftPolicy if may_act(Drift(kind, {}, book), policy)}
        always = kind is DriftKind.REDUCED_BY_HAND
        assert allowed == (set(DriftPolicy) if always else {DriftPolicy.REPAIR})
    assert not may_act(Drift(DriftKind.FOREIGN, {}), DriftPolicy.REPAIR)


def test_every_kind_has_a_remedy() -> None:
    assert set(DRIFT_REMEDIES) == set(DriftKind)


@given(sizes, sizes, sizes, sizes, st.integers(0, 40))
def test_a_repair_never_grows_past_the_leader_nor_crosses_zero(
    held: Contracts, target: Contracts, position: Contracts, leader: Contracts, missed: int
) -> None:
    at = standing(float(held), float(position), float(leader), float(target), missed * (1 if leader > 0 else -1))
    drift = found(at, max_age_ms=60_000)
    if drift is None or drift.book is None:
        return
    before, after = at.book, drift.book
    bound = abs(leader) * 2
    if drift.kind is DriftKind.MISSED_COPY:
        assert abs(after.target) <= bound
        assert after.held == before.held
        return
    assert abs(after.target) <= max(abs(before.target), abs(before.held))
    assert after.target * before.held >= 0 or after.target * before.target > 0
    if drift.kind is DriftKind.REDUCED_BY_HAND:
        assert abs(after.held) <= abs(position) or after.held == 0


@given(sizes, sizes, sizes)
def test_what_was_repaired_is_not_found_again(held: Contracts, position: Contracts, leader: Contracts) -> None:
    at = standing(float(held), float(position), float(leader))
    drift = found(at)
    if drift is None or drift.book is None:
        return
    filled = Book(drift.book.target, drift.book.target if drift.kind is DriftKind.OVER_TARGET else drift.book.held)
    moved = Contracts(at.position - (at.book.held - filled.held) if drift.kind is DriftKind.OVER_TARGET else position)
    again = compare(Standing(filled, moved, leader), subscription(ratio=2), instrument(), NOON_MS)
    assert again is None or again.kind is not drift.kind


def test_a_flat_book_and_a_flat_account_agree() -> None:
    assert (
        compare(Standing(FLAT, Contracts(Decimal(0)), Contracts(Decimal(9))), subscription(), instrument(), 0) is None
    )
