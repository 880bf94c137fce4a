"""The cold way out to one OKX host, over httpx: the only module that imports it.

Its pool's work grows with the square of its connections, so there are several small pools, used in turn. Which of its
errors mean "nothing left this process" was found by experiment, not by their names: only the three below.
"""

import asyncio
import ssl
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from itertools import cycle
from math import inf
from types import TracebackType
from typing import Self

import httpx

from shared.okx.errors import NotSent, Unanswered
from shared.okx.protocol import Request, Response

_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MOST_BYTES = 16 << 20
"""Of one answer; the list of all instruments takes a tenth of it."""


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """Bounds of a transport; times in seconds."""

    pools: int = 4
    connections_per_pool: int = 25
    queue_s: float = 2.0
    connect_s: float = 2.0


class Transport:
    """Pools of connections to one origin; a `WayOut`. Close it, or use it as a context manager."""

    def __init__(
        self,
        origin: str,
        limits: TransportLimits = TransportLimits(),
        *,
        headers: bytes = b"",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Point at `origin` (scheme, host, port); `headers` are lines every request carries."""
        self._limits = limits
        verify = tls or ssl.create_default_context()
        self._clients = [_client(origin, limits, headers, verify) for _ in range(limits.pools)]
        self._turns = cycle(self._clients)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, request: Request, timeout_s: float, leave_before: float = inf) -> Response:
        """Send a request once and return its whole answer; see `WayOut.send`."""
        limits = self._limits
        if asyncio.get_running_loop().time() >= leave_before:
            raise NotSent(f"{request.path} could not leave in time")
        phases = httpx.Timeout(timeout_s, connect=limits.connect_s, pool=limits.queue_s)
        try:
            # httpx bounds each read, not the answer: a trickle would never end without a bound of our own.
            async with asyncio.timeout(limits.queue_s + limits.connect_s + timeout_s):
                return await self._exchange(next(self._turns), request, phases)
        except _NOTHING_LEFT as error:
            raise NotSent(f"cannot reach {request.path}: {type(error).__name__} {error}".rstrip()) from error
        except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
            raise Unanswered(f"no whole answer to {request.path}: {type(error).__name__} {error}".rstrip()) from error

    async def close(self) -> None:
        """Close every pool; requests in flight fail. Idempotent."""
        for client in self._clients:
            await client.aclose()

    async def _exchange(self, client: httpx.AsyncClient, request: Request, phases: httpx.Timeout) -> Response:
        async with client.stream(
            request.method, request.path, headers=_lines(request.headers), content=request.body, timeout=phases
        ) as answer:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise Unanswered(f"the answer to {request.path} exceeds {_MOST_BYTES} bytes")
            return Response(answer.status_code, bytes(body))


def _client(origin: str, limits: TransportLimits, headers: bytes, tls: ssl.SSLContext) -> httpx.AsyncClient:
    client = httpx.AsyncClient(
        base_url=origin,
        headers=_lines(headers),
        verify=tls,
        trust_env=False,  # no proxies, no .netrc
        follow_redirects=False,
        limits=httpx.Limits(
            max_connections=limits.connections_per_pool, max_keepalive_connections=limits.connections_per_pool
        ),
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def _lines(headers: bytes) -> list[tuple[bytes, bytes]]:
    pairs = (line.partition(b": ") for line in headers.split(b"\r\n") if line)
    return [(name, value) for name, _, value in pairs]
