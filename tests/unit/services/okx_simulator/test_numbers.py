from decimal import Decimal

import pytest

from services.okx_simulator.wire.numbers import positive, wire


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", "0"), ("0.00", "0"), ("-0", "0"), ("1E+3", "1000"), ("0.30", "0.3"), ("100", "100"), ("-1.50", "-1.5")],
)
def test_numbers_are_plain_and_short(value: str, expected: str) -> None:
    assert wire(Decimal(value)) == expected


@pytest.mark.parametrize("text", ["", "-1", "0", "NaN", "Infinity", "1_000", " 1", "\u0661", "one", 1, 0.5, None, True])
def test_only_plain_positive_numbers_in_strings_are_read(text: object) -> None:
    assert positive(text) is None


def test_a_number_in_a_string_is_read() -> None:
    assert positive("0.03") == Decimal("0.03")
