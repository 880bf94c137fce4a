"""The bus in memory: the promises of shared.bus without a server. The contract suite runs on both."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

from shared.bus.epoch import CLOCK_MARGIN_MS
from shared.bus.leases import SchemeMismatch
from shared.bus.streams import REMEMBERED_MS
from shared.domain.ids import STREAM_START, AccountId, EntryId, EventId, InstId, entry_order
from shared.domain.lanes import LANE_SCHEME, Lane, Lease
from shared.domain.quantities import Contracts
from shared.messages.entries import SubscriptionV1, TradeEventV1, encode
from shared.messages.lane import Commit, LaneRecord, Written
from shared.messages.leader import LeaderState, Published
from shared.messages.outcome import OutcomeV1
from shared.messages.strand import StrandV1
from shared.ports import Clock, VenueClock

_names = count(1)


@dataclass
class LaneKept:
    offset: EntryId = STREAM_START
    begun: EntryId | None = None
    exp_max: int = 0
    seq: int = 0
    strands: dict[str, StrandV1] = field(default_factory=dict)
    subscriptions: dict[tuple[str, str], SubscriptionV1] = field(default_factory=dict)
    clean: tuple[str, int] | None = None


@dataclass
class LeaderKept:
    version: int = 0
    last_ms: int = 0
    floor_ms: int = 0
    positions: dict[InstId, Contracts] = field(default_factory=dict)
    server: str = ""


@dataclass
class Kept:
    """Everything a server holds, and may lose."""

    trades: list[tuple[EntryId, bytes]] = field(default_factory=list)
    last: EntryId = STREAM_START
    added: int = 0
    outcomes: list[OutcomeV1] = field(default_factory=list)
    dead: list[tuple[EntryId, bytes, str]] = field(default_factory=list)
    lanes: dict[Lane, LaneKept] = field(default_factory=dict)
    leases: dict[Lane, tuple[str, float]] = field(default_factory=dict)
    leaders: dict[AccountId, LeaderKept] = field(default_factory=dict)
    published: dict[AccountId, dict[str, int]] = field(default_factory=dict)
    workers: dict[str, int] = field(default_factory=dict)
    epoch_server: str = ""
    since: int = 0
    groups: dict[Lane, tuple[EntryId, int]] = field(default_factory=dict)
    installation: dict[str, str] = field(default_factory=dict)


class MemoryRedis:
    """One server; time is the clock's."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.kept, self.server = clock, Kept(), f"server-{next(_names)}"

    def snapshot(self) -> Kept:
        """Copy what is held now, to come back with later."""
        return deepcopy(self.kept)

    def restart(self, kept: Kept | None = None) -> None:
        """Come back as another server, with an older copy of what was held or with nothing."""
        self.kept, self.server = deepcopy(kept) if kept else Kept(), f"server-{next(_names)}"

    def add(self, payload: bytes) -> EntryId:
        """Append to the stream."""
        last_ms, last_seq = entry_order(self.kept.last)
        now_ms = self.clock.now_ms()
        entry = EntryId(f"{now_ms}-0" if now_ms > last_ms else f"{last_ms}-{last_seq + 1}")
        self.kept.trades.append((entry, payload))
        self.kept.last, self.kept.added = entry, self.kept.added + 1
        return entry

    def lane(self, lane: Lane) -> LaneKept:
        return self.kept.lanes.setdefault(lane, LaneKept())

    def holder(self, lane: Lane) -> str | None:
        """Return the token on a lane, None once it has expired."""
        token, until = self.kept.leases.get(lane, ("", 0.0))
        return token if self.clock.monotonic() < until else None

    @property
    def known(self) -> bool:
        """Tell whether the epoch record names this server."""
        return self.kept.epoch_server == self.server

    def renew_epoch(self, venue_ms: int) -> None:
        if not self.known:
            self.kept.epoch_server, self.kept.since = self.server, venue_ms + CLOCK_MARGIN_MS
            self.kept.leases.clear()


