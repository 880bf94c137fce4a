"""The subjects of the suite: the twin in memory, and a real server (embedded, or SLIPSTREAM_TEST_REDIS_BINARY)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from shared.bus.client import open_redis
from shared.bus.embedded import EmbeddedServer
from tests.support.bus import Bus, MemoryBus, Mortal, MortalMemory, RealBus
from tests.support.redis_server import installation, own_redis_server, redis_client, redis_server

__all__ = ["installation", "own_redis_server", "redis_client", "redis_server"]


@dataclass
class MortalBus:
    bus: Bus
    server: Mortal | MortalMemory


@pytest.fixture(params=["memory", "redis"])
def bus(request: pytest.FixtureRequest) -> Bus:
    if request.param == "memory":
        return MemoryBus()
    redis: Redis = request.getfixturevalue("redis_client")
    return RealBus(redis, request.getfixturevalue("installation"))


@pytest.fixture(params=["memory", "redis"])
async def mortal(request: pytest.FixtureRequest) -> AsyncIterator[MortalBus]:
    if request.param == "memory":
        memory = MemoryBus()
        yield MortalBus(memory, MortalMemory(memory.redis))
        return
    server: EmbeddedServer = request.getfixturevalue("own_redis_server")
    client = open_redis(server.url, 5.0, 10, tries=10)
    try:
        yield MortalBus(RealBus(client, request.getfixturevalue("installation")), Mortal(server))
    finally:
        await client.aclose()
