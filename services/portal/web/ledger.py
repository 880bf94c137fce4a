"""What of the ledger the API shows: copies and skips, page by page, and what is held because of them."""

from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel

from shared.domain.quantities import plain


class CopyRow(BaseModel):
    """One copy or skip, with its hop times in Unix milliseconds."""

    cl_ord_id: str
    leader: str
    inst_id: str
    outcome: str
    at: int
    side: str | None
    size: str | None
    filled_size: str | None
    average_price: str | None
    fee: str | None
    fee_currency: str | None
    code: str | None
    reason: str | None
    remedy: str | None
    message: str | None
    subscription_version: int
    filled: int | None
    seen: int | None
    published: int | None
    read: int | None
    sent: int | None
    answered: int | None
    settled: int | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """Spell a row of the ledger."""
        wanted = {name: row[name] for name in cls.model_fields}
        spelled = {name: plain(each) if isinstance(each, Decimal) else each for name, each in wanted.items()}
        return cls.model_validate(spelled)


class PositionRow(BaseModel):
    """What an account holds because of a leader, in signed contracts, since its last copy there."""

    leader: str
    inst_id: str
    held: str
    target: str | None
    """What it should hold; the difference is on its way, or waits."""
    at: int
    managed: bool
    """Whether the leader's closes are copied: not while nothing lets us act for the account."""

    @classmethod
    def of(cls, row: dict[str, Any], *, managed: bool) -> Self:
        """Spell a row of the ledger."""
        target = None if row["target"] is None else plain(row["target"])
        names = {name: row[name] for name in ("leader", "inst_id", "at")}
        return cls(**names, held=plain(row["held"]), target=target, managed=managed)


class CopyPage(BaseModel):
    """Copies, newest first; `next` is the cursor of the page after."""

    copies: list[CopyRow]
    next: str | None
