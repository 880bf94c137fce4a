"""A grant's life in the store: one refresher, no lost pair, nothing readable at rest."""

import asyncio

import pytest

from shared.domain.grants import GrantKind, GrantLife, GrantStatus
from shared.domain.ids import AccountId
from shared.ports import GrantUnusable
from shared.store.accounts import Account
from shared.store.grants import Consent
from shared.vault.credentials import ApiKey, BearerToken, SigningKey, TokenPair
from shared.vault.secret import Secret
from tests.contract.store.conftest import Store

FOLLOWER, LEADER = AccountId("follower-1"), AccountId("leader-1")
NOW = 1_700_000_000_123
HOUR = 3_600_000


def pair(number: int, lives_ms: int = HOUR) -> TokenPair:
    return TokenPair(Secret(f"access-{number}"), Secret(f"refresh-{number}"), lives_ms)


KEY = ApiKey(Secret("key"), Secret("signing"), Secret("phrase"))


@pytest.fixture
async def life(store: Store) -> GrantLife:
    follower = Account(FOLLOWER, "eea", "1001", "1001", leads=False)
    await store.accounts.save([follower, Account(LEADER, "www", "9", "9", leads=True)], NOW)
    await store.grants.put([Consent(FOLLOWER, pair(1)), Consent(LEADER, KEY)], NOW)
    return (await store.grants.lives())[FOLLOWER]


async def test_a_consent_is_live_and_opens_to_what_acts_for_the_account(store: Store, life: GrantLife) -> None:
    assert life == GrantLife(FOLLOWER, GrantKind.OAUTH, 1, GrantStatus.LIVE, NOW, NOW + HOUR)
    assert await store.opened.read(FOLLOWER) == BearerToken(FOLLOWER, 1, "eea", Secret("access-1"))
    assert await store.opened.read(LEADER) == SigningKey(LEADER, 1, "www", KEY)
    assert await store.grants.open_pair(life) == ("eea", pair(1))


async def test_an_account_without_a_grant_cannot_be_used(store: Store) -> None:
    with pytest.raises(GrantUnusable, match="its owner has to consent anew"):
        await store.opened.read(AccountId("nobody"))


async def test_only_live_token_pairs_are_renewable_and_the_first_to_die_is_in_front(
    store: Store, life: GrantLife
) -> None:
    second, dead = AccountId("follower-2"), AccountId("follower-3")
    await store.accounts.save([Account(each, "www", each, each, leads=False) for each in (second, dead)], NOW)
    await store.grants.put([Consent(second, pair(2, lives_ms=60_000)), Consent(dead, pair(3))], NOW)
    await store.grants.mark((await store.grants.lives())[dead], GrantStatus.REVOKED, "53003")

    assert [each.account for each in await store.grants.renewable(NOW)] == [second, life.account]


async def test_a_claim_is_held_by_one_until_it_runs_out(store: Store, life: GrantLife) -> None:
    assert await store.grants.claim(life, "keeper-a", NOW, NOW + 10_000)
    assert not await store.grants.claim(life, "keeper-b", NOW + 9_999, NOW + 20_000)
    assert await store.grants.renewable(NOW + 9_999) == []
    assert await store.grants.claim(life, "keeper-b", NOW + 10_000, NOW + 20_000)


async def test_of_many_claimants_at_once_exactly_one_wins(store: Store, life: GrantLife) -> None:
    claims = [store.grants.claim(life, f"keeper-{number}", NOW, NOW + 10_000) for number in range(8)]

    assert sorted(await asyncio.gather(*claims)) == [False] * 7 + [True]


