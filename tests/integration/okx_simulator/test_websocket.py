import asyncio
import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.integration.okx_simulator.traders import LEADER, ORDER, SWAP, heard, listening, session, trading
from tests.support.simulator import login_frame

ORDERS = {"channel": "orders", "instType": "SWAP"}


async def told(ws: Any, message: object) -> dict[str, Any]:
    await ws.send(message if isinstance(message, str) else json.dumps(message))
    return await heard(ws)


async def test_ping_is_text_and_answered_in_text() -> None:
    async with trading() as (sim, _), session(sim, "public") as ws:
        await ws.send("ping")
        assert await ws.recv() == "pong"


async def test_a_silent_client_is_closed_with_4004() -> None:
    async with trading(ws_idle_s=0.15) as (sim, _), session(sim) as ws:
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code == 4004


async def test_pings_keep_a_connection() -> None:
    async with trading(ws_idle_s=0.2) as (sim, _), session(sim) as ws:
        for _ in range(4):
            await asyncio.sleep(0.1)  # half the silence allowed, so that four exceed it twice over
            await ws.send("ping")
            assert await ws.recv() == "pong"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"api_key": "nobody"}, "60032"),
        ({"api_key": ""}, "60005"),
        ({"passphrase": "other"}, "60024"),
        ({"secret_key": "other"}, "60007"),
    ],
)
async def test_wrong_logins_have_their_codes(change: dict[str, str], code: str) -> None:
    async with trading() as (sim, _), session(sim) as ws:
        answer = await told(ws, login_frame({**LEADER, **change}))
        assert (answer["event"], answer["code"], len(answer["connId"])) == ("error", code, 8)


async def test_logins_are_held_to_time_and_to_once() -> None:
    async with trading() as (sim, _):
        async with session(sim) as ws:
            assert (await told(ws, login_frame(LEADER, at_s=1_700_000_000)))["code"] == "60006"
            assert (await told(ws, {"op": "login", "args": [{"apiKey": "k", "timestamp": "x"}]}))["code"] == "60004"
            assert (await told(ws, login_frame(LEADER)))["event"] == "login"
            assert (await told(ws, login_frame(LEADER)))["code"] == "60031"
        async with session(sim, "public") as ws:
            assert (await told(ws, login_frame(LEADER)))["code"] == "60008"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not json", "60012"),
        ({"op": "subscribe"}, "60012"),
        ({"op": "dance", "args": []}, "60012"),
        ({"op": "subscribe", "args": ["orders"]}, "60013"),
        ({"op": "subscribe", "args": [{"channel": "orders"}]}, "60013"),
        ({"op": "subscribe", "args": [{"channel": "nothing"}]}, "60018"),
        ({"op": "subscribe", "args": [{"channel": "tickers", "instId": SWAP}]}, "60018"),
        ({"op": "subscribe", "args": [{**ORDERS, "instId": "NONE"}]}, "60018"),
    ],
)
async def test_what_cannot_be_subscribed_is_an_error_frame(message: object, code: str) -> None:
    async with trading() as (sim, _), listening(sim) as ws:
        answer = await told(ws, message)
        assert (answer["event"], answer["code"]) == ("error", code)


async def test_private_channels_want_a_login_and_ids_are_echoed() -> None:
    async with trading() as (sim, _), session(sim) as ws:
        answer = await told(ws, {"id": "7", "op": "subscribe", "args": [ORDERS]})
        assert (answer["id"], answer["code"]) == ("7", "60011")


async def test_orders_are_pushed_per_fill_and_only_those_subscribed() -> None:
    async with trading() as (sim, _), listening(sim, ORDERS) as ws:
        await sim.trade("1900", "BTC-USDT", "buy", "100")
        placed = await sim.trade("1900", SWAP, "buy", "3", pieces=["1", "2"], tag="LEAD", reduce_only=False)
        frames = [await heard(ws) for _ in range(3)]
        assert all(frame["arg"] == {**ORDERS, "uid": "1900"} for frame in frames)
        rows = [frame["data"][0] for frame in frames]
        assert [(row["state"], row["fillSz"], row["accFillSz"]) for row in rows] == [
            ("live", "0", "0"),
            ("partially_filled", "1", "1"),
            ("filled", "2", "3"),
        ]
        assert (rows[0]["tradeId"], rows[0]["avgPx"], rows[0]["reduceOnly"]) == ("", "0", "false")
        assert [row["tradeId"] for row in rows[1:]] == [fill["tradeId"] for fill in placed["fills"]]
        assert {row["category"] for row in rows} == {"normal"}


async def test_forced_fills_carry_their_category() -> None:
    async with trading() as (sim, _), listening(sim, ORDERS) as ws:
        await sim.trade("1900", SWAP, "sell", "1", category="full_liquidation")
        assert {(await heard(ws))["data"][0]["category"] for _ in range(2)} == {"full_liquidation"}


async def test_nothing_is_pushed_after_unsubscribing() -> None:
    async with trading() as (sim, _), listening(sim, ORDERS) as ws:
        answer = await told(ws, {"op": "unsubscribe", "args": [ORDERS]})
        assert (answer["event"], answer["arg"]) == ("unsubscribe", ORDERS)
        await sim.trade("1900", SWAP, "buy", "1")
        await ws.send("ping")
        assert await ws.recv() == "pong"


