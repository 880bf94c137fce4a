"""The database: opened by URL, read and written in transactions.

SQLite is held to what PostgreSQL promises: a write waits for the lock at its beginning (BEGIN IMMEDIATE), so it never
fails half-way for having read first; a commit is on disk when it returns (synchronous=FULL); readers never wait (WAL).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON")
_BEGIN = "slipstream_begin"

Upsert = sqlite.Insert | postgresql.Insert


class StoreUnavailable(ConnectionError):
    """The database could not be reached or did not carry a statement out; nothing of the transaction was kept.

    A built-in ConnectionError, so that use cases can wait for it to pass without knowing which database there is.
    """


class Database:
    """One engine and its pool; safe to share among tasks. Close it once, at the end."""

    def __init__(self, url: str) -> None:
        """Prepare to connect; nothing is opened until the first transaction. Makes the folder of a SQLite file."""
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        if self.sqlite and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine: AsyncEngine = create_async_engine(parsed, hide_parameters=True)
        if self.sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection inside a transaction that only reads.

        Raises:
            StoreUnavailable: see there.
        """
        with _naming_trouble():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection inside a transaction, committed (and durable) when the block ends well, else undone.

        Raises:
            StoreUnavailable: see there; if the commit itself was interrupted, it may have been kept after all.
        """
        with _naming_trouble():
            async with self._engine.connect() as connection:
                await connection.execution_options(**{_BEGIN: "IMMEDIATE"})
                async with connection.begin():
                    yield connection

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._engine.dispose()

    def upsert(self, table: Table) -> Upsert:
        """Start an INSERT that can say ON CONFLICT, which both engines spell alike."""
        return sqlite.insert(table) if self.sqlite else postgresql.insert(table)


@contextmanager
def _naming_trouble() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(f"the database did not carry it out: {error.orig}") from error
    except OSError as error:
        if isinstance(error, StoreUnavailable):
            raise
        raise StoreUnavailable(f"the database cannot be reached: {error}") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get(_BEGIN, 'DEFERRED')}")
