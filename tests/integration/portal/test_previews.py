"""A leader is tried before it is followed: on its recorded trades, by the venue's own rules; nothing is stored."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedServer
from shared.clock import SystemClock
from shared.messages.entries import write_trade_event
from shared.store.engine import Database
from shared.store.ledger import Ledger
from tests.support.builders import event
from tests.support.portal import RunningPortal, Visitor, let_lead, running_portal
from tests.support.redis_server import redis_server
from tests.support.simulator import people

__all__ = ["redis_server"]

WHALE, PREVIEW = "www-1002", "/v1/leaders/www-1002/preview"
DAY_MS = 86_400_000


@pytest.fixture
async def portal(tmp_path: Path, redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, redis_server.url) as running:
        await running.simulator.add_accounts(*people(1), *people(1, role="leader", first=2))
        async with running.visitor() as whale:
            await whale.connect("1002", way="fast_api", role="leader")
        await let_lead(running, WHALE)
        yield running


@pytest.fixture
async def anna(portal: RunningPortal) -> AsyncIterator[Visitor]:
    async with portal.visitor() as visitor:
        await visitor.connect("1001")
        await visitor.me()
        yield visitor


async def record(portal: RunningPortal, *positions: str, days_ago: int = 1) -> None:
    """Let the leader have moved through these positions."""
    began = SystemClock().now_ms() - days_ago * DAY_MS
    steps = zip(("0", *positions), positions, strict=False)
    events = [
        event(before, after, number=days_ago * 100 + number, at_ms=began + number, leader=WHALE, price=60_000)
        for number, (before, after) in enumerate(steps, 1)
    ]
    database = Database(portal.settings["DATABASE_URL"])
    await Ledger(database).record([(each.entry, write_trade_event(each)) for each in events], [])
    await database.close()


async def test_what_following_would_have_meant(portal: RunningPortal, anna: Visitor) -> None:
    await record(portal, "10", "4", "0", "0.01")
    await record(portal, "100", "0", days_ago=40)
    seen = (await anna.http.post(PREVIEW, json={"ratio": "0.5", "days": 30, "leverage": "5"})).json()
    assert (seen["events"], seen["copies"]) == (4, 3)
    assert [(each["reason"], each["times"]) for each in seen["skips"]] == [("below_minimum", 1)]
    assert "raise the ratio" in seen["skips"][0]["remedy"]
    worth = Decimal(5) * Decimal("0.01") * 60_000
    assert (Decimal(seen["largest_exposure"]), Decimal(seen["smallest_balance"])) == (worth, worth / 5)
    assert seen["smallest_ratio"] == "1"
    assert (await anna.http.get("/v1/subscriptions")).json() == []


async def test_a_page_shows_it_and_says_when_there_is_nothing(portal: RunningPortal, anna: Visitor) -> None:
    await anna.look()
    nothing = await anna.send("/subscribe", leader=WHALE, ratio="0.5", action="try")
    assert "Nothing is recorded of this leader" in nothing.text
    await record(portal, "10", "0")
    page = await anna.send("/subscribe", leader=WHALE, ratio="0.5", action="try")
    assert "Orders you would have placed" in page.text
    assert "3000 USDT" in page.text
    wrong = await anna.send("/subscribe", leader=WHALE, ratio="1000", action="try")
    assert (wrong.status_code, "up to 100" in wrong.text) == (409, True)


async def test_what_cannot_be_tried_is_said(portal: RunningPortal, anna: Visitor) -> None:
    assert (await anna.http.post("/v1/leaders/www-1001/preview", json={})).status_code == 404
    assert (await anna.http.post(PREVIEW, json={"days": 0})).status_code == 422
    refused = await anna.http.post(PREVIEW, json={"ratio": "1", "max_order": "10", "max_position": "5"})
    assert (refused.status_code, refused.json()["problems"][0]["field"]) == (409, "max_order")
    process = portal.simulator.process
    assert process is not None
    process.kill()
    await process.wait()
    assert (await anna.http.post(PREVIEW, json={"ratio": "1"})).status_code == 503
