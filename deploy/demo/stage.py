"""Everything a rehearsal runs on: a folder, a Valkey, the paper OKX, and our services as real processes."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.demo.cast import CLIENT_ID, SHORTEST_LIFE_S, TAG, Cast
from deploy.demo.enrolment import leaders_of
from deploy.demo.linking import REDIRECT, link
from deploy.demo.options import Options
from deploy.demo.processes import DidNotRun, Process
from deploy.demo.tally import figures
from deploy.demo.venue import Venue
from shared.bus.embedded import EmbeddedServer

INSTALLATION = "demo"
_ENROLMENT_S, _BYTES_A_SECOND = 45.0, 500_000
"""How long enrolling may take: a hundred thousand accounts are some seventy megabytes."""
_READY_S = 60.0
_POLL_S = 0.2

Between = Callable[[str], AbstractAsyncContextManager[str]]
"""Puts something between the workers and the venue: takes the venue's address, gives the one the workers use."""


@dataclass(slots=True)
class Stage:
    """What runs; `workers` and `watchers` are among `services`."""

    folder: Path
    redis_url: str
    venue: Venue
    simulator: Process
    workers: Sequence[Process]
    watchers: Sequence[Process]
    others: Sequence[Process]
    http: httpx.AsyncClient
    telemetry: dict[str, str] = field(default_factory=dict)

    @property
    def services(self) -> list[Process]:
        """Return our own processes."""
        return [*self.watchers, *self.workers, *self.others]

    async def ready(self, process: Process) -> None:
        """Wait until a service says it may be given work.

        Raises:
            DidNotRun: it ended, or kept saying why not.
        """
        url = self.telemetry[process.name] = await process.telemetry()
        answer = "nothing"
        for _ in range(round(_READY_S / _POLL_S)):
            try:
                said = await self.http.get(f"{url}/readyz")
                if said.is_success:
                    return
                answer = said.text
            except httpx.HTTPError as error:
                answer = repr(error)
            if not process.alive:
                raise process.failure("ended before it was ready")
            await asyncio.sleep(_POLL_S)
        raise process.failure(f"was not ready within {_READY_S:g} s; /readyz said {answer}")

    async def metrics(self, process: Process) -> str:
        """Return a service's metrics page; empty while it does not answer."""
        if not process.alive or process.name not in self.telemetry:
            return ""
        try:
            return (await self.http.get(f"{self.telemetry[process.name]}/metrics")).text
        except httpx.HTTPError:
            return ""

    async def figure(self, process: Process, name: str) -> float | None:
        """Return one figure of a service's metrics, summed over labels; None while it does not answer."""
        return figures(await self.metrics(process)).get(name)

    def check(self) -> None:
        """Make sure that everything still runs that should.

        Raises:
            DidNotRun: something ended by itself.
        """
        for process in (self.simulator, *self.services):
            if not process.alive and not process.killed:
                raise process.failure("ended by itself")


@asynccontextmanager
async def stage(
    options: Options, cast: Cast, say: Callable[[str], None], between: Between | None = None
) -> AsyncIterator[Stage]:
    """Bring everything up, in order, and take everything down again, whatever happens.

    Raises:
        DidNotRun: something did not start; what had started is stopped.
    """
    async with AsyncExitStack() as closing:
        folder = Path(tempfile.mkdtemp(prefix="slipstream-demo-"))
        if not options.keep:
            closing.callback(shutil.rmtree, folder, ignore_errors=True)
        logs = folder / "logs"
        logs.mkdir()
        server = closing.enter_context(EmbeddedServer(folder / "valkey"))
        http = await closing.enter_async_context(httpx.AsyncClient(timeout=5, trust_env=False))
        simulator = Process("okx_simulator", "services.okx_simulator", simulator_settings(options, cast), logs)
        closing.callback(stop_all, [simulator])
        simulator.start()
        url = str((await simulator.line(lambda said: "listening" in said))["listening"])
        venue = Venue(url)
        closing.push_async_callback(venue.close)
        await venue.make_accounts(cast.at_the_venue(consented=False))
        settings = service_settings(folder, server.url, url, cast)
        orders_url = url if between is None else await closing.enter_async_context(between(url))
        await enrol(folder, settings, leaders_of(cast), logs)
        await link(cast, settings, logs, say)
        made = Stage(folder, server.url, venue, simulator, *_services(options, settings, orders_url, logs), http)
        closing.callback(stop_all, made.services)
        for process in made.services:
            process.start()
        await asyncio.gather(*(made.ready(process) for process in made.services))
        yield made


