"""One run: the leaders trade, faults strike, everything heals, and the auditor judges what reached the venue."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random

from redis.exceptions import RedisError

from deploy.chaos.act import Act, Theatre, now_ms
from deploy.chaos.plan import Plan, Strike
from deploy.chaos.result import Result, result_of
from deploy.chaos.strikes import STRIKES
from deploy.chaos.striking.consent import answer_requests
from deploy.chaos.takeover import owing
from deploy.demo.audit.evidence import AuditSettings, Evidence, Instrument
from deploy.demo.audit.report import Report
from deploy.demo.audit.verdict import audit
from deploy.demo.cast import TAG, Leader
from deploy.demo.gathering import Claims, Gathering
from deploy.demo.leaks import leaks
from deploy.demo.processes import DidNotRun
from deploy.demo.scenario import Script
from deploy.demo.stage import INSTALLATION
from deploy.demo.tally import Tally
from shared.bus.keys import Keys

_LOOK_S, _CONSENT_S = 0.1, 1.0
_FENCE_S = 60.0
_MOVES_PER_S = 1.0
"""Decisions of each leader."""
_STRIKES_END_S = 40.0
"""After the trading, for strikes under way: a replica that follows, a worker that drains."""
_QUIET_S, _LONGEST_QUIET_S = 5.0, 75.0


class Run:
    """A run in a theatre that is up."""

    def __init__(self, plan: Plan, seconds: float, theatre: Theatre) -> None:
        self._plan, self._seconds, self._theatre = plan, seconds, theatre
        venue = theatre.stage.venue
        self._act = Act(theatre, Gathering(venue, theatre.cast), Tally(theatre.cast.subscriptions))
        self._act.offset_ms = plan.offset_ms
        self._claims = Claims(theatre.redis, Keys(INSTALLATION).outcomes, lambda: self._act.offset_ms)
        self._crashes = 0

    async def go(self) -> Result:
        """Trade under fire, heal, wait for quiet, judge."""
        began = time.monotonic()
        async with self._watched():
            await self._until_fenced()
            await self._perform()
            await self._heal()
            quiet_s = await self._until_quiet()
        report = await self._audit()
        struck = await self._theatre.stage.venue.struck()
        return result_of(self._plan, self._act, report, self._crashes, quiet_s, struck, time.monotonic() - began)

    # ---- watching

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            watching = (self._look_on(), self._listen_on(), self._supervise(), self._consent_on())
            watches = [group.create_task(each) for each in watching]
            try:
                yield
            finally:
                for each in watches:
                    each.cancel()

    async def _look_on(self) -> None:
        while True:
            await self._act.look()
            await asyncio.sleep(_LOOK_S)

    async def _listen_on(self) -> None:
        while True:
            await self._listen()
            await asyncio.sleep(_LOOK_S)

    async def _listen(self) -> bool:
        try:
            self._act.tally.claim(await self._claims.gather())
        except (RedisError, OSError):
            return False
        return True

    async def _supervise(self) -> None:
        """Start a service again that ended by itself, as a supervisor would, and count it."""
        stage = self._theatre.stage
        while True:
            for process in stage.services:
                if not process.alive and not process.killed:
                    self._crashes += 1
                    self._act.timeline.note(process.name, str(process.failure("ended by itself")))
                    process.start()
                self._act.tally.take_metrics(process.name, await stage.metrics(process))
                if process.alive and process.name not in stage.telemetry:
                    stage.telemetry[process.name] = await process.telemetry()
            await asyncio.sleep(_LOOK_S)

    async def _consent_on(self) -> None:
        while True:
            await asyncio.sleep(_CONSENT_S)
            await answer_requests(self._act)

    # ---- acting

    async def _until_fenced(self) -> None:
        for _ in range(round(_FENCE_S / _LOOK_S)):
            if not self._act.tally.fences_missing:
                return
            await asyncio.sleep(_LOOK_S)
        first = self._theatre.stage.workers[0]
        raise first.failure(f"left {self._act.tally.fences_missing} grants unproven for {_FENCE_S:g} s")

    async def _perform(self) -> None:
        """Let the leaders trade and the faults strike; then let the strikes under way end."""
        self._act.timeline.note("leaders", f"trade for {self._seconds:g} s")
        ending = asyncio.Event()
        scripts = {leader: await self._script(leader) for leader in self._theatre.cast.leaders}
        async with asyncio.TaskGroup() as group:
            leading = [group.create_task(self._lead(leader, script, ending)) for leader, script in scripts.items()]
            striking = [group.create_task(self._strike(each), name=each.kind) for each in self._plan.strikes]
            await asyncio.sleep(self._seconds)
            _, late = await asyncio.wait(striking, timeout=_STRIKES_END_S)
            ending.set()
            await asyncio.wait(leading)
        if late:
            kinds, story = sorted(each.get_name() for each in late), "\n".join(self._act.timeline.lines)
            raise DidNotRun(f"{kinds} did not end; expected each strike to be over within its time\n{story}")
        if self._plan.flat:
            for leader, script in scripts.items():
                for order in script.flatten():
                    await self._theatre.stage.venue.trade(leader.uid, leader.inst_id, order)
            self._act.timeline.note("leaders", "have closed everything")

    async def _script(self, leader: Leader) -> Script:
        return Script(f"{self._plan.seed}/{leader.account}", await self._theatre.stage.venue.price(leader.inst_id))

    async def _lead(self, leader: Leader, script: Script, ending: asyncio.Event) -> None:
        act, venue = self._act, self._theatre.stage.venue
        while not await _either(ending, script.pause_s(_MOVES_PER_S)):
            async with act.leading:
                await venue.move_price(leader.inst_id, script.drift())
                for order in script.next()[1]:
                    await venue.trade(leader.uid, leader.inst_id, order)

    async def _strike(self, strike: Strike) -> None:
        await asyncio.sleep(strike.at_s)
        await STRIKES[strike.kind](self._act, Random(strike.dice))

    # ---- ending

    async def _heal(self) -> None:
        """End whatever is still wrong."""
        self._act.timeline.note("world", "heals")
        for proxy in (*self._theatre.to_redis.values(), *self._theatre.to_venue.values()):
            proxy.mend()
        for process in self._theatre.stage.services:
            process.go_on()
            if not process.alive:
                process.start()

    async def _until_quiet(self) -> float:
        """Wait until no order came for a while and nothing is owed; return how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < _LONGEST_QUIET_S:
            tally = self._act.tally
            latest_ms = max(tally.last_order_ms, tally.last_fill_ms)
            if min(time.monotonic() - began, (now_ms() - latest_ms) / 1_000) >= _QUIET_S and not await self._owed():
                return time.monotonic() - began
            await asyncio.sleep(_LOOK_S)
        self._act.timeline.note("world", f"is not quiet after {_LONGEST_QUIET_S:g} s: {(await self._owed())[:8]}")
        return time.monotonic() - began

    async def _owed(self) -> list[str]:
        stage = self._theatre.stage
        busy = [
            process.name
            for process in stage.workers
            if any(
                self._act.tally.gauges.get(process.name, {}).get(name) for name in ("strands_in_doubt", "strands_ready")
            )
        ]
        try:
            return busy + await owing(self._theatre.redis)
        except (RedisError, OSError) as error:
            return [f"the server: {error!r}"]

    async def _audit(self) -> Report:
        act, stage, redis = self._act, self._theatre.stage, self._theatre.redis
        await act.look()
        if not await self._listen():
            raise DidNotRun("the server does not answer after everything has healed; expected its stream of outcomes")
        pages = [(each.name, await stage.metrics(each)) for each in stage.services]
        settings = AuditSettings(
            TAG,
            {each["instId"]: _instrument(each) for each in await stage.venue.instruments()},
            act.doubts_ms,
            (),
            act.changes,
            act.dead,
            await leaks(self._theatre.folder, redis, pages),
            most_other_skips=Decimal(1),
        )
        names = self._theatre.cast.account_of
        held = await stage.venue.positions()
        positions = {names[uid]: {inst: Decimal(size) for inst, size in each.items()} for uid, each in held.items()}
        evidence = Evidence(act.gathering.orders, act.gathering.asks, positions)
        subscriptions, claims = self._theatre.cast.subscriptions, self._claims.claims
        return await asyncio.to_thread(audit, evidence, act.gathering.leader_fills, subscriptions, claims, settings)


def _instrument(listed: dict[str, str]) -> Instrument:
    sizes = (Decimal(listed[name]) for name in ("lotSz", "minSz", "maxMktSz", "maxLmtSz"))
    return Instrument(listed["instId"], *sizes)


async def _either(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
