"""Checks of accounts: which is due, who makes it, and what it found."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select, update

from shared.domain.grants import GrantStatus
from shared.domain.ids import AccountId
from shared.store.engine import Database
from shared.store.tables import accounts, grants

Findings = Sequence[Mapping[str, str]]
"""Plain JSON: what was found, each with its remedy."""


Due = tuple[AccountId, int | None]
"""An account to be looked at, and when it was last; None if never."""


class Checks:
    """Reads what is due and writes what was found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, before_ms: int, most: int) -> list[Due]:
        """Return accounts with a live grant that were not looked at since a moment, the longest ago first."""
        query = (
            select(accounts.c.account, accounts.c.checked)
            .join(grants, grants.c.account == accounts.c.account)
            .where(grants.c.status == GrantStatus.LIVE.value)
            .where(or_(accounts.c.checked.is_(None), accounts.c.checked < before_ms))
            .order_by(accounts.c.checked.is_not(None), accounts.c.checked, accounts.c.account)
            .limit(most)
        )
        async with self._database.reading() as connection:
            return [(AccountId(row.account), row.checked) for row in await connection.execute(query)]

    async def claim(self, due: Due, now_ms: int) -> bool:
        """Take an account to look at; False if somebody else did since it was found due."""
        account, checked_ms = due
        statement = update(accounts).where(accounts.c.account == account)
        statement = statement.where(accounts.c.checked.is_not_distinct_from(checked_ms)).values(checked=now_ms)
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def note(self, account: AccountId, level: str, position_mode: str, findings: Findings) -> None:
        """Write down how an account is, and what was found."""
        facts: dict[str, Any] = {"account_level": level, "position_mode": position_mode, "findings": list(findings)}
        async with self._database.writing() as connection:
            await connection.execute(update(accounts).where(accounts.c.account == account).values(**facts))

    async def findings(self, account: AccountId) -> Findings:
        """Return what was found last."""
        query = select(accounts.c.findings).where(accounts.c.account == account)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar_one_or_none() or []

    async def all(self) -> dict[AccountId, Findings]:
        """Return what was found last of every account with something to put right."""
        query = select(accounts.c.account, accounts.c.findings).where(accounts.c.findings.is_not(None))
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return {AccountId(row.account): row.findings for row in rows if row.findings}
