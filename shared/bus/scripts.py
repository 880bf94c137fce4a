"""Typed signatures for the Lua steps: every write to shared state is one of these, and each is atomic.

The Lua files beside this one say what each key and argument is. A script is sent once and then called by its digest;
redis-py sends it again when the server has forgotten it.
"""

from collections.abc import Awaitable, Sequence
from importlib.resources import files
from typing import cast

from redis.asyncio import Redis

Reply = list[bytes]


class Steps:
    """The steps, bound to one client (which must not decode responses)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        folder = files("shared.bus").joinpath("scripts")
        texts = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name.endswith(".lua")}
        identity = texts.pop("identity.lua")
        self._scripts = {
            name.removesuffix(".lua"): redis.register_script(identity + text) for name, text in texts.items()
        }

    async def _run(self, name: str, keys: Sequence[str], args: Sequence[str | bytes | int]) -> object:
        return await cast("Awaitable[object]", self._scripts[name](keys=list(keys), args=list(args)))

    async def publish(
        self, keys: tuple[str, str, str, str], head: tuple[str, int, int, int, int], rest: Sequence[str | bytes]
    ) -> Reply:
        """See publish.lua; `head` is (server, version, last fill, forget before, entries)."""
        return cast("Reply", await self._run("publish", keys, (*head, *rest)))

    async def announce(self, trades: str, published: str, entries: Sequence[tuple[str, int, bytes]]) -> int:
        """See announce.lua; sends (identity, score, payload) in this order, in one go; returns how many were new."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry in entries:
                await cast(
                    "Awaitable[object]", self._scripts["announce"]([trades, published], list(entry), client=pipe)
                )
            return sum(each is not None for each in await pipe.execute())

    async def acquire(self, keys: tuple[str, str, str, str], token: str, ttl_ms: int, venue_ms: int) -> Reply:
        """See acquire.lua."""
        return cast("Reply", await self._run("acquire", keys, (token, ttl_ms, venue_ms)))

    async def renew(self, keys: Sequence[str], tokens: Sequence[str], ttl_ms: int, venue_ms: int) -> Reply:
        """See renew.lua."""
        return cast("Reply", await self._run("renew", keys, (ttl_ms, venue_ms, *tokens)))

    async def beat(self, workers: str, worker: str, counts_ms: int) -> int:
        """See beat.lua."""
        return cast("int", await self._run("beat", (workers,), (worker, counts_ms)))

    async def release(self, keys: tuple[str, str], token: str, clean: int | None) -> bool:
        """See release.lua."""
        return bool(await self._run("release", keys, (token, "" if clean is None else clean)))

    async def begun(self, keys: Sequence[str], entry: tuple[int, int], tokens: Sequence[str]) -> list[bool]:
        """See begun.lua."""
        return [bool(each) for each in cast("Reply", await self._run("begun", keys, (*entry, *tokens)))]

    async def commit(self, keys: tuple[str, str, str, str], args: Sequence[str | bytes | int]) -> str:
        """See commit.lua."""
        return cast("bytes", await self._run("commit", keys, args)).decode()

    async def epoch(self, keys: Sequence[str], venue_ms: int) -> Reply:
        """See epoch.lua."""
        return cast("Reply", await self._run("epoch", keys, (venue_ms,)))

    async def restore(self, keys: tuple[str, str], kind: str, anew: bool, pairs: Sequence[str | bytes | int]) -> bool:
        """See restore.lua."""
        return bool(await self._run("restore", keys, (kind, int(anew), *pairs)))

    async def whoami(self, epoch: str) -> Reply:
        """See whoami.lua."""
        return cast("Reply", await self._run("whoami", (epoch,), ()))

    async def mirror(self, trades: str, offsets: Sequence[str]) -> int:
        """See mirror.lua."""
        return cast("int", await self._run("mirror", (trades,), offsets))
