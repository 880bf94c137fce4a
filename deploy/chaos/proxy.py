"""A TCP proxy of our own: between one service and one neighbour, to be cut and mended.

A cut is a partition as the kernel shows it to us: connections stay up and nothing comes through. What was under way
when it is mended goes on, unless the cut was hard: then everything that came meanwhile is lost with its connection.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

_CHUNK = 65_536


class Proxy:
    """Listens on a loopback port and forwards to whatever `upstream` names when a connection comes."""

    def __init__(self, upstream: Callable[[], int]) -> None:
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._through = asyncio.Event()
        self._through.set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    @property
    def port(self) -> int:
        """Return where it listens.

        Raises:
            RuntimeError: it was not started.
        """
        if self._server is None:
            raise RuntimeError("the proxy does not listen yet; expected start() before this")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        """Let nothing through from now on, in neither direction; new connections are taken and starve."""
        self._through.clear()

    def mend(self, *, hard: bool = False) -> None:
        """Let everything through again; with `hard`, what was held back is lost and its connections are reset."""
        if hard:
            self.reset()
        self._through.set()

    def reset(self) -> None:
        """Abort every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def stop(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
        self.reset()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._through.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._upstream())
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        pumps = {asyncio.ensure_future(self._pump(reader, back)), asyncio.ensure_future(self._pump(there, writer))}
        self._pumps |= pumps
        with suppress(asyncio.CancelledError):
            await asyncio.wait(pumps)
        self._pumps -= pumps
        self._writers -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._through.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
