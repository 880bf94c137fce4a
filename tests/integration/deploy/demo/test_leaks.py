"""A planted secret is found wherever it turns up, and nothing else is."""

import re
from pathlib import Path

from redis.asyncio import Redis

from deploy.demo.cast import make_cast
from deploy.demo.leaks import leaks
from shared.bus.embedded import EmbeddedServer
from tests.support.redis_server import own_redis_server

__all__ = ["own_redis_server"]

CAST = make_cast(1, 60, 1)
ACCESS, SECRET = CAST.followers[0].access, CAST.leaders[0].secret


async def test_files_keys_and_pages_are_searched(own_redis_server: EmbeddedServer, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker.log").write_text(f'{{"event": "oops", "token": "{ACCESS}"}}\n{ACCESS}\n')
    (tmp_path / "empty").touch()
    redis = Redis.from_url(own_redis_server.url)
    try:
        await redis.set("a-string", SECRET)
        await redis.hset("a-hash", mapping={"field": SECRET})
        await redis.zadd("a-zset", {SECRET: 1})
        await redis.sadd("a-set", SECRET)
        await redis.rpush("a-list", SECRET)
        await redis.xadd("a-stream", {"__data__": SECRET})
        await redis.set("innocent", CAST.followers[0].account)
        found = await leaks(tmp_path, redis, [("worker-1", f'slipstream_x{{reason="{ACCESS}"}} 1'), ("worker-2", "")])
    finally:
        await redis.aclose()
    places = sorted(re.sub(r".* in ", "", each) for each in found)
    keys = [f"Redis key a-{kind}" for kind in ("hash", "list", "set", "stream", "string", "zset")]
    assert places == [*keys, "logs/worker.log", "metrics of worker-1"]
    assert not any(ACCESS in each or SECRET in each for each in found), "a report of leaks must not be one"
