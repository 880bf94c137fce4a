"""Leases on lanes: take, renew, release; and the epoch, which voids them all when Redis may have forgotten.

A lease is a string with a token of its own and a time-to-live. The holder counts its own deadline from **before** it
asked, on the monotonic clock, so it stops before Redis lets anyone else in. `exp_max` travels with the lease: no order
of this holder may carry a later `expTime`.
"""

from collections.abc import Sequence
from secrets import token_hex

from redis.asyncio import Redis

from shared.bus.epoch import Epochs, Memory
from shared.bus.keys import Keys
from shared.bus.replies import text
from shared.bus.scripts import Steps
from shared.domain.ids import STREAM_START, EntryId
from shared.domain.lanes import LANE_SCHEME, Lane, Lease
from shared.ports import Clock, VenueClock


class SchemeMismatch(Exception):
    """This worker and the installation disagree on how followers map to lanes; it must not start."""


class Leases:
    """The lease steps of one worker. Redis failures propagate; nothing here retries."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        clock: Clock,
        venue: VenueClock,
        lanes: int,
        ttl_ms: int,
        memory: Memory | None = None,
    ) -> None:
        """Take and renew; `memory` is what an epoch on another server begins with."""
        self._redis, self._steps, self._keys = redis, Steps(redis), keys
        self._epochs = Epochs(redis, keys, lanes, memory)
        self._clock, self._venue, self._lanes, self._ttl_ms = clock, venue, lanes, ttl_ms

    async def check_installation(self) -> None:
        """Write down lane count and scheme if nobody has, and refuse to go on if they differ.

        Raises:
            SchemeMismatch: the installation was made with another lane count or scheme.
        """
        key = self._keys.settled_at_installation
        for name, ours in (("lanes", str(self._lanes)), ("scheme", LANE_SCHEME)):
            await self._redis.hsetnx(key, name, ours)
            found = text(await self._redis.hget(key, name) or b"")
            if found != ours:
                raise SchemeMismatch(
                    f"{name} is {ours} here but {found} in the installation {key}; start with {found},"
                    " or migrate with the workers stopped"
                )

    async def beat(self, worker: str) -> int:
        """Show a sign of life and return how many workers showed one within the time a lease lasts."""
        return max(1, await self._steps.beat(self._keys.workers, worker, self._ttl_ms))

    async def leave(self, worker: str) -> None:
        """Take back the sign of life, so that others take their larger share at once."""
        await self._redis.zrem(self._keys.workers, worker)

    async def acquire(self, lane: Lane) -> Lease | None:
        """Take a lane, or return None if somebody holds it or the epoch had to be renewed first."""
        token, started = token_hex(16), self._clock.monotonic()
        keys = (self._keys.lease(lane), self._keys.lane(lane), self._keys.epoch, self._keys.trades)
        reply = await self._steps.acquire(keys, token, self._ttl_ms, self._venue.now_ms())
        match reply[0]:
            case b"epoch":
                await self._epochs.renew(self._venue.now_ms())
                return None
            case b"held":
                return None
        found, raised, since, clean = int(reply[1]), int(reply[2]), int(reply[3]), bool(int(reply[5]))
        begun = STREAM_START if clean else EntryId(text(reply[4]))
        wait_ms = max(found, since + self._ttl_ms)
        return Lease(lane, token, started + self._ttl_ms / 1000, raised, begun, wait_ms, since, clean)

    async def soonest_s(self) -> float:
        """Return in how many seconds the first of all leases would run out, 0 if a lane is free already."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for lane in range(self._lanes):
                pipe.pttl(self._keys.lease(Lane(lane)))
            left_ms: list[int] = await pipe.execute()
        return max(0, min(left_ms)) / 1000

    async def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Extend leases in place and return those that are lost."""
        if not leases:
            return []
        started = self._clock.monotonic()
        keys = [self._keys.epoch]
        for lease in leases:
            keys += [self._keys.lease(lease.lane), self._keys.lane(lease.lane)]
        reply = await self._steps.renew(keys, [lease.token for lease in leases], self._ttl_ms, self._venue.now_ms())
        if reply[0] == b"epoch":
            await self._epochs.renew(self._venue.now_ms())
            return list(leases)
        lost = []
        for lease, raised in zip(leases, reply, strict=True):
            if raised:
                lease.deadline, lease.exp_max = started + self._ttl_ms / 1000, int(raised)
            else:
                lost.append(lease)
        return lost

    async def release(self, lease: Lease, clean: int | None = None) -> None:
        """Give a lane back; a lease already lost is none of our business.

        `clean` is the number of the last commit, if nothing may have been sent that it does not tell of: the next
        holder then has nothing to ask for.
        """
        keys = self._keys.lease(lease.lane), self._keys.lane(lease.lane)
        await self._steps.release(keys, lease.token, clean)
