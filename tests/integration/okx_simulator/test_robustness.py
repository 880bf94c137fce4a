"""Whatever a client sends, only its own connection may end."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from tests.integration.okx_simulator.traders import ORDER, SWAP, holds, trading
from tests.support.simulator import RunningSimulator
from tests.support.waiting import until


async def raw(sim: RunningSimulator, data: bytes) -> bytes:
    """Send bytes and return everything that comes until the simulator closes."""
    parts = urlsplit(sim.rest_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def post(body: bytes, more: str = "", length: int | None = None) -> bytes:
    head = (
        "POST /api/v5/trade/order HTTP/1.1\r\nHost: okx\r\nAuthorization: Bearer access-1001\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n{more}\r\n"
    )
    return head.encode() + body


async def test_bytes_that_are_not_http_get_an_answer_and_an_end() -> None:
    async with trading() as (sim, [follower]):
        assert (await raw(sim, b"\x00\x01 nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert (await follower.item())["sCode"] == "0"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"order"', b"\xff\xfe", b"null", b"[1]"])
async def test_a_body_that_is_no_order_is_refused_and_is_evidence(body: bytes) -> None:
    async with trading() as (sim, _):
        answer = await raw(sim, post(body, "Connection: close\r\n"))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "51000"
        [row] = (await sim.evidence())["orders"]
        assert (row["uid"], row["accepted"], row["sCode"]) == ("1001", False, "51000")


async def test_a_body_too_large_is_refused_before_it_is_whole() -> None:
    async with trading(max_body_bytes=1_000) as (sim, _):
        answer = await raw(sim, post(b"x" * 2_000, length=1_000_000))
        assert answer.startswith(b"HTTP/1.1 413 ")


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with trading() as (sim, _):
        one = post(json.dumps({**ORDER, "clOrdId": "one"}).encode())
        two = post(json.dumps({**ORDER, "clOrdId": "two"}).encode(), "Connection: close\r\n")
        await sim.plant("latency", ms=50, times=1)
        answer = await raw(sim, one + two)
        assert answer.index(b'"one"') < answer.index(b'"two"')
        assert (await sim.positions())["1001"] == {SWAP: "0.06"}


async def test_half_a_request_is_nothing() -> None:
    async with trading() as (sim, _):
        parts = urlsplit(sim.rest_url)
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(post(json.dumps(ORDER).encode())[:-5])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await sim.positions())["1001"] == {}
        assert (await sim.evidence())["orders"] == []


async def test_unknown_paths_and_methods_have_envelopes() -> None:
    async with trading() as (sim, [follower]):
        unknown = await follower.client.get("/api/v5/nothing")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "404")
        wrong = await follower.client.put("/api/v5/trade/order")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "50115")
        assert "GET unknown" in (await sim.stats())["answers"]


async def test_an_upgrade_to_something_else_is_ignored() -> None:
    async with trading() as (sim, _):
        head = "GET /api/v5/public/time HTTP/1.1\r\nHost: okx\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        last = "GET /api/v5/public/time HTTP/1.1\r\nHost: okx\r\nConnection: close\r\n\r\n"
        answer = await raw(sim, (head + last).encode())
        assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_metrics_and_health_are_served() -> None:
    async with trading() as (_, [follower]):
        await follower.item()
        text = (await follower.client.get("/metrics")).text
        assert 'answers_total{method="POST",path="/api/v5/trade/order",code="0"} 1' in text
        for path in ("/livez", "/readyz"):
            assert (await follower.client.get(path)).status_code == 200


async def test_control_refuses_in_words() -> None:
    async with trading() as (sim, [follower]):
        for path, body, problem in (
            ("accounts", [{"uid": "1", "colour": "red"}], "colour"),
            ("accounts", "people", "array"),
            ("market", {"instId": "NONE"}, "expected one of"),
            ("instruments", [{"instId": "NEW-USDT-SWAP"}], "has no px"),
            ("trade", {"uid": "9", "instId": SWAP, "side": "buy", "sz": "1"}, "expected an account"),
            ("trade", {"uid": "1001", "instId": SWAP, "side": "buy", "sz": "0.001"}, "51020"),
            ("market", {"instId": SWAP, "px": "dear"}, "dear"),
        ):
            with pytest.raises(AssertionError, match=problem):
                await sim.post(path, body)
        response = await follower.client.post("/control/accounts", content=b"{")
        assert response.status_code == 400


async def test_a_failed_change_of_an_instrument_changes_nothing() -> None:
    async with trading() as (sim, [follower]):
        with pytest.raises(AssertionError):
            await sim.market(SWAP, px="61000", lotSz="coarse")
        assert (await follower.get("market/ticker", instId=SWAP))["data"][0]["last"] == "60000"
        assert (await follower.item())["sCode"] == "0"


async def test_making_an_account_again_starts_it_afresh() -> None:
    async with trading() as (sim, [follower]):
        await follower.item()
        await sim.add_accounts({**follower.person, "access_token": "other"})
        assert (await sim.account("1001"))["positions"] == {}
        assert (await follower.get("account/config"))["code"] == "53000"


async def test_a_client_that_left_frees_its_connection() -> None:
    async with trading() as (sim, [follower]):
        await sim.plant("answer_lost", times=1)
        parts = urlsplit(sim.rest_url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(post(json.dumps(ORDER).encode()))

        await until(lambda: holds(sim))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        writer.close()
        assert (await follower.item())["sCode"] == "0"
