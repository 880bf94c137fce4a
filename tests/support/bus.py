"""One way to hold the bus, real or in memory, and to look behind it."""

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redis.asyncio import Redis

from shared.bus.embedded import EmbeddedServer
from shared.bus.epoch import Epochs, Memory
from shared.bus.keys import Keys
from shared.bus.lane_state import LaneState
from shared.bus.leases import Leases
from shared.bus.replies import text
from shared.bus.streams import Rows, SubscriptionPublisher, TradePublisher, TradeStream
from shared.clock import SystemClock
from shared.domain.ids import EntryId
from shared.domain.lanes import Lane
from shared.messages.outcome import OutcomeV1, decode
from shared.ports import Clock
from tests.support.builders import NOON_MS
from tests.support.memory_bus import (
    Kept,
    MemoryLaneState,
    MemoryLeases,
    MemoryRedis,
    MemorySubscriptionPublisher,
    MemoryTradePublisher,
    MemoryTradeStream,
)


@dataclass
class SetVenueClock:
    """The venue's time as a test sets it."""

    at_ms: int = NOON_MS
    looks: int = 0
    """How often somebody waited for it."""

    def now_ms(self) -> int:
        return self.at_ms

    def surely_past(self, venue_ms: int) -> bool:
        self.looks += 1
        return self.at_ms > venue_ms


@dataclass(frozen=True)
class LaneFacts:
    offset: str
    begun: str | None
    exp_max: int
    seq: int
    fields: frozenset[str]


class Bus(ABC):
    """What the suite runs on."""

    store: LaneState | MemoryLaneState
    trades: TradeStream | MemoryTradeStream
    publisher: TradePublisher | MemoryTradePublisher
    subscriptions: SubscriptionPublisher | MemorySubscriptionPublisher

    def __init__(self) -> None:
        self.venue = SetVenueClock()

    @abstractmethod
    def leases(self, lanes: int = 4, ttl_ms: int = 60_000) -> Leases | MemoryLeases:
        """Make one worker's lease steps."""

    @abstractmethod
    async def renew_epoch(self, venue_ms: int) -> None:
        """Trust this server from now on."""

    @abstractmethod
    async def facts(self, lane: Lane) -> LaneFacts: ...

    @abstractmethod
    async def outcomes(self) -> list[OutcomeV1]: ...

    @abstractmethod
    async def dead(self) -> list[tuple[str, bytes, str]]: ...

    @abstractmethod
    async def lag(self, lane: Lane) -> int: ...

    @abstractmethod
    async def forget_begun(self, lane: Lane) -> None: ...


class MemoryBus(Bus):
    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.clock = clock or SystemClock()
        self.redis = MemoryRedis(self.clock)
        self.store, self.trades = MemoryLaneState(self.redis), MemoryTradeStream(self.redis)
        self.publisher = MemoryTradePublisher(self.redis)
        self.subscriptions = MemorySubscriptionPublisher(self.redis)

    def leases(self, lanes: int = 4, ttl_ms: int = 60_000) -> MemoryLeases:
        return MemoryLeases(self.redis, self.clock, self.venue, lanes, ttl_ms)

    async def renew_epoch(self, venue_ms: int) -> None:
        self.redis.renew_epoch(venue_ms)

    async def facts(self, lane: Lane) -> LaneFacts:
        kept = self.redis.lane(lane)
        fields = {f"strand:{name}" for name in kept.strands}
        fields |= {f"subscription:{follower}|{leader}" for follower, leader in kept.subscriptions}
        return LaneFacts(kept.offset, kept.begun, kept.exp_max, kept.seq, frozenset(fields))

    async def outcomes(self) -> list[OutcomeV1]:
        return list(self.redis.kept.outcomes)

    async def dead(self) -> list[tuple[str, bytes, str]]:
        return [(entry, payload, reason) for entry, payload, reason in self.redis.kept.dead]

    async def lag(self, lane: Lane) -> int:
        return self.redis.kept.groups[lane][1]

    async def forget_begun(self, lane: Lane) -> None:
        self.redis.lane(lane).begun = None


class RealBus(Bus):
    def __init__(self, redis: Redis, installation: str, memory: Memory | None = None) -> None:
        super().__init__()
        self.memory = memory
        self.redis, self.keys = redis, Keys(installation)
        self.store, self.trades = LaneState(redis, self.keys), TradeStream(redis, self.keys)
        self.publisher = TradePublisher(redis, self.keys)
        self.subscriptions = SubscriptionPublisher(redis, self.keys)

    def leases(self, lanes: int = 4, ttl_ms: int = 60_000) -> Leases:
        return Leases(self.redis, self.keys, SystemClock(), self.venue, lanes, ttl_ms, self.memory)

    async def renew_epoch(self, venue_ms: int) -> None:
        await Epochs(self.redis, self.keys, 16, self.memory).renew(venue_ms)

    async def facts(self, lane: Lane) -> LaneFacts:
        found = await self.redis.hgetall(self.keys.lane(lane))
        raw = {text(name): text(value) for name, value in found.items()}
        records = frozenset(name for name in raw if ":" in name)
        return LaneFacts(
            raw.get("offset", "0-0"),
            raw.get("begun"),
            int(raw.get("exp_max", 0)),
            int(raw.get("seq", 0)),
            records,
        )

    async def outcomes(self) -> list[OutcomeV1]:
        return [decode(fields[b"__data__"]) for _, fields in await self._rows(self.keys.outcomes)]

    async def dead(self) -> list[tuple[str, bytes, str]]:
        rows = await self._rows(self.keys.dead)
        return [(fields[b"entry"].decode(), fields[b"__data__"], fields[b"reason"].decode()) for _, fields in rows]

    async def _rows(self, stream: str) -> Rows:
        return cast("Rows", await self.redis.xrange(stream))

    async def lag(self, lane: Lane) -> int:
        groups = await self.redis.xinfo_groups(self.keys.trades)
        return next(int(group["lag"]) for group in groups if group["name"] == self.keys.lane_group(lane).encode())

    async def forget_begun(self, lane: Lane) -> None:
        await self.redis.hdel(self.keys.lane(lane), "begun")


class Mortal:
    """A server of a test's own: it may come back with what it held at `remember`, or with nothing."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._file = server.log.parent / "appendonlydir"
        self._kept = server.log.parent / "kept"

    def remember(self) -> None:
        """Copy what is written now; every write is on the disk before it is answered."""
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self._file, self._kept)

    def come_back_older(self) -> None:
        self._restart_with(self._kept)

    def come_back_empty(self) -> None:
        self._restart_with(None)

    def come_back(self) -> None:
        """Be killed and start again with everything that was answered."""
        self._server.kill()
        self._server.start()

    def _restart_with(self, kept: Path | None) -> None:
        self._server.kill()
        shutil.rmtree(self._file)
        if kept:
            shutil.copytree(kept, self._file)
        self._server.start()


class MortalMemory:
    def __init__(self, redis: MemoryRedis) -> None:
        self._redis, self._kept = redis, Kept()

    def remember(self) -> None:
        self._kept = self._redis.snapshot()

    def come_back_older(self) -> None:
        self._redis.restart(self._kept)

    def come_back_empty(self) -> None:
        self._redis.restart()

    def come_back(self) -> None:
        self._redis.restart(self._redis.kept)


def entry_after(entry: EntryId, by: int = 1) -> EntryId:
    """Return a later id."""
    milliseconds, _, sequence = entry.partition("-")
    return EntryId(f"{milliseconds}-{int(sequence) + by}")