class MemoryLeases:
    def __init__(self, redis: MemoryRedis, clock: Clock, venue: VenueClock, lanes: int, ttl_ms: int) -> None:
        self._redis, self._clock, self._venue, self._lanes, self._ttl_ms = redis, clock, venue, lanes, ttl_ms

    async def check_installation(self) -> None:
        ours = {"lanes": str(self._lanes), "scheme": LANE_SCHEME}
        for name, value in ours.items():
            found = self._redis.kept.installation.setdefault(name, value)
            if found != value:
                raise SchemeMismatch(f"{name} is {value} here but {found} in the installation; start with {found}")

    async def beat(self, worker: str) -> int:
        now = self._clock.now_ms()
        self._redis.kept.workers[worker] = now
        return sum(seen >= now - self._ttl_ms for seen in self._redis.kept.workers.values())

    async def leave(self, worker: str) -> None:
        self._redis.kept.workers.pop(worker, None)

    async def acquire(self, lane: Lane) -> Lease | None:
        redis, started = self._redis, self._clock.monotonic()
        if not redis.known:
            await self.renew_epoch()
            return None
        if redis.holder(lane) is not None:
            return None
        kept, token = redis.lane(lane), token_hex(16)
        begun = redis.kept.last if kept.begun is None else kept.begun
        clean, kept.clean = kept.clean == (redis.server, kept.seq), None
        found, kept.exp_max = kept.exp_max, max(kept.exp_max, self._venue.now_ms() + self._ttl_ms)
        deadline = started + self._ttl_ms / 1000
        redis.kept.leases[lane] = (token, deadline)
        since = redis.kept.since
        begun = STREAM_START if clean else begun
        return Lease(lane, token, deadline, kept.exp_max, begun, max(found, since + self._ttl_ms), since, clean)

    async def soonest_s(self) -> float:
        now, free_at = (
            self._clock.monotonic(),
            [self._redis.kept.leases.get(Lane(n), ("", 0.0))[1] for n in range(self._lanes)],
        )
        return max(0.0, min(free_at) - now)

    async def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        if leases and not self._redis.known:
            await self.renew_epoch()
            return list(leases)
        lost = []
        for lease in leases:
            if self._redis.holder(lease.lane) != lease.token:
                lost.append(lease)
                continue
            kept = self._redis.lane(lease.lane)
            kept.exp_max = max(kept.exp_max, self._venue.now_ms() + self._ttl_ms)
            lease.deadline, lease.exp_max = self._clock.monotonic() + self._ttl_ms / 1000, kept.exp_max
            self._redis.kept.leases[lease.lane] = (lease.token, lease.deadline)
        return lost

    async def release(self, lease: Lease, clean: int | None = None) -> None:
        if self._redis.holder(lease.lane) == lease.token:
            del self._redis.kept.leases[lease.lane]
            kept = self._redis.lane(lease.lane)
            kept.clean = kept.clean if clean is None else (self._redis.server, clean)

    async def renew_epoch(self) -> None:
        self._redis.renew_epoch(self._venue.now_ms())


class MemoryLaneState:
    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis

    async def load(self, lane: Lane) -> LaneRecord:
        kept = deepcopy(self._redis.lane(lane))
        return LaneRecord(kept.offset, kept.seq, kept.strands, list(kept.subscriptions.values()), [])

    async def raise_begun(self, leases: Sequence[Lease], entry: EntryId) -> list[bool]:
        held = [self._redis.holder(lease.lane) == lease.token for lease in leases]
        for lease, fine in zip(leases, held, strict=True):
            kept = self._redis.lane(lease.lane)
            if fine:
                kept.begun = max(kept.begun or STREAM_START, entry, key=entry_order)
        return held

    async def commit(self, lease: Lease, commit: Commit) -> Written:
        kept = self._redis.lane(lease.lane)
        if self._redis.holder(lease.lane) != lease.token or not self._redis.known:
            return Written.LOST
        if commit.seq != kept.seq + 1:
            return Written.REPEAT if commit.seq <= kept.seq else Written.GAP
        kept.strands.update(commit.strands)
        kept.subscriptions.update({(each.follower, each.leader): each for each in commit.subscriptions})
        for name in commit.forgotten:
            kept.strands.pop(name, None)
        kept.offset, kept.seq = commit.offset or kept.offset, commit.seq
        self._redis.kept.outcomes += commit.outcomes
        return Written.OK

    async def mirror(self, offsets: Mapping[Lane, EntryId]) -> None:
        for lane, offset in offsets.items():
            behind = sum(entry_order(entry) > entry_order(offset) for entry, _ in self._redis.kept.trades)
            self._redis.kept.groups[lane] = (offset, behind)

    async def offsets(self, lanes: int) -> list[EntryId]:
        return [self._redis.lane(Lane(lane)).offset for lane in range(lanes)]


