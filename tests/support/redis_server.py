"""Real servers for tests: the embedded one, or the binary named by SLIPSTREAM_TEST_REDIS_BINARY.

Import `redis_server` (one server per test session, shared) or `own_redis_server` (one per test, free to be killed)
into a test module or conftest to use them as fixtures.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from shared.bus.embedded import EmbeddedServer

BINARY_VARIABLE = "SLIPSTREAM_TEST_REDIS_BINARY"


def chosen_binary() -> Path | None:
    """Return the server binary the environment asks for; None means the embedded default."""
    named = os.environ.get(BINARY_VARIABLE)
    if named and not Path(named).is_file():
        raise FileNotFoundError(
            f"{BINARY_VARIABLE} is {named!r}; expected the path of a redis-server or valkey-server binary"
        )
    return Path(named) if named else None


@contextmanager
def running_server(*, port: int | None = None) -> Iterator[EmbeddedServer]:
    """Run a server on data of its own, durable at every write, and remove both at the end."""
    folder = Path(tempfile.mkdtemp(prefix="slipstream-redis-"))  # a test's own folder may be too deep for a socket path
    try:
        with EmbeddedServer(folder, port=port, appendfsync="always", binary=chosen_binary()) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedServer]:
    """Run one server for the whole session: never kill it, never flush it; take an `installation` of your own."""
    with running_server() as server:
        yield server


@pytest.fixture
def own_redis_server() -> Iterator[EmbeddedServer]:
    """Run a server of this test alone: to be killed, emptied, restarted."""
    with running_server() as server:
        yield server


@pytest.fixture
def installation() -> str:
    """Return a hash tag nobody else uses, so that tests sharing a server never meet."""
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture
async def redis_client(redis_server: EmbeddedServer) -> AsyncIterator[Redis]:
    """Give a client that does not decode, as the bus wants it, on the shared server."""
    client = Redis.from_url(redis_server.url)
    try:
        yield client
    finally:
        await client.aclose()
