"""Forms: which fields an object of a document may have, how each is read, and what to do about one that cannot be.

Every problem of an object is found in one pass. Secrets, and fields nobody knows (a misspelt secret may hide behind
one), are never quoted.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from shared.domain.quantities import plain
from shared.domain.subscriptions import Problem
from shared.vault.secret import STARS, Secret

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_LONGEST_QUOTED = 60
E = TypeVar("E", bound=StrEnum)


class NotTaken(ValueError):
    """A value cannot be read; the message says what to use instead."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; without a default it must be there."""

    read: Callable[[Any], Any]
    takes: str
    required: bool = True
    default: Any = None
    secret: bool = False


Form = Mapping[str, Field]


class Problems:
    """What is wrong with a document so far, each where it stands in it."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, field: str, value: object, remedy: str) -> None:
        """Note a problem; the value is quoted, shortened."""
        self.found.append(Problem(field, quoted(value), remedy))

    def read(self, raw: Any, path: str, form: Form) -> dict[str, Any] | None:  # noqa: ANN401 - whatever JSON holds
        """Read an object by its form: every field's value, defaults filled in; None if anything is wrong with it."""
        if not isinstance(raw, dict):
            self.add(path, raw, f"use an object with {', '.join(form)}")
            return None
        before = len(self.found)
        for name in raw.keys() - form.keys():
            self.add(_within(path, name), STARS, f"remove it or correct its name; known are {', '.join(form)}")
        values = {name: self._field(raw, path, name, field) for name, field in form.items()}
        return values if len(self.found) == before else None

    def _field(self, raw: dict[str, Any], path: str, name: str, field: Field) -> Any:  # noqa: ANN401
        if name not in raw:
            if field.required:
                self.add(_within(path, name), "", f"add it: {field.takes}")
            return field.default
        try:
            return field.read(raw[name])
        except NotTaken:
            self.add(_within(path, name), STARS if field.secret else raw[name], f"use {field.takes}")
            return field.default


def quoted(value: object) -> str:
    """Spell a value for a person, cut where it is long."""
    text = plain(value) if isinstance(value, Decimal) else str(value)
    return text if len(text) <= _LONGEST_QUOTED else f"{text[:_LONGEST_QUOTED]}… ({len(text)} characters)"


def text(pattern: str, takes: str, **rest: Any) -> Field:  # noqa: ANN401 - passed on to Field
    """Make a field of text that matches a pattern whole."""
    compiled = re.compile(pattern)

    def read(value: Any) -> str:  # noqa: ANN401
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise NotTaken
        return value

    return Field(read, takes, **rest)


def secret(pattern: str, takes: str) -> Field:
    """Make a field of text that nobody gets to see."""
    plain_text = text(pattern, takes)
    return Field(lambda value: Secret(plain_text.read(value)), takes, secret=True)


def choice(kind: type[E], **rest: Any) -> Field:  # noqa: ANN401 - passed on to Field
    """Make a field of one of a closed set of words."""

    def read(value: Any) -> E:  # noqa: ANN401
        if value not in list(kind):
            raise NotTaken
        return kind(value)

    return Field(read, f"one of {', '.join(kind)}", **rest)


def flag(**rest: Any) -> Field:  # noqa: ANN401 - passed on to Field
    """Make a field that is true or false."""

    def read(value: Any) -> bool:  # noqa: ANN401
        if not isinstance(value, bool):
            raise NotTaken
        return value

    return Field(read, "true or false", required=False, **rest)


def number(takes: str, **rest: Any) -> Field:  # noqa: ANN401 - passed on to Field
    """Make a field of an exact decimal, written as text or as a JSON number."""

    def read(value: Any) -> Decimal:  # noqa: ANN401
        spelled = value if isinstance(value, str) else quoted(value)
        if isinstance(value, bool) or not _PLAIN_NUMBER.fullmatch(spelled):
            raise NotTaken
        return Decimal(spelled)

    return Field(read, takes, **rest)


def whole(takes: str, most: int, **rest: Any) -> Field:  # noqa: ANN401 - passed on to Field
    """Make a field of a whole number from 1 on."""

    def read(value: Any) -> int:  # noqa: ANN401
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
            raise NotTaken
        return value

    return Field(read, takes, **rest)


def or_none(field: Field) -> Field:
    """Let a field be null, and be left out."""
    return Field(
        lambda value: None if value is None else field.read(value), f"{field.takes}, or null", False, field.default
    )


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
