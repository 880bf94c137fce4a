"""Accounts: whose they are, where they trade and in which mode. Leaders and followers alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from shared.domain.ids import AccountId
from shared.store.engine import Database
from shared.store.tables import accounts

_CHANGEABLE = ("site", "uid", "main_uid", "leads", "account_level", "position_mode", "label", "applied", "updated")


@dataclass(frozen=True, slots=True)
class Account:
    """An OKX account; modes in OKX's own words (`acctLv`, `posMode`), empty while unknown."""

    account: AccountId
    site: str
    uid: str
    main_uid: str
    """The owner's main account: two accounts with the same one belong to one person."""
    leads: bool
    account_level: str = ""
    position_mode: str = ""
    label: str = ""
    applied: bool = False
    """Whether its owner asked to be followed."""


class Accounts:
    """Writes accounts and reads any of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, changed: Sequence[Account], now_ms: int) -> None:
        """Add accounts or replace what is known of them, all in one transaction. Repeating it changes nothing."""
        if not changed:
            return
        statement = self._database.upsert(accounts)
        statement = statement.on_conflict_do_update(
            index_elements=["account"], set_={name: statement.excluded[name] for name in _CHANGEABLE}
        )
        async with self._database.writing() as connection:
            await connection.execute(statement, [_values(each, now_ms) for each in changed])

    async def find(self, account: AccountId) -> Account | None:
        """Return an account, or None if we do not know it."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(accounts).where(accounts.c.account == account))).one_or_none()
        return None if row is None else account_of(row)

    async def of_uid(self, site: str, uid: str) -> Account | None:
        """Return the account of a uid on a site, or None if we do not know it."""
        query = select(accounts).where(accounts.c.site == site, accounts.c.uid == uid)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else account_of(row)

    async def all(self) -> list[Account]:
        """Return every account, by id."""
        async with self._database.reading() as connection:
            return [account_of(row) for row in await connection.execute(select(accounts).order_by(accounts.c.account))]


def account_of(row: Row[Any]) -> Account:
    """Read a row of the table."""
    return Account(
        AccountId(row.account),
        row.site,
        row.uid,
        row.main_uid,
        row.leads,
        row.account_level,
        row.position_mode,
        row.label,
        row.applied,
    )


def _values(account: Account, now_ms: int) -> dict[str, Any]:
    return {
        "account": account.account,
        "site": account.site,
        "uid": account.uid,
        "main_uid": account.main_uid,
        "leads": account.leads,
        "account_level": account.account_level,
        "position_mode": account.position_mode,
        "label": account.label,
        "applied": account.applied,
        "updated": now_ms,
    }
