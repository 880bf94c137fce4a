"""Rounding and spelling of exact numbers."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.instruments import Side, side_of
from shared.domain.quantities import down_to, plain, sign, toward_zero, up_to
from tests.support.builders import instrument
from tests.unit.shared.domain.drawing import proven

values = st.decimals(-(10**12), 10**12, places=8, allow_nan=False, allow_infinity=False)
steps = st.builds(lambda digit, power: Decimal(digit).scaleb(power), st.sampled_from([1, 2, 5, 25]), st.integers(-8, 4))


@proven
@given(values, steps)
def test_rounding_ends_on_the_step_and_on_the_right_side(value: Decimal, step: Decimal) -> None:
    near, below, above = toward_zero(value, step), down_to(value, step), up_to(value, step)
    assert all(Fraction(each) / Fraction(step) % 1 == 0 for each in (near, below, above))
    assert below <= value <= above
    assert value - below < step
    assert above - value < step
    assert near == (below if value >= 0 else above)


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("10.500", "10.5"),
        ("100", "100"),
        ("0E-9", "0"),
        ("-0.00", "0"),
        ("-2.50", "-2.5"),
    ],
)
def test_numbers_are_spelled_as_okx_spells_them(value: str, spelled: str) -> None:
    assert plain(Decimal(value)) == spelled


@proven
@given(values)
def test_a_spelled_number_is_the_number(value: Decimal) -> None:
    assert Decimal(plain(value)) == value
    assert "E" not in plain(value)


@pytest.mark.parametrize(("value", "expected"), [(Decimal("-0.1"), -1), (Decimal("-0"), 0), (Decimal(7), 1)])
def test_a_sign_is_minus_one_zero_or_one(value: Decimal, expected: int) -> None:
    assert sign(value) == expected


def test_a_side_is_what_its_fills_add() -> None:
    assert [side.sign for side in (Side.BUY, Side.SELL)] == [1, -1]
    assert [side_of(Decimal(value)) for value in (3, -3)] == [Side.BUY, Side.SELL]


def test_prices_round_so_that_nothing_is_given_away() -> None:
    on = instrument(tick="0.5")
    assert on.round_price(Decimal("100.7"), Side.BUY) == Decimal("100.5")
    assert on.round_price(Decimal("100.7"), Side.SELL) == Decimal(101)
