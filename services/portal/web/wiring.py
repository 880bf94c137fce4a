"""The one file where the serving portal's clients are built and handed over."""

from urllib.parse import urlsplit

import structlog

from services.portal.checkups import Checkups
from services.portal.connecting import Connecting
from services.portal.examining import Examining
from services.portal.journeys import Pages
from services.portal.leaving import Leaving
from services.portal.metrics import Metrics
from services.portal.previewing import Previewing
from services.portal.settings import Settings
from services.portal.switching import Switching
from services.portal.web.app import build
from services.portal.web.door import Doors
from services.portal.web.house import House
from services.portal.web.records import StoredBrowsers, StoredJourneys, StoredRecords
from services.portal.wiring import Portal, opened
from shared.bus.client import open_redis
from shared.bus.keys import Keys
from shared.bus.notices import GrantNotices
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
from shared.vault.seal import vault_from
from shared.vault.secret import Secret

_SWITCHES_AGAIN_S = 2.0


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
    house = _house(settings, connecting, stored, records, rules, clock)
    doors = _doors(settings, database, clock)
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
    connecting: Connecting,
    stored: Portal,
    records: StoredRecords,
    rules: OkxRules,
    clock: SystemClock,
) -> House:
    return House(
        connecting,
        stored.subscribing,
        Leaving(records, stored.subscribing, stored.switching),
        stored.switching,
        Previewing(records, rules, clock),
        records,
        settings.okx_allowed_sites,
        round(settings.refresh_life_h * 3_600_000),
    )


def _doors(settings: Settings, database: Database, clock: SystemClock) -> Doors:
    return Doors(
        StoredBrowsers(database),
        clock,
        round(settings.session_hours * 3_600_000),
        settings.public_url.startswith("https://"),
        settings.operator_token.get_secret_value() if settings.operator_token else None,
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
