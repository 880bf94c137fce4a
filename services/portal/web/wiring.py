"""The one file where the serving portal's clients are built and handed over."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import structlog

from services.portal.applicants import Browser, Member
from services.portal.connecting import Connecting, Linked
from services.portal.journeys import Journey, Pages, Role, Way
from services.portal.leaving import Leaving
from services.portal.metrics import Metrics
from services.portal.settings import Settings
from services.portal.switching import Switching
from services.portal.web.app import build
from services.portal.web.door import Doors
from services.portal.web.house import House
from services.portal.wiring import Portal, account_of, member_of, opened
from shared.bus.client import UNREACHABLE, open_redis
from shared.bus.keys import Keys
from shared.bus.notices import GrantNotices
from shared.clock import SystemClock
from shared.domain.grants import GrantKind, GrantLife, GrantStatus
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription
from shared.lifecycle import Lifetime
from shared.messages.notices import GrantChange, GrantNotice
from shared.okx.consenting import Application, OkxConsent
from shared.okx.protocol import constant_headers
from shared.okx.transport import Transport, TransportLimits
from shared.okx.venue_clock import OkxVenueClock, SyncLimits
from shared.store import consents, sessions
from shared.store.accounts import Accounts
from shared.store.audit import AuditLog, Deed
from shared.store.copied import Copied
from shared.store.engine import Database
from shared.store.grants import Consent, Grants
from shared.store.migrate import migrate
from shared.store.subscriptions import Subscriptions
from shared.telemetry.health import Health
from shared.telemetry.metrics import Meter
from shared.telemetry.serving import serve
from shared.vault.seal import Vault, vault_from
from shared.vault.secret import Secret

_SWITCHES_AGAIN_S = 2.0


class StoredJourneys:
    """connecting.Journeys over the store."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._consents = consents.Consents(database, vault)

    async def begin(self, state: str, session: str, journey: Journey, now_ms: int, expires_ms: int) -> None:
        """Remember a journey."""
        kept = consents.Journey(session, journey.role.value, journey.way.value, journey.verifier, journey.terminal)
        await self._consents.begin(state, kept, now_ms, expires_ms)

    async def take(self, state: str, session: str, now_ms: int) -> Journey | None:
        """Take a journey, once."""
        kept = await self._consents.take(state, session, now_ms)
        return Journey(Role(kept.role), Way(kept.way), kept.verifier, kept.terminal) if kept else None


class StoredBrowsers:
    """door.Browsers over the store."""

    def __init__(self, database: Database) -> None:
        self._sessions = sessions.Sessions(database)

    async def put(self, session: Browser, now_ms: int, expires_ms: int) -> None:
        """Remember a new session."""
        await self._sessions.put(sessions.Session(session.token, session.csrf, session.account), now_ms, expires_ms)

    async def find(self, token: str, now_ms: int) -> Browser | None:
        """Return the session of a cookie."""
        found = await self._sessions.find(token, now_ms)
        return Browser(found.token, found.csrf, found.account) if found else None

    async def end(self, token: str) -> None:
        """Forget a session."""
        await self._sessions.end(token)


