"""A partner's platform: reads and changes by key, and is told by webhook, at least once, signed, whatever dies."""

import asyncio
import hashlib
import hmac
import json
import sqlite3
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.bus.client import open_redis
from shared.bus.embedded import EmbeddedServer
from shared.bus.keys import DATA, Keys
from shared.clock import SystemClock
from shared.messages.outcome import OutcomeKind, OutcomeV1, encode
from tests.support.portal import RunningPortal, Visitor, let_lead, partner_key, running_portal
from tests.support.redis_server import own_redis_server
from tests.support.running_service import running_service
from tests.support.simulator import people
from tests.support.waiting import until

__all__ = ["own_redis_server"]

SCOPES = ("accounts:read", "copies:read", "subscriptions:write", "webhooks:write")
WANTED = ["copy.made", "copy.failed", "subscription.changed", "grant.dead"]


@dataclass
class Receiver:
    """A platform's end: answers as it is told, and keeps what came."""

    url: str = ""
    status: int = 204
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n"))}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.came.append((headers, body))
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.came]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in?token=hidden"
    async with server:
        yield receiver


@pytest.fixture
async def portal(tmp_path: Path, own_redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, own_redis_server.url, {"WEBHOOKS_PRIVATE": "true"}) as running:
        await running.simulator.add_accounts(*people(1), *people(1, role="leader", first=2))
        async with running.visitor() as whale, running.visitor() as anna:
            await whale.connect("1002", way="fast_api", role="leader")
            await let_lead(running, "www-1002")
            await anna.connect("1001")
        yield running


@pytest.fixture
async def platform(portal: RunningPortal) -> AsyncIterator[Visitor]:
    async with portal.visitor() as visitor:
        visitor.http.headers["Authorization"] = f"Bearer {await partner_key(portal, *SCOPES)}"
        yield visitor


async def happen(redis_url: str, *kinds: OutcomeKind, account: str = "www-1001") -> None:
    """Let outcomes be written, as a commit does."""
    redis, now_ms = open_redis(redis_url, "", 5.0, 10), SystemClock().now_ms()
    for number, kind in enumerate(kinds):
        told = OutcomeV1(f"{now_ms}{number:019}", kind, now_ms + number, account, "www-1002", "BTC-USDT-SWAP", "event")
        await redis.xadd(Keys("main").outcomes, {DATA: encode(told)})
    await redis.aclose()


async def hook(platform: Visitor, url: str, *kinds: str) -> dict[str, Any]:
    made = await platform.http.post("/v1/partner/webhooks", json={"url": url, "kinds": list(kinds or WANTED)})
    assert made.status_code == 200, made.text
    return dict(made.json())


async def test_a_platform_lets_an_account_follow_and_reads_its_copies(portal: RunningPortal, platform: Visitor) -> None:
    accounts = (await platform.http.get("/v1/partner/accounts")).json()
    assert [(each["account"], each["grant"]["status"]) for each in accounts] == [
        ("www-1001", "live"),
        ("www-1002", "live"),
    ]
    path = "/v1/partner/accounts/www-1001/subscriptions"
    assert (await platform.http.put(f"{path}/www-1002", json={"ratio": "0.5"})).json()["version"] == 1
    assert (await platform.http.post(f"{path}/www-1002/pause")).json()["state"] == "paused"
    ended = (await platform.http.post(f"{path}/www-1002/end?positions=close")).json()
    assert (ended["state"], ended["ending"]) == ("ended", "close")
    assert (await platform.http.get(path)).json() == [ended]
    assert (await platform.http.get("/v1/partner/accounts/www-1001/copies")).json() == {"copies": [], "next": None}
    with sqlite3.connect(portal.database) as database:
        actors = {row[0] for row in database.execute("SELECT actor FROM audit_log WHERE action = 'subscription'")}
    assert len(actors) == 1
    assert actors.pop().startswith("pk_")


async def test_what_is_wanted_is_sent_once_signed_and_shown_as_delivered(
    platform: Visitor, own_redis_server: EmbeddedServer
) -> None:
    async with receiving() as receiver:
        made = await hook(platform, receiver.url)
        await happen(own_redis_server.url, OutcomeKind.SETTLED, OutcomeKind.SKIPPED, OutcomeKind.REFUSED)
        await platform.http.put("/v1/partner/accounts/www-1001/subscriptions/www-1002", json={"ratio": "0.5"})
        await until(lambda: len(receiver.came) >= 3, 20)
        await asyncio.sleep(1.5)
    assert sorted(each["type"] for each in receiver.told()) == ["copy.failed", "copy.made", "subscription.changed"]
    for headers, body in receiver.came:
        proof = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = b64decode(made["secret"].removeprefix("whsec_"))
        expected = b64decode(headers["webhook-signature"].removeprefix("v1,"))
        assert hmac.compare_digest(hmac.new(key, proof, hashlib.sha256).digest(), expected)
        assert headers["host"] == receiver.url.split("/")[2]
    shown = (await platform.http.get(f"/v1/partner/webhooks/{made['id']}/deliveries")).json()["deliveries"]
    assert {(each["state"], each["status"], each["tries"]) for each in shown} == {("delivered", 204, 1)}


