"""Hosts that speak HTTP, or refuse to, exactly as a test wants; on real sockets."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Visit:
    """One connection as the host sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: "Host"

    async def request(self) -> bytes:
        """Read one whole request; empty at the end of the connection."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await self.reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
        self.host.requests.append(head + body)
        return head + body

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Host:
    """What a test may look at."""

    origin: str = ""
    visits: int = 0
    requests: list[bytes] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a behaviour has ended and its connection is closed."""


Behaviour = Callable[[Visit], Awaitable[None]]


@asynccontextmanager
async def hosting(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    """Listen on a free port; every connection is treated by `behaviour` and then closed."""
    host = Host()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.visits += 1
        try:
            await behaviour(Visit(reader, writer, host))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            host.left.set()

    server = await asyncio.start_server(visit, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    host.origin = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield host
    finally:
        server.close()


def answer(body: bytes = b"{}", status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    """Spell an answer of known length."""
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b" % (
        status,
        headers,
        len(body),
        body,
    )


def always(data: bytes) -> Behaviour:
    """Answer every request of a connection alike."""

    async def behave(visit: Visit) -> None:
        while await visit.request():
            await visit.say(data)

    return behave
