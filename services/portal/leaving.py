"""USE CASE an account leaves: its subscriptions end, then what we hold of it is deleted.

What it holds at the venue stays where it is: nothing is closed that its owner did not ask to close.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from services.portal.subscribing import Subscribing
from shared.domain.grants import GrantKind
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription, SubscriptionState


class Holdings(Protocol):
    """What we hold of an account. ConnectionError: the store is away."""

    async def subscriptions(self, follower: AccountId) -> Sequence[Subscription]:
        """Return what an account follows."""

    async def forget(self, account: AccountId) -> GrantKind | None:
        """Delete its secrets and sessions, and tell whoever caches them; returns what kind of grant it was."""


class Leaving:
    """Lets accounts go."""

    def __init__(self, holdings: Holdings, subscribing: Subscribing) -> None:
        self._holdings, self._subscribing = holdings, subscribing

    async def leave(self, account: AccountId) -> GrantKind | None:
        """End everything of an account here; returns the kind of grant deleted, None if there was none. Repeatable.

        Raises:
            ChangedMeanwhile: somebody kept changing a subscription.
            NotPublished: the subscriptions have ended and the secrets stay; repeat it.
        """
        for each in await self._holdings.subscriptions(account):
            if each.state is not SubscriptionState.ENDED:
                await self._subscribing.change(account, each.leader, {"state": SubscriptionState.ENDED})
        kind = await self._holdings.forget(account)
        structlog.get_logger().info("account_left", account=account, kind=kind and kind.value)
        return kind
