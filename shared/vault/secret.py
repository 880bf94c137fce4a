"""A text that must not leak: shown as stars everywhere, revealed only where somebody asks in so many words."""

import hmac
from typing import Any, NoReturn, Self

STARS = "***"


class CannotOpen(Exception):
    """Sealed bytes do not open: unknown key, another row's bytes, or a change to them. Says which, never what."""


class Secret:
    """A token, key or passphrase in memory.

    Representation, text and format are stars; equality takes constant time; pickling and hashing are refused. JSON
    encoders refuse it as they refuse any object they do not know.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text:
            raise ValueError("a secret is empty; expected a token, a key or a passphrase")
        self._text = text

    def reveal(self) -> str:
        """Return the text itself: to sign with, to send to the venue, to seal; for nothing else."""
        return self._text

    def __repr__(self) -> str:
        return STARS

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(STARS, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would compare in variable time, and land in dictionaries

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled; seal it, or hand over the id of its row")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self
