"""What only a real database can show: tables as written, secrets sealed, numbers exact, the audit log unalterable."""

import asyncio
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, StatementError
from structlog.testing import capture_logs

from shared.domain.ids import AccountId
from shared.domain.subscriptions import FixedRatio, Subscription, SubscriptionState
from shared.ports import CouldNotAsk, GrantUnusable
from shared.store.accounts import Account, Accounts
from shared.store.audit import AuditLog, Deed
from shared.store.engine import Database, StoreUnavailable
from shared.store.followers import Followers
from shared.store.grants import Consent, Grants
from shared.store.leaders import Leaders
from shared.store.migrate import migrate
from shared.store.opened_grants import OpenedGrants
from shared.store.partner_tables import every_table
from shared.store.subscriptions import Subscriptions
from shared.store.tables import trade_events
from shared.vault.credentials import ApiKey, TokenPair
from shared.vault.seal import Vault
from shared.vault.secret import CannotOpen, Secret

NOW = 1_700_000_000_123
ONE, TWO = AccountId("one"), AccountId("two")
PLANTED = ["planted-access", "planted-refresh", "planted-key", "planted-signing", "planted-phrase"]


async def test_migrations_make_exactly_the_tables_of_this_build(database: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), every_table))

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    assert await migrate(database) == await migrate(database) != ""


def test_many_services_may_migrate_one_database_at_once(tmp_path: Path) -> None:
    variables = {"SLIPSTREAM_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/new/slipstream.db"}
    command = [sys.executable, "-m", "shared.store.migrate"]
    started = [subprocess.Popen(command, env=variables, stdout=-1, stderr=-1, text=True) for _ in range(2)]

    assert [(child.communicate(timeout=50)[1], child.returncode) for child in started] == [("", 0)] * 2


async def enrolled(database: Database, vault: Vault) -> Grants:
    accounts = [Account(ONE, "www", "1", "1", leads=False), Account(TWO, "www", "2", "2", leads=True)]
    await Accounts(database).save(accounts, NOW)
    grants = Grants(database, vault)
    access, refresh, key, signing, phrase = map(Secret, PLANTED)
    await grants.put([Consent(ONE, TokenPair(access, refresh, 1_000)), Consent(TWO, ApiKey(key, signing, phrase))], NOW)
    return grants


