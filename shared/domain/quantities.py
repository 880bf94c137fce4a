"""Exact sizes and prices, with their unit in the type; no float ever touches money."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import NewType

Contracts = NewType("Contracts", Decimal)
"""A number of contracts; signed where it is a position, positive where it is an order's size."""
Quote = NewType("Quote", Decimal)
"""An amount of the quote currency."""
Price = NewType("Price", Decimal)

ZERO = Contracts(Decimal(0))


def toward_zero(value: Decimal, step: Decimal) -> Decimal:
    """Round to a multiple of `step` that is never further from zero than `value`."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def down_to(value: Decimal, step: Decimal) -> Decimal:
    """Round to the next multiple of `step` at or below `value`."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def up_to(value: Decimal, step: Decimal) -> Decimal:
    """Round to the next multiple of `step` at or above `value`."""
    return (value / step).to_integral_value(ROUND_CEILING) * step


def sign(value: Decimal) -> int:
    """Return -1, 0 or 1."""
    return (value > 0) - (value < 0)


def plain(value: Decimal) -> str:
    """Spell a decimal as OKX does: no exponent, no trailing zeros."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if text[-1] != "0":
        return text
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
