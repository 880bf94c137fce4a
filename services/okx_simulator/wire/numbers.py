"""Numbers as OKX writes them: JSON strings, plain notation, "" for absent."""

from decimal import Decimal, InvalidOperation

ZERO = Decimal(0)


def wire(value: Decimal) -> str:
    """Spell a number without exponent and without trailing zeros; zero is "0"."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def positive(text: object) -> Decimal | None:
    """Read a plain positive number given as a string; None for anything else, numbers outside strings included."""
    if not isinstance(text, str) or not text or not text.isascii():
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 and "_" not in text and text.strip() == text else None
