"""The two ways out to OKX, opened for a test."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.clock import SystemClock
from shared.okx.pool import WireLimits
from shared.okx.protocol import WayOut
from shared.okx.transport import Transport, TransportLimits
from shared.okx.wire import Wire

CONNECT_S = 0.5


@asynccontextmanager
async def opened(
    kind: str, origin: str, *, headers: bytes = b"", tls: ssl.SSLContext | None = None
) -> AsyncIterator[WayOut]:
    if kind == "wire":
        limits = WireLimits(connections=20, queue_s=2.0, connect_s=CONNECT_S)
        async with Wire(origin, SystemClock(), limits, headers=headers, tls=tls) as wire:
            yield wire
    else:
        pools = TransportLimits(pools=2, connections_per_pool=10, queue_s=1.0, connect_s=CONNECT_S)
        async with Transport(origin, pools, headers=headers, tls=tls) as transport:
            yield transport
