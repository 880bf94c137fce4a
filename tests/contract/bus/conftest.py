"""The subjects of the suite: the twin in memory, and a real server (embedded, or SLIPSTREAM_TEST_REDIS_BINARY)."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from shared.bus.client import open_redis
from shared.bus.embedded import EmbeddedServer
from tests.support.bus import Bus, MemoryBus, Mortal, MortalMemory, RealBus
from tests.support.redis_server import installation, own_redis_server, redis_client, redis_server
from tests.support.topologies import Several, several

__all__ = ["installation", "own_redis_server", "redis_client", "redis_server"]


@dataclass
class MortalBus:
    bus: Bus
    server: Mortal | MortalMemory


@pytest.fixture(scope="session")
def cluster() -> Iterator[Several]:
    """Run one cluster for all tests; an installation of theirs may be on any of its masters."""
    with several("cluster", "main") as running:
        yield running


@pytest.fixture(params=["memory", "redis", "cluster"])
async def bus(request: pytest.FixtureRequest, installation: str) -> AsyncIterator[Bus]:
    if request.param == "memory":
        yield MemoryBus()
        return
    servers: EmbeddedServer | Several = request.getfixturevalue(
        "redis_server" if request.param == "redis" else "cluster"
    )
    client = open_redis(servers.url, installation, 5.0, 10)
    try:
        yield RealBus(client, installation)
    finally:
        await client.aclose()


@pytest.fixture(params=["memory", "redis"])
async def mortal(request: pytest.FixtureRequest) -> AsyncIterator[MortalBus]:
    if request.param == "memory":
        memory = MemoryBus()
        yield MortalBus(memory, MortalMemory(memory.redis))
        return
    server: EmbeddedServer = request.getfixturevalue("own_redis_server")
    client = open_redis(server.url, "", 5.0, 10, tries=10)
    try:
        yield MortalBus(RealBus(client, request.getfixturevalue("installation")), Mortal(server))
    finally:
        await client.aclose()
