"""The one file where a worker's clients are built and handed over."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from secrets import token_hex

from redis.asyncio import Redis

from services.follower_worker.complaining import Complaints
from services.follower_worker.drifting import Rhythm
from services.follower_worker.follower_book import FollowerBook
from services.follower_worker.handlers import TradesReader
from services.follower_worker.housekeeping import Housekeeper
from services.follower_worker.metrics import Metrics
from services.follower_worker.remembering import DatabaseMemory
from services.follower_worker.roster import Roster
from services.follower_worker.settings import Settings
from services.follower_worker.submitting import Venue
from services.follower_worker.switchboard import Switchboard
from services.follower_worker.worker import Bus, Limits, Worker
from shared.bus.acks import SwitchAcks
from shared.bus.client import UNREACHABLE, open_redis
from shared.bus.keys import Keys
from shared.bus.lane_state import LaneState
from shared.bus.leases import Leases
from shared.bus.notices import GrantNotices, LaneBell, SwitchNotices
from shared.bus.reading import open_broker
from shared.bus.streams import CommandPublisher, TradePublisher, TradeStream
from shared.clock import SystemClock
from shared.domain.ids import EntryId, InstId
from shared.domain.lanes import Lane as LaneNumber
from shared.lifecycle import Lifetime
from shared.okx.authority import Authority, RenewalLimits
from shared.okx.errors import NotSent
from shared.okx.exchange import ExchangeLimits, OkxExchange
from shared.okx.market import OkxMarket
from shared.okx.opening import Ways, open_ways
from shared.okx.socket import ConnectGate, SocketLimits
from shared.okx.wire import Wire
from shared.okx.wires import open_wires
from shared.store.copies import RedisCopies
from shared.store.engine import Database, StoreUnavailable
from shared.store.followers import Followers
from shared.store.grants import Grants
from shared.store.migrate import migrate
from shared.store.opened_grants import OpenedGrants
from shared.store.subscriptions import Subscriptions
from shared.store.switches import Switches
from shared.telemetry.health import Health
from shared.telemetry.metrics import Meter
from shared.telemetry.stalls import Stalls
from shared.vault.seal import vault_from

_KEEP_WARM_S = 5.0
"""How often the pool of connections is looked after."""
_RENEWAL = RenewalLimits(join_refresh_s=0.25)
"""How long an order waits for a newer token: it comes again soon, and a sender is not one account's to keep."""


class Streams:
    """housekeeping.Streams over the bus."""

    def __init__(self, state: LaneState, trades: TradeStream) -> None:
        self._state, self._trades = state, trades

    async def mirror(self, offsets: Mapping[LaneNumber, EntryId]) -> None:
        """Show offsets as consumer groups."""
        await self._state.mirror(offsets)

    async def offsets(self, lanes: int) -> list[EntryId]:
        """Return every lane's offset."""
        return await self._state.offsets(lanes)

    async def trim(self, keep_after: EntryId) -> int:
        """Drop entries before one."""
        return await self._trades.trim(keep_after)


@dataclass(frozen=True, slots=True)
class Replaying:
    """What `replay` reads and publishes with."""

    state: LaneState
    trades: TradeStream
    commands: CommandPublisher
    clock: SystemClock


@asynccontextmanager
async def replaying(settings: Settings) -> AsyncIterator[Replaying]:
    """Open the bus for one command, and close it."""
    redis = open_redis(*settings.redis())
    keys = Keys(settings.installation)
    try:
        yield Replaying(LaneState(redis, keys), TradeStream(redis, keys), CommandPublisher(redis, keys), SystemClock())
    finally:
        await redis.aclose()


@dataclass(frozen=True, slots=True)
class Storage:
    """What a worker reads of the database."""

    opened: OpenedGrants
    followers: Followers
    book: FollowerBook
    memory: DatabaseMemory
    switches: Switches


