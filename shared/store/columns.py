"""Column types that mean the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Numeric, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LONGEST_NUMBER = 64

Json = JSON().with_variant(JSONB(), "postgresql")


class Exact(TypeDecorator[Decimal]):
    """A decimal kept digit for digit: NUMERIC on PostgreSQL; text on SQLite, whose numbers would become floats."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type of this engine."""
        sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(String(_LONGEST_NUMBER)) if sqlite else dialect.type_descriptor(Numeric())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ANN401 - whatever a caller passes
        """Refuse what is not an exact, finite number."""
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise TypeError(f"{value!r} is not exact; expected a finite Decimal")
        return format(value, "f") if dialect.name == "sqlite" else value

    def process_result_value(self, value: str | Decimal | None, dialect: Dialect) -> Decimal | None:
        """Read it back, digit for digit."""
        del dialect
        return None if value is None else Decimal(value)


class Moment(TypeDecorator[int]):
    """Unix milliseconds in our code, a UTC time in the database, so that people can read the tables."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn milliseconds into a UTC time, exactly."""
        del dialect
        return None if value is None else _EPOCH + value * _MILLISECOND

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn it back; SQLite returns it without its zone."""
        del dialect
        return None if value is None else (value.replace(tzinfo=value.tzinfo or UTC) - _EPOCH) // _MILLISECOND