async def test_positions_come_as_snapshot_event_and_regularly() -> None:
    positions = {"channel": "positions", "instType": "ANY"}
    async with trading(ws_positions_s=0.2) as (sim, _):
        await sim.trade("1900", SWAP, "buy", "1")
        async with listening(sim, positions) as ws:
            first = await heard(ws)
            assert (first["eventType"], first["curPage"], first["lastPage"]) == ("snapshot", 1, True)
            assert first["data"][0]["pos"] == "1"
            await sim.trade("1900", SWAP, "sell", "1")
            event = await heard(ws)
            assert (event["eventType"], event["data"][0]["pos"]) == ("event_update", "0")
            assert ((await heard(ws))["eventType"], first["arg"]["uid"]) == ("snapshot", "1900")


async def test_regular_pushes_can_be_turned_off() -> None:
    quiet = {"channel": "account", "extraParams": '{"updateInterval":"0"}'}
    async with trading(ws_positions_s=0.05) as (sim, _), listening(sim, quiet) as ws:
        assert (await heard(ws))["eventType"] == "snapshot"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.2)
        await sim.trade("1900", SWAP, "buy", "1")
        assert (await heard(ws))["eventType"] == "event_update"


async def test_balance_and_position_names_the_trade_and_the_transfer() -> None:
    async with trading() as (sim, _), listening(sim, {"channel": "balance_and_position"}) as ws:
        assert (await heard(ws))["data"][0]["eventType"] == "snapshot"
        placed = await sim.trade("1900", SWAP, "buy", "1")
        [row] = (await heard(ws))["data"]
        assert (row["eventType"], row["posData"][0]["pos"]) == ("filled", "1")
        assert row["trades"] == [{"instId": SWAP, "tradeId": placed["fills"][0]["tradeId"]}]
        await sim.set_position("1900", SWAP, "4")
        [row] = (await heard(ws))["data"]
        assert (row["eventType"], row["posData"][0]["pos"], row["trades"]) == ("transferred", "4", [])


async def test_public_channels_push_first_and_on_change() -> None:
    async with trading() as (sim, _), session(sim, "public") as ws:
        for channel, member in (("tickers", "last"), ("mark-price", "markPx"), ("price-limit", "buyLmt")):
            arg = {"channel": channel, "instId": SWAP}
            assert (await told(ws, {"op": "subscribe", "args": [arg]}))["arg"] == arg
            assert (await heard(ws))["data"][0][member]
        await sim.market(SWAP, px="61000")
        rows = [await heard(ws) for _ in range(3)]
        assert {row["arg"]["channel"] for row in rows} == {"tickers", "mark-price", "price-limit"}
        await sim.market("ETH-USDT-SWAP", px="3100")
        await ws.send("ping")
        assert await ws.recv() == "pong"


async def test_instruments_push_the_list_and_then_what_changed() -> None:
    async with trading() as (sim, _), session(sim, "public") as ws:
        await told(ws, {"op": "subscribe", "args": [{"channel": "instruments", "instType": "SWAP"}]})
        assert len((await heard(ws))["data"]) == 3
        await sim.market(SWAP, minSz="0.05", state="suspend")
        [row] = (await heard(ws))["data"]
        assert (row["minSz"], row["state"]) == ("0.05", "suspend")


async def test_orders_over_the_socket_name_instruments_by_code() -> None:
    async with trading() as (sim, _), listening(sim) as ws:
        named = {name: value for name, value in ORDER.items() if name != "instId"}
        answer = await told(ws, {"id": "1", "op": "order", "args": [{**named, "instIdCode": 10459, "clOrdId": "w1"}]})
        assert (answer["id"], answer["code"], answer["data"][0]["sCode"]) == ("1", "0", "0")
        by_name = await told(ws, {"id": "2", "op": "batch-orders", "args": [{**ORDER, "clOrdId": "w2"}]})
        assert (by_name["code"], by_name["data"][0]["sCode"]) == ("1", "50014")
        late = await told(ws, {"id": "3", "op": "order", "expTime": "1", "args": [{**named, "instIdCode": 10459}]})
        assert (late["code"], late["data"]) == ("50036", [])
        rows = (await sim.evidence())["orders"]
        assert [(row["uid"], row["accepted"], row["sCode"]) for row in rows] == [
            ("1900", True, "0"),
            ("1900", False, "50014"),
            ("1900", False, "50036"),
        ]


async def test_no_more_than_three_connections_a_second() -> None:
    async with trading() as (sim, _):
        async with session(sim), session(sim), session(sim):
            with pytest.raises(InvalidStatus) as caught:
                async with session(sim):
                    pass
        assert caught.value.response.status_code == 429


async def test_frames_above_64_kb_end_the_connection() -> None:
    async with trading() as (sim, _), session(sim) as ws:
        await ws.send("x" * 70_000)
        await ws.wait_closed()
        assert ws.close_code == 1009


async def test_an_unknown_path_is_no_websocket() -> None:
    async with trading() as (sim, _):
        with pytest.raises(InvalidStatus) as caught:
            async with session(sim, "secret"):
                pass
        assert caught.value.response.status_code == 404
