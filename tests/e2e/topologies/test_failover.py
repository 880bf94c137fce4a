"""On a cluster and under sentinels, through planned and unplanned changes: nothing is doubled or lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from shared.bus.client import UNREACHABLE, open_redis
from shared.bus.keys import Keys
from shared.bus.notices import LaneBell
from shared.bus.reading import Batch, StreamSub, open_broker, subscribe
from shared.clock import SystemClock
from shared.domain.ids import EntryId
from shared.messages.entries import write_subscription
from tests.support.builders import subscription
from tests.support.bus import RealBus
from tests.support.paper_exchange import Way
from tests.support.redis_server import installation
from tests.support.topologies import Several, several
from tests.support.waiting import until
from tests.support.worker_rig import RATIO, Scene, working

__all__ = ["installation"]

FOLLOWERS = 10


@pytest.fixture(params=["cluster", "sentinel"])
def servers(request: pytest.FixtureRequest, installation: str) -> Iterator[Several]:
    with several(request.param, installation) as running:
        yield running


@pytest.fixture
async def scene(servers: Several, installation: str) -> AsyncIterator[Scene]:
    client = open_redis(servers.url, installation, 2.0, 50)
    try:
        yield Scene(RealBus(client, installation))
    finally:
        await client.aclose()


async def done(step: Awaitable[object]) -> bool:
    """Do a step that may be repeated; False if the server could not be reached."""
    try:
        await step
    except UNREACHABLE:
        return False
    return True


async def known_again(scene: Scene) -> None:
    """Do what portal and watcher do on a server that has forgotten, once it can be reached."""
    await scene.publish_again()
    for follower in scene.followers:
        each = subscription(follower=follower, ratio=RATIO, max_age_ms=60_000)
        await scene.bus.subscriptions.publish([write_subscription(each)])


@asynccontextmanager
async def overhearing(servers: Several, installation: str) -> AsyncIterator[list[EntryId]]:
    """Read the stream as the services do, waiting at its tail; yields what has been heard."""
    heard: list[EntryId] = []

    async def receive(batch: Batch) -> None:
        heard.extend(name for name, _ in batch)

    broker = open_broker(servers.url, installation, 15.0, 10)
    await broker.connect()
    stream = StreamSub(Keys(installation).trades, last_id="0", polling_interval=10_000, batch=True)
    reader = subscribe(broker, stream, receive)
    await reader.start()
    try:
        yield heard
    finally:
        await reader.stop()
        await broker.stop()


@asynccontextmanager
async def listening(servers: Several, installation: str) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Listen to the bell; yields how to ring it and tell whether it was heard since."""
    client, rung = open_redis(servers.url, installation, 2.0, 50), asyncio.Event()
    bell = LaneBell(client, Keys(installation), SystemClock())
    listener = asyncio.get_running_loop().create_task(bell.listen(rung.set))

    async def rings() -> bool:
        rung.clear()
        if await done(bell.ring()):
            await asyncio.sleep(0.05)
        return rung.is_set()

    try:
        yield rings
    finally:
        listener.cancel()
        await asyncio.wait([listener])
        await client.aclose()


async def test_a_failover_that_loses_the_tail_in_the_middle_of_a_fan_out(
    scene: Scene, servers: Several, installation: str
) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig, listening(servers, installation) as rings:
        await until(rings)
        await scene.trade(5)
        await scene.ends_exact()
        servers.lose_the_tail()
        scene.exchange.ways += [Way.FILL, Way.FILL_UNHEARD, Way.VANISH, Way.HALF, Way.FILL] * 2
        await scene.trade(0)
        await until(lambda: len(scene.exchange.accepted) > FOLLOWERS + 2)
        await asyncio.to_thread(servers.fail_over)
        await until(lambda: done(known_again(scene)))
        await scene.ends_exact()
        await scene.trade(6)
        await scene.ends_exact()
        await until(rings)
        rig.check()


async def test_a_planned_change_in_the_middle_of_a_fan_out(scene: Scene, servers: Several, installation: str) -> None:
    """A reader waits inside a blocking read while its server loses its rank, and must not wait there for ever."""
    await scene.begin(FOLLOWERS)
    async with working(scene) as rig, overhearing(servers, installation) as heard:
        await scene.trade(5)
        await scene.ends_exact()
        await until(lambda: len(heard) == FOLLOWERS + 1)
        scene.exchange.answer_s = 0.02
        await scene.trade(0)
        await asyncio.to_thread(servers.change_over)
        await until(lambda: done(known_again(scene)))
        await scene.ends_exact()
        await scene.trade(3)
        await scene.ends_exact()
        last = await scene.bus.trades.last()
        await until(lambda: heard[-1] == last, within_s=5)
        rig.check()
