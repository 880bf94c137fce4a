"""A whole worker in this process, on a real server and a paper venue; to be drained, or killed at any moment."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from services.follower_worker.drifting import Rhythm
from services.follower_worker.metrics import Metrics
from services.follower_worker.submitting import Venue
from services.follower_worker.switchboard import Switchboard
from services.follower_worker.worker import Bus as WorkerBus
from services.follower_worker.worker import Limits, Worker
from shared.bus.acks import SwitchAcks
from shared.bus.client import UNREACHABLE
from shared.bus.lane_state import LaneState
from shared.bus.streams import CommandPublisher
from shared.clock import SystemClock
from shared.domain.fills import EventKind, Hops, PosSide, TradeEvent
from shared.domain.ids import AccountId, EntryId, EventId, InstId, fill_event_id
from shared.domain.instruments import InstType
from shared.domain.lanes import Lane
from shared.domain.quantities import Contracts, Price
from shared.domain.risk import Account
from shared.domain.subscriptions import DriftPolicy
from shared.domain.switches import Action, Scope, Switch
from shared.messages.entries import TradeEventV1, write_subscription, write_switch, write_trade_event
from shared.messages.leader import Published
from shared.telemetry.metrics import Meter
from tests.support.builders import BTC, LEADER, instrument, subscription
from tests.support.bus import RealBus
from tests.support.paper_exchange import Hands, PaperExchange
from tests.support.surroundings import KnownFollowers, ListedInstruments
from tests.support.waiting import until

LANES = 4
TTL_MS = 600
SENDERS = 32
CLOCK_ERROR_MS = 5
DRIFT = Rhythm(every_s=0.1, confirm_s=0.05, reads_a_second=200, repairs_a_minute=30)
RATIO = 2
ETH = InstId("ETH-USDT-SWAP")
LISTED = (instrument(), instrument(inst_id=ETH))


class HostVenueClock:
    """The venue's clock is this host's, and may be wrong by a little."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def surely_past(self, venue_ms: int) -> bool:
        return self._clock.now_ms() > venue_ms + CLOCK_ERROR_MS


@dataclass
class Scene:
    """What every worker of a test shares: the server, the venue, the leader and the followers."""

    bus: RealBus
    account: Account = field(default_factory=Account)
    followers: list[AccountId] = field(default_factory=list)
    position: dict[InstId, Decimal] = field(default_factory=dict)
    published: list[TradeEventV1] = field(default_factory=list)
    number: int = 0
    thrown: list[Switch] = field(default_factory=list)
    """What a database would know of kill switches."""

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.venue_clock = HostVenueClock(self.clock)
        self.exchange = PaperExchange(self.venue_clock)
        self.bus.venue = self.venue_clock  # type: ignore[assignment]  # its leases go by the host's time

    async def begin(self, followers: int, drift: DriftPolicy = DriftPolicy.REPORT, max_age_ms: int = 60_000) -> None:
        """Subscribe so many followers, on a server known for long."""
        await self.bus.renew_epoch(self.clock.now_ms() - 60_000)
        await self.confirm()
        for number in range(followers):
            each = subscription(follower=f"follower-{number}", ratio=RATIO, max_age_ms=max_age_ms, drift=drift)
            self.followers.append(each.follower)
            await self.bus.subscriptions.publish([write_subscription(each)])

    async def confirm(self) -> None:
        """Publish the leader as complete as it is."""
        state = await self.bus.publisher.state(LEADER)
        assert await self.bus.publisher.publish(LEADER, state, [], {}, 0, self.clock.now_ms()) is Published.OK

    async def trade(self, *afters: int, inst_id: InstId = BTC) -> list[TradeEventV1]:
        """Let the leader move to these positions, one fill each, published in one step."""
        return await self.move(*((inst_id, after) for after in afters))

    async def move(self, *moves: tuple[InstId, int]) -> list[TradeEventV1]:
        """Let the leader move to these positions in these instruments, published in one step."""
        messages = [self._move(Decimal(after), inst_id) for inst_id, after in moves]
        await self.publish(messages)
        self.published += messages
        return messages

    async def publish(self, messages: Iterable[TradeEventV1]) -> None:
        state, events = await self.bus.publisher.state(LEADER), list(messages)
        moved = {InstId(each.inst_id): Contracts(Decimal(each.after)) for each in events}
        result = await self.bus.publisher.publish(LEADER, state, events, moved, 0, self.clock.now_ms())
        assert result is Published.OK, result

    async def newest(self) -> list[Switch]:
        return self.thrown

    async def throw(self, scope: Scope, name: str, action: Action) -> Switch:
        """Throw a kill switch by the stream."""
        switch = Switch(scope, name, action, self.clock.now_ms())
        await CommandPublisher(self.bus.redis, self.bus.keys).publish([write_switch(switch)])
        return switch

    async def publish_again(self) -> None:
        """Do what a watcher does when the server has forgotten: everything it does not know, in one step."""
        await self.bus.renew_epoch(self.clock.now_ms())
        ids = [EventId(each.id) for each in self.published]
        missing = await self.bus.publisher.unpublished(LEADER, ids)
        await self.publish(each for each in self.published if each.id in missing)

    def _move(self, after: Decimal, inst_id: InstId) -> TradeEventV1:
        self.number += 1
        before, now_ms = self.position.get(inst_id, Decimal(0)), self.clock.now_ms()
        self.position[inst_id] = after
        return write_trade_event(
            TradeEvent(
                entry=EntryId("0-0"),
                id=fill_event_id(LEADER, inst_id, str(self.number)),
                kind=EventKind.FILL,
                leader=LEADER,
                inst_id=inst_id,
                inst_type=InstType.SWAP,
                pos_side=PosSide.NET,
                before=Contracts(before),
                after=Contracts(after),
                price=Price(Decimal(100)),
                category="normal",
                late=False,
                vouched=True,
                hops=Hops(now_ms, now_ms, now_ms),
            )
        )

    def exact(self) -> bool:
        """Tell whether every follower holds exactly its multiple of what the leader holds."""
        return all(
            self.exchange.held[follower, inst_id] == after * RATIO
            for follower in self.followers
            for inst_id, after in self.position.items()
        )

    async def quiet(self) -> bool:
        """Tell whether every lane has decided everything and owes nothing."""
        last = await self.bus.trades.last()
        for number in range(LANES):
            record = await self.bus.store.load(Lane(number))
            if record.offset != last or any(each.phase or each.doubtful for each in record.strands.values()):
                return False
        return not self.exchange.in_the_air

    async def passed(self) -> bool:
        """Tell whether every lane's offset is past all there is, whatever is still owed."""
        return await self.bus.store.offsets(LANES) == [await self.bus.trades.last()] * LANES

    async def owed(self) -> dict[str, str | None]:
        """Return what each strand owes, by its name."""
        records = [await self.bus.store.load(Lane(number)) for number in range(LANES)]
        return {name: strand.phase for record in records for name, strand in record.strands.items()}

    async def books_agree(self) -> bool:
        """Tell whether what the lanes believe to be held is what the venue holds."""
        held: dict[tuple[str, str], Decimal] = {}
        for number in range(LANES):
            for name, record in (await self.bus.store.load(Lane(number))).strands.items():
                follower, inst_id, _ = name.split("|")
                held[follower, inst_id] = record.held
        positions = {key: position for key, position in self.exchange.held.items() if position}
        return {key: position for key, position in held.items() if position} == positions

    async def ends_exact(self, within_s: float = 15.0) -> None:
        """Wait until everything is decided, and check what a follower would check."""
        await until(self.quiet, within_s)
        assert self.exact()
        assert await self.books_agree()
        assert len(set(self.exchange.names)) == len(self.exchange.names)


