"""The server's lives: killed with, without, or with an older copy of its data; or replaced by a late replica.

One loopback port each for the first server and the replica; services reach whichever is in force through a proxy.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import redis

from deploy.chaos.proxy import Proxy
from shared.bus.embedded import EmbeddedServer

_SYNC_S = 10.0
_POLL_S = 0.05
_FILE = "appendonlydir"
_FIRST_PORT, _LAST_PORT, _PORT_TRIES = 20_000, 32_000, 50


class Mortal:
    """A server that may die; `port` is where the one in force listens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lives = 0
        self._server = self._next()
        self._remembered = folder / "remembered"

    def _next(self) -> EmbeddedServer:
        self._lives += 1
        self.port = free_port()
        return EmbeddedServer(self._folder / f"server-{self._lives}", port=self.port)

    @property
    def _data(self) -> Path:
        return self._server.log.parent / _FILE

    def start(self) -> None:
        """Start it; blocks until it answers."""
        self._server.start()

    def stop(self) -> None:
        """End it."""
        self._server.stop()

    def pause(self) -> None:
        """Stop the process where it is."""
        os.kill(self._server.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        os.kill(self._server.pid, signal.SIGCONT)

    def remember(self) -> None:
        """Keep a copy of its data as it is now."""
        shutil.rmtree(self._remembered, ignore_errors=True)
        shutil.copytree(self._data, self._remembered)

    async def come_back(self, away_s: float) -> None:
        """Kill it and start it again with everything it had."""
        self._server.kill()
        await asyncio.sleep(away_s)
        self._server.start()

    async def come_back_older(self, away_s: float) -> None:
        """Kill it and start it again with what it remembers."""
        self._server.kill()
        await asyncio.sleep(away_s)
        shutil.rmtree(self._data)
        shutil.copytree(self._remembered, self._data)
        self._server.start()

    async def come_back_empty(self, away_s: float) -> None:
        """Kill it and start it again with nothing."""
        self._server.kill()
        await asyncio.sleep(away_s)
        shutil.rmtree(self._data)
        self._server.start()

    async def fail_over(self, missed_s: float, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        """Let a replica follow, cut it off for so long, kill the server, and put the replica in its place.

        `meanwhile` is awaited while the replica is cut off.
        """
        link = Proxy(lambda: first)
        first, server = self.port, self._server
        await link.start()
        try:
            replica = self._next()
            second, self.port = self.port, first
            replica.start()
            await _follow(second, link.port)
            link.cut()
            if meanwhile:
                await meanwhile()
            await asyncio.sleep(missed_s)
            server.kill()
            with redis.Redis(port=second) as client:
                client.execute_command("REPLICAOF", "NO", "ONE")
            self._server, self.port = replica, second
        finally:
            await link.stop()


async def _follow(replica: int, port: int) -> None:
    with redis.Redis(port=replica) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", port)
        for _ in range(round(_SYNC_S / _POLL_S)):
            told = client.info("replication")
            if told["master_link_status"] == "up" and not told["master_sync_in_progress"]:
                return
            await asyncio.sleep(_POLL_S)
    raise RuntimeError(f"the replica did not follow within {_SYNC_S:g} s; expected its link to be up")


def free_port() -> int:
    """Return a loopback port nobody listens on just now, below those the kernel hands to outgoing connections."""
    for _ in range(_PORT_TRIES):
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no free port in {_PORT_TRIES} tries between {_FIRST_PORT} and {_LAST_PORT}")
