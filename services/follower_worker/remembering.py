"""What an epoch on another server begins with: the newest copy of what Redis held, and every subscription."""

from collections.abc import AsyncIterator, Sequence

from msgspec import structs

from shared.messages.copy import Copy
from shared.messages.entries import SubscriptionV1, write_subscription
from shared.store.copies import RedisCopies
from shared.store.subscriptions import Subscriptions


class DatabaseMemory:
    """`epoch.Memory` over the database."""

    def __init__(self, copies: RedisCopies, subscriptions: Subscriptions) -> None:
        self._copies, self._subscriptions = copies, subscriptions

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