async def test_a_dead_receiver_is_tried_again_and_holds_up_nobody(
    portal: RunningPortal, platform: Visitor, own_redis_server: EmbeddedServer
) -> None:
    async with receiving() as dead, receiving() as alive:
        dead.status = 503
        sick, well = await hook(platform, dead.url), await hook(platform, alive.url)
        await happen(own_redis_server.url, *[OutcomeKind.SETTLED] * 30)
        await until(lambda: len(alive.came) == 30, 20)
        deliveries = f"/v1/partner/webhooks/{sick['id']}/deliveries"
        shown = (await platform.http.get(f"{deliveries}?state=waiting&most=500")).json()["deliveries"]
        assert len(shown) == 30
        assert {each["error"] for each in shown if each["tries"]} <= {"HTTP 503", None}
        await until(lambda: nothing_waits(platform, well["id"]))
        dead.status = 200
        with sqlite3.connect(portal.database) as database:  # as if a day had passed
            database.execute("UPDATE deliveries SET state = 'failed' WHERE state = 'waiting'")
        dead.came.clear()
        again = await platform.http.post(f"/v1/partner/webhooks/{sick['id']}/replay", json={})
        assert again.json() == {"messages": 30}
        await until(lambda: len({headers["webhook-id"] for headers, _ in dead.came}) == 30, 20)


async def nothing_waits(platform: Visitor, name: str) -> bool:
    return bool(
        (await platform.http.get(f"/v1/partner/webhooks/{name}/deliveries?state=waiting")).json()["deliveries"] == []
    )


async def test_two_portals_send_each_message_once(
    portal: RunningPortal, platform: Visitor, own_redis_server: EmbeddedServer
) -> None:
    second = {**portal.settings, "PORTAL_PORT": "0"}
    async with running_service("portal", second, "serve"), receiving() as receiver:
        await hook(platform, receiver.url)
        await happen(own_redis_server.url, *[OutcomeKind.SETTLED] * 60)
        await until(lambda: len(receiver.came) >= 60, 30)
        await asyncio.sleep(1.5)
    names = [headers["webhook-id"] for headers, _ in receiver.came]
    assert len(names) == len(set(names)) == 60


async def test_a_deleted_webhook_is_told_nothing_more(platform: Visitor, own_redis_server: EmbeddedServer) -> None:
    async with receiving() as receiver:
        made = await hook(platform, receiver.url)
        assert (await platform.http.delete(f"/v1/partner/webhooks/{made['id']}")).status_code == 204
        await happen(own_redis_server.url, OutcomeKind.SETTLED)
        await asyncio.sleep(2.5)
        assert receiver.came == []
    assert (await platform.http.get("/v1/partner/webhooks")).json() == []
    assert (await platform.http.post(f"/v1/partner/webhooks/{made['id']}/replay", json={})).status_code == 404


async def test_neither_key_nor_secret_nor_path_is_kept_in_the_open(
    portal: RunningPortal, platform: Visitor, own_redis_server: EmbeddedServer
) -> None:
    async with receiving() as receiver:
        made = await hook(platform, receiver.url)
        await happen(own_redis_server.url, OutcomeKind.SETTLED)
        await until(lambda: receiver.came, 20)
    key = platform.http.headers["Authorization"].removeprefix("Bearer ")
    stored = b"".join(each.read_bytes() for each in portal.database.parent.glob("slipstream.db*"))
    for secret in (key, made["secret"], made["secret"].removeprefix("whsec_")):
        assert secret.encode() not in stored
    assert not any(each in portal.service.text for each in (key, made["secret"], "token=hidden"))


async def test_a_webhook_may_not_lead_home(tmp_path: Path, own_redis_server: EmbeddedServer) -> None:
    async with running_portal(tmp_path, own_redis_server.url) as strict, strict.visitor() as platform:
        platform.http.headers["Authorization"] = f"Bearer {await partner_key(strict, *SCOPES)}"
        for url in ("http://example.com/", "https://127.0.0.1/", "https://localhost/in", "https://[::ffff:10.0.0.1]/"):
            refused = await platform.http.post("/v1/partner/webhooks", json={"url": url, "kinds": ["copy.made"]})
            assert (refused.status_code, refused.json()["detail"][:4]) == (400, "url:"), url
