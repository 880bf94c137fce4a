"""USE CASE an account leaves: its subscriptions end, then what we hold of it is deleted.

What it holds at the venue stays where it is: nothing is closed that its owner did not ask to close. What others hold
because of it is closed: nobody sees its trades any more.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog

from services.portal.subscribing import Subscribing
from services.portal.switching import Switching
from shared.domain.grants import GrantKind
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Ending, Subscription, SubscriptionState
from shared.domain.switches import Action, Scope


class Holdings(Protocol):
    """What we hold of an account. ConnectionError: the store is away."""

    async def subscriptions(self, follower: AccountId) -> Sequence[Subscription]:
        """Return what an account follows."""

    async def stop_leading(self, account: AccountId) -> None:
        """Say that an account may not be followed any more. Idempotent."""

    async def leads(self, account: AccountId) -> bool:
        """Tell whether an account may be followed."""

    async def forget(self, account: AccountId) -> GrantKind | None:
        """Delete its secrets and sessions, and tell whoever caches them; returns what kind of grant it was."""


class Leaving:
    """Lets accounts go."""

    def __init__(self, holdings: Holdings, subscribing: Subscribing, switching: Switching) -> None:
        self._holdings, self._subscribing, self._switching = holdings, subscribing, switching

    async def leave(self, account: AccountId) -> GrantKind | None:
        """End everything of an account here; returns the kind of grant deleted, None if there was none. Repeatable.

        Raises:
            ChangedMeanwhile: somebody kept changing a subscription.
            NotPublished: the subscriptions have ended and the secrets stay; repeat it.
        """
        if await self._holdings.leads(account):
            await self.stop_leading(account, account)
        for each in await self._holdings.subscriptions(account):
            if each.state is not SubscriptionState.ENDED:
                await self._subscribing.change(account, each.leader, {"state": SubscriptionState.ENDED})
        kind = await self._holdings.forget(account)
        structlog.get_logger().info("account_left", account=account, kind=kind and kind.value)
        return kind

    async def stop_leading(self, actor: str, account: AccountId, positions: Ending = Ending.CLOSE) -> None:
        """Let nobody open because of a leader any more, close what is held because of it, and watch it no more.

        Kept positions are nobody's to look after. Repeatable; raises as `Switching.throw`.
        """
        action = Action.FLATTEN if positions is Ending.CLOSE else Action.STOP_OPENS
        await self._switching.throw(actor, Scope.LEADER, account, action)
        await self._holdings.stop_leading(account)
