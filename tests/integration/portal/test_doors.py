"""Nobody reads or changes what is another's: route by route, from the document, so that a new route needs a rule."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.bus.embedded import EmbeddedServer
from tests.support.portal import OPERATOR, RunningPortal, Visitor, let_lead, running_portal
from tests.support.redis_server import redis_server
from tests.support.simulator import people

__all__ = ["redis_server"]

OPEN = {("post", "/v1/connect"), ("post", "/v1/connect/api-key")}
"""Routes for whoever comes: they tell nothing of any account."""
OWN = {
    ("get", "/v1/me"),
    ("post", "/v1/disconnect"),
    ("get", "/v1/leaders"),
    ("post", "/v1/leaders/{leader}/preview"),
    ("get", "/v1/subscriptions"),
    ("put", "/v1/subscriptions/{leader}"),
    ("post", "/v1/subscriptions/{leader}/{action}"),
    ("get", "/v1/copies"),
    ("get", "/v1/copies/export"),
    ("get", "/v1/positions"),
    ("get", "/v1/events"),
    ("get", "/v1/switch"),
    ("put", "/v1/switch"),
    ("delete", "/v1/switch"),
}
"""Routes of the signed-in account: whose they are comes from the session and from nowhere else."""
OPERATORS = {
    ("get", "/v1/operators/accounts"),
    ("put", "/v1/operators/accounts/{account}/leads"),
    ("get", "/v1/operators/audit"),
    ("get", "/v1/operators/keys"),
    ("post", "/v1/operators/keys"),
    ("delete", "/v1/operators/keys/{key}"),
    ("get", "/v1/operators/switches"),
    ("put", "/v1/operators/switches/{scope}/{name}"),
    ("delete", "/v1/operators/switches/{scope}/{name}"),
}


PARTNERS = {
    ("get", "/v1/partner/accounts"): "accounts:read",
    ("get", "/v1/partner/accounts/{account}/subscriptions"): "accounts:read",
    ("put", "/v1/partner/accounts/{account}/subscriptions/{leader}"): "subscriptions:write",
    ("post", "/v1/partner/accounts/{account}/subscriptions/{leader}/{action}"): "subscriptions:write",
    ("get", "/v1/partner/accounts/{account}/copies"): "copies:read",
    ("get", "/v1/partner/events"): "copies:read",
    ("post", "/v1/partner/webhooks"): "webhooks:write",
    ("get", "/v1/partner/webhooks"): "webhooks:write",
    ("delete", "/v1/partner/webhooks/{hook}"): "webhooks:write",
    ("get", "/v1/partner/webhooks/{hook}/deliveries"): "webhooks:write",
    ("post", "/v1/partner/webhooks/{hook}/replay"): "webhooks:write",
}
"""Routes of partners' platforms, each with the scope its key must have."""
PLATFORM = {"scope": "platform", "name": "all"}
BODIES = {"{leader}": {"ratio": "1"}, "/leads": {"leads": True}, "/switch": {"action": "stop_opens"}}
"""What a change brings, by a part of its path."""


@pytest.fixture
async def portal(tmp_path: Path, redis_server: EmbeddedServer) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path, redis_server.url) as running:
        await running.simulator.add_accounts(*people(2), *people(1, role="leader", first=3))
        yield running


async def routes(portal: RunningPortal) -> dict[tuple[str, str], dict[str, Any]]:
    async with portal.visitor() as anybody:
        document = (await anybody.http.get("/v1/openapi.json")).json()
    return {(method, path): told for path, methods in document["paths"].items() for method, told in methods.items()}


async def asked(visitor: Visitor, route: tuple[str, str], **names: str) -> httpx.Response:
    method, path = route
    filled = path.format(
        **{
            "leader": "www-1003",
            "action": "pause",
            "account": "www-1001",
            "hook": "wh_1",
            "key": "pk_1",
            **PLATFORM,
            **names,
        }
    )
    body = next((body for part, body in BODIES.items() if part in path), None)
    return await visitor.http.request(method, filled, json=body if method == "put" else None)


async def test_every_route_of_the_document_has_a_rule_here(portal: RunningPortal) -> None:
    assert set(await routes(portal)) == OPEN | OWN | OPERATORS | PARTNERS.keys()


async def test_without_a_sign_in_nothing_is_told_and_nothing_changes(portal: RunningPortal) -> None:
    async with portal.visitor() as stranger:
        for route in OWN | OPERATORS | PARTNERS.keys():
            assert (await asked(stranger, route)).status_code == 401, route
        await stranger.look()  # a session without an account opens no more
        for route in OWN | OPERATORS | PARTNERS.keys():
            assert (await asked(stranger, route)).status_code == 401, route


async def test_a_sign_in_is_no_operator_and_an_operator_no_account(portal: RunningPortal) -> None:
    async with portal.visitor() as anna:
        await anna.connect("1001")
        await anna.me()
        for route in OPERATORS | PARTNERS.keys():
            assert (await asked(anna, route)).status_code == 401, route
    async with portal.visitor() as staff:
        staff.http.headers["Authorization"] = f"Bearer {OPERATOR}"
        for route in OWN | PARTNERS.keys():
            assert (await asked(staff, route)).status_code == 401, route
        assert (await asked(staff, ("get", "/v1/operators/accounts"))).status_code == 200
        staff.http.headers["Authorization"] = f"Bearer {OPERATOR[:-1]}"
        assert (await asked(staff, ("get", "/v1/operators/accounts"))).status_code == 401


