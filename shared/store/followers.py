"""The accounts that follow somebody: what a worker has to know of them before it plans."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select

from shared.domain.ids import AccountId
from shared.store.accounts import Account, account_of
from shared.store.engine import Database
from shared.store.tables import accounts, grants, subscriptions

_CHUNK = 1_000
"""Ids named in one query: well below what either engine takes."""


class Followers:
    """Reads followers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Account]:
        """Return every account with a subscription in any state, by id."""
        following = select(subscriptions.c.follower)
        query = select(accounts).where(accounts.c.account.in_(following)).order_by(accounts.c.account)
        async with self._database.reading() as connection:
            return [account_of(row) for row in await connection.execute(query)]

    async def sites(self) -> set[str]:
        """Return the sites that accounts with a subscription in any state live on."""
        following = select(subscriptions.c.follower)
        query = select(accounts.c.site).where(accounts.c.account.in_(following)).distinct()
        async with self._database.reading() as connection:
            return set((await connection.execute(query)).scalars())

    async def find(self, wanted: Sequence[AccountId]) -> dict[AccountId, Account]:
        """Return those of the accounts that we know."""
        found: dict[AccountId, Account] = {}
        async with self._database.reading() as connection:
            for chunk in _chunks(wanted):
                rows = await connection.execute(select(accounts).where(accounts.c.account.in_(chunk)))
                found |= {account.account: account for account in map(account_of, rows)}
        return found

    async def fenced(self, wanted: Sequence[AccountId]) -> set[AccountId]:
        """Return those whose grant was seen to make the venue refuse expired orders."""
        found: set[AccountId] = set()
        async with self._database.reading() as connection:
            for chunk in _chunks(wanted):
                query = select(grants.c.account).where(grants.c.account.in_(chunk), grants.c.fenced)
                found |= {AccountId(row.account) for row in await connection.execute(query)}
        return found


def _chunks(wanted: Sequence[AccountId]) -> Iterator[Sequence[AccountId]]:
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))
