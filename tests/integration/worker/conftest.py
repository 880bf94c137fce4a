"""A scene on the shared server, and one on a server of its own that may be killed."""

from collections.abc import AsyncIterator

import pytest

from shared.bus.client import open_redis
from shared.bus.embedded import EmbeddedServer
from tests.support.bus import Mortal, RealBus
from tests.support.redis_server import installation, own_redis_server, redis_server
from tests.support.worker_rig import Scene

__all__ = ["installation", "own_redis_server", "redis_server"]


@pytest.fixture
async def scene(redis_server: EmbeddedServer, installation: str) -> AsyncIterator[Scene]:
    client = open_redis(redis_server.url, "", 5.0, 100)
    try:
        yield Scene(RealBus(client, installation))
    finally:
        await client.aclose()


@pytest.fixture
async def mortal_scene(own_redis_server: EmbeddedServer, installation: str) -> AsyncIterator[tuple[Scene, Mortal]]:
    client = open_redis(own_redis_server.url, "", 2.0, 50, tries=3)
    try:
        yield Scene(RealBus(client, installation)), Mortal(own_redis_server)
    finally:
        await client.aclose()
