"""From a venue to a port: accept, hand WebSockets over, drain."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final

from services.okx_simulator.access.throttle import CONNECT
from services.okx_simulator.http_connection import HttpConnection
from services.okx_simulator.streaming.connection import WsConnection
from services.okx_simulator.streaming.session import Session
from services.okx_simulator.wire.http import Request, refusal
from services.okx_simulator.wire.refusals import Refused
from services.okx_simulator.wiring import Simulator

_PATHS: Final = {"/ws/v5/public": "public", "/ws/v5/private": "private", "/ws/v5/business": "business"}
_BACKLOG: Final = 2_048
_GOING_AWAY: Final = 1001


class Listening:
    """The simulator on its port."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._connections: set[HttpConnection] = set()
        self._logger = logging.getLogger("okx_simulator.websocket")

    async def serve(self, stopping: asyncio.Event, announce: Callable[[str], None]) -> None:
        """Listen until `stopping`, then finish the answers in hand; `announce` is told the address once it is bound."""
        settings = self._simulator.settings
        loop = asyncio.get_running_loop()
        tls = _tls(settings.tls_certificate, settings.tls_key)
        server = await loop.create_server(self._connection, settings.host, settings.port, ssl=tls, backlog=_BACKLOG)
        port = server.sockets[0].getsockname()[1]
        announce(f"{'https' if tls else 'http'}://{settings.host}:{port}")
        await stopping.wait()
        server.close()
        await self._drain()

    async def _drain(self) -> None:
        for session in list(self._simulator.venue.sessions):
            session.connection.close(_GOING_AWAY, "going away")
        deadline = self._simulator.clock.monotonic() + self._simulator.settings.drain_s
        while self._busy() and self._simulator.clock.monotonic() < deadline:  # noqa: ASYNC110 - many things end it
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()

    def _busy(self) -> bool:
        return sum(connection.drain() for connection in list(self._connections)) > 0

    def _connection(self) -> HttpConnection:
        simulator = self._simulator
        most = simulator.settings.max_body_bytes
        return HttpConnection(simulator.gateway, self._enter, self._connections, simulator.clock.now_us, most)

    def _enter(self, request: Request, transport: asyncio.Transport, rest: bytes) -> None:
        path = _PATHS.get(request.path)
        if path is None:
            transport.write(refusal(Refused("404")).to_bytes(keep_alive=False))
            transport.close()
            return
        try:
            self._simulator.venue.throttle.check(CONNECT, request.peer)
        except Refused as refused:
            transport.write(refusal(refused).to_bytes(keep_alive=False))
            transport.close()
            return
        connection = WsConnection(transport, request, self._logger)
        connection.start(lambda own: Session(own, path, self._simulator.venue), rest)


def _tls(certificate: object, key: object) -> ssl.SSLContext | None:
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(str(certificate), str(key))
    return context
