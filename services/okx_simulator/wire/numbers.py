"""Numbers as OKX writes them: JSON strings, plain notation, "" for absent."""

import re
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)

# Longer numbers than any amount: what is bounded here cannot cost time or overflow further in.
_PLAIN: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?").fullmatch
_WHOLE: Final = re.compile(r"[0-9]{1,19}").fullmatch


def wire(value: Decimal) -> str:
    """Spell a number without exponent and without trailing zeros; zero is "0"."""
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def positive(text: object) -> Decimal | None:
    """Read a plain positive number given as a string; None for anything else, numbers outside strings included."""
    if not isinstance(text, str) or _PLAIN(text) is None:
        return None
    return Decimal(text) or None


def whole(text: str) -> int | None:
    """Read an id or a time: up to nineteen digits; None for anything else."""
    return int(text) if _WHOLE(text) else None
