"""The subjects of the suite: the twin in memory, SQLite, and PostgreSQL where SLIPSTREAM_TEST_POSTGRESQL_URL names one.

A PostgreSQL subject is a database of its own on that server, dropped afterwards; the URL is postgresql+asyncpg://….
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.store.accounts import Accounts
from shared.store.engine import Database
from shared.store.grants import Grants
from shared.store.ledger import Ledger
from shared.store.migrate import migrate
from shared.store.opened_grants import OpenedGrants
from shared.store.subscriptions import Subscriptions
from shared.vault.seal import Vault
from tests.support.memory_store import (
    MemoryAccounts,
    MemoryGrants,
    MemoryLedger,
    MemoryOpenedGrants,
    MemoryRows,
    MemorySubscriptions,
)

POSTGRESQL = os.environ.get("SLIPSTREAM_TEST_POSTGRESQL_URL", "")
SQL = ["sqlite", "postgresql"] if POSTGRESQL else ["sqlite"]


@dataclass
class Store:
    accounts: Accounts | MemoryAccounts
    grants: Grants | MemoryGrants
    opened: OpenedGrants | MemoryOpenedGrants
    subscriptions: Subscriptions | MemorySubscriptions
    ledger: Ledger | MemoryLedger


@asynccontextmanager
async def migrated(kind: str, folder: Path) -> AsyncIterator[Database]:
    async with postgresql_url() if kind == "postgresql" else sqlite_url(folder) as url:
        database = Database(url)
        try:
            await migrate(database)
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def sqlite_url(folder: Path) -> AsyncIterator[str]:
    yield f"sqlite+aiosqlite:///{folder}/slipstream.db"


@asynccontextmanager
async def postgresql_url() -> AsyncIterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(POSTGRESQL.replace("+asyncpg", ""))
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield f"{POSTGRESQL.rpartition('/')[0]}/{name}"
        await admin.execute(f"DROP DATABASE {name}")
    finally:
        await admin.close()


@pytest.fixture(params=["memory", *SQL])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        rows = MemoryRows()
        yield Store(
            MemoryAccounts(rows), MemoryGrants(rows), MemoryOpenedGrants(rows), MemorySubscriptions(), MemoryLedger()
        )
        return
    async with migrated(request.param, tmp_path) as database:
        vault = Vault([bytes(range(32))])
        yield Store(
            Accounts(database),
            Grants(database, vault),
            OpenedGrants(database, vault),
            Subscriptions(database),
            Ledger(database),
        )


@pytest.fixture(params=SQL)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with migrated(request.param, tmp_path) as database:
        yield database
