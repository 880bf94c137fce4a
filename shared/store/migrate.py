"""Bring a database to the tables of this build: `python -m shared.store.migrate`.

Safe when several services start at once: whoever comes first holds the database's own lock through the whole upgrade,
the others wait and then find nothing to do. A failed upgrade leaves nothing behind.
"""

import asyncio
import sys
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from shared.configuration import load
from shared.settings import DatabaseSettings
from shared.store.engine import Database

_LOCK = 7_431_902_115
"""PostgreSQL advisory lock of our migrations: any number nobody else uses."""


async def migrate(database: Database) -> str:
    """Upgrade to the newest revision and return its name; a no-op when already there."""
    async with database.writing() as connection:
        if not database.sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        return await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> str:
    with as_file(files("shared.store").joinpath("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return MigrationContext.configure(connection).get_current_revision() or ""


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
