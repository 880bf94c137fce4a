import json
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.okx_simulator.traders import ORDER, SWAP, Trader, trading
from tests.support.simulator import signed_headers
from tests.support.waiting import until


async def test_an_order_is_answered_asked_for_and_seen_everywhere() -> None:
    async with trading() as (sim, [follower]):
        answer = await follower.order(clOrdId="a1")
        assert (answer["code"], answer["data"][0]["sCode"], answer["data"][0]["tag"]) == ("0", "0", "TAG")
        assert int(answer["outTime"]) >= int(answer["inTime"])
        [order] = (await follower.get("trade/order", instId=SWAP, clOrdId="a1"))["data"]
        assert (order["ordId"], order["state"], order["accFillSz"]) == (answer["data"][0]["ordId"], "filled", "0.03")
        [fill] = (await follower.get("trade/fills"))["data"]
        assert (fill["tradeId"], fill["fillSz"], fill["tag"]) == (order["tradeId"], "0.03", "TAG")
        assert (fill["fee"], fill["feeRate"], fill["feeCcy"], fill["execType"]) == ("-0.009", "-0.0005", "USDT", "T")
        [position] = (await follower.get("account/positions", instId=SWAP))["data"]
        assert (position["pos"], position["posSide"], position["avgPx"]) == ("0.03", "net", "60000")
        assert (await sim.positions())["1001"] == {SWAP: "0.03"}


async def test_a_key_signs_what_a_token_would_open() -> None:
    async with trading() as (_, [follower]):
        body = json.dumps(ORDER)
        headers = signed_headers(follower.person, "POST", "/api/v5/trade/order", body)
        response = await follower.client.post("/api/v5/trade/order", content=body, headers=headers)
        assert response.json()["data"][0]["sCode"] == "0"
        response = await follower.client.post("/api/v5/trade/order", content=body + " ", headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "50113")


async def test_a_doubled_market_order_fills_twice_and_the_latest_is_shown() -> None:
    async with trading() as (sim, [follower]):
        first, second = await follower.item(clOrdId="same"), await follower.item(clOrdId="same")
        [order] = (await follower.get("trade/order", instId=SWAP, clOrdId="same"))["data"]
        assert first["ordId"] != second["ordId"] == order["ordId"]
        assert (await sim.positions())["1001"] == {SWAP: "0.06"}


async def test_an_order_nobody_placed_does_not_exist_and_asking_is_evidence() -> None:
    async with trading() as (sim, [follower]):
        answer = await follower.get("trade/order", instId=SWAP, clOrdId="never")
        assert (answer["code"], answer["msg"], answer["data"]) == ("51603", "Order does not exist", [])
        [ask] = (await sim.evidence())["asks"]
        assert (ask["uid"], ask["clOrdId"], ask["found"]) == ("1001", "never", False)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instId": "NONE-USDT-SWAP"}, "51001"),
        ({"sz": "0.035"}, "51121"),
        ({"sz": "0.001"}, "51020"),
        ({"sz": "13000"}, "51202"),
        ({"ordType": "limit", "px": "70000"}, "51006"),
        ({"posSide": "long"}, "51000"),
        ({"clOrdId": "no-good"}, "51000"),
        ({"reduceOnly": True}, "51169"),
        ({"ordType": "limit", "px": "60000", "sz": "20000"}, "51008"),
    ],
)
async def test_refusals_travel_as_items_and_are_evidence(changes: dict[str, Any], code: str) -> None:
    async with trading() as (sim, [follower]):
        answer = await follower.order(**changes)
        assert (answer["code"], answer["data"][0]["sCode"], answer["data"][0]["ordId"]) == ("1", code, "")
        [row] = (await sim.evidence())["orders"]
        assert (row["accepted"], row["sCode"], row["answered"]) == (False, code, True)
        assert (await sim.positions())["1001"] == {}


async def forgotten(follower: Trader) -> bool:
    return not (await follower.get("trade/orders-history", instType="SWAP"))["data"]


async def test_a_pending_limit_can_be_seen_cancelled_and_is_then_gone() -> None:
    async with trading(cancelled_kept_ms=0) as (_, [follower]):
        await follower.item(ordType="limit", px="59000", clOrdId="rest")
        [pending] = (await follower.get("trade/orders-pending"))["data"]
        assert (pending["clOrdId"], pending["state"], pending["avgPx"]) == ("rest", "live", "")
        cancelled = (await follower.post("trade/cancel-order", {"instId": SWAP, "clOrdId": "rest"})).json()
        assert cancelled["data"][0]["sCode"] == "0"
        again = (await follower.post("trade/cancel-order", {"instId": SWAP, "clOrdId": "rest"})).json()
        assert (again["code"], again["data"][0]["sCode"]) == ("1", "51400")
        assert (await follower.get("trade/orders-pending"))["data"] == []
        await until(lambda: forgotten(follower))
        assert (await follower.get("trade/order", instId=SWAP, clOrdId="rest"))["code"] == "51603"


