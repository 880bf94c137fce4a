"""The one file where a keeper's clients are built and handed over."""

import socket
from decimal import Decimal
from os import getpid

import structlog

from services.token_keeper.keeping import Keeping, Policy
from services.token_keeper.metrics import Metrics
from services.token_keeper.settings import Settings
from shared.bus.client import UNREACHABLE, open_redis
from shared.bus.keys import Keys
from shared.bus.notices import GrantNotices
from shared.clock import SystemClock
from shared.lifecycle import Lifetime
from shared.messages.notices import GrantNotice
from shared.okx.oauth import OkxOAuth
from shared.okx.protocol import constant_headers
from shared.okx.transport import Transport, TransportLimits
from shared.store.engine import Database
from shared.store.grants import Grants
from shared.store.migrate import migrate
from shared.telemetry.health import Health
from shared.telemetry.metrics import Meter
from shared.vault.seal import vault_from
from shared.vault.secret import Secret

_MISSED_ROUNDS = 3
"""Rounds without success after which the keeper says it is not ready."""


class Hints:
    """keeping.Notices over the bus: what cannot be announced is logged, for the pair is stored all the same."""

    def __init__(self, notices: GrantNotices) -> None:
        self._notices = notices

    async def announce(self, notice: GrantNotice) -> None:
        """Tell whoever listens, if the bus is there."""
        try:
            await self._notices.announce(notice)
        except UNREACHABLE as error:
            structlog.get_logger().warning("notice_not_sent", account=notice.account, error=type(error).__name__)


async def assemble(life: Lifetime, settings: Settings) -> None:
    """Build a keeper and name its duties."""
    clock, meter = SystemClock(), Meter("token_keeper")
    redis = open_redis(*settings.redis())
    life.close_later(redis.aclose)
    notices = GrantNotices(redis, Keys(settings.installation), clock)
    keeping = Keeping(
        f"{socket.gethostname()}:{getpid()}",
        await _open_grants(life, settings),
        await _open_oauth(life, settings),
        Hints(notices),
        clock,
        Metrics(meter),
        _policy(settings),
    )
    health = Health(meter, {"rounds": lambda: _stalled(keeping, settings, clock)})
    life.duty("keeping", lambda: keeping.run(life.stopping, settings.keeper_interval_s))
    life.background("notices", lambda: notices.listen(keeping.hear))
    life.background("health", lambda: health.serve(settings.telemetry_host, settings.telemetry_port))


async def _open_grants(life: Lifetime, settings: Settings) -> Grants:
    database = Database(settings.database_url)
    life.close_later(database.close)
    await migrate(database)
    return Grants(database, vault_from(*settings.revealed_keys(), demo=settings.demo))


async def _open_oauth(life: Lifetime, settings: Settings) -> OkxOAuth:
    headers = constant_headers(simulated=settings.okx_simulated_trading)
    limits = TransportLimits(
        queue_s=settings.okx_connect_timeout_ms / 1_000, connect_s=settings.okx_connect_timeout_ms / 1_000
    )
    ways = {
        name: await life.open(Transport(settings.okx_sites[name].rest, limits, headers=headers))
        for name in settings.okx_allowed_sites
    }
    return OkxOAuth(
        ways,
        settings.okx_client_id,
        Secret(settings.okx_client_secret.get_secret_value()),
        path=settings.okx_token_path,
        encoding=settings.okx_token_encoding,
        answer_s=settings.refresh_answer_s,
    )


def _policy(settings: Settings) -> Policy:
    return Policy(
        fraction=Decimal(str(settings.refresh_fraction)),
        claim_ms=round(settings.claim_s * 1_000),
        answer_ms=round(settings.renewal_s * 1_000),
        retry_ms=round(settings.refresh_retry_s * 1_000),
        at_once=settings.refreshes_at_once,
        refresh_life_ms=round(settings.refresh_life_h * 3_600_000),
    )


def _stalled(keeping: Keeping, settings: Settings, clock: SystemClock) -> str | None:
    if keeping.last_round_s is None:
        return "no round has ended yet"
    ago_s = clock.monotonic() - keeping.last_round_s
    limit_s = _MISSED_ROUNDS * settings.keeper_interval_s + settings.claim_s
    return f"the last whole round ended {ago_s:.0f} s ago" if ago_s > limit_s else None
