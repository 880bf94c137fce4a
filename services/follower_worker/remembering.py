"""What an epoch on another server begins with: the newest copy of what Redis held, every subscription, every switch."""

from collections.abc import AsyncIterator, Sequence

from msgspec import structs

from shared.messages.copy import Copy
from shared.messages.entries import SubscriptionV1, SwitchV1, write_subscription, write_switch
from shared.store.copies import RedisCopies
from shared.store.subscriptions import Subscriptions
from shared.store.switches import Switches


class DatabaseMemory:
    """`epoch.Memory` over the database."""

    def __init__(self, copies: RedisCopies, subscriptions: Subscriptions, switches: Switches) -> None:
        self._copies, self._subscriptions, self._switches = copies, subscriptions, switches

    async def copy(self) -> Copy | None:
        """Return the newest copy; see `epoch.Memory.copy`."""
        return await self._copies.load()

    async def subscriptions(self) -> AsyncIterator[Sequence[SubscriptionV1]]:
        """Yield the newest versions; see `epoch.Memory.subscriptions`."""
        async for page in self._subscriptions.pages():
            yield [
                structs.replace(write_subscription(newest), before=write_subscription(before) if before else None)
                for newest, before in page
            ]

    async def switches(self) -> Sequence[SwitchV1]:
        """Return the newest throws; see `epoch.Memory.switches`."""
        return [write_switch(each) for each in await self._switches.newest()]
