"""The accounts whose trades are watched: all that a watcher sees of the accounts."""

from sqlalchemy import select

from shared.store.accounts import Account, account_of
from shared.store.engine import Database
from shared.store.tables import accounts


class Leaders:
    """Reads leaders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Account]:
        """Return every leader, by id."""
        query = select(accounts).where(accounts.c.leads).order_by(accounts.c.account)
        async with self._database.reading() as connection:
            return [account_of(row) for row in await connection.execute(query)]
