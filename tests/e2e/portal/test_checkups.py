"""Connected accounts are looked at again and again: what changes at the venue is known here, each with its remedy."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.bus.client import open_redis
from shared.bus.embedded import EmbeddedServer
from shared.bus.keys import Keys
from shared.bus.notices import GrantNotices
from shared.clock import SystemClock
from shared.messages.notices import GrantChange, GrantNotice
from tests.support.portal import OPERATOR, RunningPortal, Visitor, running_portal
from tests.support.redis_server import redis_server
from tests.support.simulator import people
from tests.support.waiting import until

__all__ = ["redis_server"]

FOLLOWER = people(1)[0]
PARTNER = {"OKX_PARTNER_KEY": "key1002", "OKX_PARTNER_SECRET": "secret1002", "OKX_PARTNER_PASSPHRASE": "Pass1002!"}


@pytest.fixture
async def portal(tmp_path: Path, redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    often = {"CHECK_H": "0.0002", "CHECKS_A_SECOND": "50", **PARTNER}
    async with running_portal(tmp_path, redis_server.url, often) as running:
        await running.simulator.add_accounts(*people(2))
        yield running


@pytest.fixture
async def anna(portal: RunningPortal) -> AsyncIterator[Visitor]:
    async with portal.visitor() as visitor:
        given = {"key": FOLLOWER["api_key"], "secret": FOLLOWER["secret_key"], "passphrase": FOLLOWER["passphrase"]}
        assert (await visitor.http.post("/v1/connect/api-key", json=given)).status_code == 200
        await visitor.me()
        yield visitor


@pytest.fixture
async def heard(redis_server: EmbeddedServer) -> AsyncIterator[list[GrantNotice]]:
    """Everything that is announced of grants."""
    redis, told = open_redis(redis_server.url, "", 5.0, 10), list[GrantNotice]()
    notices = GrantNotices(redis, Keys("main"), SystemClock())
    task = asyncio.get_running_loop().create_task(notices.listen(told.append))
    yield told
    task.cancel()
    await redis.aclose()


async def found(visitor: Visitor) -> dict[str, str]:
    me: dict[str, Any] = (await visitor.me()).json()
    return {each["name"]: each["found"] for each in me["checks"]}


async def test_what_was_found_when_connecting_is_shown_until_it_is_put_right(anna: Visitor) -> None:
    assert await found(anna) == {"addresses": "none"}
    assert "lapses after 14 idle days" in await anna.look()


async def test_another_position_mode_is_shown_and_told_to_the_workers(
    portal: RunningPortal, anna: Visitor, heard: list[GrantNotice]
) -> None:
    await portal.simulator.add_accounts({**FOLLOWER, "pos_mode": "long_short_mode"})
    await until(lambda: _finds(anna, "position_mode"), within_s=15)
    await until(lambda: GrantNotice("www-1001", 1, GrantChange.ACCOUNT) in heard)
    assert (await anna.me()).json()["position_mode"] == "long_short_mode"
    assert "set the position mode to net" in await anna.look()
    await portal.simulator.add_accounts(FOLLOWER)
    await until(lambda: _lacks(anna, "position_mode"), within_s=15)
    async with portal.visitor() as staff:
        staff.http.headers["Authorization"] = f"Bearer {OPERATOR}"
        (row,) = (await staff.http.get("/v1/operators/accounts")).json()
        assert [each["name"] for each in row["checks"]] == ["addresses"]
        assert (row["fenced"], row["tagged"]) == (False, None)


async def test_a_key_its_owner_deleted_is_noticed_without_an_order(
    portal: RunningPortal, anna: Visitor, heard: list[GrantNotice]
) -> None:
    await portal.simulator.add_accounts({**FOLLOWER, "api_key": "another"})
    await until(lambda: _has_ended(anna), within_s=15)
    await until(lambda: GrantNotice("www-1001", 1, GrantChange.DEAD) in heard)
    assert "Connect again" in await anna.look()


async def test_an_account_that_pays_nothing_is_shown_to_operators_and_blocks_nobody(
    portal: RunningPortal, anna: Visitor
) -> None:
    await portal.simulator.post("partner", {"rebate_type": "3"})
    await until(lambda: _finds(anna, "rebate"), within_s=15)
    assert "rebate" not in (await anna.look()).lower()
    assert (await anna.me()).json()["grant"]["status"] == "live"


async def test_an_unanswering_venue_changes_nothing(portal: RunningPortal, anna: Visitor) -> None:
    process = portal.simulator.process
    assert process is not None
    process.kill()
    await asyncio.sleep(2.5)
    assert await found(anna) == {"addresses": "none"}
    assert (await anna.me()).json()["grant"]["status"] == "live"


async def _finds(visitor: Visitor, name: str) -> bool:
    return name in await found(visitor)


async def _lacks(visitor: Visitor, name: str) -> bool:
    return name not in await found(visitor)


async def _has_ended(visitor: Visitor) -> bool:
    return bool((await visitor.me()).json()["grant"]["status"] == "revoked")
