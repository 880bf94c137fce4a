"""The one file where a watcher's clients are built and handed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError

from services.leader_watcher.leading import Begin, Leading
from services.leader_watcher.metrics import Metrics
from services.leader_watcher.settings import Settings
from services.leader_watcher.watching import LeaderWatch, Rhythm
from shared.bus.client import UNREACHABLE, open_redis
from shared.bus.keys import Keys
from shared.bus.streams import TradePublisher
from shared.clock import SystemClock
from shared.domain.ids import AccountId
from shared.lifecycle import Lifetime
from shared.okx.authority import Authority
from shared.okx.feed import OkxFeed
from shared.okx.history import OkxHistory
from shared.okx.opening import Ways, open_ways
from shared.okx.socket import ConnectGate, SocketLimits
from shared.store.accounts import Account
from shared.store.engine import Database
from shared.store.leaders import Leaders
from shared.store.migrate import migrate
from shared.store.opened_grants import OpenedGrants
from shared.telemetry.health import Health
from shared.telemetry.metrics import Meter
from shared.vault.seal import vault_from


@dataclass(frozen=True, slots=True)
class Means:
    """What every leader's watch is made of."""

    settings: Settings
    clock: SystemClock
    ways: Ways
    authority: Authority
    publisher: TradePublisher
    metrics: Metrics
    gate: ConnectGate

    def begin(self, leader: Account) -> LeaderWatch:
        """Make the watch of one leader."""
        settings, site = self.settings, self.ways.site(leader.site)
        return LeaderWatch(
            leader.account,
            OkxFeed(
                leader.account,
                site.socket("private"),
                self.authority,
                self.ways.venue,
                self.clock,
                self.gate,
                SocketLimits(ping_s=settings.ping_s, silence_s=settings.silence_s),
                on_strange=lambda reason: self.metrics.strange.labels(reason).inc(),
            ),
            OkxHistory(
                leader.account,
                self.ways.rests[site.name],
                self.authority,
                self.ways.venue,
                on_passed_over=lambda reason: self.metrics.strange.labels(reason).inc(),
            ),
            self.publisher,
            self.ways.venue,
            self.clock,
            self.metrics,
            Rhythm(
                settings.compare_s,
                settings.positions_s,
                settings.overlap_ms,
                settings.okx_tag,
                settings.burst_ms / 1_000,
            ),
            UNREACHABLE,
        )


async def assemble(life: Lifetime, settings: Settings) -> None:
    """Build a watcher and name its duties."""
    clock, meter = SystemClock(), Meter("leader_watcher")
    metrics = Metrics(meter)
    redis = _open_redis(life, settings)
    database = Database(settings.database_url)
    life.close_later(database.close)
    await migrate(database)
    ways = await open_ways(
        life,
        settings.addresses(),
        clock,
        meter,
        simulated=settings.okx_simulated_trading,
        connect_s=settings.okx_connect_timeout_ms / 1_000,
        margin_ms=settings.okx_clock_margin_ms,
    )
    vault = vault_from(*settings.revealed_keys(), demo=settings.demo)
    authority = Authority(OpenedGrants(database, vault), ways.venue, clock)
    publisher = TradePublisher(redis, Keys(settings.installation))
    means = Means(settings, clock, ways, authority, publisher, metrics, ConnectGate(clock))
    leaders = Leaders(database)

    async def roster() -> Mapping[AccountId, Begin]:
        return {each.account: partial(means.begin, each) for each in await leaders.all()}

    leading = Leading(roster, clock, metrics, settings.roster_s, (SQLAlchemyError, OSError))
    life.background("venue-clock", ways.venue.run)

    async def lead() -> None:
        if await ways.heard(life.stopping, _nothing):
            await leading.lead_until(life.stopping)

    life.duty("leading", lead)
    health = Health(meter, {"leaders": leading.trouble, "venue clock": ways.trouble})
    life.background("health", lambda: health.serve(settings.telemetry_host, settings.telemetry_port))


def _open_redis(life: Lifetime, settings: Settings) -> Redis:
    redis = open_redis(*settings.redis())
    life.close_later(redis.aclose)
    return redis


async def _nothing() -> None:
    """Learn nothing but the time."""