class StoredRecords:
    """connecting.Members, leaving.Holdings and house.Records over the store; tells workers what changed."""

    def __init__(self, database: Database, vault: Vault, notices: GrantNotices, clock: SystemClock) -> None:
        self._accounts, self._grants = Accounts(database), Grants(database, vault)
        self._subscriptions, self._copied = Subscriptions(database), Copied(database)
        self._sessions, self._notices, self._clock = sessions.Sessions(database), notices, clock
        self._audit = AuditLog(database)

    async def of(self, site: str, uid: str) -> Member | None:
        """Return the account of a uid."""
        found = await self._accounts.of_uid(site, uid)
        return member_of(found) if found else None

    async def has_key(self, account: AccountId) -> bool:
        """Tell whether the account's grant is a live key."""
        life = await self.life(account)
        return life is not None and life.kind is not GrantKind.OAUTH and life.status is GrantStatus.LIVE

    async def link(self, linked: Linked, now_ms: int) -> None:
        """Store an account and its sealed grant, then tell whoever caches it."""
        account = linked.member.account
        await self._accounts.save([account_of(linked.member)], now_ms)
        made_by_us = linked.kind is GrantKind.FAST_API
        await self._grants.put([Consent(account, linked.secrets, made_by_us, linked.terminal)], now_ms)
        await self.note(account, "connect", account, {"kind": linked.kind.value, "site": linked.member.site})
        await self._announce(account, GrantChange.CONSENTED)

    async def forget(self, account: AccountId) -> GrantKind | None:
        """Delete an account's secrets and sessions."""
        life = await self.life(account)
        await self._grants.drop(account)
        await self._sessions.end_all(account)
        await self.note(account, "disconnect", account, {"kind": life.kind.value if life else ""})
        await self._announce(account, GrantChange.DEAD)
        return life.kind if life else None

    async def member(self, account: AccountId) -> Member | None:
        """Return an account."""
        found = await self._accounts.find(account)
        return member_of(found) if found else None

    async def members(self) -> Sequence[Member]:
        """Return every account."""
        return [member_of(each) for each in await self._accounts.all()]

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        """Return what is known of every grant."""
        return await self._grants.lives()

    async def life(self, account: AccountId) -> GrantLife | None:
        """Return what is known of an account's grant."""
        return await self._grants.life(account)

    async def subscriptions(self, follower: AccountId) -> Sequence[Subscription]:
        """Return what an account follows."""
        return await self._subscriptions.of(follower)

    async def copies(
        self, follower: AccountId, before: tuple[int, str] | None, most: int, outcome: str | None
    ) -> Sequence[dict[str, Any]]:
        """Return copies before a place, newest first."""
        return await self._copied.page(follower, before, most, outcome)

    async def positions(self, follower: AccountId) -> Sequence[dict[str, Any]]:
        """Return what an account holds because of its leaders."""
        return await self._copied.positions(follower)

    async def note(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        """Write down what somebody did."""
        await self._audit.append(Deed(actor, action, subject, details), self._clock.now_ms())

    async def deeds(self, most: int, before: int | None) -> Sequence[dict[str, Any]]:
        """Return what was done, newest first."""
        return await self._audit.latest(most, before)

    async def leads(self, account: AccountId) -> bool:
        """Tell whether an account may be followed."""
        found = await self._accounts.find(account)
        return found is not None and found.leads

    async def stop_leading(self, account: AccountId) -> None:
        """Say that an account may not be followed any more."""
        await self.let_lead(account, False)

    async def let_lead(self, account: AccountId, leads: bool) -> bool:
        """Say whether an account may be followed."""
        found = await self._accounts.find(account)
        if found is None:
            return False
        await self._accounts.save([replace(found, leads=leads)], self._clock.now_ms())
        await self.note("operator", "let_lead", account, {"leads": str(leads).lower()})
        return True

    async def _announce(self, account: AccountId, change: GrantChange) -> None:
        """Tell whoever listens; whoever does not learns it when the venue says so."""
        life = await self.life(account)
        try:
            await self._notices.announce(GrantNotice(account, life.version if life else 0, change))
        except UNREACHABLE as error:
            structlog.get_logger().warning("notice_not_sent", account=account, error=type(error).__name__)


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
    venue, time = await _open_venue(life, settings, clock)
    connecting = Connecting(StoredJourneys(database, vault), records, venue, clock, _pages(settings), Metrics(meter))
    house = House(
        connecting,
        stored.subscribing,
        Leaving(records, stored.subscribing, stored.switching),
        stored.switching,
        records,
        settings.okx_allowed_sites,
        round(settings.refresh_life_h * 3_600_000),
    )
    doors = Doors(
        StoredBrowsers(database),
        clock,
        round(settings.session_hours * 3_600_000),
        settings.public_url.startswith("https://"),
        settings.operator_token.get_secret_value() if settings.operator_token else None,
    )
    life.background("switches", lambda: _publish_switches(stored.switching, clock))
    _, guarded = build(house, doors, clock, _origins(settings), settings.requests_a_minute)
    life.duty(
        "pages", lambda: serve(guarded, settings.portal_host, settings.portal_port, "portal_listening", life.stopping)
    )
    health = Health(
        meter, {"venue clock": lambda: None if time.synchronised else "the venue has not told its time yet"}
    )
    life.background("health", lambda: health.serve(settings.telemetry_host, settings.telemetry_port))


async def _publish_switches(switching: Switching, clock: SystemClock) -> None:
    """Bring throws into the stream that could not be brought there at once."""
    while True:
        await clock.sleep(_SWITCHES_AGAIN_S)
        try:
            await switching.publish_waiting()
        except ConnectionError as error:
            structlog.get_logger().warning("switches_not_published", reason=str(error))


async def _open_venue(life: Lifetime, settings: Settings, clock: SystemClock) -> tuple[OkxConsent, OkxVenueClock]:
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
    return OkxConsent(transports, application, time), time


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
