"""Templates, escaped always."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from shared.domain.quantities import plain


def _moment(at_ms: int | None) -> str:
    return "" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _number(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


_environment = Environment(loader=PackageLoader("services.portal.web"), autoescape=True, undefined=StrictUndefined)
_environment.filters |= {"moment": _moment, "number": _number}


def draw(name: str, shown: Mapping[str, Any]) -> str:
    """Return a page."""
    return _environment.get_template(name).render(shown)
