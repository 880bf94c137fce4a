"""Bring a run's theatre up and take it down: a server that may die, a paper OKX, our services, proxies between."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx
from redis.asyncio import Redis

from deploy.chaos.act import Theatre
from deploy.chaos.kinds import Kind
from deploy.chaos.plan import Plan
from deploy.chaos.proxy import Proxy
from deploy.chaos.server import Mortal
from deploy.demo.cast import SHORTEST_LIFE_S, Cast, Follower, make_cast
from deploy.demo.enrolment import enrolment_of
from deploy.demo.options import Options
from deploy.demo.processes import Process
from deploy.demo.stage import Stage, enrol, service_settings, simulator_settings, stop_all
from deploy.demo.venue import Venue
from shared.bus.client import open_redis

_WATCHERS, _OTHERS = 2, ("token_keeper", "ledger_recorder")
_SIMULATOR = "okx_simulator"
_EVERYONE = "everyone"
_HURRIED = {
    "SLIPSTREAM_COPY_S": "1",
    "SLIPSTREAM_CLAIM_IDLE_S": "3",
    "SLIPSTREAM_TEND_S": "1",
    "SLIPSTREAM_POSITIONS_S": "4",
    "SLIPSTREAM_DRIFT_S": "2",
    "SLIPSTREAM_DRIFT_CONFIRM_S": "1",
    "SLIPSTREAM_DRIFT_READS_A_SECOND": "50",
}
"""What happens every few seconds or minutes in production happens within a run here."""


@asynccontextmanager
async def theatre(
    plan: Plan, followers: int, workers: int, seconds: float, folder: Path, *, hurried: bool = True
) -> AsyncIterator[Theatre]:
    """Bring everything up, in order, and take everything down again, whatever happens.

    Unless `hurried`, the services keep their default rhythm.

    Raises:
        DidNotRun: something did not start; what had started is stopped.
    """
    cast = _cast(plan, followers, seconds)
    options = Options(followers=followers, seed=plan.seed, workers=workers, others=_OTHERS)
    logs = folder / "logs"
    logs.mkdir(parents=True)
    async with AsyncExitStack() as closing:
        mortal = Mortal(folder)
        mortal.start()
        closing.callback(mortal.stop)
        simulator, venue, url = await _open_venue(closing, plan, cast, simulator_settings(options, cast), logs)
        names = [f"worker-{number}" for number in range(1, workers + 1)]
        to_redis = {name: await _proxy(closing, lambda: mortal.port) for name in (_EVERYONE, *names)}
        to_venue = {name: await _proxy(closing, lambda: int(url.rpartition(":")[2])) for name in names}
        told = service_settings(folder, _redis_url(to_redis[_EVERYONE]), url, cast)
        settings = {**told, **(_HURRIED if hurried else {})}
        await enrol(folder, settings, enrolment_of(cast), logs)
        http = await closing.enter_async_context(httpx.AsyncClient(timeout=2, trust_env=False))
        of_workers = {name: _settings_of(name, settings, to_redis[name], to_venue[name]) for name in names}
        processes = _services(of_workers, settings, logs)
        stage = Stage(folder, settings["SLIPSTREAM_REDIS_URL"], venue, simulator, *processes, http)
        closing.push_async_callback(asyncio.to_thread, stop_all, stage.services)  # the proxies have to go on meanwhile
        for process in stage.services:
            process.start()
        await asyncio.gather(*(stage.ready(process) for process in stage.services))
        redis = _redis(to_redis[_EVERYONE])
        closing.push_async_callback(redis.aclose)
        yield Theatre(stage, mortal, to_redis, to_venue, settings, folder, cast, redis)


async def _open_venue(
    closing: AsyncExitStack, plan: Plan, cast: Cast, settings: Mapping[str, str], logs: Path
) -> tuple[Process, Venue, str]:
    """Start the paper OKX, with its clock where the plan wants it, and let everybody have an account there."""
    simulator = Process(_SIMULATOR, f"services.{_SIMULATOR}", settings, logs)
    closing.callback(stop_all, [simulator])
    simulator.start()
    url = str((await simulator.line(lambda said: "listening" in said))["listening"])
    venue = Venue(url)
    closing.push_async_callback(venue.close)
    await venue.set_clock(plan.offset_ms)
    await venue.make_accounts(cast.at_the_venue())
    return simulator, venue, url


def _cast(plan: Plan, followers: int, seconds: float) -> Cast:
    """Draw who takes part; where tokens are to be replaced all the time, nobody's lives long."""
    drawn, random = make_cast(followers, seconds, plan.seed), Random(f"lives {plan.seed}")
    repaired = [_with_repairs(each, random.choice(("report", "repair"))) for each in drawn.followers]
    cast = replace(drawn, followers=repaired)
    if Kind.TOKENS_ROTATED not in plan.kinds:
        return cast
    lives = [replace(each, lives_s=SHORTEST_LIFE_S + random.randrange(8)) for each in cast.followers]
    return replace(cast, followers=lives)


def _with_repairs(follower: Follower, policy: str) -> Follower:
    """Let drift be repaired for some: a comparison that errs must not trade unnoticed."""
    return replace(follower, subscriptions=tuple(replace(each, drift=policy) for each in follower.subscriptions))


def _services(
    of_workers: Mapping[str, Mapping[str, str]], settings: Mapping[str, str], logs: Path
) -> tuple[list[Process], list[Process], list[Process]]:
    workers = [Process(name, "services.follower_worker", told, logs) for name, told in of_workers.items()]
    names = [f"watcher-{number}" for number in range(1, _WATCHERS + 1)]
    watchers = [Process(name, "services.leader_watcher", settings, logs) for name in names]
    return workers, watchers, [Process(name, f"services.{name}", settings, logs) for name in _OTHERS]


def _settings_of(name: str, settings: Mapping[str, str], to_redis: Proxy, to_venue: Proxy) -> dict[str, str]:
    rest, ws = f"http://127.0.0.1:{to_venue.port}", f"ws://127.0.0.1:{to_venue.port}"
    return {
        **settings,
        "SLIPSTREAM_WORKER": name,
        "SLIPSTREAM_REDIS_URL": _redis_url(to_redis),
        "SLIPSTREAM_OKX_SITES": json.dumps({"www": {"rest": rest, "ws": ws, "ws_demo": ws}}),
    }


async def _proxy(closing: AsyncExitStack, upstream: Callable[[], int]) -> Proxy:
    proxy = Proxy(upstream)
    await proxy.start()
    closing.push_async_callback(proxy.stop)
    return proxy


def _redis_url(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


def _redis(proxy: Proxy) -> Redis:
    """Open a client that gives up at once: whoever looks on must not wait for a server that is away."""
    return open_redis(_redis_url(proxy), "", 2, 10, tries=0)