def _services(
    options: Options, settings: Mapping[str, str], orders_url: str, logs: Path
) -> tuple[list[Process], list[Process], list[Process]]:
    to_orders = {**settings, "SLIPSTREAM_OKX_SITES": _sites(orders_url, settings["SLIPSTREAM_OKX_SITES"])}
    workers = [
        Process(f"worker-{n}", "services.follower_worker", {**to_orders, "SLIPSTREAM_WORKER": f"worker-{n}"}, logs)
        for n in range(1, options.workers + 1)
    ]
    watchers = [
        Process(f"watcher-{n}", "services.leader_watcher", settings, logs) for n in range(1, options.watchers + 1)
    ]
    others = [Process(name, f"services.{name}", settings, logs) for name in options.others]
    return workers, watchers, others


def _sites(rest: str, like: str) -> str:
    site = json.loads(like)["www"]
    return json.dumps({"www": {**site, "rest": rest}})


def simulator_settings(options: Options, cast: Cast) -> dict[str, str]:
    """Return what the paper OKX is told."""
    return {
        "SLIPSTREAM_SIM_SEED": str(options.seed),
        "SLIPSTREAM_SIM_CLIENT_ID": CLIENT_ID,
        "SLIPSTREAM_SIM_CLIENT_SECRET": cast.client_secret,
        "SLIPSTREAM_SIM_REDIRECT_URIS": REDIRECT,
    }


def service_settings(folder: Path, redis_url: str, venue_url: str, cast: Cast) -> dict[str, str]:
    """Return what every service is told; each reads what it knows."""
    ws = "ws" + venue_url.removeprefix("http")
    return {
        "SLIPSTREAM_DEMO": "true",
        "SLIPSTREAM_INSTALLATION": INSTALLATION,
        "SLIPSTREAM_REDIS_URL": redis_url,
        "SLIPSTREAM_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'slipstream.db'}",
        "SLIPSTREAM_OKX_SITES": json.dumps({"www": {"rest": venue_url, "ws": ws, "ws_demo": ws}}),
        "SLIPSTREAM_OKX_ALLOWED_SITES": "www",
        "SLIPSTREAM_OKX_TAG": TAG,
        "SLIPSTREAM_OKX_CLIENT_ID": CLIENT_ID,
        "SLIPSTREAM_OKX_CLIENT_SECRET": cast.client_secret,
        # Tokens that live for seconds are renewed by a keeper that looks every second and expects answers at once.
        "SLIPSTREAM_OKX_CONNECT_TIMEOUT_MS": "500",
        "SLIPSTREAM_KEEPER_INTERVAL_S": "1",
        "SLIPSTREAM_REFRESH_FRACTION": "0.5",
        "SLIPSTREAM_REFRESH_ANSWER_S": "3",
        "SLIPSTREAM_CLAIM_S": "10",
        "SLIPSTREAM_GRANT_LIFE_S": str(SHORTEST_LIFE_S),
        # A dozen processes share one machine, and its limit on open files.
        "SLIPSTREAM_SENDERS": "64",
    }


async def enrol(
    folder: Path, settings: Mapping[str, str], document: Mapping[str, object], logs: Path, *more: str
) -> None:
    """Enrol a document by the command an operator would use; the file with its secrets is gone afterwards.

    Raises:
        DidNotRun: the command failed.
    """
    told = folder / "enrolment.json"
    told.touch(mode=0o600)
    told.write_text(json.dumps(document), encoding="utf-8")
    command = Process("enrolment", "services.portal", settings, logs, "enrol", str(told), *more)
    try:
        command.start()
        if await command.end(_ENROLMENT_S + len(told.read_bytes()) / _BYTES_A_SECOND) != 0:
            raise command.failure("failed")
    finally:
        command.kill()
        told.unlink()


def stop_all(processes: Sequence[Process]) -> None:
    """Ask every process to stop, then make sure of it."""
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.make_sure_it_stopped()


__all__ = ["Between", "DidNotRun", "Stage", "stage"]
