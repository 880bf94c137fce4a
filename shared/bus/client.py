"""One way to open a Redis client.

Raw bytes, patient with a server that restarts, time-outs above the longest blocking read.
"""

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TimedOut

from shared.bus.topology import following_pool, read_topology

UNREACHABLE: tuple[type[Exception], ...] = (RedisError, OSError)
"""What a call raises when the server is away, loading, or not itself; every step may be repeated."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.5


def patience(tries: int) -> Retry:
    """Return a retry policy with `tries` pauses that double from 10 ms to half a second."""
    return Retry(ExponentialBackoff(base=_FIRST_PAUSE_S, cap=_LONGEST_PAUSE_S), tries)


class CancellableRedis(Redis):
    """A client whose callers can be cancelled at any moment.

    On Python 3.11 `asyncio.wait_for`, which the client waits with, answers instead of being cancelled if a reply
    comes at that moment; a task that loops over commands would then outlive its cancellation for ever.
    """

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as declared there
        """Run a command; a task that was cancelled meanwhile gets no answer but its cancellation."""
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # untyped there
        finally:
            if task and task.cancelling() > before:
                raise asyncio.CancelledError


def open_redis(url: str, installation: str, socket_timeout_s: float, max_connections: int, tries: int = 3) -> Redis:
    """Open a client of one server, or of the one Sentinel or a cluster names; connects on first use.

    `installation` is the hash tag by which a cluster knows the server. Close it with `aclose()`.

    Raises:
        ValueError: the URL is malformed, or a cluster's without an installation.
    """
    options: dict[str, Any] = {
        "decode_responses": False,
        "socket_timeout": socket_timeout_s,
        "socket_connect_timeout": socket_timeout_s,
        "max_connections": max_connections,
        "retry": patience(tries),
        "retry_on_error": [ConnectionLost, TimedOut],
    }
    topology = read_topology(url, installation)
    if topology is None:
        return CancellableRedis.from_url(url, **options)
    return CancellableRedis.from_pool(following_pool(topology, options))
