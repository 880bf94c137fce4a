"""Live events over a real connection: one's own alone, from now on or after the last one seen, nothing missed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.bus.embedded import EmbeddedServer
from shared.messages.outcome import OutcomeKind
from tests.e2e.portal.test_partners import happen
from tests.support.portal import RunningPortal, Visitor, partner_key, running_portal
from tests.support.redis_server import own_redis_server
from tests.support.simulator import people

__all__ = ["own_redis_server"]


@pytest.fixture
async def portal(tmp_path: Path, own_redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, own_redis_server.url) as running:
        await running.simulator.add_accounts(*people(2))
        yield running


@pytest.fixture
async def anna(portal: RunningPortal) -> AsyncIterator[Visitor]:
    async with portal.visitor() as visitor:
        await visitor.connect("1001")
        yield visitor


@asynccontextmanager
async def following(visitor: Visitor, last: str = "", path: str = "/v1/events") -> AsyncIterator[AsyncIterator[Any]]:
    """Follow, and yield (id, kind, data) of each event."""
    headers = {"Last-Event-ID": last} if last else {}
    async with visitor.http.stream("GET", path, headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": alive"
        yield _events(lines)


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    event: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
        elif "data" in event:
            yield event["id"], event["event"], json.loads(event["data"])
            event = {}


async def take(events: AsyncIterator[Any], count: int) -> list[Any]:
    async with asyncio.timeout(10):
        return [await anext(events) for _ in range(count)]


async def test_what_happens_to_the_account_is_told_at_once_and_nothing_of_others(
    anna: Visitor, own_redis_server: EmbeddedServer
) -> None:
    async with following(anna) as events:
        await happen(own_redis_server.url, OutcomeKind.SETTLED, account="www-1002")
        await happen(own_redis_server.url, OutcomeKind.ACCEPTED, OutcomeKind.SETTLED, OutcomeKind.SKIPPED)
        told = await take(events, 3)
    assert [kind for _, kind, _ in told] == ["copy.updated", "copy.made", "copy.skipped"]
    assert {data["account"] for *_, data in told} == {"www-1001"}
    assert told[1][2]["data"]["leader"] == "www-1002"


async def test_who_comes_back_is_given_what_it_missed_once(anna: Visitor, own_redis_server: EmbeddedServer) -> None:
    async with following(anna) as events:
        await happen(own_redis_server.url, OutcomeKind.SETTLED)
        ((seen, *_),) = await take(events, 1)
    await happen(own_redis_server.url, *[OutcomeKind.SKIPPED] * 700)
    async with following(anna, seen) as events:
        missed = await take(events, 700)
        await happen(own_redis_server.url, OutcomeKind.REFUSED)
        (latest,) = await take(events, 1)
    names = [name for name, *_ in missed]
    assert len(set(names)) == 700
    assert seen not in names
    assert latest[1] == "copy.failed"


async def test_a_platform_follows_everybody(portal: RunningPortal, own_redis_server: EmbeddedServer) -> None:
    async with portal.visitor() as platform:
        platform.http.headers["Authorization"] = f"Bearer {await partner_key(portal, 'copies:read')}"
        async with following(platform, path="/v1/partner/events") as events:
            for account in ("www-1001", "www-1002"):
                await happen(own_redis_server.url, OutcomeKind.SETTLED, account=account)
            told = await take(events, 2)
    assert [data["account"] for *_, data in told] == ["www-1001", "www-1002"]


async def test_redis_that_restarts_is_followed_again(anna: Visitor, own_redis_server: EmbeddedServer) -> None:
    async with following(anna) as events:
        await happen(own_redis_server.url, OutcomeKind.SETTLED)
        await take(events, 1)
        own_redis_server.stop()
        await asyncio.sleep(0.5)
        own_redis_server.start()
        await happen(own_redis_server.url, OutcomeKind.REFUSED)
        ((_, kind, _),) = await take(events, 1)
        assert kind == "copy.failed"


async def test_an_id_that_is_none_is_refused(anna: Visitor) -> None:
    assert (await anna.http.get("/v1/events", headers={"Last-Event-ID": "yesterday"})).status_code == 400


async def test_a_portal_with_followers_still_stops_at_once(portal: RunningPortal, anna: Visitor) -> None:
    async with following(anna):
        async with asyncio.timeout(10):
            assert await portal.service.drain() == 0