async def assemble(life: Lifetime, settings: Settings) -> None:
    """Build a worker and name its duties."""
    clock, meter = SystemClock(), Meter("follower_worker")
    metrics = Metrics(meter)
    storage = await _open_storage(life, settings)
    ways = await open_ways(
        life,
        settings.addresses(),
        clock,
        meter,
        simulated=settings.okx_simulated_trading,
        connect_s=settings.okx_connect_timeout_ms / 1_000,
        margin_ms=settings.okx_clock_margin_ms,
    )
    market = _open_market(life, ways, clock, metrics)
    redis = open_redis(*settings.redis())
    life.close_later(redis.aclose)
    complaints = Complaints(GrantNotices(redis, Keys(settings.installation), clock), clock, UNREACHABLE)
    life.background("complaints", complaints.announce_for_ever)
    authority = Authority(storage.opened, ways.venue, clock, _RENEWAL, on_rejected=complaints.rejected)
    exchange, wires = await _open_exchange(life, settings, ways, authority, storage.opened)
    roster = Roster(storage.book, exchange, market, ways.venue, InstId(settings.proof_instrument), settings.okx_tag)
    venue = Venue(exchange, market, ways.venue, roster.account, roster.proving)
    limits = _limits(settings)
    worker, reader = await _run_worker(life, settings, redis, storage.memory, venue, roster, clock, metrics, limits)
    board = _follow_switches(life, settings, redis, storage.switches, clock, metrics, limits.worker)
    worker.obey(board)

    async def copy() -> None:
        if await ways.heard(life.stopping, market.load):
            await _warm(wires, storage.followers, settings.senders)
            await reader.keep_up()
            await board.load()  # after the reader has begun: what is thrown from then on comes by the stream
            await worker.holder.hold_until(life.stopping)

    life.duty("lanes", copy)
    life.background("stalls", Stalls(meter, clock).watch_for_ever)
    health = Health(meter, {"venue clock": ways.trouble, "lanes": worker.trouble})
    life.background("health", lambda: health.serve(settings.telemetry_host, settings.telemetry_port))


async def _warm(wires: Mapping[str, Wire], followers: Followers, connections: int) -> None:
    """Open connections to every site in use before a lane is taken: the first order is as fast as the next.

    What is away is no reason to wait; `keep_warm` goes on trying, and says so.
    """
    with suppress(StoreUnavailable):
        for site in await followers.sites() & wires.keys():
            with suppress(NotSent):
                await wires[site].warm(connections)


async def _open_exchange(
    life: Lifetime, settings: Settings, ways: Ways, authority: Authority, opened: OpenedGrants
) -> tuple[OkxExchange, Mapping[str, Wire]]:
    accounts, wires = await open_wires(
        life,
        ways,
        simulated=settings.okx_simulated_trading,
        connect_s=settings.okx_connect_timeout_ms / 1_000,
        connections=settings.senders + settings.askers,
    )

    def wanted(site: str) -> int:
        return settings.senders if site in opened.sites else 0

    for name, wire in wires.items():
        life.background(f"wire-{name}", partial(wire.keep_warm, partial(wanted, name), _KEEP_WARM_S))
    limits = ExchangeLimits((settings.okx_order_deadline_ms + settings.okx_clock_margin_ms) / 1_000)
    return OkxExchange(accounts, authority, ways.venue, settings.okx_tag, limits), wires


async def _open_storage(life: Lifetime, settings: Settings) -> Storage:
    database = Database(settings.database_url)
    life.close_later(database.close)
    await migrate(database)
    vault = vault_from(*settings.revealed_keys(), demo=settings.demo)
    opened, followers = OpenedGrants(database, vault), Followers(database)
    switches = Switches(database)
    memory = DatabaseMemory(RedisCopies(database), Subscriptions(database), switches)
    book = FollowerBook(followers, Grants(database, vault), opened)
    return Storage(opened, followers, book, memory, switches)


