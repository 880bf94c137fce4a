"""The one file where the serving portal's clients are built and handed over."""

from urllib.parse import urlsplit

import structlog
from redis.asyncio import Redis

from services.portal.checkups import Checkups
from services.portal.connecting import Connecting
from services.portal.examining import Examining
from services.portal.hooks.delivering import Delivering
from services.portal.hooks.guarding import Guard, SystemResolver
from services.portal.hooks.outbox import Gathering
from services.portal.hooks.posting import HttpPost
from services.portal.journeys import Pages
from services.portal.leaving import Leaving
from services.portal.live import Live
from services.portal.metrics import Metrics
from services.portal.partnering import Partnering
from services.portal.previewing import Previewing
from services.portal.settings import Settings
from services.portal.switching import Switching
from services.portal.web.app import build
from services.portal.web.door import Doors
from services.portal.web.house import House
from services.portal.web.outboxes import StoredOutboxes, StoredPartners
from services.portal.web.records import StoredBrowsers, StoredJourneys, StoredRecords
from services.portal.wiring import FollowedOutcomes, Portal, opened
from shared.bus.client import open_redis
from shared.bus.keys import Keys
from shared.bus.notices import GrantNotices
from shared.bus.tail import OutcomeTail
from shared.clock import SystemClock
from shared.lifecycle import Lifetime
from shared.okx.consenting import Application, OkxConsent
from shared.okx.protocol import constant_headers
from shared.okx.rebates import OkxRebates
from shared.okx.rules import OkxRules
from shared.okx.transport import Transport, TransportLimits
from shared.okx.venue_clock import OkxVenueClock, SyncLimits
from shared.store.engine import Database
from shared.store.migrate import migrate
from shared.telemetry.health import Health
from shared.telemetry.metrics import Meter
from shared.telemetry.serving import serve
from shared.vault.seal import Vault, vault_from
from shared.vault.secret import Secret

_SWITCHES_AGAIN_S, _LOOK_UP_S = 2.0, 5.0


async def assemble(life: Lifetime, settings: Settings) -> None:
    """Build the portal and name its duties."""
    clock, meter = SystemClock(), Meter("portal")
    database = Database(settings.database_url)
    life.close_later(database.close)
    await migrate(database)
    redis = open_redis(*settings.redis())
    life.close_later(redis.aclose)
    vault = vault_from(*settings.revealed_keys(), demo=settings.demo)
    records = StoredRecords(database, vault, GrantNotices(redis, Keys(settings.installation), clock), clock)
    stored: Portal = opened(database, vault, redis, settings, clock)
    venue, examining, rules, time = await _open_venue(life, settings, clock)
    metrics = Metrics(meter)
    checkups = Checkups(
        records, venue, examining, clock, metrics, round(settings.check_h * 3_600_000), settings.checks_a_second
    )
    life.background("checkups", checkups.check_for_ever)
    connecting = Connecting(
        StoredJourneys(database, vault), records, venue, examining, clock, _pages(settings), metrics
    )
    partnering = _tell_partners(life, settings, database, vault, redis, clock, metrics)
    live = Live(FollowedOutcomes(OutcomeTail(redis, Keys(settings.installation))), clock, metrics)
    life.background("live", live.read_for_ever)
    previewing = Previewing(records, rules, clock)
    house = _house(settings, stored, records, connecting, previewing, partnering, live)
    doors = _doors(settings, database, clock, partnering)
    life.background("switches", lambda: _publish_switches(stored.switching, clock))
    _, guarded = build(house, doors, clock, _origins(settings), settings.requests_a_minute)
    life.duty(
        "pages", lambda: serve(guarded, settings.portal_host, settings.portal_port, "portal_listening", life.stopping)
    )
    health = Health(
        meter, {"venue clock": lambda: None if time.synchronised else "the venue has not told its time yet"}
    )
    life.background("health", lambda: health.serve(settings.telemetry_host, settings.telemetry_port))


