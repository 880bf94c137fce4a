"""Copies as their follower sees them, newest first, page by page; and what is held because of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, or_, select

from shared.domain.ids import AccountId
from shared.store.engine import Database
from shared.store.tables import copies

_SHOWN = (
    "cl_ord_id", "leader", "inst_id", "outcome", "at", "side", "size", "price", "filled_size", "average_price", "fee",
    "fee_currency", "code", "reason", "remedy", "message", "subscription_version", "filled", "seen", "published",
    "read", "sent", "answered", "settled",
)  # fmt: skip

_HELD = ("leader", "inst_id", "held", "target", "at")

Place = tuple[int, str]
"""Where a page ends: the moment and the name of its last copy."""


class Copied:
    """Reads copies and skips."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, follower: AccountId, before: Place | None, most: int, outcome: str | None = None
    ) -> Sequence[dict[str, Any]]:
        """Return up to `most` copies of a follower that lie before a place, newest first."""
        query = select(*(copies.c[name] for name in _SHOWN)).where(copies.c.follower == follower)
        if before is not None:
            at, name = before
            same = and_(copies.c.at == at, copies.c.cl_ord_id < name)
            query = query.where(or_(copies.c.at < at, same))
        if outcome is not None:
            query = query.where(copies.c.outcome == outcome)
        query = query.order_by(copies.c.at.desc(), copies.c.cl_ord_id.desc()).limit(most)
        async with self._database.reading() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def positions(self, follower: AccountId) -> Sequence[dict[str, Any]]:
        """Return what a follower holds because of its leaders, as its last copy of each instrument left it.

        Reads every row of the follower once.
        """
        place = func.row_number().over(
            partition_by=(copies.c.leader, copies.c.inst_id), order_by=(copies.c.at.desc(), copies.c.settled.desc())
        )
        told = copies.c.held.is_not(None)
        rows = select(*(copies.c[name] for name in _HELD), place.label("place")).where(
            copies.c.follower == follower, told
        )
        newest = rows.subquery()
        query = select(newest).where(newest.c.place == 1).order_by(newest.c.leader, newest.c.inst_id)
        async with self._database.reading() as connection:
            found = [dict(row) for row in (await connection.execute(query)).mappings()]
        return [row for row in found if row["held"]]
