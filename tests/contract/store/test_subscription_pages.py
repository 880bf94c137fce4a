"""What an epoch on another server announces: every subscription once, with the version it replaced."""

from dataclasses import replace
from decimal import Decimal

from shared.domain.ids import AccountId
from shared.domain.subscriptions import FixedRatio, Subscription, SubscriptionState
from shared.store.accounts import Account, Accounts
from shared.store.engine import Database
from shared.store.subscriptions import Subscriptions

ONE, LEADER = AccountId("follower-1"), AccountId("leader")
PLAIN = Subscription(ONE, LEADER, 1, SubscriptionState.ACTIVE, FixedRatio(Decimal(2)))


async def test_every_subscription_comes_with_the_version_before_it(database: Database) -> None:
    store = Subscriptions(database)
    await Accounts(database).save(
        [Account(AccountId(name), "www", name, name, leads=name == LEADER) for name in (ONE, LEADER, "two", "three")], 1
    )
    others = [replace(PLAIN, follower=AccountId(name)) for name in ("two", "three")]
    await store.save([PLAIN, *others], 5)
    changed = replace(PLAIN, version=2, state=SubscriptionState.PAUSED)
    await store.save([changed], 9)
    pages = [page async for page in store.pages(size=2)]
    assert [len(page) for page in pages] == [2, 1]
    found = {newest.follower: (newest, before) for page in pages for newest, before in page}
    assert found[ONE] == (changed, PLAIN)
    assert [each.made_ms for each in found[ONE] if each] == [9, 5]
    assert {found[each.follower] for each in others} == {(each, None) for each in others}
