"""Bring a database to the tables of this build: `python -m shared.store.migrate`.

Safe when several services start at once: whoever comes first holds the database's own lock through the whole upgrade,
the others wait and then find nothing to do. A failed upgrade leaves nothing behind.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from shared.configuration import load
from shared.settings import DatabaseSettings
from shared.store.engine import Database

_LOCK = 7_431_902_115
"""PostgreSQL advisory lock of our migrations: any number nobody else uses."""


async def migrate(database: Database) -> str:
    """Upgrade to the newest revision and return its name.

    When already there it only reads, so that a service starts beside somebody who holds the database's lock.
    """
    async with database.reading() as connection:
        present, newest = await connection.run_sync(_revisions)
    if present == newest:
        return newest
    async with database.writing() as connection:
        if not database.sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        return await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> str:
    with _configured(connection) as config:
        command.upgrade(config, "head")
    return _present(connection)


def _revisions(connection: Connection) -> tuple[str, str]:
    """Return the database's revision and this build's."""
    with _configured(connection) as config:
        return _present(connection), ScriptDirectory.from_config(config).get_current_head() or ""


def _present(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


@contextmanager
def _configured(connection: Connection) -> Iterator[Config]:
    with as_file(files("shared.store").joinpath("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        yield config


async def _main(url: str) -> None:
    database = Database(url)
    try:
        print(f"database is at revision {await migrate(database)}")
    finally:
        await database.close()


def main() -> int:
    """Upgrade the database named by SLIPSTREAM_DATABASE_URL."""
    asyncio.run(_main(load(DatabaseSettings).database_url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