class MemoryTradeStream:
    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis

    async def last(self) -> EntryId:
        return self._redis.kept.last

    async def server(self) -> str:
        return self._redis.server

    async def confirmed(self, leader: AccountId) -> bool:
        kept = self._redis.kept
        return bool(kept.epoch_server) and kept.leaders.get(leader, LeaderKept()).server == kept.epoch_server

    async def after(self, entry: EntryId, upto: EntryId, count: int = 1000) -> list[tuple[EntryId, bytes]]:
        trades = self._redis.kept.trades
        first = bisect_right(trades, entry_order(entry), key=lambda each: entry_order(each[0]))
        end = bisect_right(trades, entry_order(upto), key=lambda each: entry_order(each[0]))
        return trades[first:end][:count]

    async def bury(self, entry: EntryId, payload: bytes, reason: str) -> None:
        self._redis.kept.dead.append((entry, payload, reason))

    async def trim(self, keep_after: EntryId) -> int:
        trades = self._redis.kept.trades
        kept = [each for each in trades if entry_order(each[0]) >= entry_order(keep_after)]
        self._redis.kept.trades = kept
        return len(trades) - len(kept)


class MemoryTradePublisher:
    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis

    async def state(self, leader: AccountId) -> LeaderState:
        kept = self._redis.kept.leaders.get(leader, LeaderKept())
        redis = self._redis.kept
        return LeaderState(
            kept.version, kept.last_ms, kept.floor_ms, dict(kept.positions), redis.since, redis.epoch_server
        )

    async def positions(self, leader: AccountId) -> dict[InstId, Contracts]:
        return (await self.state(leader)).positions

    async def unpublished(self, leader: AccountId, ids: Sequence[EventId]) -> set[EventId]:
        return set(ids) - self._redis.kept.published.get(leader, {}).keys()

    async def publish(
        self,
        leader: AccountId,
        state: LeaderState,
        events: Sequence[TradeEventV1],
        positions: dict[InstId, Contracts],
        last_ms: int,
        now_ms: int,
    ) -> Published:
        if not self._redis.known:
            return Published.EPOCH
        kept = self._redis.kept.leaders.setdefault(leader, LeaderKept())
        published = self._redis.kept.published.setdefault(leader, {})
        outdated = (state.server, state.version) != (self._redis.server, kept.version)
        if outdated or any(event.id in published for event in events):
            return Published.STALE
        for event in events:
            published[event.id] = event.filled_ms
            self._redis.add(encode(event))
        kept.positions.update(positions)
        kept.version, kept.server, kept.last_ms = kept.version + 1, self._redis.server, max(kept.last_ms, last_ms)
        self._forget_before(kept, published, now_ms - REMEMBERED_MS)
        return Published.OK

    def _forget_before(self, kept: LeaderKept, published: dict[str, int], floor_ms: int) -> None:
        forgotten = [event for event, at_ms in published.items() if at_ms <= floor_ms]
        for event in forgotten:
            del published[event]
        if forgotten:
            kept.floor_ms = max(kept.floor_ms, floor_ms)

    async def mark_published(self, leader: AccountId, events: Sequence[tuple[EventId, int]]) -> None:
        self._redis.kept.published.setdefault(leader, {}).update(dict(events))


class MemorySubscriptionPublisher:
    def __init__(self, redis: MemoryRedis) -> None:
        self._redis = redis

    async def publish(self, messages: Sequence[SubscriptionV1]) -> int:
        published = self._redis.kept.published.setdefault(AccountId("subscriptions"), {})
        new = [message for message in messages if message.id not in published]
        for message in new:
            published[message.id] = message.version
            self._redis.add(encode(message))
        return len(new)
