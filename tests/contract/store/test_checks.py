"""Whose turn it is to be looked at: the longest ago first, and each for one who asks."""

from shared.domain.grants import GrantStatus
from shared.domain.ids import AccountId
from shared.store.accounts import Account, Accounts
from shared.store.checks import Checks
from shared.store.engine import Database
from shared.store.grants import Consent, Grants
from shared.vault.credentials import TokenPair
from shared.vault.seal import Vault
from shared.vault.secret import Secret

ONE, TWO, THREE = (AccountId(name) for name in ("one", "two", "three"))
FOUND = [{"name": "balance", "found": "0", "remedy": "Put funds in."}]


async def test_a_turn_is_taken_once_and_comes_again_later(database: Database) -> None:
    grants, checks = Grants(database, Vault([bytes(32)])), Checks(database)
    await Accounts(database).save([Account(each, "www", each, each, leads=False) for each in (ONE, TWO, THREE)], 1)
    await grants.put([Consent(each, TokenPair(Secret("a"), Secret("b"), 1_000)) for each in (ONE, TWO, THREE)], 1)
    lives = await grants.lives()
    await grants.mark(lives[THREE], GrantStatus.REVOKED, "gone")
    assert await checks.due(100, 10) == [(ONE, None), (TWO, None)]
    assert await checks.claim((ONE, None), 50)
    assert not await checks.claim((ONE, None), 50)
    assert await checks.due(50, 10) == [(TWO, None)]
    assert await checks.due(51, 10) == [(TWO, None), (ONE, 50)]
    assert await checks.due(51, 1) == [(TWO, None)]
    assert await checks.claim((ONE, 50), 60)


async def test_what_was_found_replaces_what_was_found_before(database: Database) -> None:
    checks = Checks(database)
    await Accounts(database).save([Account(each, "www", each, each, leads=False) for each in (ONE, TWO)], 1)
    assert await checks.findings(ONE) == []
    await checks.note(ONE, "3", "net_mode", FOUND)
    assert (await checks.findings(ONE), await checks.all()) == (FOUND, {ONE: FOUND})
    stored = await Accounts(database).find(ONE)
    assert stored is not None
    assert (stored.account_level, stored.position_mode) == ("3", "net_mode")
    await checks.note(ONE, "3", "net_mode", [])
    assert await checks.all() == {}
