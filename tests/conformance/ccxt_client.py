"""What ccxt sees of the venue, over REST and WebSocket; runs in ccxt's own environment."""

import asyncio
from importlib import import_module
from typing import Any

from tests.conformance.telling import tell, venue

# Installed only where this runs, so the checker of the whole project cannot know its types.
ccxt: Any = import_module("ccxt.pro")

SWAP = "BTC/USDT:USDT"


def client() -> Any:
    """Return an unmodified client whose addresses are the venue's."""
    place = venue()
    okx = ccxt.okx(
        {
            "apiKey": place.api_key,
            "secret": place.secret_key,
            "password": place.passphrase,
            "options": {"defaultType": "swap", "fetchMarkets": {"types": ["spot", "swap"]}},
        }
    )
    okx.has["fetchCurrencies"] = False
    okx.urls["api"]["rest"] = place.rest
    okx.urls["api"]["ws"] = place.ws
    return okx


async def market(okx: Any) -> None:
    markets = await okx.load_markets()
    tell("load markets", ["BTC/USDT", SWAP], sorted(name for name in markets if name.startswith("BTC")))
    found = markets[SWAP]
    tell("contract size and steps", [0.01, 0.01, 0.1], [
        found["contractSize"], found["precision"]["amount"], found["precision"]["price"],
    ])  # fmt: skip
    tell("ticker", 60_000, (await okx.fetch_ticker(SWAP))["last"])
    tell("server time is a number", True, isinstance(await okx.fetch_time(), int))


async def orders(okx: Any) -> None:
    tell("balance", 1_000_000, (await okx.fetch_balance())["USDT"]["total"])
    placed = await okx.create_order(SWAP, "market", "buy", 0.03, params={"clientOrderId": "ccxtRest", "tag": "TAG"})
    tell("place over REST", "ccxtRest", placed["clientOrderId"])
    order = await okx.fetch_order(placed["id"], SWAP)
    tell("query the order", ["closed", 0.03, 60_000], [order["status"], order["filled"], order["average"]])
    resting = await okx.create_order(SWAP, "limit", "buy", 0.05, 59_000)
    tell("open orders", [resting["id"]], [each["id"] for each in await okx.fetch_open_orders(SWAP)])
    await okx.cancel_order(resting["id"], SWAP)
    tell("cancelled", [], await okx.fetch_open_orders(SWAP))
    tell("own trades", [0.03], [trade["amount"] for trade in await okx.fetch_my_trades(SWAP)])
    [position] = await okx.fetch_positions([SWAP])
    tell("positions", [0.03, "long"], [position["contracts"], position["side"]])
    try:
        await okx.create_order(SWAP, "market", "buy", 0.01, params={"reduceOnly": True})
        refused = "taken"
    except ccxt.BaseError as error:
        refused = type(error).__name__
    tell("a refusal is an error of its own", "ExchangeError", refused)


async def watching(okx: Any) -> None:
    await okx.watch_balance()
    watched = asyncio.ensure_future(okx.watch_orders(SWAP))
    await asyncio.sleep(1)  # ccxt does not say when its subscription stands
    placed = await okx.create_order_ws(SWAP, "market", "buy", 0.02, params={"clientOrderId": "ccxtSocket"})
    tell("place over WebSocket", "ccxtSocket", placed["clientOrderId"])
    seen = await asyncio.wait_for(watched, 10)
    tell("watch orders", "ccxtSocket", seen[-1]["clientOrderId"])
    while seen[-1]["status"] != "closed":
        seen = await asyncio.wait_for(okx.watch_orders(SWAP), 10)
    tell("watch orders until filled", [0.02, 60_000], [seen[-1]["filled"], seen[-1]["average"]])
    tell("watch ticker", 60_000, (await asyncio.wait_for(okx.watch_ticker(SWAP), 10))["last"])


async def main() -> None:
    okx = client()
    try:
        await market(okx)
        await orders(okx)
        await watching(okx)
    finally:
        await okx.close()


asyncio.run(main())
