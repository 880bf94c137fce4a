"""Serve an application over HTTP inside the service's own loop, so that a blocked loop is seen."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

_GRACE_S = 1


async def serve(app: ASGIApp, host: str, port: int, event: str, stopping: asyncio.Event | None = None) -> None:
    """Answer until cancelled, or until `stopping` is set and what is in hand is answered; port 0 takes a free one.

    Logs the address under `event`.

    Raises:
        OSError: the address is taken or is not ours.
    """
    bound = socket.create_server((host, port))
    structlog.get_logger().info(event, url=f"http://{host}:{bound.getsockname()[1]}")
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    try:
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(_end(server, stopping)) if stopping else None
            await server.serve(sockets=[bound])
            if ending:
                ending.cancel()
    finally:
        for listener in server.servers:
            listener.close()
        bound.close()


async def _end(server: uvicorn.Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to `lifecycle`, which drains before anything is torn down."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
