"""Copies of what this installation keeps in Redis: taken while it trades, and given back to a server that is empty.

Lanes are read first, each as of one commit; then everything about leaders and the stream in one step. So every entry
above a copied lane's offset is in the copied stream, and a leader's positions are those after its last copied entry.
"""

from collections.abc import Sequence
from typing import Any, cast

from redis.asyncio import Redis

from shared.bus.keys import DATA, OFFSET, SEQ, Keys
from shared.bus.replies import text
from shared.bus.scripts import Steps
from shared.domain.ids import STREAM_START, AccountId, EntryId, entry_order
from shared.domain.lanes import Lane
from shared.messages.copy import Copy, Fields

_WINDOW_MS = 600_000
"""How far before a leader's last fill published ids are copied; watchers look back a tenth of it by default."""
_CHUNK = 500


class Copies:
    """Takes and gives back copies. Redis failures propagate."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys, self._steps = redis, keys, Steps(redis)
        self._server = ""
        self._kept: dict[Lane, bytes] = {}
        """The commit each lane was last copied at."""

    async def take(self) -> Copy | None:
        """Copy what has changed, or return None if this server is not the one in force, or not installed yet."""
        server, known, at_ms = await self._whoami()
        lanes = await self._redis.hget(self._keys.settled_at_installation, "lanes")
        if server != known or lanes is None:
            return None
        if server != self._server:
            self._server, self._kept = server, {}  # another server counts its commits from wherever it came back
        copy = Copy(at_ms)
        offsets = [await self._copy_lane(copy, Lane(number)) for number in range(int(lanes))]
        await self._copy_leaders(copy, min(offsets, key=entry_order))
        return copy if (await self._whoami())[:2] == (server, server) else None

    def kept(self, copy: Copy) -> None:
        """Note that a copy is safe: what has not changed since need not be copied again."""
        for name, fields in copy.hashes.items():
            if name.startswith("lane:"):
                self._kept[Lane(int(name.removeprefix("lane:")))] = fields.get(SEQ.encode(), b"")

    async def give_back(self, copy: Copy) -> bool:
        """Write a copy to a server that has nothing, in place of whatever was half written there. May be repeated.

        False if the server came into force meanwhile: then somebody else has given it back, and nothing is touched.
        """
        pieces: list[tuple[str, str, list[tuple[bytes, Any]]]] = [
            *((self._keys.tagged(name), "hash", list(fields.items())) for name, fields in copy.hashes.items()),
            *((self._keys.published(AccountId(name)), "ids", _spelled(ids)) for name, ids in copy.published.items()),
            (self._keys.trades, "stream", copy.entries),
        ]
        for key, kind, pairs in pieces:
            for number, chunk in enumerate(_chunks(pairs)):
                flat = [part for pair in chunk for part in pair]
                if not await self._steps.restore((self._keys.epoch, key), kind, number == 0, flat):
                    return False
        return True

    async def _whoami(self) -> tuple[str, str, int]:
        server, known, at_ms = await self._steps.whoami(self._keys.epoch)
        return text(server), text(known), int(at_ms)

    async def _copy_lane(self, copy: Copy, lane: Lane) -> EntryId:
        """Copy a lane if it was committed since the copy before; return its copied offset."""
        key = self._keys.lane(lane)
        seq, offset = cast("list[bytes | None]", await self._redis.hmget(key, [SEQ, OFFSET]))
        if seq is not None and seq != self._kept.get(lane):
            fields = cast("Fields", await self._redis.hgetall(key))
            copy.hashes[self._keys.untagged(key)] = fields
            offset = fields.get(OFFSET.encode())
        return EntryId(text(offset)) if offset else STREAM_START

    async def _copy_leaders(self, copy: Copy, above: EntryId) -> None:
        """Copy everything about leaders and the stream above an entry, in one step."""
        names = [text(key) async for key in self._redis.scan_iter(match=self._keys.leader(AccountId("*")), count=1_000)]
        lasts = [int(await self._redis.hget(name, "last_ms") or 0) for name in names]
        async with self._redis.pipeline(transaction=True) as pipe:
            for name, last_ms in zip(names, lasts, strict=True):
                pipe.hgetall(name)
                pipe.zrangebyscore(
                    self._keys.published(_leader_of(name)), last_ms - _WINDOW_MS, "+inf", withscores=True
                )
            pipe.hgetall(self._keys.settled_at_installation)
            pipe.xrange(self._keys.trades, min=f"({above}")
            *found, installation, rows = await pipe.execute()
        for place, (name, last_ms) in enumerate(zip(names, lasts, strict=True)):
            copy.hashes[self._keys.untagged(name)] = _with_floor(found[2 * place], last_ms - _WINDOW_MS)
            copy.published[_leader_of(name)] = dict(found[2 * place + 1])
        copy.hashes[self._keys.untagged(self._keys.settled_at_installation)] = installation
        copy.entries = [(entry, fields.get(DATA.encode(), b"")) for entry, fields in rows]


def _leader_of(name: str) -> AccountId:
    return AccountId(name.partition(":leader:")[2])


def _with_floor(fields: Fields, bound_ms: int) -> Fields:
    """Say that of older fills nobody knows any more whether they were published."""
    floor = max(int(fields.get(b"floor_ms", b"0")), bound_ms)
    return {**fields, b"floor_ms": str(floor).encode()}


def _spelled(scores: dict[bytes, float]) -> list[tuple[bytes, Any]]:
    return [(event, repr(score)) for event, score in scores.items()]


def _chunks(items: Sequence[tuple[bytes, Any]]) -> list[Sequence[tuple[bytes, Any]]]:
    """Cut into pieces; of nothing one empty piece, which empties what is there."""
    return [items[start : start + _CHUNK] for start in range(0, max(1, len(items)), _CHUNK)]
