"""Ours, whole: a server, the stub venue, the paper OKX behind it, and real workers on the real stream."""

import asyncio
import json
import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
from redis.asyncio import Redis

from deploy.demo.cast import Cast
from deploy.demo.enrolment import enrolment_of
from deploy.demo.options import Options
from deploy.demo.processes import DidNotRun, Process
from deploy.demo.stage import INSTALLATION, Stage, enrol, service_settings, simulator_settings, stop_all
from deploy.demo.venue import Venue
from shared.bus.embedded import EmbeddedServer
from shared.bus.keys import Keys
from shared.bus.streams import TradePublisher
from shared.domain.fills import EventKind, Hops, PosSide, TradeEvent
from shared.domain.ids import AccountId, EntryId, InstId, fill_event_id
from shared.domain.instruments import InstType
from shared.domain.quantities import Contracts, Price
from shared.messages.entries import TradeEventV1, write_trade_event
from shared.messages.leader import Published
from tests.bench.cast import INSTRUMENT, LEADER, bench_cast
from tests.bench.counting import cpu_ns, resident_bytes
from tests.conformance.certificate import write_certificate

_LOOK_S = 0.01
_PATIENCE_S = 120.0
_PRICE = Decimal(60_000)
_HOUR_MS = 3_600_000
RIVAL: dict[str, object] = {
    "uid": "950000001",
    "role": "follower",
    "api_key": "key",
    "secret_key": "secret",
    "passphrase": "pass",
}
"""The account of those who will not trade before they have read it."""


@dataclass(frozen=True, slots=True)
class Copied:
    """One event, copied to everybody: times in seconds."""

    orders: int
    last_ack_s: float
    """From before the event was published until the venue had answered the last order."""
    cpu_s: float
    """Of all workers together, over the same time."""
    settled_cpu_s: float
    """The same until every fill was learned and written."""
    by_rank_s: Sequence[float]
    """When each order was answered, in order."""


class StubVenue:
    """The stub's own door."""

    def __init__(self, url: str, plain: str, tls: str) -> None:
        self.rest = {"plain": plain, "tls": tls}
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def clear(self, delay_ms: float) -> None:
        """Forget what came."""
        await self._http.get("/bench/clear", params={"delay_ms": delay_ms})

    async def reached(self, what: str, count: int) -> dict[str, int]:
        """Wait some seconds for so many to have come; return what has."""
        return dict((await self._http.get("/bench/reached", params={"what": what, "count": count})).json())

    async def told(self, *, answers: bool = False) -> dict[str, int]:
        """Return what came since."""
        return dict((await self._http.get("/bench/answers" if answers else "/bench/state")).json())


