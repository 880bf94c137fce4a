"""One WebSocket to OKX: frames in, ops out, and a sharp ear for silence.

OKX cuts a connection after 30 s without data and answers the text `ping` with the text `pong`. A dead path tells
nothing at all, so a quiet socket is asked for a sign long before, and given up if none comes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from shared.okx.codes import CLOSES, GRANT_CLOSES
from shared.okx.errors import Unreadable
from shared.okx.frames import Frame, Op
from shared.ports import Clock

_FRAME = msgspec.json.Decoder(Frame)
_encode = msgspec.json.Encoder().encode
_MOST_BYTES = 8 << 20
"""Of one frame; the first push of all instruments takes a tenth of it."""


class SocketLost(Exception):
    """The socket is of no more use; says why. `grant` if the account's key is at fault, not the connection."""

    def __init__(self, why: str, *, grant: bool = False) -> None:
        super().__init__(why)
        self.grant = grant


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Bounds of a socket; seconds."""

    connect_s: float = 5.0
    answer_s: float = 5.0
    """For the acknowledgement of a login or a subscription."""
    ping_s: float = 1.0
    """Quiet for so long: ask for a sign."""
    silence_s: float = 2.5
    """Silent for so long, in spite of that: lost."""
    waiting_frames: int = 1_024
    """Frames kept for a slow reader; beyond them the other side has to wait, and cuts us off if it waits too long."""


class ConnectGate:
    """Lets one connection start every so often: OKX takes three a second from one address. Share it in a process."""

    def __init__(self, clock: Clock, every_s: float = 0.34) -> None:
        self._clock = clock
        self._every_s = every_s
        self._next_s = 0.0

    async def turn(self) -> None:
        """Wait for one's turn to connect; turns are given in order of the calls."""
        now = self._clock.monotonic()
        mine, self._next_s = max(now, self._next_s), max(now, self._next_s) + self._every_s
        await self._clock.sleep(mine - now)


class OkxSocket:
    """An open socket; made by `connected`. One reader, any number of writers."""

    def __init__(self, connection: ClientConnection, limits: SocketLimits) -> None:
        self._connection = connection
        self._limits = limits
        self._heard_at = asyncio.get_running_loop().time()

    @property
    def quiet_s(self) -> float:
        """Return how long ago the last sign of life came."""
        return asyncio.get_running_loop().time() - self._heard_at

    async def ask(self, op: Op) -> None:
        """Send an op; its answer comes as a frame. Raises SocketLost."""
        await self._send(_encode(op).decode())

    async def frame(self) -> Frame:
        """Wait for the next frame that is not a sign of life.

        Raises:
            SocketLost: closed by the other side, or silent for too long.
            Unreadable: what came is no frame; the socket goes on.
        """
        while (text := await self._heard()) == "pong":
            pass
        try:
            return _FRAME.decode(text)
        except msgspec.MsgspecError as error:
            raise Unreadable(f"unreadable frame: {error}") from None

    async def _heard(self) -> str | bytes:
        heard = await self._recv(self._limits.ping_s)
        if heard is None:
            await self._send("ping")
            heard = await self._recv(self._limits.silence_s - self._limits.ping_s)
        if heard is None:
            raise SocketLost(f"silent for {self._limits.silence_s:g} s")
        return heard

    async def _recv(self, most_s: float) -> str | bytes | None:
        try:
            async with asyncio.timeout(most_s):
                heard = await self._connection.recv()
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise _lost(error) from error
        self._heard_at = asyncio.get_running_loop().time()
        return heard

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._limits.answer_s):
                await self._connection.send(text)
        except TimeoutError as error:
            raise SocketLost("the other side does not read") from error
        except ConnectionClosed as error:
            raise _lost(error) from error


@asynccontextmanager
async def connected(address: str, limits: SocketLimits, gate: ConnectGate) -> AsyncIterator[OkxSocket]:
    """Open a socket and drop it at the end, without a farewell: a dead one would not answer it.

    Raises:
        SocketLost: it cannot be opened.
    """
    await gate.turn()
    try:
        connection = await _Connect(
            address,
            open_timeout=limits.connect_s,
            ping_interval=None,  # OKX wants the text `ping`; `frame` sends it
            max_size=_MOST_BYTES,
            max_queue=limits.waiting_frames,
            compression=None,
            proxy=None,
            user_agent_header="slipstream/1",
        )
    except (OSError, WebSocketException) as error:
        raise SocketLost(f"cannot connect to {address}: {error or type(error).__name__}") from error
    try:
        yield OkxSocket(connection, limits)
    finally:
        connection.transport.abort()


class _Connect(connect):
    """Connects where it was told to, and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _lost(error: ConnectionClosed) -> SocketLost:
    close = error.rcvd
    if close is None:
        return SocketLost("the connection ended without a farewell")
    why = CLOSES.get(close.code, close.reason) or "no reason given"
    return SocketLost(f"closed by OKX: {close.code} {why}", grant=close.code in GRANT_CLOSES)