async def test_history_keeps_what_filled() -> None:
    async with trading() as (_, [follower]):
        for each in ("a", "b"):
            await follower.item(clOrdId=each)
        rows = (await follower.get("trade/orders-history", instType="SWAP"))["data"]
        assert [row["clOrdId"] for row in rows] == ["b", "a"]
        assert (await follower.get("trade/orders-history"))["code"] == "50014"


async def test_fills_page_by_bill_both_ways() -> None:
    async with trading() as (sim, [follower]):
        await sim.market(SWAP, max_fill="0.01")
        await follower.item(sz="0.05")
        rows = (await follower.get("trade/fills"))["data"]
        bills = [int(row["billId"]) for row in rows]
        assert len(bills) == 5
        assert bills == sorted(bills, reverse=True)
        older = (await follower.get("trade/fills", after=str(bills[1]), limit="2"))["data"]
        assert [int(row["billId"]) for row in older] == bills[2:4]
        newer = (await follower.get("trade/fills-history", instType="SWAP", before=str(bills[3])))["data"]
        assert [int(row["billId"]) for row in newer] == bills[:3]
        assert (await follower.get("trade/fills", limit="101"))["code"] == "51000"
        assert (await follower.get("trade/fills", instId="ETH-USDT-SWAP"))["data"] == []
        late = str(int(rows[0]["ts"]) + 1)
        assert (await follower.get("trade/fills", begin=late))["data"] == []


async def test_a_batch_takes_each_for_itself() -> None:
    async with trading() as (sim, [follower]):
        batch = [{**ORDER, "clOrdId": "a"}, {**ORDER, "sz": "0.001", "clOrdId": "b"}, {**ORDER, "clOrdId": "c"}]
        answer = (await follower.post("trade/batch-orders", batch)).json()
        assert answer["code"] == "2"
        assert [row["sCode"] for row in answer["data"]] == ["0", "51020", "0"]
        assert len((await sim.evidence())["orders"]) == 3
        twins = (await follower.post("trade/batch-orders", [{**ORDER, "clOrdId": "x"}] * 2)).json()
        assert [row["sCode"] for row in twins["data"]] == ["51016", "51016"]
        many = (await follower.post("trade/batch-orders", [ORDER] * 21)).json()
        assert many["code"] == "51111"


async def test_rates_are_counted_per_user_and_instrument() -> None:
    async with trading(2) as (sim, [follower, other]):
        answers = [await follower.post("trade/order", ORDER) for _ in range(61)]
        assert [answer.status_code for answer in answers].count(429) == 1
        assert answers[-1].json() == {"msg": "Too Many Requests", "code": "50011"}
        assert (await other.item())["sCode"] == "0"
        assert (await follower.item(instId="ETH-USDT-SWAP"))["sCode"] == "0"
        refused = [row for row in (await sim.evidence())["orders"] if row["sCode"] == "50011"]
        assert [row["accepted"] for row in refused] == [False]


async def test_public_rates_are_counted_per_address() -> None:
    async with trading(2) as (_, [follower, other]):
        assert (await follower.get("system/status"))["code"] == "0"
        assert (await other.get("system/status"))["code"] == "50011"


async def test_rates_can_be_switched_off() -> None:
    async with trading(rate_limits=False) as (_, [follower]):
        answers = [await follower.get("system/status") for _ in range(5)]
        assert {answer["code"] for answer in answers} == {"0"}


async def test_an_order_past_its_time_is_not_processed() -> None:
    async with trading() as (sim, [follower]):
        assert (await follower.order({"expTime": "1"}))["code"] == "50036"
        assert (await follower.order({"expTime": "soon"}))["code"] == "51000"
        now_ms = (await sim.get("clock"))["now_ms"]
        assert (await follower.order({"expTime": str(now_ms + 60_000)}))["code"] == "0"
        await sim.plant("latency", ms=120, times=1)
        assert (await follower.order({"expTime": str((await sim.get("clock"))["now_ms"] + 60)}))["code"] == "50037"
        assert (await sim.positions())["1001"] == {SWAP: "0.03"}


async def test_the_venues_clock_can_be_off() -> None:
    async with trading() as (sim, [follower]):
        await sim.post("clock", {"offset_ms": 90_000})
        ahead = int((await follower.get("public/time"))["data"][0]["ts"])
        clock = await sim.get("clock")
        assert clock["offset_ms"] == 90_000
        assert abs(clock["now_ms"] - ahead) < 5_000
        assert (await follower.order({"expTime": str(ahead - 10_000)}))["code"] == "50036"
        headers = signed_headers(follower.person, "GET", "/api/v5/account/config")
        response = await follower.client.get("/api/v5/account/config", headers=headers)
        assert response.json()["code"] == "50102"


