"""Copies of what Redis keeps, one row per key: a cache of a cache, but the only one an empty server can be given."""

from sqlalchemy import func, select

from shared.messages.copy import Copy, read_rows, write_rows
from shared.store.engine import Database
from shared.store.tables import redis_copies


class RedisCopies:
    """Keeps the newest copy of each key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, copy: Copy) -> None:
        """Write a copy in one transaction; of each key the later copy stays, whoever comes last. Repeatable."""
        rows = [{"name": name, "data": data, "at": copy.at_ms} for name, data in write_rows(copy).items()]
        statement = self._database.upsert(redis_copies)
        newer = statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"data": statement.excluded.data, "at": statement.excluded.at},
            where=statement.excluded.at >= redis_copies.c.at,
        )
        async with self._database.writing() as connection:
            await connection.execute(newer, rows)

    async def load(self) -> Copy | None:
        """Return the newest copy of everything, or None if none was ever made."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(redis_copies.c.name, redis_copies.c.data))).all()
            at_ms = (await connection.execute(select(func.max(redis_copies.c.at)))).scalar_one()
        return read_rows({row.name: row.data for row in rows}, at_ms) if rows else None