class Rig:
    """One worker of a scene."""

    def __init__(self, scene: Scene, name: str, store: LaneState | None = None) -> None:
        self._scene, self.known, self._stopping = scene, KnownFollowers(scene.account), asyncio.Event()
        leases, kept = scene.bus.leases(LANES, TTL_MS), store or scene.bus.store
        bus = WorkerBus(leases, kept, scene.bus.trades, scene.bus.publisher, UNREACHABLE)
        instruments = ListedInstruments(*LISTED)
        self._hands = Hands(scene.exchange)
        venue = Venue(self._hands, instruments, scene.venue_clock, self.known.find)
        limits = Limits(
            worker=name,
            lane_count=LANES,
            renew_s=TTL_MS / 3_000,
            order_deadline_ms=300,
            throttle_pause_s=0.05,
            absent_gap_s=0.1,
            drift=DRIFT,
        )
        metrics = Metrics(Meter("test"))
        self.worker = Worker(bus, venue, self.known, scene.clock, metrics, limits)
        self.acks = SwitchAcks(scene.bus.redis, scene.bus.keys)
        self.board = Switchboard(scene, self.acks, name, scene.clock, metrics, UNREACHABLE)
        self.worker.obey(self.board)
        self._tasks: list[asyncio.Task[None]] = []

    async def _read(self) -> None:
        """Read the stream as the subscriber does, and start anew at the tail of another server."""
        trades, at, server = self._scene.bus.trades, EntryId("0-0"), ""
        while True:
            try:
                found = await trades.server()
                if found != server:
                    server, at = found, await trades.last()
                    self.worker.copier.regroup(at)
                rows = await trades.after(at, await trades.last(), 100)
                if rows:
                    at = rows[-1][0]
                    await self.worker.copier.receive(rows)
            except UNREACHABLE:
                server = ""
            await asyncio.sleep(0.002)

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        work = [self._read(), self.worker.holder.hold_until(self._stopping)]
        work += [self.worker.drifting.compare_for_ever(), self.board.acknowledge_for_ever()]
        self.worker.submitter.begin(SENDERS)
        work += [self.worker.resolver.ask_for_ever(16)]
        self._tasks = [loop.create_task(each) for each in work]

    async def kill(self) -> None:
        """End everything at once, as a crash would: nothing is drained, released or written."""
        self.worker.submitter.begin(0)
        self._hands.let_go()
        pending = set(self._tasks)
        while pending:  # on Python 3.11 a cancellation that meets a finished reply of Redis is swallowed
            for task in pending:
                task.cancel()
            pending = (await asyncio.wait(pending, timeout=0.05))[1]

    async def follows(self) -> None:
        """Wait until it holds lanes that all follow the reader."""
        await until(lambda: self.worker.trouble() is None and self.worker.holder.lanes)

    async def drain(self) -> None:
        """Ask it to stop, wait until it has, and end the rest."""
        self._stopping.set()
        await asyncio.wait_for(asyncio.shield(self._tasks[1]), 10)
        await self.kill()

    def check(self) -> None:
        """Raise what any of its tasks died of."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()


@asynccontextmanager
async def working(scene: Scene, name: str = "worker", store: LaneState | None = None) -> AsyncIterator[Rig]:
    """Run a worker; it is killed at the end if it still runs."""
    rig = Rig(scene, name, store)
    rig.start()
    try:
        yield rig
        rig.check()
    finally:
        await rig.kill()
