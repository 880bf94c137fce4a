"""The connections to one OKX host: kept warm, handed out one request at a time, recycled before they are stale.

    obtain ──idle connection?──▶ taken ─────────────────────────────▶ given back, or ended
      │ no                        ▲    ▲
      ├─ room for another? ─ open ┘    │
      └─ wait in line, bounded ────────┘ (a connection, or a place to open one, is handed over)

Whoever needs a connection opens it; one timer, ticking only while something waits, ends what is overdue.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from shared.okx.connection import Connection
from shared.okx.errors import NotSent
from shared.ports import Clock

_Turn = asyncio.Future[Connection | None]
_TICK_S = 0.02
"""How late a time-out may be noticed; far below any of them."""


@dataclass(frozen=True, slots=True)
class WireLimits:
    """Bounds of a wire; times in seconds."""

    connections: int = 512
    waiting: int = 20_000
    """Requests in line for a connection; one more is refused at once."""
    queue_s: float = 1.0
    connect_s: float = 2.0
    idle_s: float = 50.0
    """An idle connection is not trusted for longer: OKX may be about to close it."""
    age_s: float = 600.0


class ConnectionPool:
    """Connections to one host; made inside a running loop, to be closed."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, clock: Clock, limits: WireLimits) -> None:
        self._host, self._port, self._tls, self._clock, self._limits = host, port, tls, clock, limits
        self._places = limits.connections
        """Connections that may still be opened."""
        self._idle: dict[Connection, None] = {}
        self._busy: set[Connection] = set()
        self._line: deque[tuple[_Turn, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def open(self) -> int:
        """Count the connections: idle, busy, and being opened."""
        return self._limits.connections - self._places

    @property
    def waiting(self) -> int:
        """Count the requests in line for a connection."""
        return len(self._line)

    def reusable(self, now: float) -> Connection | None:
        """Take the idle connection that was used last: the others may rest until they are recycled."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.usable and self._young(connection, now):
                return connection
            connection.give_up("closed, or idle for too long")
        return None

    async def obtain(self) -> Connection:
        """Open a connection if there is room, else wait for one in line.

        Raises:
            NotSent: none could be opened, or none became free in time.
        """
        until = self._clock.monotonic() + self._limits.queue_s
        while not self._closed:
            if self._places:
                self._places -= 1
                return await self._open()
            connection = await self._turn(until)
            if connection is None:
                return await self._open()
            if connection.usable:
                return connection
        raise NotSent("the wire is closed")

    def taken(self, connection: Connection) -> None:
        """Note that a request is about to leave over a connection; its deadline is watched from now on."""
        self._busy.add(connection)
        self._watch()

    def release(self, connection: Connection) -> None:
        """Give an idle connection to the first in line, or let it rest; close one that cannot be used again."""
        if not connection.usable:
            connection.give_up("left in the middle of an exchange")
            return
        connection.idle_since_s = self._clock.monotonic()
        turn = self._next_turn()
        if turn:
            turn.set_result(connection)
        else:
            self._idle[connection] = None

    def rested(self, connection: Connection) -> None:
        """Take a connection back whose exchange ended well."""
        self._busy.discard(connection)
        self.release(connection)

    def ended(self, connection: Connection) -> None:
        """Forget a connection, and let another take its place."""
        self._busy.discard(connection)
        self._idle.pop(connection, None)
        self._vacate()

    async def warm(self, connections: int) -> None:
        """Open connections, side by side, until so many are there or the wire is full.

        Raises:
            NotSent: one or more could not be opened; those that could stay.
        """
        missing = min(connections - self.open, self._places)
        self._places -= max(0, missing)
        failures: list[NotSent] = []
        async with asyncio.TaskGroup() as group:
            for _ in range(missing):
                group.create_task(self._open_idle(failures))
        if failures:
            raise failures[0]

    async def keep_warm(self, wanted: Callable[[], int], every_s: float) -> None:
        """Keep as many connections as wanted open and young, until cancelled.

        A host out of reach is logged and tried again.
        """
        while True:
            self._recycle(before_s=every_s)
            try:
                await self.warm(wanted())
            except NotSent as error:
                structlog.get_logger().warning("wire_not_warm", host=self._host, open=self.open, why=str(error))
            await self._clock.sleep(every_s)

    def close(self) -> None:
        """Close everything: what waits in line ends as NotSent, what is in flight as Unanswered. Idempotent."""
        self._closed = True
        for turn, _ in self._line:
            _refuse(turn, "the wire was closed")
        self._line.clear()
        for connection in (*self._idle, *self._busy):
            connection.give_up("the wire was closed")
        if self._timer:
            self._timer.cancel()

    def _young(self, connection: Connection, now: float) -> bool:
        limits = self._limits
        return now - connection.opened_s < limits.age_s and now - connection.idle_since_s < limits.idle_s

    async def _turn(self, until: float) -> Connection | None:
        """Wait in line; returns a connection, or None with a place to open one."""
        if len(self._line) >= self._limits.waiting:
            raise NotSent(f"{len(self._line)} requests already wait for a connection to {self._host}")
        turn: _Turn = self._loop.create_future()
        self._line.append((turn, until))
        self._watch()
        try:
            return await turn
        except asyncio.CancelledError:
            self._return_turn(turn)
            raise

    def _return_turn(self, turn: _Turn) -> None:
        """Hand on what a cancelled sender was given and never took."""
        if turn.cancelled() or turn.exception():
            return
        connection = turn.result()
        if connection:
            self.release(connection)
        else:
            self._vacate()

    async def _open(self) -> Connection:
        """Open a connection in a place already taken; the place is free again if that fails."""
        connection = Connection(self._clock.monotonic(), self)
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await self._loop.create_connection(lambda: connection, self._host, self._port, ssl=self._tls)
        except BaseException as error:
            connection.give_up("never opened")
            if isinstance(error, OSError):  # time-outs and failed handshakes are kinds of it
                raise NotSent(f"cannot connect to {self._host}:{self._port}: {error or 'timed out'}") from error
            raise
        if self._closed or not connection.usable:
            connection.give_up("of no use from the start")
            raise NotSent(f"the connection to {self._host}:{self._port} was closed as soon as it was open")
        return connection

    async def _open_idle(self, failures: list[NotSent]) -> None:
        try:
            self.release(await self._open())
        except NotSent as error:
            failures.append(error)

    def _vacate(self) -> None:
        """Give a place to the first in line, or keep it."""
        turn = self._next_turn()
        if turn:
            turn.set_result(None)
        else:
            self._places += 1

    def _next_turn(self) -> _Turn | None:
        while self._line:
            turn, _ = self._line.popleft()
            if not turn.done():
                return turn
        return None

    def _recycle(self, before_s: float) -> None:
        """Close idle connections that would be too old to be trusted within `before_s`."""
        soon = self._clock.monotonic() + before_s
        for connection in [one for one in self._idle if not self._young(one, soon)]:
            connection.give_up("idle for too long")

    def _watch(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK_S, self._tick)

    def _tick(self) -> None:
        """End what is overdue; tick on while something may become so."""
        now = self._clock.monotonic()
        for connection in [one for one in self._busy if one.deadline_s <= now]:
            connection.give_up("no whole answer came in time")
        while self._line and (self._line[0][1] <= now or self._line[0][0].done()):
            _refuse(self._line.popleft()[0], f"no connection to {self._host} became free in time")
        self._timer = None
        if self._busy or self._line:
            self._watch()


def _refuse(turn: _Turn, why: str) -> None:
    if not turn.done():
        turn.set_exception(NotSent(why))
