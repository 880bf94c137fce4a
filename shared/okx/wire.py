"""The hot way out to one OKX host: placing an order, and asking for one.

The promise that everything else leans on: `NotSent` is raised only while nothing was written to a transport; from the
first `write` on, whatever happens is `Unanswered`. HTTP/1.1 keep-alive, one request in flight per connection, no
redirects, cookies or proxies. A request that finds a connection at rest leaves at once and costs no task.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from math import inf
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import structlog

from shared.okx.connection import Connection
from shared.okx.errors import NotSent, OkxError
from shared.okx.pool import ConnectionPool, WireLimits
from shared.okx.protocol import Request, Response, Told
from shared.ports import Clock

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Wire:
    """One origin; a `HotWay`, made inside a running loop. Close it, or use it as a context manager."""

    def __init__(
        self,
        origin: str,
        clock: Clock,
        limits: WireLimits | None = None,
        *,
        headers: bytes = b"",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Point at `origin` (scheme, host, port); `headers` are lines every request carries.

        Raises:
            ValueError: the origin is no such address, or plain HTTP to anywhere but this machine.
        """
        address = urlsplit(origin)
        host = address.hostname
        if address.scheme not in {"http", "https"} or not host or address.path.strip("/"):
            raise ValueError(f"origin {origin!r}: expected https://host or https://host:port")
        if address.scheme == "http" and host not in _LOOPBACK:
            raise ValueError(f"origin {origin!r}: plain HTTP is for this machine only; expected https://")
        tls_used = (tls or ssl.create_default_context()) if address.scheme == "https" else None
        port = address.port or (443 if address.scheme == "https" else 80)
        self._head = b"Host: %b\r\n%b" % (address.netloc.encode(), headers)
        self._clock = clock
        self._pool = ConnectionPool(host, port, tls_used, clock, limits or WireLimits())
        self._loop = asyncio.get_running_loop()
        self._dispatching: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """Count the connections: idle, busy, and being opened."""
        return self._pool.open

    @property
    def waiting(self) -> int:
        """Count the requests in line for a connection."""
        return self._pool.waiting

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def send(self, request: Request, timeout_s: float, leave_before: float = inf) -> Response:
        """Send a request once and return its whole answer; see `WayOut.send`."""
        now = self._clock.monotonic()
        connection = self._pool.reusable(now)
        if connection is None:
            connection, now = await self._pool.obtain(), self._clock.monotonic()
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._exchange(connection, request, timeout_s, leave_before, partial(_settle, answer), now)
        try:
            return await answer
        finally:
            if answer.cancelled():
                connection.give_up("left in the middle of an exchange")

    def dispatch(self, request: Request, timeout_s: float, leave_before: float, told: Told) -> None:
        """Send a request without waiting; see `HotWay.dispatch`."""
        now = self._clock.monotonic()
        connection = self._pool.reusable(now)
        if connection:
            self._exchange(connection, request, timeout_s, leave_before, told, now)
            return
        task = self._loop.create_task(self._dispatch_later(request, timeout_s, leave_before, told))
        self._dispatching.add(task)
        task.add_done_callback(self._dispatching.discard)

    async def _dispatch_later(self, request: Request, timeout_s: float, leave_before: float, told: Told) -> None:
        """Wait for a connection, or open one."""
        try:
            connection = await self._pool.obtain()
        except NotSent as error:
            told(error)
            return
        except Exception as error:  # noqa: BLE001 - whoever sent must hear, and nothing was written
            structlog.get_logger().exception("connection_not_had", error=type(error).__name__)
            told(NotSent(f"{request.path} could not leave: no connection was had ({type(error).__name__})"))
            return
        self._exchange(connection, request, timeout_s, leave_before, told, self._clock.monotonic())

    def _exchange(
        self, connection: Connection, request: Request, timeout_s: float, leave_before: float, told: Told, now: float
    ) -> None:
        if now >= leave_before:
            self._pool.release(connection)
            told(NotSent(f"{request.path} could not leave in time: a connection came too late"))
            return
        self._pool.taken(connection)
        connection.exchange(self._spelled(request), told, now + timeout_s)

    async def keep_warm(self, wanted: Callable[[], int], every_s: float) -> None:
        """Keep as many connections as wanted open and young; see `ConnectionPool.keep_warm`."""
        await self._pool.keep_warm(wanted, every_s)

    async def warm(self, connections: int) -> None:
        """Open connections until so many are there; see `ConnectionPool.warm`."""
        await self._pool.warm(connections)

    def close(self) -> None:
        """Close everything: what waits in line ends as NotSent, what is in flight as Unanswered. Idempotent."""
        self._pool.close()

    def _spelled(self, request: Request) -> bytes:
        return b"%b %b HTTP/1.1\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
            request.method.encode(),
            request.path.encode(),
            self._head,
            request.headers,
            len(request.body),
            request.body,
        )


def _settle(answer: asyncio.Future[Response], came: Response | OkxError) -> None:
    if answer.done():
        return
    if isinstance(came, Response):
        answer.set_result(came)
    else:
        answer.set_exception(came)
