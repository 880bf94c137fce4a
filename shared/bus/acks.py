"""Which workers follow which throw of a kill switch."""

from redis.asyncio import Redis

from shared.bus.keys import Keys
from shared.bus.replies import text

_KEEP_S = 7 * 24 * 3600
_ALIVE_MS = 10_000


class SwitchAcks:
    """Writes and reads acknowledgements. Redis failures propagate."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def acknowledge(self, switch: str, worker: str, at_ms: int) -> None:
        """Note that a worker follows a throw since a moment. Idempotent."""
        key = self._keys.switch_acks(switch)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(key, worker, str(at_ms))
            pipe.expire(key, _KEEP_S)
            await pipe.execute()

    async def acknowledged(self, switch: str) -> dict[str, int]:
        """Return since when each worker follows a throw."""
        found = await self._redis.hgetall(self._keys.switch_acks(switch))
        return {text(worker): int(at) for worker, at in found.items()}

    async def workers(self) -> set[str]:
        """Return the workers that have shown a sign of life lately, by the server's own clock."""
        seconds, _ = await self._redis.time()
        alive = await self._redis.zrangebyscore(self._keys.workers, seconds * 1_000 - _ALIVE_MS, "+inf")
        return {text(each) for each in alive}