async def test_evidence_is_complete_and_adds_up() -> None:
    async with trading(3) as (sim, followers):
        await sim.market(SWAP, max_fill="0.02")
        for number, follower in enumerate(followers):
            await follower.item(clOrdId=f"x{number}", sz="0.05")
            await follower.item(clOrdId=f"y{number}", side="sell", sz="0.02", reduceOnly=True)
        await sim.market(SWAP, max_fill=None)
        await sim.trade("1900", SWAP, "buy", "3", pieces=["1", "2"])
        rows = await sim.evidence()
        assert sorted(row["seq"] for kind in rows.values() for row in kind) == list(range(1, 6 + 12 + 2 + 1))
        for order in rows["orders"]:
            mine = [fill for fill in rows["fills"] if fill["ordId"] == order["ordId"]]
            assert sum(Decimal(fill["fillSz"]) for fill in mine) == Decimal(order["acc_fill_sz"])
            assert (mine[0]["pos_before"], mine[-1]["pos_after"]) == (order["pos_before"], order["pos_after"])
        assert len({fill["tradeId"] for fill in rows["fills"]}) == 14
        assert [fill["fillSz"] for fill in rows["fills"] if fill["role"] == "leader"] == ["1", "2"]


async def test_instruments_carry_what_sizing_needs() -> None:
    async with trading() as (_, [follower]):
        rows = {row["instId"]: row for row in (await follower.get("public/instruments", instType="SWAP"))["data"]}
        assert (rows[SWAP]["ctVal"], rows[SWAP]["lotSz"], rows[SWAP]["tickSz"]) == ("0.01", "0.01", "0.1")
        assert (rows[SWAP]["maxMktSz"], rows[SWAP]["instIdCode"]) == ("12000", 10459)
        assert rows["ETH-USDT-SWAP"]["ctVal"] == "0.1"
        [own] = (await follower.get("account/instruments", instType="SWAP", instId=SWAP))["data"]
        assert own == rows[SWAP]
        assert (await follower.get("public/instruments"))["code"] == "50014"


async def test_market_data_follows_the_price() -> None:
    async with trading() as (sim, [follower]):
        await sim.market(SWAP, px="61000")
        assert (await follower.get("market/ticker", instId=SWAP))["data"][0]["last"] == "61000"
        marks = (await follower.get("public/mark-price", instType="SWAP", instId=SWAP))["data"]
        assert [row["markPx"] for row in marks] == ["61000"]
        [limit] = (await follower.get("public/price-limit", instId=SWAP))["data"]
        assert (limit["buyLmt"], limit["sellLmt"], limit["enabled"]) == ("64050", "57950", True)
        assert len((await follower.get("market/tickers", instType="SWAP"))["data"]) == 3
        assert (await follower.get("system/status"))["data"] == []
        assert (await follower.get("market/ticker", instId="NONE"))["code"] == "51001"


async def test_leverage_is_set_and_told() -> None:
    async with trading() as (_, [follower]):
        change = {"instId": SWAP, "lever": "5", "mgnMode": "cross"}
        assert (await follower.post("account/set-leverage", change)).json()["data"][0]["lever"] == "5"
        [row] = (await follower.get("account/leverage-info", instId=SWAP, mgnMode="cross"))["data"]
        assert (row["lever"], row["posSide"]) == ("5", "net")
        wrong = (await follower.post("account/set-leverage", {**change, "lever": "101"})).json()
        assert wrong["code"] == "51000"


async def test_the_account_tells_mode_and_money() -> None:
    async with trading() as (_, [follower]):
        [config] = (await follower.get("account/config"))["data"]
        assert (config["uid"], config["acctLv"], config["posMode"], config["perm"]) == (
            "1001", "2", "net_mode", "read_only,trade",
        )  # fmt: skip
        await follower.item(sz="1")
        [balance] = (await follower.get("account/balance", ccy="USDT"))["data"]
        [usdt] = balance["details"]
        assert (usdt["cashBal"], usdt["availEq"]) == ("999999.7", "999939.7")


async def test_refresh_over_the_wire() -> None:
    async with trading() as (sim, [follower]):
        body = {"grant_type": "refresh_token", "client_id": "paper-client", "client_secret": "paper-secret"}
        told = {**body, "refresh_token": "refresh-1001"}
        pair = (await follower.client.post("/v5/users/oauth/token", json=told)).json()
        assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in"}
        assert (await follower.get("account/config"))["code"] == "53003"
        follower.headers["Authorization"] = f"Bearer {pair['access_token']}"
        assert (await follower.get("account/config"))["code"] == "0"
        again = await follower.client.post("/v5/users/oauth/token", json=told)
        assert (again.status_code, again.json()["code"], again.json()["data"]) == (400, "53005", [])
        form = await follower.client.post(
            "/v5/users/oauth/token", data={**told, "refresh_token": pair["refresh_token"]}
        )
        assert set(form.json()) == set(pair)  # as OAuth libraries send it
        neither = await follower.client.post("/v5/users/oauth/token", content="refresh_token=refresh-1001")
        assert neither.json()["code"] == "53010"
        assert (await sim.account("1001"))["refreshes"] == 2