def _open_market(life: Lifetime, ways: Ways, clock: SystemClock, metrics: Metrics) -> OkxMarket:
    """Keep the venue's time and rules fresh; nothing is planned before both are known."""
    market = OkxMarket(
        ways.rests[ways.first.name],
        ways.first.socket("public"),
        clock,
        ConnectGate(clock),
        SocketLimits(),
        on_strange=lambda reason: metrics.strange.labels(reason).inc(),
    )
    life.background("venue-clock", ways.venue.run)
    life.background("market", market.run)
    return market


async def _run_worker(
    life: Lifetime,
    settings: Settings,
    redis: Redis,
    memory: DatabaseMemory,
    venue: Venue,
    roster: Roster,
    clock: SystemClock,
    metrics: Metrics,
    limits: Limits,
) -> tuple[Worker, TradesReader]:
    keys = Keys(settings.installation)
    leases = Leases(redis, keys, clock, venue.clock, settings.lanes, settings.lease_ttl_ms, memory)
    await leases.check_installation()
    state, trades = LaneState(redis, keys), TradeStream(redis, keys)
    bus = Bus(leases, state, trades, TradePublisher(redis, keys), UNREACHABLE)
    worker = Worker(bus, venue, roster, clock, metrics, limits)
    broker = open_broker(*settings.redis())
    await broker.connect()
    life.close_later(broker.stop)
    reader = TradesReader(broker, keys.trades, trades, worker.copier, settings.redis_block_ms)
    housekeeper = Housekeeper(
        worker.holder,
        Streams(state, trades),
        clock,
        worker.show_gauges,
        reader,
        settings.lanes,
        settings.mirror_ms / 1_000,
        UNREACHABLE,
    )
    life.close_later(reader.stop)
    life.background("housekeeping", housekeeper.keep_for_ever)
    _staff(life, settings, worker)
    _listen(life, worker, roster, GrantNotices(redis, keys, clock), LaneBell(redis, keys, clock))
    life.background("proofs", partial(roster.prove_for_ever, clock))
    life.background("followers", partial(roster.refresh_for_ever, clock))
    return worker, reader


def _follow_switches(
    life: Lifetime,
    settings: Settings,
    redis: Redis,
    switches: Switches,
    clock: SystemClock,
    metrics: Metrics,
    worker: str,
) -> Switchboard:
    """Hear of kill switches at once, look for those nobody told us of, and acknowledge them."""
    keys = Keys(settings.installation)
    board = Switchboard(switches, SwitchAcks(redis, keys), worker, clock, metrics, UNREACHABLE)
    notices = SwitchNotices(redis, keys, clock)
    life.background("switch notices", lambda: notices.listen(board.hear))
    life.background("switch acknowledgements", board.acknowledge_for_ever)
    life.background("switches", board.refresh_for_ever)
    return board


def _staff(life: Lifetime, settings: Settings, worker: Worker) -> None:
    """Let as many send and ask side by side as the settings allow, and one compare accounts with books."""
    worker.submitter.begin(settings.senders)
    life.background("questions", partial(worker.resolver.ask_for_ever, settings.askers))
    life.background("drift", worker.drifting.compare_for_ever)


def _listen(life: Lifetime, worker: Worker, roster: Roster, notices: GrantNotices, bell: LaneBell) -> None:
    """Hear of changed grants and of lanes that have become free, and tell of those given back."""
    worker.holder.on_released = bell.ring
    life.background("notices", lambda: notices.listen(roster.heard))
    life.background("bell", lambda: bell.listen(worker.holder.nudge))


def _limits(settings: Settings) -> Limits:
    return Limits(
        worker=settings.worker or f"worker-{token_hex(4)}",
        lane_count=settings.lanes,
        renew_s=settings.lease_renew_ms / 1_000,
        commit_s=settings.commit_ms / 1_000,
        order_deadline_ms=settings.okx_order_deadline_ms,
        orders_a_window=settings.orders_a_window,
        throttle_pause_s=settings.throttle_pause_ms / 1_000,
        absent_gap_s=settings.absent_gap_ms / 1_000,
        drift=Rhythm(
            settings.drift_s, settings.drift_confirm_s, settings.drift_reads_a_second, settings.drift_repairs_a_minute
        ),
    )