async def test_a_service_starts_while_somebody_writes(tmp_path: Path) -> None:
    file = tmp_path / "slipstream.db"
    database = Database(f"sqlite+aiosqlite:///{file}")
    newest = await migrate(database)
    with sqlite3.connect(file, isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(5):
            assert await migrate(database) == newest
        writer.execute("ROLLBACK")
    writer.close()
    await database.close()


async def test_no_secret_is_readable_in_the_file(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/slipstream.db")
    await migrate(database)
    await enrolled(database, Vault([bytes(32)]))
    await database.close()

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"grants" in stored
    assert [secret for secret in PLANTED if secret.encode() in stored] == []


async def test_sealed_bytes_moved_to_another_account_do_not_open(database: Database) -> None:
    vault = Vault([bytes(32)])
    grants = await enrolled(database, vault)
    await grants.put([Consent(TWO, TokenPair(Secret("a"), Secret("b"), 1_000))], NOW)
    swap = "UPDATE grants SET access_token_sealed = (SELECT access_token_sealed FROM grants WHERE account = 'one')"
    async with database.writing() as connection:
        await connection.execute(text(swap))

    opened = OpenedGrants(database, vault)
    with capture_logs() as logs:
        assert await opened.warm([ONE, TWO]) == 1
    assert [(line["event"], line["account"]) for line in logs] == [("grant_not_opened", TWO)]
    with pytest.raises(GrantUnusable):
        await opened.read(TWO)
    with pytest.raises(CannotOpen, match=r"grants\.access_token_sealed of two"):
        await grants.open_pair((await grants.lives())[TWO])


async def test_leaders_and_followers_are_told_apart(database: Database) -> None:
    await enrolled(database, Vault([bytes(32)]))

    assert [account.account for account in await Leaders(database).all()] == [TWO]
    assert await Followers(database).all() == []
    assert await Followers(database).sites() == set()

    await Subscriptions(database).save(
        [Subscription(ONE, TWO, 1, SubscriptionState.ACTIVE, FixedRatio(Decimal(1)))], NOW
    )

    assert [account.account for account in await Followers(database).all()] == [ONE]
    assert await Followers(database).sites() == {(await Followers(database).all())[0].site}


async def test_an_account_is_read_as_it_was_last_saved(database: Database) -> None:
    await enrolled(database, Vault([bytes(32)]))
    changed = Account(ONE, "eea", "1", "1", leads=False, account_level="3", position_mode="net_mode", label="ours")
    await Accounts(database).save([changed], NOW)

    assert await Accounts(database).find(ONE) == changed
    assert await Followers(database).find([ONE, AccountId("nobody")]) == {ONE: changed}
    assert await Accounts(database).find(AccountId("nobody")) is None
    assert [account.account for account in await Accounts(database).all()] == [ONE, TWO]


async def test_a_fence_is_proven_until_the_next_consent(database: Database) -> None:
    grants, followers = await enrolled(database, Vault([bytes(32)])), Followers(database)
    assert await followers.fenced([ONE, TWO]) == set()

    for _ in range(2):
        assert await grants.mark_fenced(ONE, 1)
    assert not await grants.mark_fenced(TWO, 2)
    assert await followers.fenced([ONE, TWO]) == {ONE}

    await grants.put([Consent(ONE, TokenPair(Secret("a"), Secret("b"), 1_000))], NOW)
    assert not await grants.mark_fenced(ONE, 1)
    assert not await grants.mark_tagged(ONE, 1, tagged=True)
    assert await followers.fenced([ONE, TWO]) == set(), "a proof under way when the new consent came is of the old one"
    assert (await grants.proofs())[ONE] == (False, None)


async def test_a_database_that_cannot_be_used_is_named_as_such(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/slipstream.db")
    with pytest.raises(StoreUnavailable, match="no such table"):
        await Accounts(database).all()
    with pytest.raises(CouldNotAsk, match="the grant of account one was not read"):
        await OpenedGrants(database, Vault([bytes(32)])).read(ONE)
    await database.close()


async def test_an_inexact_number_is_refused(database: Database) -> None:
    for wrong in (Decimal("NaN"), Decimal("Infinity"), 0.1):
        statement = trade_events.update().values(price=wrong)
        with pytest.raises(StatementError, match="is not exact; expected a finite Decimal"):
            async with database.writing() as connection:
                await connection.execute(statement)


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    await enrolled(database, Vault([bytes(32)]))

    with pytest.raises(RuntimeError, match="half-way"):
        async with database.writing() as connection:
            await connection.execute(text("DELETE FROM grants"))
            raise RuntimeError("half-way")

    assert await OpenedGrants(database, Vault([bytes(32)])).warm([ONE, TWO]) == 2


async def test_audit_entries_form_a_chain_even_when_written_at_once(database: Database) -> None:
    log = AuditLog(database)
    deeds = [Deed("operator", "paused", f"follower-{number}", {"number": number}) for number in range(6)]

    numbers = await asyncio.gather(*(log.append(deed, NOW) for deed in deeds))

    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]
    assert await log.first_broken() is None


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log"])
async def test_the_database_refuses_to_change_the_audit_log(database: Database, statement: str) -> None:
    await AuditLog(database).append(Deed("operator", "paused", "follower", {}), NOW)

    with pytest.raises(DBAPIError, match="append-only"):
        async with database.writing() as connection:
            await connection.execute(text(statement))


async def test_a_change_forced_past_the_guard_breaks_the_chain(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/slipstream.db")
    await migrate(database)
    log = AuditLog(database)
    for number in range(4):
        await log.append(Deed("operator", "paused", "follower", {"number": number}), NOW)

    with sqlite3.connect(tmp_path / "slipstream.db") as raw:
        raw.execute("DROP TRIGGER audit_log_no_update")
        raw.execute("UPDATE audit_log SET actor = 'nobody' WHERE number = 3")
    raw.close()

    assert await log.first_broken() == 3
    await database.close()
