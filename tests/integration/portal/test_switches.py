"""Kill switches by API, page and command: in the stream at once, written down, followed by whom, and lifted by whom."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.acks import SwitchAcks
from shared.bus.client import open_redis
from shared.bus.embedded import EmbeddedServer
from shared.bus.keys import Keys
from shared.bus.streams import TradeStream
from shared.domain.ids import STREAM_START
from shared.domain.switches import Action, Scope, Switch
from shared.messages.entries import SwitchV1, decode, read_switch
from shared.store.audit import AuditLog
from shared.store.engine import Database
from shared.store.switches import Switches
from tests.support.portal import OPERATOR, RunningPortal, Visitor, running_portal
from tests.support.redis_server import own_redis_server
from tests.support.simulator import people
from tests.support.waiting import until

__all__ = ["own_redis_server"]

KEYS = Keys("main")
PLATFORM = "/v1/operators/switches/platform/all"


@pytest.fixture
async def portal(tmp_path: Path, own_redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, own_redis_server.url) as running:
        await running.simulator.add_accounts(*people(2))
        yield running


@pytest.fixture
async def staff(portal: RunningPortal) -> AsyncIterator[Visitor]:
    async with portal.visitor() as visitor:
        visitor.http.headers["Authorization"] = f"Bearer {OPERATOR}"
        yield visitor


async def entries(redis_url: str) -> list[Switch]:
    """Return the throws in the stream."""
    redis = open_redis(redis_url, "", 5.0, 10)
    try:
        trades = TradeStream(redis, KEYS)
        rows = await trades.after(STREAM_START, await trades.last())
        messages = [decode(payload) for _, payload in rows]
        return [read_switch(each) for each in messages if isinstance(each, SwitchV1)]
    finally:
        await redis.aclose()


async def test_a_throw_is_an_entry_written_down_and_lifted_again(
    portal: RunningPortal, staff: Visitor, own_redis_server: EmbeddedServer
) -> None:
    thrown = (await staff.http.put(PLATFORM, json={"action": "stop_opens"})).json()
    assert (thrown["scope"], thrown["name"], thrown["action"]) == ("platform", "", "stop_opens")
    assert [each["made_ms"] for each in (await staff.http.get("/v1/operators/switches")).json()] == [thrown["made_ms"]]
    assert (await staff.http.delete(PLATFORM)).json()["action"] == "lift"
    assert (await staff.http.get("/v1/operators/switches")).json() == []
    assert (await staff.http.delete(PLATFORM)).status_code == 404
    told = [(each.scope, each.action) for each in await entries(own_redis_server.url)]
    assert told == [(Scope.PLATFORM, Action.STOP_OPENS), (Scope.PLATFORM, Action.LIFT)]
    database = Database(portal.settings["DATABASE_URL"])
    deeds = await AuditLog(database).latest(2)
    await database.close()
    assert [(each["actor"], each["details"]["action"]) for each in deeds] == [
        ("operator", "lift"),
        ("operator", "stop_opens"),
    ]


@pytest.mark.parametrize(
    "place", ["platform/everybody", "leader/nobody", "follower/nobody", "instrument/btc-usdt-swap", "planet/earth"]
)
async def test_a_name_nobody_has_is_refused(staff: Visitor, place: str) -> None:
    answer = await staff.http.put(f"/v1/operators/switches/{place}", json={"action": "flatten"})
    assert answer.status_code in {404, 422}
    assert (await staff.http.get("/v1/operators/switches")).json() == []


async def test_an_owner_stops_and_goes_on_for_itself_alone(portal: RunningPortal, staff: Visitor) -> None:
    async with portal.visitor() as anna, portal.visitor() as bert:
        for visitor, uid in ((anna, "1001"), (bert, "1002")):
            await visitor.connect(uid)
            await visitor.me()
        assert (await anna.http.put("/v1/switch", json={"action": "flatten"})).json()["name"] == "www-1001"
        assert (await bert.http.get("/v1/switch")).json() == []
        assert (await bert.http.delete("/v1/switch")).status_code == 404
        page = await anna.look()
        assert "You stopped this account" in page
        assert (await anna.send("/switch", action="lift")).status_code == 303
        assert (await anna.http.get("/v1/switch")).json() == []
        await staff.http.put("/v1/operators/switches/follower/www-1001", json={"action": "stop_opens"})
        assert [each["scope"] for each in (await anna.http.get("/v1/switch")).json()] == ["follower"]
        assert (await anna.http.delete("/v1/switch")).status_code == 404, "what operators stopped, they lift"
        assert "We stopped this account" in await anna.look()


async def test_who_follows_is_shown_and_who_does_not_yet(
    portal: RunningPortal, staff: Visitor, own_redis_server: EmbeddedServer
) -> None:
    del portal
    redis = open_redis(own_redis_server.url, "", 5.0, 10)
    seconds, _ = await redis.time()
    await redis.zadd(KEYS.workers, {"fast": seconds * 1_000, "slow": seconds * 1_000})
    thrown = (await staff.http.put(PLATFORM, json={"action": "stop_opens"})).json()
    assert thrown["awaited"] == ["fast", "slow"]
    switch = Switch(Scope.PLATFORM, "", Action.STOP_OPENS, thrown["made_ms"])
    await SwitchAcks(redis, KEYS).acknowledge(switch.id, "fast", thrown["made_ms"] + 3)
    await SwitchAcks(redis, KEYS).acknowledge(switch.id, "fast", thrown["made_ms"] + 900)
    await redis.aclose()
    (row,) = (await staff.http.get("/v1/operators/switches")).json()
    assert (row["following"], row["awaited"]) == ({"fast": thrown["made_ms"] + 3}, ["slow"])


async def test_the_command_waits_for_workers_and_says_who_is_missing(
    portal: RunningPortal, own_redis_server: EmbeddedServer
) -> None:
    code, told = await command(portal, "flatten", "--instrument", "BTC-USDT-SWAP")
    assert (code, told["switches"][0]["action"]) == (0, "flatten")
    redis = open_redis(own_redis_server.url, "", 5.0, 10)
    seconds, _ = await redis.time()
    await redis.zadd(KEYS.workers, {"deaf": seconds * 1_000})
    await redis.aclose()
    code, told = await command(portal, "lift", "--instrument", "BTC-USDT-SWAP", "--wait-s", "0.2")
    assert (code, told["switches"][0]["awaited"]) == (1, ["deaf"])
    assert (await command(portal, "list"))[1] == {"switches": []}
    code, told = await command(portal, "stop-opens", "--instrument", "btc")
    assert (code, told["problems"][0]["field"]) == (2, "instrument")
    assert (await command(portal, "stop-opens"))[0] == 2


async def command(portal: RunningPortal, *arguments: str) -> tuple[int, dict[str, list[dict[str, object]]]]:
    environment = {f"SLIPSTREAM_{name}": value for name, value in portal.settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.portal", "switch", *arguments, "--json",
        stdout=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode or 0, json.loads(out)


async def test_what_could_not_be_published_is_published_when_redis_is_back(
    portal: RunningPortal, own_redis_server: EmbeddedServer
) -> None:
    database = Database(portal.settings["DATABASE_URL"])
    store, switch = Switches(database), Switch(Scope.LEADER, "www-1001", Action.FLATTEN, 1_795_000_000_000)
    await store.put(switch)
    try:
        await until(lambda: is_published(store), within_s=15)
    finally:
        await database.close()
    assert await entries(own_redis_server.url) == [switch]


async def is_published(store: Switches) -> bool:
    return not await store.unpublished()


@pytest.mark.parametrize(("positions", "action"), [("close", "flatten"), ("keep", "stop_opens")])
async def test_a_leader_who_is_stopped_leaves_nobody_holding_unless_that_is_chosen(
    portal: RunningPortal, staff: Visitor, positions: str, action: str
) -> None:
    async with portal.visitor() as whale:
        await whale.connect("1001", way="fast_api", role="leader")
    await staff.http.put("/v1/operators/accounts/www-1001/leads", json={"leads": True})
    stopped = {"leads": False, "positions": positions}
    assert (await staff.http.put("/v1/operators/accounts/www-1001/leads", json=stopped)).status_code == 200
    (row,) = (await staff.http.get("/v1/operators/switches")).json()
    assert (row["scope"], row["name"], row["action"]) == ("leader", "www-1001", action)
    accounts = (await staff.http.get("/v1/operators/accounts")).json()
    assert [each["leads"] for each in accounts] == [False]


async def test_a_leader_who_leaves_closes_what_others_hold_because_of_it(portal: RunningPortal, staff: Visitor) -> None:
    async with portal.visitor() as whale:
        await whale.connect("1001", way="fast_api", role="leader")
        await staff.http.put("/v1/operators/accounts/www-1001/leads", json={"leads": True})
        await whale.look()
        await whale.send("/leave")
    (row,) = (await staff.http.get("/v1/operators/switches")).json()
    assert (row["scope"], row["name"], row["action"]) == ("leader", "www-1001", "flatten")