async def test_a_new_pair_replaces_the_old_one_and_frees_the_claim(store: Store, life: GrantLife) -> None:
    await store.opened.read(FOLLOWER)
    await store.grants.claim(life, "keeper-a", NOW, NOW + 10_000)

    renewed = await store.grants.store(life, pair(2), NOW + 500)

    assert renewed == GrantLife(FOLLOWER, GrantKind.OAUTH, 2, GrantStatus.LIVE, NOW + 500, NOW + 500 + HOUR)
    assert (await store.grants.lives())[FOLLOWER] == renewed
    assert await store.grants.renewable(NOW + 501) == [renewed]
    assert await store.opened.read(FOLLOWER) == BearerToken(FOLLOWER, 2, "eea", Secret("access-2"))
    assert await store.grants.open_pair(life) is None
    assert await store.grants.open_pair(renewed) == ("eea", pair(2))


async def test_a_pair_for_a_version_that_has_passed_changes_nothing(store: Store, life: GrantLife) -> None:
    renewed = await store.grants.store(life, pair(2), NOW + 500)

    assert await store.grants.store(life, pair(3), NOW + 600) is None
    assert (await store.grants.lives())[FOLLOWER] == renewed
    assert await store.opened.read(FOLLOWER) == BearerToken(FOLLOWER, 2, "eea", Secret("access-2"))


async def test_a_claim_put_off_keeps_everybody_away_until_its_moment(store: Store, life: GrantLife) -> None:
    await store.grants.claim(life, "keeper-a", NOW, NOW + 10_000)

    assert not await store.grants.defer(life, "keeper-b", NOW + 99_000)
    assert await store.grants.defer(life, "keeper-a", NOW + 5_000)
    assert not await store.grants.claim(life, "keeper-b", NOW + 4_999, NOW + 20_000)
    assert await store.grants.claim(life, "keeper-b", NOW + 5_000, NOW + 20_000)


async def test_a_dead_grant_cannot_be_used_claimed_or_marked_twice(store: Store, life: GrantLife) -> None:
    await store.opened.read(FOLLOWER)

    assert await store.grants.mark(life, GrantStatus.NEEDS_CONSENT, "refresh token refused: 53005")
    assert not await store.grants.mark(life, GrantStatus.NEEDS_CONSENT, "again")
    assert not await store.grants.claim(life, "keeper-a", NOW, NOW + 10_000)
    with pytest.raises(GrantUnusable):
        await store.opened.read(FOLLOWER)
    assert store.opened.cached(FOLLOWER) is None


async def test_a_pair_that_arrives_after_the_mark_revives_the_grant(store: Store, life: GrantLife) -> None:
    """The venue has answered somebody with the only pair that works now; losing it would need the owner."""
    await store.grants.mark(life, GrantStatus.NEEDS_CONSENT, "refresh token refused: 53005")

    renewed = await store.grants.store(life, pair(2), NOW + 500)

    assert renewed is not None
    assert (await store.grants.lives())[FOLLOWER].status is GrantStatus.LIVE


async def test_a_new_consent_is_one_version_further_and_live_again(store: Store, life: GrantLife) -> None:
    await store.grants.mark(life, GrantStatus.REVOKED, "53003")

    await store.grants.put([Consent(FOLLOWER, pair(7))], NOW + 900)

    assert (await store.grants.lives())[FOLLOWER] == GrantLife(
        FOLLOWER, GrantKind.OAUTH, 2, GrantStatus.LIVE, NOW + 900, NOW + 900 + HOUR
    )
    assert await store.opened.read(FOLLOWER) == BearerToken(FOLLOWER, 2, "eea", Secret("access-7"))


async def test_what_is_cached_is_what_was_read_until_it_is_forgotten(store: Store, life: GrantLife) -> None:
    assert (store.opened.cached(FOLLOWER), store.opened.sites) == (None, set())
    assert await store.opened.warm([FOLLOWER, LEADER, AccountId("nobody")]) == 2
    assert store.opened.sites == {"eea", "www"}
    await store.grants.store(life, pair(2), NOW + 500)

    assert store.opened.cached(FOLLOWER) == BearerToken(FOLLOWER, 1, "eea", Secret("access-1"))
    store.opened.forget(FOLLOWER)
    store.opened.forget(FOLLOWER)
    assert store.opened.cached(FOLLOWER) is None
