"""The epoch: which server's memory is trusted, and from which venue time on.

Whoever meets another server than the record names makes a new epoch, and only then does that server take leases,
publications and commits. So everything it must know before comes first: an empty server is given the newest copy of
what it held, and either is told every subscription again. It then is a server that came back older, which is what the
rest of the protocol is made for.
"""

from collections.abc import AsyncIterator, Sequence
from secrets import token_hex
from typing import Protocol

import structlog
from redis.asyncio import Redis

from shared.bus.copies import Copies
from shared.bus.keys import Keys
from shared.bus.scripts import Steps
from shared.domain.lanes import Lane
from shared.messages.copy import Copy
from shared.messages.entries import SubscriptionV1, SwitchV1, encode

CLOCK_MARGIN_MS = 1_000
"""How far ahead `since` is set.

If our estimate of the venue's clock is behind, the last fills before the loss must not pass for new.
"""
_RESTORING_MS = 10_000
"""How long one process may take to restore before another tries: both write the same, and neither after the epoch."""


class Memory(Protocol):
    """What the database remembers. ConnectionError: it is away."""

    async def copy(self) -> Copy | None:
        """Return the newest copy of what Redis held, or None."""

    def subscriptions(self) -> AsyncIterator[Sequence[SubscriptionV1]]:
        """Yield the newest version of every subscription, with the one before it, page by page."""

    async def switches(self) -> Sequence[SwitchV1]:
        """Return the newest throw of every kill switch."""


class Epochs:
    """Makes epochs; `memory` is asked before each."""

    def __init__(self, redis: Redis, keys: Keys, lanes: int, memory: Memory | None = None) -> None:
        self._redis, self._keys, self._lanes, self._memory = redis, keys, lanes, memory
        self._steps, self._copies = Steps(redis), Copies(redis, keys)

    async def renew(self, venue_ms: int) -> bool:
        """Note that this server is another one: void all leases, trust nothing older than now. May be repeated.

        False if somebody else is at it. On an empty server nothing begins without the database: its books are there.

        Raises:
            ConnectionError: the server is empty and the database is away.
        """
        if self._memory is None:
            await self._begin(venue_ms)
            return True
        token = token_hex(16)
        if not await self._redis.set(self._keys.restoring, token, nx=True, px=_RESTORING_MS):
            return False
        try:
            await self._remind(self._memory)
            await self._begin(venue_ms)
        finally:
            if await self._redis.get(self._keys.restoring) == token.encode():
                await self._redis.delete(self._keys.restoring)
        return True

    async def _begin(self, venue_ms: int) -> None:
        leases = [self._keys.lease(Lane(lane)) for lane in range(self._lanes)]
        await self._steps.epoch([self._keys.epoch, *leases], venue_ms + CLOCK_MARGIN_MS)

    async def _remind(self, memory: Memory) -> None:
        """Give the server back what it has forgotten, as far as the database knows."""
        server, known, _ = await self._steps.whoami(self._keys.epoch)
        if server == known:
            return
        if not known:
            copy = await memory.copy()
            restored = copy is not None and await self._copies.give_back(copy)
            structlog.get_logger().warning("server_was_empty", restored=restored)
        try:
            async for page in memory.subscriptions():
                await self._announce(self._keys.published_subscriptions, [(each.version, each) for each in page])
            thrown = await memory.switches()
            await self._announce(self._keys.published_commands, [(each.made_ms, each) for each in thrown])
        except ConnectionError as error:
            if not known:
                raise
            structlog.get_logger().error("database_not_asked", reason=str(error))

    async def _announce(self, published: str, scored: Sequence[tuple[int, SubscriptionV1 | SwitchV1]]) -> None:
        entries = [(each.id, score, encode(each)) for score, each in scored]
        await self._steps.announce(self._keys.trades, published, entries)
