"""USE CASE bring stored versions of subscriptions into the stream.

Storing comes first, so whoever died between the two is made up for by whoever publishes next.
"""

from collections.abc import Sequence
from typing import Protocol

from shared.domain.subscriptions import Subscription
from shared.ports import Clock

_AT_ONCE = 1_000
"""Versions between two marks: what a crash makes us offer the stream again, which it then refuses as known."""


class NotPublished(ConnectionError):
    """The stream cannot be reached; what is stored stays unpublished until the next `republish`."""


class Versions(Protocol):
    """Versions of subscriptions as they are stored."""

    async def unpublished(self, limit: int) -> Sequence[Subscription]:
        """Return versions that are not in the stream, in the order they were made."""

    async def all(self) -> Sequence[Subscription]:
        """Return the newest version of every subscription."""

    async def mark_published(self, published: Sequence[Subscription], now_ms: int) -> None:
        """Remember that versions are in the stream. Idempotent."""


class Announcer(Protocol):
    """The stream `trades`."""

    async def announce(self, subscriptions: Sequence[Subscription]) -> int:
        """Add those versions that the stream has not, those of one subscription in the order given; returns how many.

        Raises:
            NotPublished: some may have been added; repeating it adds the others.
        """


class Publishing:
    """Publishes in the order versions were made, and marks each only once it is in the stream. Safe to repeat."""

    def __init__(self, versions: Versions, stream: Announcer, clock: Clock) -> None:
        self._versions, self._stream, self._clock = versions, stream, clock

    async def publish_waiting(self) -> int:
        """Publish what is stored and not published; returns how many entries were added."""
        added = 0
        while waiting := await self._versions.unpublished(_AT_ONCE):
            added += await self._stream.announce(waiting)
            await self._versions.mark_published(waiting, self._clock.now_ms())
        return added

    async def publish_all(self) -> int:
        """Publish the newest version of every subscription, whatever was published before: the stream was lost."""
        return await self._stream.announce(await self._versions.all()) + await self.publish_waiting()
