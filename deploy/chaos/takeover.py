"""How long lanes are nobody's, and until what a dead worker left is decided: read from the server, not from us."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from deploy.demo.stage import INSTALLATION
from shared.bus.keys import Keys
from shared.bus.replies import text
from shared.domain.ids import EntryId, entry_order
from shared.domain.lanes import Lane

LANES = 16
_KEYS = Keys(INSTALLATION)
_LEASE_MS = 3_000
_TOLD_APART_S = 1.5
"""By then leases of the living have been renewed, those of the dead have not."""
_MOST_S = 20.0
_POLL_S = 0.02


async def taken_over(redis: Redis, *, whole: bool = False) -> float | None:
    """Return the seconds until every lane of the worker that was just killed has decided all it had by now.

    With `whole`, until it owes nothing either. None if that cannot be told: the server went away, or it took longer
    than twenty seconds.
    """
    began = time.monotonic()
    try:
        tail, tokens = await _tail(redis), await _tokens(redis)
        await asyncio.sleep(_TOLD_APART_S)
        orphaned = [lane for lane in range(LANES) if await _left_alone(redis, lane)]
        while time.monotonic() - began < _MOST_S:
            now = await _tokens(redis)
            orphaned = [lane for lane in orphaned if await _is_owed(redis, lane, tokens, now, tail, whole=whole)]
            if not orphaned:
                return time.monotonic() - began
            await asyncio.sleep(_POLL_S)
    except (RedisError, OSError):
        return None
    return None


async def _is_owed(
    redis: Redis,
    lane: int,
    before: Mapping[int, bytes | None],
    now: Mapping[int, bytes | None],
    tail: EntryId,
    *,
    whole: bool,
) -> bool:
    """Tell whether a lane still waits for its next holder, or that one for something.

    Not so where its lease is renewed after all: its holder lives, and was late.
    """
    if not _taken(before, now, lane):
        return now[lane] is None or await _left_alone(redis, lane)
    return not await decided(redis, lane, tail, whole=whole)


async def handed_over(redis: Redis, lanes: int) -> float | None:
    """Return the seconds until as many lanes have changed hands as the leaving worker held, and all are held."""
    began = time.monotonic()
    try:
        tokens = await _tokens(redis)
        while time.monotonic() - began < _MOST_S:
            now = await _tokens(redis)
            if sum(_taken(tokens, now, lane) for lane in range(LANES)) >= lanes and all(now.values()):
                return time.monotonic() - began
            await asyncio.sleep(_POLL_S)
    except (RedisError, OSError):
        return None
    return None


async def decided(redis: Redis, lane: int, tail: EntryId, *, whole: bool) -> bool:
    """Tell whether a lane has decided everything up to an entry: nothing in doubt, its offset there or beyond."""
    record = await _record(redis, lane)
    offset = EntryId(record.pop(b"offset", b"0-0").decode())
    strands = [json.loads(kept) for name, kept in record.items() if name.startswith(b"strand:")]
    open_still = any(each.get("doubtful") or (whole and each.get("phase")) for each in strands)
    return entry_order(offset) >= entry_order(tail) and not open_still


async def owing(redis: Redis) -> list[str]:
    """Name the strands that owe something; raises RedisError."""
    found = []
    for lane in range(LANES):
        for name, kept in (await _record(redis, lane)).items():
            if name.startswith(b"strand:") and (json.loads(kept).get("phase") or json.loads(kept).get("doubtful")):
                found.append(name.decode().removeprefix("strand:"))
    return found


async def _record(redis: Redis, lane: int) -> dict[bytes, bytes]:
    return dict(cast("Mapping[bytes, bytes]", await cast("Any", redis.hgetall(_KEYS.lane(Lane(lane))))))


async def _tail(redis: Redis) -> EntryId:
    rows = await redis.xrevrange(_KEYS.trades, count=1)
    return EntryId(text(rows[0][0] or b"0-0")) if rows else EntryId("0-0")


async def _tokens(redis: Redis) -> dict[int, bytes | None]:
    async with redis.pipeline(transaction=False) as pipe:
        for lane in range(LANES):
            pipe.get(_KEYS.lease(Lane(lane)))
        return dict(enumerate(await pipe.execute()))


async def _left_alone(redis: Redis, lane: int) -> bool:
    return int(await redis.pttl(_KEYS.lease(Lane(lane)))) < _LEASE_MS - 1_000 * _TOLD_APART_S + 200


def _taken(before: Mapping[int, bytes | None], now: Mapping[int, bytes | None], lane: int) -> bool:
    return now[lane] is not None and now[lane] != before[lane]
