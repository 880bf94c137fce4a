"""The one file where a recorder's clients are built and handed over."""

import socket
from functools import partial
from os import getpid

import structlog

from services.ledger_recorder.copying import Copying
from services.ledger_recorder.handlers import Intake
from services.ledger_recorder.metrics import Metrics
from services.ledger_recorder.recording import Read, Recording, read_outcome, read_trade
from services.ledger_recorder.settings import Settings
from shared.bus.client import UNREACHABLE, open_redis
from shared.bus.copies import Copies
from shared.bus.groups import Group
from shared.bus.keys import Keys
from shared.bus.reading import open_broker
from shared.clock import SystemClock
from shared.lifecycle import Lifetime
from shared.store.copies import RedisCopies
from shared.store.engine import Database
from shared.store.ledger import Ledger
from shared.store.migrate import migrate
from shared.telemetry.health import Health
from shared.telemetry.metrics import Meter

_GROUP = "ledger"
_TRIM_EVERY_S = 60.0


async def assemble(life: Lifetime, settings: Settings) -> None:
    """Build a recorder and name its duties."""
    clock, meter, keys = SystemClock(), Meter("ledger_recorder"), Keys(settings.installation)
    metrics = Metrics(meter)
    redis = open_redis(*settings.redis())
    life.close_later(redis.aclose)
    broker = open_broker(*settings.redis())
    await broker.connect()
    life.close_later(broker.stop)
    database = await _open_database(life, settings)
    ledger = Ledger(database)
    consumer = f"{socket.gethostname()}:{getpid()}"

    def intake(kind: str, stream: str, read: Read) -> Intake:
        group = Group(redis, keys, stream, _GROUP, consumer)
        recording = Recording(kind, read, ledger, group.bury, clock, metrics)
        return Intake(
            kind,
            broker,
            group,
            recording,
            life.stopping,
            metrics,
            entries=settings.batch_entries,
            block_ms=settings.redis_block_ms,
        )

    outcomes, trades = intake("outcome", keys.outcomes, read_outcome), intake("trade", keys.trades, read_trade)
    idle_ms = round(settings.claim_idle_s * 1_000)
    for name, each in (("outcomes", outcomes), ("trades", trades)):
        life.duty(name, partial(each.tend_until_stopped, clock, settings.tend_s, idle_ms))
    save = RedisCopies(database).save
    copying = Copying(Copies(redis, keys), save, clock, metrics, settings.copy_s, UNREACHABLE)
    life.background("copying", copying.copy_for_ever)
    health = Health(meter, {"outcomes": outcomes.trouble, "trades": trades.trouble})
    life.background("trimming", lambda: _trim_for_ever(outcomes, clock, settings.keep_outcomes_s))
    life.background("health", lambda: health.serve(settings.telemetry_host, settings.telemetry_port))


async def _open_database(life: Lifetime, settings: Settings) -> Database:
    database = Database(settings.database_url)
    life.close_later(database.close)
    await migrate(database)
    return database


async def _trim_for_ever(outcomes: Intake, clock: SystemClock, keep_s: float) -> None:
    while True:
        await clock.sleep(_TRIM_EVERY_S)
        try:
            dropped = await outcomes.trim(clock.now_ms() - round(keep_s * 1_000))
        except UNREACHABLE as error:
            structlog.get_logger().warning("outcomes_not_trimmed", error=type(error).__name__)
        else:
            structlog.get_logger().debug("outcomes_trimmed", entries=dropped)
