"""What OKX's own Python SDK sees of the venue, over REST and WebSocket; runs in the SDK's own environment."""

import asyncio
import json
from importlib import import_module
from typing import Any

from tests.conformance.telling import Venue, tell, venue

SWAP = "BTC-USDT-SWAP"
ORDER = {"instId": SWAP, "tdMode": "cross", "side": "buy", "ordType": "market", "sz": "0.03"}


def api(module: str, name: str, place: Venue) -> Any:
    """Return one of the SDK's clients; installed only where this runs, so its types cannot be known here."""
    make = getattr(import_module(f"okx.{module}"), name)
    return make(place.api_key, place.secret_key, place.passphrase, None, "0", place.rest)


def rest(place: Venue) -> None:
    public, account, trade = (
        api("PublicData", "PublicAPI", place),
        api("Account", "AccountAPI", place),
        api("Trade", "TradeAPI", place),
    )
    rows = public.get_instruments(instType="SWAP")["data"]
    tell("load instruments", "0.01", next(row["ctVal"] for row in rows if row["instId"] == SWAP))
    tell("balance", "1000000", account.get_account_balance()["data"][0]["details"][0]["cashBal"])
    tell("configuration", "net_mode", account.get_account_config()["data"][0]["posMode"])
    placed = trade.place_order(**ORDER, clOrdId="okxRest", tag="TAG")
    tell("place over REST", ["0", "0", "TAG"], [
        placed["code"], placed["data"][0]["sCode"], placed["data"][0]["tag"],
    ])  # fmt: skip
    order = trade.get_order(instId=SWAP, clOrdId="okxRest")["data"][0]
    tell("query the order", ["filled", "0.03"], [order["state"], order["accFillSz"]])
    tell("fills", ["0.03"], [row["fillSz"] for row in trade.get_fills(instType="SWAP")["data"]])
    resting = trade.place_order(**{**ORDER, "ordType": "limit"}, px="59000")["data"][0]["ordId"]
    tell("open orders", [resting], [row["ordId"] for row in trade.get_order_list()["data"]])
    tell("cancel", "0", trade.cancel_order(SWAP, ordId=resting)["data"][0]["sCode"])
    tell("positions", ["0.03"], [row["pos"] for row in account.get_positions(instType="SWAP")["data"]])
    tell("set leverage", "5", account.set_leverage(lever="5", mgnMode="cross", instId=SWAP)["data"][0]["lever"])
    tell("a refusal", "51121", trade.place_order(**{**ORDER, "sz": "0.035"})["data"][0]["sCode"])


async def socket(place: Venue) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    make = import_module("okx.websocket.WsPrivateAsync").WsPrivateAsync
    ws = make(place.api_key, place.passphrase, place.secret_key, f"{place.ws}/private")
    await ws.start()
    await ws.subscribe([{"channel": "orders", "instType": "ANY"}], lambda text: heard.put_nowait(json.loads(text)))
    for event in ("login", "subscribe", "channel-conn-count"):
        tell(f"WebSocket {event}", event, (await next_of(heard)).get("event"))
    named = {name: value for name, value in ORDER.items() if name != "instId"}
    await ws.place_order([{**named, "instIdCode": 10459, "clOrdId": "okxSocket"}], id="1")
    frames = [await next_of(heard) for _ in range(3)]
    states = [frame["data"][0]["state"] for frame in frames if "arg" in frame]
    tell("watch orders", ["live", "filled"], states)
    tell("place over WebSocket", ["0"], [frame["data"][0]["sCode"] for frame in frames if frame.get("op") == "order"])
    await ws.stop()


async def next_of(heard: "asyncio.Queue[dict[str, Any]]") -> dict[str, Any]:
    return await asyncio.wait_for(heard.get(), 20)


def main() -> None:
    place = venue()
    rest(place)
    asyncio.run(socket(place))


main()
