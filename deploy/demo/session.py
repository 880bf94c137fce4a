"""One rehearsal from curtain to audit."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from redis.asyncio import Redis

from deploy.demo.audit.evidence import AuditSettings, Evidence, Instrument, PriceMove
from deploy.demo.audit.measures import in_doubt
from deploy.demo.audit.naming import Names
from deploy.demo.audit.report import Report
from deploy.demo.audit.verdict import audit
from deploy.demo.cast import TAG, Cast, Leader, make_cast
from deploy.demo.gathering import Claims, Gathering
from deploy.demo.kills import Kills
from deploy.demo.leaks import leaks
from deploy.demo.options import Options
from deploy.demo.scenario import Script
from deploy.demo.screen import Screen
from deploy.demo.stage import INSTALLATION, Between, Stage, stage
from deploy.demo.tally import Tally
from shared.bus.keys import Keys

_GATHER_S = 0.25
_GLANCE_S = 1.0
_FENCE_S = 60.0
_KILL_AT = 0.3
"""Share of a session after which the first worker is killed."""
_DOUBTS_S = 6
"""Seconds after a killed worker is back: by then what it left in doubt has been asked for."""
_LONGEST_QUIET_S = 90.0
_MOST_KILLS = 3
"""Strikes for each kill that is wanted, until one puts an order in doubt."""


async def rehearse(options: Options, screen: Screen, stopping: asyncio.Event, between: Between | None = None) -> Report:
    """Bring everything up, let the leaders trade and a worker die, wait for quiet, audit, take everything down.

    `stopping` ends the trading early. Raises DidNotRun if something did not start or ended by itself.
    """
    screen.say("starting Valkey, the paper OKX and the services")
    cast = make_cast(options.followers, options.seconds, options.seed)
    async with stage(options, cast, screen.say, between) as made, _redis(made.redis_url) as redis:
        session = Session(options, screen, stopping, made, cast, redis)
        if options.keep:
            screen.say(f"logs and data stay in {made.folder}")
        return await session.run()


class Session:
    """A rehearsal on a stage that is up."""

    def __init__(
        self, options: Options, screen: Screen, stopping: asyncio.Event, made: Stage, cast: Cast, redis: Redis
    ) -> None:
        self._options, self._screen, self._stopping = options, screen, stopping
        self._stage, self._cast, self._redis = made, cast, redis
        self._gathering = Gathering(made.venue, cast)
        self._claims = Claims(redis, Keys(INSTALLATION).outcomes)
        self._tally = Tally(cast.subscriptions)
        self._kills = Kills(made, self._tally, self._gather)
        self._gather_one_by_one = asyncio.Lock()
        self._prices: list[PriceMove] = []
        self._ends_at: float | None = None

    async def run(self) -> Report:
        """Trade, wait for quiet, audit."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._keep_watch())
            await self._until_fenced()
            await self._perform()
            await self._until_quiet()
            watch.cancel()
        self._screen.say("auditing")
        return await self._audit()

    async def _keep_watch(self) -> None:
        """Gather evidence and claims, see that everything runs, and show where things stand."""
        glanced = 0.0
        while True:
            await self._gather()
            self._tally.claim(await self._claims.gather())
            self._stage.check()
            if time.monotonic() - glanced >= _GLANCE_S:
                glanced = time.monotonic()
                for process in self._stage.services:
                    self._tally.take_metrics(process.name, await self._stage.metrics(process))
                left = None if self._ends_at is None else max(0.0, self._ends_at - glanced)
                self._screen.show(
                    self._tally, [each.name for each in self._stage.workers], len(self._kills.at_ms), left
                )
            await asyncio.sleep(_GATHER_S)

    async def _gather(self) -> None:
        async with self._gather_one_by_one:
            self._tally.take(*await self._gathering.gather())

    async def _until_fenced(self) -> None:
        """Wait until every follower's grant was seen to be protected by the venue's deadline."""
        self._screen.say("waiting until every grant is proven to keep its orders' deadline")
        for _ in range(round(_FENCE_S / _GATHER_S)):
            if not self._tally.fences_missing:
                return
            await asyncio.sleep(_GATHER_S)
        raise self._stage.workers[0].failure(f"left {self._tally.fences_missing} grants unproven for {_FENCE_S:g} s")

    async def _perform(self) -> None:
        """Let the leaders trade until the time is over, or somebody asks to stop; then let them close everything."""
        endless = not self._options.once
        self._screen.say("the leaders trade until Ctrl-C, then comes the audit" if endless else "the leaders trade")
        self._ends_at = None if endless else time.monotonic() + self._options.seconds
        ending = asyncio.Event()
        scripts = {leader: await self._script(leader) for leader in self._cast.leaders}
        async with asyncio.TaskGroup() as group:
            for leader, script in scripts.items():
                group.create_task(self._lead(leader, script, ending))
            killing = group.create_task(self._kill_for_ever() if endless else self._kill_some())
            await _either(self._stopping, None if endless else self._options.seconds)
            if endless:
                killing.cancel()
            await asyncio.wait([killing])
            ending.set()
        for leader, script in scripts.items():
            for order in script.flatten():
                await self._stage.venue.trade(leader.uid, leader.inst_id, order)

    async def _script(self, leader: Leader) -> Script:
        price = await self._stage.venue.price(leader.inst_id)
        self._prices.append(PriceMove(0, leader.inst_id, price))
        return Script(f"{self._options.seed}/{leader.account}", price)

    async def _lead(self, leader: Leader, script: Script, ending: asyncio.Event) -> None:
        per_leader = self._options.moves_per_s / len(self._cast.leaders)
        while not await _either(ending, script.pause_s(per_leader)):
            price = script.drift()
            await self._stage.venue.move_price(leader.inst_id, price)
            self._prices.append(PriceMove(time.time_ns() // 1_000_000, leader.inst_id, price))
            for order in script.next()[1]:
                await self._stage.venue.trade(leader.uid, leader.inst_id, order)

    async def _kill_some(self) -> None:
        """Kill a worker, and again if the kill put no order in doubt."""
        await _either(self._stopping, self._options.seconds * _KILL_AT)
        for _ in range(_MOST_KILLS * self._options.kills):
            if self._stopping.is_set():
                return
            doubted = await self._kills.strike() and await self._doubts_seen()
            if doubted and len(self._kills.at_ms) >= self._options.kills:
                return

    async def _doubts_seen(self) -> bool:
        """Give the other workers time to ask for what the dead one left in doubt; tell whether they did."""
        for _ in range(_DOUBTS_S):
            if self._in_doubt() or await _either(self._stopping, 1):
                return True
        return False

    async def _kill_for_ever(self) -> None:
        pause_s = self._options.seconds * _KILL_AT
        while not await _either(self._stopping, pause_s):
            await self._kills.strike()
            pause_s = self._options.seconds

    def _in_doubt(self) -> int:
        return in_doubt(self._evidence({}), self._names(), self._kills.at_ms)

    def _names(self) -> dict[str, Names]:
        fills = self._gathering.leader_fills
        return {
            each.follower: Names(each.follower, (fill.event for fill in fills if fill.leader == each.leader))
            for each in self._cast.subscriptions
        }

    async def _until_quiet(self) -> None:
        """Wait until no order came for a while after the last fill and fault, and nothing is left to ask."""
        self._screen.say("waiting for quiet")
        self._ends_at = None
        began = time.monotonic()
        while time.monotonic() - began < _LONGEST_QUIET_S:
            await asyncio.sleep(_GATHER_S)
            quiet_s = time.time() - max(self._tally.last_order_ms, self._tally.last_fill_ms) / 1_000
            enough = min(quiet_s, time.monotonic() - began) >= self._options.quiet_s
            workers = {each.name: each for each in self._stage.workers}
            busy = sum(self._tally.total(gauge, workers) for gauge in ("strands_in_doubt", "strands_ready"))
            if enough and not busy:
                return

    def _evidence(self, positions: dict[str, dict[str, Decimal]]) -> Evidence:
        return Evidence(self._gathering.orders, self._gathering.asks, positions)

    async def _audit(self) -> Report:
        await self._gather()
        await self._claims.gather()
        pages = [(each.name, await self._stage.metrics(each)) for each in self._stage.services]
        settings = AuditSettings(
            TAG,
            {each["instId"]: _instrument(each) for each in await self._stage.venue.instruments()},
            self._kills.at_ms,
            self._prices,
            leaks=await leaks(self._stage.folder, self._redis, pages),
        )
        names = self._cast.account_of
        positions = {
            names[uid]: {inst_id: Decimal(held) for inst_id, held in held_by.items()}
            for uid, held_by in (await self._stage.venue.positions()).items()
        }
        fills, claims = self._gathering.leader_fills, self._claims.claims
        return await asyncio.to_thread(
            audit, self._evidence(positions), fills, self._cast.subscriptions, claims, settings
        )


def _instrument(listed: dict[str, str]) -> Instrument:
    sizes = (Decimal(listed[name]) for name in ("lotSz", "minSz", "maxMktSz", "maxLmtSz"))
    return Instrument(listed["instId"], *sizes)


async def _either(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for an event or for a time to pass; tell whether it was the event."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def _redis(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url)
    try:
        yield client
    finally:
        await client.aclose()
