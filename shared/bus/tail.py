"""The stream `outcomes` as others follow it: from a place of their own, without a group."""

from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import Redis

from shared.bus.keys import DATA, Keys
from shared.bus.replies import text
from shared.domain.ids import STREAM_START, EntryId

Rows = Sequence[tuple[EntryId, bytes]]

_Reply = Sequence[tuple[bytes, dict[bytes, bytes]]]


class OutcomeTail:
    """Reads entries after a place. Redis failures propagate."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._stream = redis, keys.outcomes

    async def last(self) -> EntryId:
        """Return the id of the newest entry ever added, or the start."""
        if not await self._redis.exists(self._stream):
            return STREAM_START
        return EntryId(text((await self._redis.xinfo_stream(self._stream))["last-generated-id"]))

    async def after(self, entry: EntryId, count: int, upto: str = "+") -> Rows:
        """Read entries after one, at once."""
        reply = await self._redis.xrange(self._stream, min=f"({entry}", max=upto, count=count)
        return _rows(cast("_Reply", reply))

    async def follow(self, entry: EntryId, count: int, block_ms: int) -> Rows:
        """Read entries after one, waiting a while for the first."""
        reply = cast("list[Any]", await self._redis.xread({self._stream: entry}, count=count, block=block_ms))
        return _rows(reply[0][1]) if reply else []


def _rows(rows: _Reply) -> Rows:
    return [(EntryId(text(name)), fields.get(DATA.encode(), b"")) for name, fields in rows]
