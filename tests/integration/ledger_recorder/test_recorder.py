"""The recorder as a process, on a real server and a real database: nothing published is missing from the ledger."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from shared.bus.embedded import EmbeddedServer
from shared.bus.keys import DATA, Keys
from shared.messages.outcome import OutcomeKind, OutcomeV1, encode
from tests.support.redis_server import own_redis_server
from tests.support.running_service import running_service
from tests.support.waiting import until

__all__ = ["own_redis_server"]

KEYS = Keys("main")


@pytest.fixture
def settings(own_redis_server: EmbeddedServer, tmp_path: Path) -> Mapping[str, str]:
    return {
        "REDIS_URL": own_redis_server.url,
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/slipstream.db",
        "TEND_S": "0.2",
        "CLAIM_IDLE_S": "0.5",
        "BATCH_ENTRIES": "20",
        "REDIS_BLOCK_MS": "200",
    }


async def publish(redis: Redis, first: int, last: int) -> None:
    for number in range(first, last):
        outcome = OutcomeV1(f"{number:032}", OutcomeKind.ACCEPTED, number, "follower", "leader", "BTC-USDT-SWAP", "e")
        await redis.xadd(KEYS.outcomes, {DATA: encode(outcome)})


def recorded(tmp_path: Path) -> set[int]:
    database = sqlite3.connect(f"file:{tmp_path}/slipstream.db?mode=ro", uri=True)
    try:
        return {int(row[0]) for row in database.execute("SELECT cl_ord_id FROM copies")}
    finally:
        database.close()


async def test_what_was_published_before_and_while_it_runs_is_recorded_and_acknowledged(
    own_redis_server: EmbeddedServer, settings: Mapping[str, str], tmp_path: Path
) -> None:
    async with Redis.from_url(own_redis_server.url) as redis:
        await publish(redis, 0, 50)
        async with running_service("ledger_recorder", settings) as recorder:
            await publish(redis, 50, 100)
            await until(lambda: recorded(tmp_path) == set(range(100)))

            assert "slipstream_entries_recorded_total" in (await recorder.get("/metrics")).text
            assert await recorder.drain() == 0
        [group] = await redis.xinfo_groups(KEYS.outcomes)
        assert (group["pending"], group["lag"], group["consumers"]) == (0, 0, 0)


async def test_what_a_killed_recorder_had_read_is_recorded_by_another(
    own_redis_server: EmbeddedServer, settings: Mapping[str, str], tmp_path: Path
) -> None:
    async with Redis.from_url(own_redis_server.url) as redis:
        await redis.xgroup_create(KEYS.outcomes, "ledger", id="0", mkstream=True)
        await publish(redis, 0, 60)
        await redis.xreadgroup("ledger", "dead", {KEYS.outcomes: ">"}, count=40)
        assert await pending_is(redis, 40)
        async with running_service("ledger_recorder", settings):
            await until(lambda: recorded(tmp_path) == set(range(60)))
        await until(lambda: pending_is(redis, 0))


async def test_two_recorders_one_of_them_killed_again_and_again_lose_nothing(
    own_redis_server: EmbeddedServer, settings: Mapping[str, str], tmp_path: Path
) -> None:
    async with Redis.from_url(own_redis_server.url) as redis, running_service("ledger_recorder", settings):
        for turn in range(2):
            async with running_service("ledger_recorder", settings) as victim:
                await publish(redis, turn * 100, turn * 100 + 100)
                await victim.kill()
        await until(lambda: recorded(tmp_path) == set(range(200)))
        await until(lambda: pending_is(redis, 0))


async def test_after_redis_forgot_everything_recording_goes_on(
    own_redis_server: EmbeddedServer, settings: Mapping[str, str], tmp_path: Path
) -> None:
    async with (
        Redis.from_url(own_redis_server.url) as redis,
        running_service("ledger_recorder", settings) as recorder,
    ):
        await publish(redis, 0, 10)
        await until(lambda: recorded(tmp_path) == set(range(10)))
        await redis.flushall()
        await publish(redis, 10, 20)

        await until(lambda: recorded(tmp_path) == set(range(20)))
        assert await recorder.drain() == 0


async def test_an_entry_nobody_can_read_goes_to_the_dead_letters_and_the_rest_is_recorded(
    own_redis_server: EmbeddedServer, settings: Mapping[str, str], tmp_path: Path
) -> None:
    async with Redis.from_url(own_redis_server.url) as redis, running_service("ledger_recorder", settings):
        await publish(redis, 0, 5)
        await redis.xadd(KEYS.outcomes, {DATA: b"\xffnot an outcome"})
        await publish(redis, 5, 10)
        await until(lambda: recorded(tmp_path) == set(range(10)))
        await until(lambda: pending_is(redis, 0))
        [(_, letter)] = cast("list[tuple[bytes, dict[bytes, bytes]]]", await redis.xrange(KEYS.dead))

    assert letter[DATA.encode()] == b"\xffnot an outcome"
    assert letter[b"stream"].decode() == KEYS.outcomes


async def pending_is(redis: Redis, expected: int) -> bool:
    return int((await redis.xpending(KEYS.outcomes, "ledger"))["pending"]) == expected
