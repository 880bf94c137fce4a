"""Consumer groups: for readers who must have handled every entry, in any order, at least once.

FastStream never gives an entry again that was not acknowledged, and creates groups at the stream's end. So a group is
made here, from the beginning; entries are acknowledged here, once what they mean is durable; and what died with another
consumer is claimed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.bus.keys import DATA, Keys
from shared.bus.replies import text
from shared.domain.ids import STREAM_START, EntryId

_DEAD_LETTERS = 10_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a group has not finished: not read yet (None where the server cannot tell), and read but not handled."""

    unread: int | None
    pending: int


class Group:
    """One consumer of a group on one stream. Redis failures propagate; every step may be repeated."""

    def __init__(self, redis: Redis, keys: Keys, stream: str, name: str, consumer: str) -> None:
        self.stream, self.name, self.consumer = stream, name, consumer
        self._redis, self._dead = redis, keys.dead
        self._cursor: str = STREAM_START

    async def ensure(self) -> bool:
        """Make the group if it is not there, to read from the stream's first entry; True if it was not."""
        try:
            await self._redis.xgroup_create(self.stream, self.name, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            return False
        return True

    async def acknowledge(self, entries: Sequence[EntryId]) -> None:
        """Say that entries are handled; they are not given to anyone again."""
        if entries:
            await self._redis.xack(self.stream, self.name, *entries)

    async def claim(self, idle_ms: int, count: int) -> list[tuple[EntryId, bytes]]:
        """Take over up to `count` entries that whoever read them has not acknowledged for `idle_ms`.

        Walks on from call to call; entries trimmed meanwhile are acknowledged by the server itself.
        """
        reply = await self._redis.xautoclaim(
            self.stream, self.name, self.consumer, idle_ms, start_id=self._cursor, count=count
        )
        cursor, rows = reply[0], cast("list[tuple[bytes, dict[bytes, bytes] | None]]", reply[1])
        self._cursor = text(cursor)
        return [(EntryId(text(name)), fields.get(DATA.encode(), b"")) for name, fields in rows if fields is not None]

    async def bury(self, entry: EntryId, payload: bytes, reason: str) -> None:
        """Set an entry aside that cannot be handled, and acknowledge it, in one step."""
        letter: dict[Any, Any] = {"entry": entry, "stream": self.stream, "reason": reason, DATA: payload}
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(self._dead, letter, maxlen=_DEAD_LETTERS, approximate=True)
            pipe.xack(self.stream, self.name, entry)
            await pipe.execute()

    async def backlog(self) -> Backlog:
        """Return how far behind the group is."""
        for group in await self._redis.xinfo_groups(self.stream):
            if text(group["name"]) == self.name:
                return Backlog(group.get("lag"), int(group["pending"]))
        return Backlog(None, 0)

    async def finished_before(self) -> EntryId:
        """Return the first entry that is not handled by the group; everything before it may be forgotten."""
        pending = await self._redis.xpending(self.stream, self.name)
        if pending["pending"]:
            return EntryId(text(pending["min"]))
        for group in await self._redis.xinfo_groups(self.stream):
            if text(group["name"]) == self.name:
                return EntryId(text(group["last-delivered-id"]))
        return STREAM_START

    async def trim(self, before: EntryId) -> int:
        """Drop entries before one, roughly; returns how many."""
        return int(await self._redis.xtrim(self.stream, minid=before, approximate=True))

    async def leave(self) -> None:
        """Take this consumer off the group's list, unless it still holds entries that somebody has to claim."""
        held = await self._redis.xpending_range(
            self.stream, self.name, min="-", max="+", count=1, consumername=self.consumer
        )
        if not held:
            await self._redis.xgroup_delconsumer(self.stream, self.name, self.consumer)