class Theatre:
    """What is up; workers are started on it."""

    def __init__(self, folder: Path, stage: Stage, stub: StubVenue, cast: Cast, settings: dict[str, str]) -> None:
        self.folder, self.stage, self.stub, self.cast, self._settings = folder, stage, stub, cast, settings
        self.redis = Redis.from_url(stage.redis_url)
        self._publisher = TradePublisher(self.redis, Keys(INSTALLATION))
        self._number, self._position = 0, Decimal(0)

    @property
    def certificate(self) -> Path:
        """Return what clients of the stub must trust."""
        return Path(self._settings["SSL_CERT_FILE"])

    @property
    def followers(self) -> int:
        """Return how many copy each event."""
        return len(self.cast.followers)

    @asynccontextmanager
    async def working(self, scheme: str, count: int = 1) -> AsyncIterator[list[Process]]:
        """Run workers until they hold every lane, and stop them at the end.

        Raises:
            DidNotRun: they did not become ready.
        """
        site = json.loads(self._settings["SLIPSTREAM_OKX_SITES"])["www"]
        sites = json.dumps({"www": {**site, "rest": self.stub.rest[scheme]}})
        logs = self.folder / "logs"
        told = {**self._settings, "SLIPSTREAM_OKX_SITES": sites}
        names = [f"worker-{scheme}-{number + 1}" for number in range(count)]
        workers = [
            Process(each, "services.follower_worker", {**told, "SLIPSTREAM_WORKER": each}, logs) for each in names
        ]
        try:
            for worker in workers:
                worker.start()
            await asyncio.gather(*(self.stage.ready(worker) for worker in workers))
            await self._confirm()
            yield workers
        finally:
            stop_all(workers)

    async def copy(self, workers: Sequence[Process], delay_ms: float = 0) -> Copied:
        """Let the leader trade once, and measure until everybody has copied it and its fills are known.

        Raises:
            DidNotRun: an order was missing, or doubled.
        """
        await self.stub.clear(delay_ms)
        before = _cpu_ns(workers)
        began_ns = time.monotonic_ns()
        await self._trade()
        await self._until("placed")
        placed_cpu = _cpu_ns(workers)
        await self._until("shown")
        await self._quiet(workers)
        settled_cpu = _cpu_ns(workers)
        answers = [(at_ns - began_ns) / 1e9 for at_ns in (await self.stub.told(answers=True))["answers"]]  # type: ignore[attr-defined]
        return Copied(len(answers), answers[-1], (placed_cpu - before) / 1e9, (settled_cpu - before) / 1e9, answers)

    def resident(self, worker: Process) -> int:
        """Return the bytes a worker holds."""
        return resident_bytes(worker.pid)

    async def _confirm(self) -> None:
        """Publish the leader as complete as it is, as a watcher does; a worker has named the server by now.

        Like a watcher, not before the server is known for so long that no fill to come can be one it forgot.
        """
        leader = AccountId(LEADER)
        state = await self._publisher.state(leader)
        while (now_ms := time.time_ns() // 1_000_000) <= state.since_ms:
            await asyncio.sleep(_LOOK_S)
        if await self._publisher.publish(leader, state, [], {}, 0, now_ms) is not Published.OK:
            raise DidNotRun("the server does not take the leader; expected an epoch made by a worker")

    async def _trade(self) -> None:
        leader, now_ms = AccountId(LEADER), time.time_ns() // 1_000_000
        state = await self._publisher.state(leader)
        event = self._next(now_ms)
        moved = {InstId(INSTRUMENT): Contracts(self._position)}
        if await self._publisher.publish(leader, state, [event], moved, 0, now_ms) is not Published.OK:
            raise DidNotRun("the event was not published; expected nobody else to publish for this leader")

    def _next(self, now_ms: int) -> TradeEventV1:
        """Open, and close again: so that nobody's position grows without bound."""
        self._number += 1
        before, self._position = self._position, Decimal("3.17") if not self._position else Decimal(0)
        return write_trade_event(
            TradeEvent(
                entry=EntryId("0-0"),
                id=fill_event_id(AccountId(LEADER), InstId(INSTRUMENT), str(time.time_ns())),
                kind=EventKind.FILL,
                leader=AccountId(LEADER),
                inst_id=InstId(INSTRUMENT),
                inst_type=InstType.SWAP,
                pos_side=PosSide.NET,
                before=Contracts(before),
                after=Contracts(self._position),
                price=Price(_PRICE),
                category="normal",
                late=False,
                vouched=True,
                hops=Hops(now_ms, now_ms, now_ms),
            )
        )

    async def _until(self, what: str) -> None:
        until = time.monotonic() + _PATIENCE_S
        while (said := await self.stub.reached(what, self.followers))[what] < self.followers:
            if time.monotonic() > until:
                raise DidNotRun(f"the stub has {said} after {_PATIENCE_S:g} s; expected {self.followers} {what}")
        if said["placed"] > self.followers or said["doubled"]:
            raise DidNotRun(f"the stub has {said}; expected each of {self.followers} orders once")

    async def _quiet(self, workers: Sequence[Process]) -> None:
        """Wait until nothing is asked for any more and nothing was committed for a moment."""
        commits = -1.0
        while True:
            pages = [await self.stage.figure(each, "commits_written") or 0.0 for each in workers]
            doubts = [await self.stage.figure(each, "strands_in_doubt") or 0.0 for each in workers]
            if sum(pages) == commits and not any(doubts):
                return
            commits = sum(pages)
            await asyncio.sleep(0.25)


@asynccontextmanager
async def theatre(followers: int) -> AsyncIterator[Theatre]:
    """Bring up everything but workers, with so many followers enrolled; take it down again whatever happens.

    Raises:
        DidNotRun: something did not start.
    """
    cast = bench_cast(followers)
    async with AsyncExitStack() as closing:
        folder = Path(tempfile.mkdtemp(prefix="slipstream-bench-"))
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        logs = folder / "logs"
        logs.mkdir()
        server = closing.enter_context(EmbeddedServer(folder / "valkey"))
        http = await closing.enter_async_context(httpx.AsyncClient(timeout=5, trust_env=False))
        simulator, url = await _started(closing, "okx_simulator", "services.okx_simulator", logs, cast)
        certificate, key = write_certificate(folder)
        stub = Process(
            "stub", "tests.bench.venue", {}, logs, "--behind", url, "--certificate", str(certificate), "--key", str(key)
        )
        closing.callback(stop_all, [stub])
        stub.start()
        at = await stub.line(lambda said: "plain" in said)
        door = StubVenue(str(at["plain"]), str(at["plain"]), str(at["tls"]))
        closing.push_async_callback(door.close)
        settings = {**service_settings(folder, server.url, url, cast), "SSL_CERT_FILE": str(certificate)}
        del settings["SLIPSTREAM_SENDERS"]  # as many as an installation has that changes nothing
        settings["SLIPSTREAM_DRIFT_S"] = str(_HOUR_MS / 1_000)  # the paper OKX does not know these accounts
        await enrol(folder, settings, enrolment_of(cast), logs)
        _mark_fenced(folder)
        venue = Venue(url)
        closing.push_async_callback(venue.close)
        await venue.make_accounts([RIVAL])
        made = Theatre(folder, Stage(folder, server.url, venue, simulator, [], [], [], http), door, cast, settings)
        closing.push_async_callback(made.redis.aclose)
        yield made


async def _started(closing: AsyncExitStack, name: str, module: str, logs: Path, cast: Cast) -> tuple[Process, str]:
    settings = {**simulator_settings(Options(), cast), "SLIPSTREAM_SIM_RATE_LIMITS": "false"}
    process = Process(name, module, settings, logs)
    closing.callback(stop_all, [process])
    process.start()
    return process, str((await process.line(lambda said: "listening" in said))["listening"])


def _mark_fenced(folder: Path) -> None:
    """Spare the runs the proof of every grant's fence, which is made once in a grant's life."""
    with sqlite3.connect(folder / "slipstream.db") as database:
        database.execute("UPDATE grants SET fenced = 1")


def _cpu_ns(workers: Sequence[Process]) -> int:
    return sum(cpu_ns(each.pid) for each in workers)