def _house(
    settings: Settings,
    stored: Portal,
    records: StoredRecords,
    connecting: Connecting,
    previewing: Previewing,
    partnering: Partnering,
    live: Live,
) -> House:
    return House(
        connecting,
        stored.subscribing,
        Leaving(records, stored.subscribing, stored.switching),
        stored.switching,
        previewing,
        partnering,
        live,
        records,
        settings.okx_allowed_sites,
        round(settings.refresh_life_h * 3_600_000),
    )


def _tell_partners(
    life: Lifetime,
    settings: Settings,
    database: Database,
    vault: Vault,
    redis: Redis,
    clock: SystemClock,
    metrics: Metrics,
) -> Partnering:
    """Gather what happens, and send it to whoever wants to be told."""
    guard = Guard(SystemResolver(_LOOK_UP_S), settings.webhooks_private)
    outboxes, post = StoredOutboxes(database, vault), HttpPost()
    life.close_later(post.close)
    gathering = Gathering(
        outboxes,
        FollowedOutcomes(OutcomeTail(redis, Keys(settings.installation))),
        clock,
        round(settings.refresh_life_h * 3_600_000),
        round(settings.webhooks_keep_days * 86_400_000),
    )
    life.background("happenings", gathering.gather_for_ever)
    life.background("webhooks", Delivering(outboxes, guard, post, clock, metrics).deliver_for_ever)
    return Partnering(StoredPartners(database, vault, clock), guard, clock)


def _doors(settings: Settings, database: Database, clock: SystemClock, partnering: Partnering) -> Doors:
    return Doors(
        StoredBrowsers(database),
        clock,
        round(settings.session_hours * 3_600_000),
        settings.public_url.startswith("https://"),
        settings.operator_token.get_secret_value() if settings.operator_token else None,
        partnering,
    )


async def _publish_switches(switching: Switching, clock: SystemClock) -> None:
    """Bring throws into the stream that could not be brought there at once."""
    while True:
        await clock.sleep(_SWITCHES_AGAIN_S)
        try:
            await switching.publish_waiting()
        except ConnectionError as error:
            structlog.get_logger().warning("switches_not_published", reason=str(error))


async def _open_venue(
    life: Lifetime, settings: Settings, clock: SystemClock
) -> tuple[OkxConsent, Examining, OkxRules, OkxVenueClock]:
    """Open a way to each site, and learn the venue's time, which keys are signed with."""
    headers = constant_headers(simulated=settings.okx_simulated_trading)
    connect_s = settings.okx_connect_timeout_ms / 1_000
    limits = TransportLimits(queue_s=connect_s, connect_s=connect_s)
    transports = {
        name: await life.open(Transport(settings.okx_sites[name].rest, limits, headers=headers))
        for name in settings.okx_allowed_sites
    }
    first = transports[settings.okx_allowed_sites[0]]
    time = OkxVenueClock(first, clock, SyncLimits(burst=1), margin_ms=settings.okx_clock_margin_ms)
    life.background("venue-clock", time.run)
    application = Application(
        settings.okx_client_id,
        Secret(settings.okx_client_secret.get_secret_value()),
        settings.okx_token_path,
        settings.okx_token_encoding,
        settings.redirect_uri if settings.okx_token_redirect_uri else "",
        settings.okx_key_addresses,
    )
    partner = settings.partner_key()
    examining = Examining(OkxRebates(transports, partner, time) if partner else None)
    rules = OkxRules(first, clock)
    return OkxConsent(transports, application, time), examining, rules, time


def _pages(settings: Settings) -> Pages:
    sites = {name: settings.okx_sites[name].rest for name in settings.okx_allowed_sites}
    return Pages(
        settings.okx_client_id,
        settings.redirect_uri,
        {name: f"{rest}{settings.okx_authorize_path}" for name, rest in sites.items()},
        {rest: name for name, rest in sites.items()},
        settings.okx_channel_id,
    )


def _origins(settings: Settings) -> set[str]:
    parts = (urlsplit(settings.okx_sites[name].rest) for name in settings.okx_allowed_sites)
    return {f"{each.scheme}://{each.netloc}" for each in parts}
