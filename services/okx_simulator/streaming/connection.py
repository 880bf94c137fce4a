"""One WebSocket connection on a transport that began as HTTP; frames by `websockets`' sans-I/O protocol."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol
from websockets.typing import LoggerLike

from services.okx_simulator.wire.http import Request

_MOST_BYTES: Final = 65_536


class Speaker(Protocol):
    """What a connection tells about: the session on it."""

    def on_open(self) -> None:
        """Begin: the handshake is done."""

    def on_text(self, text: str) -> None:
        """Take one message."""

    def on_gone(self) -> None:
        """End: the connection is lost, whoever ended it."""


class WsConnection(asyncio.Protocol):
    """Sends and receives text; answers protocol pings by itself."""

    def __init__(self, transport: asyncio.Transport, request: Request, logger: LoggerLike) -> None:
        self._transport: asyncio.Transport | None = transport
        self._protocol = ServerProtocol(max_size=_MOST_BYTES, logger=logger)
        self._request = request
        self._speaker: Speaker | None = None
        self._parts: list[bytes] = []
        self._silent = False
        self.peer = request.peer

    def start(self, speaker: Callable[["WsConnection"], Speaker], rest: bytes) -> None:
        """Answer the handshake and, if it was one, begin the session."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._speaker = speaker(self)
        transport.set_protocol(self)
        self.data_received(_head(self._request) + rest)

    def send(self, text: str) -> None:
        """Send one message; nothing happens on a connection that is closing or kept silent."""
        if self._silent or self._transport is None:
            return
        try:
            self._protocol.send_text(text.encode())
        except InvalidState:
            return
        self._flush()

    def close(self, code: int, reason: str) -> None:
        """Close with a code of OKX's."""
        if self._silent or self._transport is None:
            return
        try:
            self._protocol.send_close(code, reason)
        except InvalidState:
            return
        self._flush()

    def drop(self) -> None:
        """End the TCP connection without a closing frame."""
        if self._transport is not None:
            self._transport.abort()

    def silence(self, seconds: float) -> None:
        """Swallow every frame in both directions for a while, with TCP open."""
        self._silent = True
        asyncio.get_running_loop().call_later(seconds, self._speak_again)

    def data_received(self, data: bytes) -> None:
        """Take bytes in."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Handshake):
                self._accept(event)
            elif isinstance(event, Frame) and not self._silent:
                self._on_frame(event)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it was lost changes nothing
        """End."""
        self._transport = None
        if self._speaker is not None:
            self._speaker.on_gone()

    def _accept(self, handshake: Handshake) -> None:
        response = self._protocol.accept(handshake)
        self._protocol.send_response(response)
        self._flush()
        if response.status_code == 101 and self._speaker is not None:  # noqa: PLR2004 - switching protocols
            self._speaker.on_open()

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.close(CloseCode.UNSUPPORTED_DATA, "text expected")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                text = b"".join(self._parts)
                self._parts.clear()
                self._on_text(text)

    def _on_text(self, text: bytes) -> None:
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            self.close(CloseCode.INVALID_DATA, "text is not UTF-8")
            return
        if self._speaker is not None:
            self._speaker.on_text(decoded)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if self._silent or self._transport is None:
                continue
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    def _speak_again(self) -> None:
        self._silent = False


def _head(request: Request) -> bytes:
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{n}: {v}" for n, v in request.headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
