"""A leader, the bus, and as many watchers as a test wants."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from services.leader_watcher.metrics import Metrics
from services.leader_watcher.watching import LeaderWatch, Rhythm
from shared.domain.fills import Fill, Source
from shared.domain.ids import STREAM_START, InstId
from shared.domain.instruments import Side
from shared.domain.quantities import Contracts
from shared.messages.entries import TradeEventV1, decode
from shared.ports import FeedSignal
from shared.telemetry.metrics import Meter
from tests.support.builders import BTC, LEADER, NOON_MS, fill
from tests.support.bus import MemoryBus, SetVenueClock
from tests.support.clock import FakeClock, settle

NOW_MS = NOON_MS + 600_000


class Socket:
    """Pushes what a test puts in."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[FeedSignal] = asyncio.Queue()

    async def signals(self) -> AsyncIterator[FeedSignal]:
        while True:
            yield await self.queue.get()


class Rest:
    """Shows what a test has made happen, and fails when told."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []
        self.held: dict[InstId, Contracts] = {}
        self.trouble: deque[Exception] = deque()
        self.reads = 0
        self.during: deque[Fill] = deque()
        """Fills that happen while somebody reads, one a read."""

    async def fills_since(self, since_ms: int) -> Sequence[Fill]:
        self.reads += 1
        if self.trouble:
            raise self.trouble.popleft()
        found = [replace(each, source=Source.REST) for each in self.fills if each.at_ms >= since_ms]
        if self.during:
            self.fills.append(self.during.popleft())
        await asyncio.sleep(0)
        return found

    async def positions(self) -> dict[InstId, Contracts]:
        if self.trouble:
            raise self.trouble.popleft()
        return dict(self.held)


class Hide:
    """A leader, the bus, and as many watchers as a test wants."""

    def __init__(self) -> None:
        self.clock, self.bus, self.rest = FakeClock(NOW_MS), MemoryBus(), Rest()
        self.venue = SetVenueClock(NOW_MS)
        self.number = 0
        self.sockets: list[Socket] = []

    def watch(self, tag: str = "") -> LeaderWatch:
        self.sockets.append(Socket())
        return LeaderWatch(
            LEADER,
            self.sockets[-1],
            self.rest,
            self.bus.publisher,
            self.venue,
            self.clock,
            Metrics(Meter("test")),
            Rhythm(tag=tag),
            (ConnectionError,),
        )

    def trade(self, size: int, at_ms: int | None = None, tag: str = "") -> Fill:
        """Let the leader trade: REST shows it."""
        self.number += 1
        side = Side.BUY if size > 0 else Side.SELL
        made = fill(side, abs(size), trade_id=str(self.number), at_ms=at_ms or NOW_MS - 30_000 + self.number)
        made = replace(made, tag=tag)
        self.rest.fills.append(made)
        self.rest.held[BTC] = Contracts(self.rest.held.get(BTC, Decimal(0)) + made.signed)
        return made

    async def push(self, *signals: FeedSignal, socket: int = 0) -> None:
        for signal in signals:
            self.sockets[socket].queue.put_nowait(signal)
        await settle(60)

    async def events(self) -> list[TradeEventV1]:
        rows = await self.bus.trades.after(STREAM_START, await self.bus.trades.last())
        decoded = [decode(payload) for _, payload in rows]
        return [each for each in decoded if isinstance(each, TradeEventV1)]

    async def path(self) -> list[tuple[str, str]]:
        return [(each.before, each.after) for each in await self.events()]


@asynccontextmanager
async def watching(hide: Hide, *watches: LeaderWatch) -> AsyncIterator[None]:
    """Watch on a server everybody knows for long."""
    await hide.bus.renew_epoch(NOON_MS)
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(each.watch()) for each in watches]
        await settle()
        yield
        for task in tasks:
            task.cancel()
