"""Look for the rehearsal's secrets everywhere they must not be: files, Redis, metrics."""

import asyncio
import mmap
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

from redis.asyncio import Redis

from deploy.demo.cast import SECRET_SHAPE
from shared.bus.replies import text

_SHAPE = re.compile(SECRET_SHAPE)
_SHOWN = 14
"""Bytes of a secret that are shown: its kind and its owner."""


async def leaks(folder: Path, redis: Redis, pages: Iterable[tuple[str, str]]) -> list[str]:
    """Return, in words, every place that shows a secret; each secret once per place.

    Read are all files under `folder` (logs, Redis's own file, the database, where secrets must be sealed), every
    key of Redis, and the given (name, text) pages.
    """
    found = await asyncio.to_thread(lambda: list(_in_files(folder)))
    async for key, stored in _stored(redis):
        found += _in_text(f"Redis key {key}", stored)
    for name, page in pages:
        found += _in_text(f"metrics of {name}", page.encode())
    return found


def _in_files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                yield from _in_text(str(path.relative_to(folder)), content)


def _in_text(place: str, content: "bytes | mmap.mmap") -> Iterator[str]:
    for secret in sorted({found.group() for found in _SHAPE.finditer(content)}):
        yield f"{secret[:_SHOWN].decode()}... in {place}"


async def _stored(redis: Redis) -> AsyncIterator[tuple[str, bytes]]:
    async for key in redis.scan_iter(count=1_000):
        yield key.decode(errors="replace"), await _read(redis, key)


async def _read(redis: Redis, key: bytes) -> bytes:
    kind = text(await redis.type(key))
    match kind:
        case "string":
            return repr(await redis.get(key)).encode()
        case "hash":
            return repr(await redis.hgetall(key)).encode()
        case "zset":
            return repr(await redis.zrange(key, 0, -1)).encode()
        case "set":
            return repr(await redis.smembers(key)).encode()
        case "list":
            return repr(await redis.lrange(key, 0, -1)).encode()
        case "stream":
            return repr(await redis.xrange(key)).encode()
        case "none":
            return b""
    raise ValueError(f"{key!r} is a {kind}; expected a kind whose content can be searched")