async def test_a_change_without_the_session_s_own_token_is_refused(portal: RunningPortal) -> None:
    async with portal.visitor() as anna, portal.visitor() as bert:
        await anna.connect("1001")
        await bert.connect("1002")
        await bert.me()
        changes = [route for route in OWN if route[0] != "get"]
        for route in changes:
            assert (await asked(anna, route)).status_code == 403, route
        anna.http.headers["X-CSRF-Token"] = bert.http.headers["X-CSRF-Token"]
        for route in changes:
            assert (await asked(anna, route)).status_code == 403, route


async def test_two_accounts_see_and_change_their_own(portal: RunningPortal) -> None:
    async with portal.visitor() as anna, portal.visitor() as bert, portal.visitor() as whale, portal.visitor() as staff:
        await whale.connect("1003", way="fast_api", role="leader")
        assert ((await whale.me()).json()["leads"], (await whale.me()).json()["applied"]) == (False, True)
        for each, uid in ((anna, "1001"), (bert, "1002")):
            await each.connect(uid)
            await each.me()
        staff.http.headers["Authorization"] = f"Bearer {OPERATOR}"
        early = await anna.http.put("/v1/subscriptions/www-1003", json={"ratio": "0.5"})
        assert (early.status_code, early.json()["problems"][0]["field"]) == (
            409,
            "subscriptions.www-1001.www-1003.leader",
        )
        await let_lead(portal, "www-1003")
        followed = await anna.http.put("/v1/subscriptions/www-1003", json={"ratio": "0.5"})
        assert (followed.status_code, followed.json()["version"]) == (200, 1)
        assert (await bert.http.get("/v1/subscriptions")).json() == []
        assert (await bert.http.post("/v1/subscriptions/www-1003/pause")).status_code == 404
        assert (await anna.http.post("/v1/subscriptions/www-1003/pause")).json()["state"] == "paused"
        assert [each["leader"] for each in (await anna.http.get("/v1/subscriptions")).json()] == ["www-1003"]
        everybody = json.dumps((await bert.http.get("/v1/leaders")).json())
        assert "1001" not in everybody
        assert len((await staff.http.get("/v1/operators/accounts")).json()) == 3
        ending = {
            hours: (await staff.http.get(f"/v1/operators/accounts?ends_within_h={hours}")).json() for hours in (71, 73)
        }
        assert [len(ending[hours]) for hours in (71, 73)] == [0, 2]  # a key does not end
        deeds = (await staff.http.get("/v1/operators/audit")).json()
        assert [(each["actor"], each["action"], each["subject"]) for each in deeds[:3]] == [
            ("www-1001", "subscription", "www-1003"),
            ("www-1001", "subscription", "www-1003"),
            ("operator", "let_lead", "www-1003"),
        ]
        assert [each["number"] for each in deeds] == [6, 5, 4, 3, 2, 1]


async def test_a_sign_in_gets_a_new_cookie_that_scripts_cannot_read(portal: RunningPortal) -> None:
    async with portal.visitor() as anna:
        await anna.look()
        before = anna.http.cookies["slipstream_session"]
        answer = await anna.connect("1001")
        given = [each for each in answer.headers.get_list("set-cookie") if "slipstream_session" in each][-1].lower()
        assert anna.http.cookies["slipstream_session"] != before
        assert "httponly" in given
        assert "samesite=lax" in given
        anna.http.cookies.set("slipstream_session", before)
        assert (await anna.http.get("/v1/me")).status_code == 401


async def test_every_answer_is_armoured_and_a_body_is_bounded(portal: RunningPortal) -> None:
    async with portal.visitor() as anybody:
        for path in ("/", "/v1/me", "/callback", "/nothing", "/style.css"):
            headers = (await anybody.http.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff", path
        large = await anybody.http.post("/v1/connect", content=b"x" * 70_000)
        assert large.status_code == 413
        secret = await anybody.http.post("/v1/connect/api-key", json={"key": 1, "secret": "of mine", "more": "of mine"})
        assert secret.status_code == 422
        assert "of mine" not in secret.text


async def test_one_address_cannot_ask_without_end(tmp_path: Path, redis_server: EmbeddedServer) -> None:
    few = {"REQUESTS_A_MINUTE": "20"}
    async with running_portal(tmp_path, redis_server.url, few) as portal, portal.visitor() as busy:
        codes = [(await busy.http.get("/v1/me")).status_code for _ in range(25)]
    assert codes[:20] == [401] * 20
    assert set(codes[21:]) == {429}


@pytest.mark.parametrize("scope", sorted(set(PARTNERS.values())))
async def test_a_platform_s_key_opens_its_scope_and_nothing_else(portal: RunningPortal, scope: str) -> None:
    async with portal.visitor() as staff, portal.visitor() as platform:
        staff.http.headers["Authorization"] = f"Bearer {OPERATOR}"
        made = (await staff.http.post("/v1/operators/keys", json={"label": "ours", "scopes": [scope]})).json()
        platform.http.headers["Authorization"] = f"Bearer {made['key']}"
        for route in OWN | OPERATORS:
            assert (await asked(platform, route)).status_code == 401, route
        for route, needed in PARTNERS.items():
            if needed != scope:
                refused = await asked(platform, route)
                assert (refused.status_code, needed in refused.text) == (403, True), route
            elif route[1] != "/v1/partner/events":  # it never ends; tests of its own follow it
                assert (await asked(platform, route)).status_code not in {401, 403}, route
        shown = json.dumps((await staff.http.get("/v1/operators/keys")).json())
        assert made["key"] not in shown
        assert (await staff.http.delete(f"/v1/operators/keys/{made['id']}")).status_code == 204
        assert (await asked(platform, ("get", "/v1/partner/accounts"))).status_code == 401
        assert (await staff.http.delete(f"/v1/operators/keys/{made['id']}")).status_code == 404
