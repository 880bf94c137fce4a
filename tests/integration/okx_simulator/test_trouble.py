"""Every kind of fault, as a client meets it and as evidence tells it."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from tests.integration.okx_simulator.traders import ORDER, SWAP, Trader, heard, holds, listening, struck, trading
from tests.support.simulator import RunningSimulator
from tests.support.waiting import until

PLACE = "/api/v5/trade/order"


async def last_order(sim: RunningSimulator) -> dict[str, Any]:
    return (await sim.evidence())["orders"][-1]


async def found(follower: Trader, cl_ord_id: str) -> bool:
    return bool((await follower.get("trade/order", instId=SWAP, clOrdId=cl_ord_id))["data"])


async def speaks(ws: ClientConnection) -> bool:
    await ws.send("ping")
    try:
        return await asyncio.wait_for(ws.recv(), 0.1) == "pong"
    except TimeoutError:
        return False


async def fails(follower: Trader, error: type[Exception], timeout_s: float) -> None:
    with pytest.raises(error):
        await follower.client.post(PLACE, json=ORDER, headers=follower.headers, timeout=timeout_s)


@pytest.mark.parametrize(
    ("kind", "accepted", "error"),
    [
        ("reset_before_read", False, httpx.TransportError),
        ("reset_after_read", False, httpx.TransportError),
        ("reset_after_accept", True, httpx.TransportError),
        ("answer_lost", True, httpx.ReadTimeout),
    ],
)
async def test_resets_and_lost_answers(kind: str, accepted: bool, error: type[Exception]) -> None:
    async with trading() as (sim, [follower]):
        await sim.plant(kind, where={"path": PLACE, "uid": "1001"}, times=1)
        await fails(follower, error, 1.0)
        row = await last_order(sim)
        assert (row["accepted"], row["fault"], row["answered"], row["uid"]) == (accepted, kind, False, "1001")
        assert (await sim.positions())["1001"] == ({SWAP: "0.03"} if accepted else {})
        assert [fault["hits"] for fault in await sim.faults()] == [1]
        assert (await follower.item())["sCode"] == "0"


async def test_a_reset_is_a_reset_and_not_an_orderly_end() -> None:
    async with trading() as (sim, [follower]):
        await sim.plant("reset_after_read", times=1)
        with pytest.raises(httpx.ReadError) as caught:
            await follower.client.post(PLACE, json=ORDER, headers=follower.headers)
        causes: list[BaseException] = [caught.value]
        while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
            causes.append(cause)
        assert any(isinstance(cause, ConnectionResetError) for cause in causes)


@pytest.mark.parametrize("after_accept", [False, True])
async def test_a_gateway_page_says_nothing_about_the_order(after_accept: bool) -> None:
    async with trading() as (sim, [follower]):
        await sim.plant("status", status=502, after_accept=after_accept, times=1)
        response = await follower.post("trade/order", ORDER)
        assert (response.status_code, response.headers["content-type"]) == (502, "text/html")
        row = await last_order(sim)
        assert (row["accepted"], row["fault"]) == (after_accept, "status")


async def test_a_status_can_carry_a_body_of_choice() -> None:
    async with trading() as (sim, [follower]):
        body = '{"code":"50001","msg":"Service unavailable","data":[]}'
        await sim.plant("status", status=503, body=body, content_type="application/json")
        response = await follower.post("trade/order", ORDER)
        assert (response.status_code, response.json()["code"]) == (503, "50001")


async def test_throttle_answers_like_the_gateway() -> None:
    async with trading() as (sim, [follower]):
        await sim.plant("throttle", times=1)
        response = await follower.post("trade/order", ORDER)
        assert (response.status_code, response.json()) == (429, {"msg": "Too Many Requests", "code": "50011"})
        assert (await last_order(sim))["sCode"] == "50011"


@pytest.mark.parametrize("kind", ["latency", "answer_latency"])
async def test_delays_delay(kind: str) -> None:
    async with trading() as (sim, [follower]):
        await sim.plant(kind, ms=300, jitter_ms=20)
        started = time.monotonic()
        placing = asyncio.ensure_future(follower.item())
        await until(lambda: struck(sim))  # at the start of the delay: which side of it is the order on?
        processed = await holds(sim)
        assert (await placing)["sCode"] == "0"
        assert time.monotonic() - started >= 0.3
        assert processed is (kind == "answer_latency")
        assert (await last_order(sim))["fault"] == kind


async def test_an_order_is_processed_although_the_client_left_during_a_latency() -> None:
    async with trading() as (sim, [follower]):
        await sim.plant("latency", ms=150, times=1)
        await fails(follower, httpx.ReadTimeout, 0.05)

        await until(lambda: holds(sim))
        assert (await last_order(sim))["answered"] is False


async def test_a_refusal_of_choice() -> None:
    async with trading() as (sim, [follower]):
        await sim.plant("refuse", sCode="51008", sMsg="No margin", subCode="1001", where={"side": "buy"})
        item = await follower.item()
        assert (item["sCode"], item["sMsg"], item["subCode"]) == ("51008", "No margin", "1001")
        await sim.trade("1001", SWAP, "buy", "1")
        assert (await follower.item(side="sell"))["sCode"] == "0"


async def test_a_trickled_answer_arrives_whole_in_the_end() -> None:
    async with trading() as (sim, [follower]):
        await sim.plant("trickle", ms=0.2, times=1)
        assert (await follower.item())["sCode"] == "0"
        assert (await last_order(sim))["answered"] is True


async def test_an_order_may_be_shown_late() -> None:
    async with trading() as (sim, [follower]):
        fault = await sim.plant("get_order_lag", ms=150)
        await follower.item(clOrdId="late")

        assert not await found(follower, "late")
        await until(lambda: found(follower, "late"))
        asks = (await sim.evidence())["asks"]
        assert [asks[0]["found"], asks[-1]["found"]] == [False, True]
        assert fault["id"] == (await sim.faults())[0]["id"]


async def test_tokens_can_expire_or_be_revoked_at_once() -> None:
    async with trading(3) as (sim, [first, second, third]):
        assert (await sim.plant("expire_tokens", uids=["1001"]))["hits"] == 1
        await sim.plant("revoke_tokens", uids=["1002"])
        codes = [(await follower.order())["code"] for follower in (first, second, third)]
        assert codes == ["53002", "53003", "0"]
        rows = (await sim.evidence())["orders"]
        assert [(row["uid"], row["sCode"], row["accepted"]) for row in rows] == [
            ("1001", "53002", False),
            ("1002", "53003", False),
            ("1003", "0", True),
        ]


async def test_pushes_repeat_vanish_and_lose_their_trade() -> None:
    async with trading() as (sim, _), listening(sim, {"channel": "orders", "instType": "ANY"}) as ws:
        fault = await sim.plant("push_repeat", n=2, times=1)
        await sim.trade("1900", SWAP, "buy", "1")
        states = [(await heard(ws))["data"][0]["state"] for _ in range(4)]
        assert states == ["live", "live", "live", "filled"]
        assert fault["id"] is not None
        await sim.clear_faults()
        await sim.plant("push_drop", times=1)
        await sim.trade("1900", SWAP, "buy", "1")
        assert (await heard(ws))["data"][0]["state"] == "filled"
        await sim.plant("push_no_trade_id")
        await sim.trade("1900", SWAP, "buy", "1")
        rows = [(await heard(ws))["data"][0] for _ in range(2)]
        assert [(row["state"], row["tradeId"]) for row in rows] == [("live", ""), ("filled", "")]


async def test_a_socket_that_pushes_no_order_any_more_answers_and_stays_so_when_the_fault_is_gone() -> None:
    orders = {"channel": "orders", "instType": "ANY"}
    async with trading() as (sim, _), listening(sim, orders) as ws:
        await sim.plant("push_end")
        await sim.trade("1900", SWAP, "buy", "1")
        await sim.clear_faults()
        await sim.trade("1900", SWAP, "buy", "1")
        assert await speaks(ws)
        async with listening(sim, orders) as other:
            await sim.trade("1900", SWAP, "buy", "2")
            assert [(await heard(other))["data"][0]["sz"] for _ in range(2)] == ["2", "2"]
        assert await speaks(ws)


async def test_pushes_come_out_of_order() -> None:
    async with trading() as (sim, _), listening(sim, {"channel": "orders", "instType": "ANY"}) as ws:
        await sim.plant("push_reorder", window=4)
        await sim.trade("1900", SWAP, "buy", "3", pieces=["1", "1", "1"])
        sizes = [(await heard(ws))["data"][0]["accFillSz"] for _ in range(4)]
        assert sorted(sizes) == ["0", "1", "2", "3"]
        assert sizes != sorted(sizes)
        await sim.trade("1900", SWAP, "sell", "3")
        assert {(await heard(ws))["data"][0]["accFillSz"] for _ in range(2)} == {"0", "3"}


async def test_late_pushes_come_late_and_in_order() -> None:
    async with trading() as (sim, _), listening(sim, {"channel": "orders", "instType": "ANY"}) as ws:
        await sim.plant("push_late", ms=100, jitter_ms=200, times=3)
        began = time.monotonic()
        await sim.trade("1900", SWAP, "buy", "8", pieces=["1"] * 8)
        sizes = [(await heard(ws))["data"][0]["accFillSz"] for _ in range(9)]
        assert sizes == [str(size) for size in range(9)], "a push that is late holds up those behind it"
        assert time.monotonic() - began >= 0.1


async def test_what_is_repeated_or_reordered_overtakes_nothing_that_is_late() -> None:
    async with trading() as (sim, _), listening(sim, {"channel": "orders", "instType": "ANY"}) as ws:
        await sim.plant("push_late", ms=300, times=2)
        await sim.trade("1900", SWAP, "buy", "1")
        await sim.plant("push_reorder", window=2, within_ms=50, times=2)
        await sim.trade("1900", SWAP, "sell", "2")
        await sim.plant("push_repeat", n=1, times=2)
        await sim.trade("1900", SWAP, "buy", "4")
        sizes = [(await heard(ws))["data"][0]["sz"] for _ in range(8)]
        assert sizes == ["1", "1", "2", "2", "4", "4", "4", "4"]


async def test_who_consents_anew_keeps_positions_and_may_trade_with_the_new_pair_only() -> None:
    async with trading() as (sim, [follower]):
        await follower.item()
        await sim.plant("revoke_tokens", uids=["1001"])
        assert (await follower.order())["code"] == "53003"
        pair = {"access_token": "access-anew", "refresh_token": "refresh-anew", "expires_in_s": 600}
        await sim.consent("1001", **pair)
        assert (await follower.order())["code"] != "0"
        follower.headers["Authorization"] = "Bearer access-anew"
        assert (await follower.item())["sCode"] == "0"
        assert (await sim.positions())["1001"] == {SWAP: "0.06"}


async def test_consent_of_nobody_is_refused_in_words() -> None:
    async with trading() as (sim, _):
        with pytest.raises(AssertionError, match="there is no account '7'"):
            await sim.consent("7", access_token="a", refresh_token="b", expires_in_s=60)


async def test_a_socket_is_dropped_without_a_word() -> None:
    async with trading() as (sim, _), listening(sim) as ws:
        assert (await sim.plant("ws_drop", uids=["1900"]))["hits"] == 1
        await ws.wait_closed()
        assert ws.close_code == 1006


async def test_a_silent_socket_swallows_both_ways_and_speaks_again() -> None:
    async with trading() as (sim, _), listening(sim, {"channel": "orders", "instType": "ANY"}) as ws:
        assert (await sim.plant("ws_silence", uids=["1900"], for_ms=150))["hits"] == 1
        await ws.send("ping")
        await sim.trade("1900", SWAP, "buy", "1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.1)

        await until(lambda: speaks(ws))


async def test_an_upgrade_is_announced_and_then_cuts() -> None:
    async with trading() as (sim, _), listening(sim) as ws:
        await sim.plant("ws_notice_64008", uids=["1900"], cut_after_s=0.05)
        notice = await heard(ws)
        assert (notice["event"], notice["code"]) == ("notice", "64008")
        await ws.wait_closed()


async def test_faults_leave_the_control_door_alone() -> None:
    async with trading() as (sim, _):
        for kind in ("reset_before_read", "throttle", "latency"):
            await sim.plant(kind, ms=60_000)
        assert len(await sim.faults()) == 3
        await sim.clear_faults()
        assert await sim.faults() == []


async def test_a_bad_fault_is_refused_in_words() -> None:
    async with trading() as (sim, _):
        with pytest.raises(AssertionError, match="kind is 'gremlin'; expected one of"):
            await sim.plant("gremlin")
