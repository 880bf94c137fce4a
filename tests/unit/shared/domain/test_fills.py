"""What a fill and an event say of a leader's position."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fills import EventKind, Source
from shared.domain.instruments import Side
from tests.support.builders import event, fill
from tests.unit.shared.domain.drawing import proven

positions = st.integers(-10_000, 10_000).map(lambda number: Decimal(number) / 10)


@pytest.mark.parametrize(
    ("before", "after", "fraction", "opened"),
    [
        (0, 10, "0", 10),
        (10, 16, "0", 6),
        (-10, -16, "0", -6),
        (16, 12, "0.25", 0),
        (-16, -12, "0.25", 0),
        (10, 0, "1", 0),
        (10, -4, "1", -4),
        (-10, 4, "1", 4),
        (10, 10, "0", 0),
        (0, 0, "0", 0),
    ],
)
def test_an_event_closes_a_fraction_or_opens_or_both(before: int, after: int, fraction: str, opened: int) -> None:
    moved = event(before, after)
    assert moved.closed_fraction == Decimal(fraction)
    assert moved.opened == opened


@proven
@given(positions, positions)
def test_what_is_closed_and_what_is_opened_make_the_whole_move(before: Decimal, after: Decimal) -> None:
    moved = event(before, after)
    assert 0 <= moved.closed_fraction <= 1
    left = Fraction(before) * (1 - Fraction(moved.closed_fraction)) + Fraction(moved.opened)
    assert abs(left - Fraction(after)) < Fraction(1, 10**20)


def test_a_fill_has_one_identity_whichever_way_it_reached_us() -> None:
    told, read = fill(trade_id="77"), fill(trade_id="77", source=Source.REST, bill_id="900123")
    assert told.event_id == read.event_id == "leader:BTC-USDT-SWAP:77"


def test_a_fill_adds_by_its_side() -> None:
    assert [fill(side, 3).signed for side in (Side.BUY, Side.SELL)] == [3, -3]


@pytest.mark.parametrize(("category", "chosen"), [("normal", True), ("", True), ("adl", False), ("twap", False)])
def test_only_plain_fills_are_the_leaders_choice(category: str, chosen: bool) -> None:
    """REST names no category; whatever else we do not know is not copied when it opens."""
    assert event(0, 1, category=category).chosen is chosen


def test_an_adjustment_is_nobodys_choice() -> None:
    assert not event(0, 1, kind=EventKind.ADJUSTMENT).chosen
