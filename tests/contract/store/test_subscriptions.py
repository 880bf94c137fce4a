"""Subscriptions in the store: versions in a row, nothing published twice or forgotten."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.ids import AccountId
from shared.domain.quantities import Quote
from shared.domain.subscriptions import BelowMinimum, FixedRatio, Subscription, SubscriptionState
from shared.store.accounts import Account
from shared.store.subscriptions import VersionTaken
from tests.contract.store.conftest import Store

NOW = 1_700_000_000_000
ONE, TWO, LEADER = AccountId("follower-1"), AccountId("follower-2"), AccountId("leader")
PLAIN = Subscription(ONE, LEADER, 1, SubscriptionState.ACTIVE, FixedRatio(Decimal("0.3333333333333333333333333333")))
FULL = Subscription(
    TWO,
    LEADER,
    1,
    SubscriptionState.CLOSE_ONLY,
    FixedRatio(Decimal(2)),
    BelowMinimum.CARRY,
    None,
    Decimal("0.005"),
    Quote(Decimal("1000.10")),
    Quote(Decimal(5000)),
)


@pytest.fixture(autouse=True)
async def _accounts(store: Store) -> None:
    await store.accounts.save([Account(each, "www", each, each, leads=False) for each in (ONE, TWO, LEADER)], NOW)


async def test_a_subscription_is_read_as_it_was_saved_digit_for_digit(store: Store) -> None:
    await store.subscriptions.save([PLAIN, FULL], NOW)

    assert await store.subscriptions.all() == [PLAIN, FULL]
    assert await store.subscriptions.find(TWO, LEADER) == FULL
    assert await store.subscriptions.find(LEADER, TWO) is None


async def test_the_next_version_replaces_the_newest_and_both_wait_to_be_published(store: Store) -> None:
    paused = replace(PLAIN, version=2, state=SubscriptionState.PAUSED)
    await store.subscriptions.save([PLAIN], NOW)
    await store.subscriptions.save([paused], NOW + 1)

    assert await store.subscriptions.all() == [paused]
    assert await store.subscriptions.unpublished() == [PLAIN, paused]
    assert await store.subscriptions.unpublished(limit=1) == [PLAIN]


async def test_what_was_published_waits_no_longer(store: Store) -> None:
    await store.subscriptions.save([PLAIN, FULL], NOW)

    for _ in range(2):
        await store.subscriptions.mark_published([PLAIN], NOW + 5)

    assert await store.subscriptions.unpublished() == [FULL]


@pytest.mark.parametrize("version", [1, 3])
async def test_a_version_that_is_not_the_next_one_is_refused_and_nothing_is_saved(store: Store, version: int) -> None:
    await store.subscriptions.save([PLAIN], NOW)

    with pytest.raises(VersionTaken, match="read the subscription again"):
        await store.subscriptions.save([FULL, replace(PLAIN, version=version)], NOW + 1)

    assert await store.subscriptions.all() == [PLAIN]
    assert await store.subscriptions.unpublished() == [PLAIN]


async def test_thousands_are_saved_and_marked_at_once(store: Store) -> None:
    accounts = [Account(AccountId(f"f-{number:05}"), "www", "u", "u", leads=False) for number in range(2_500)]
    many = [replace(PLAIN, follower=account.account) for account in accounts]
    await store.accounts.save(accounts, NOW)

    await store.subscriptions.save(many, NOW)
    await store.subscriptions.mark_published(many[1:], NOW + 1)

    assert await store.subscriptions.all() == many
    assert await store.subscriptions.unpublished() == many[:1]
