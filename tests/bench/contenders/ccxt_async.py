"""ccxt's asynchronous OKX client, unmodified: markets loaded once, its rate limiter off, keep-alive as it comes."""

import asyncio
import os
from importlib import import_module
from typing import Any

from tests.bench.contenders.task import TAG, body, measure, name, task

ccxt: Any = import_module("ccxt.async_support")

SWAP = "BTC/USDT:USDT"


async def main() -> None:
    """Measure."""
    told = task()
    options = {"defaultType": "swap", "fetchMarkets": {"types": ["swap"]}}
    keys = {"apiKey": "key", "secret": "secret", "password": "pass"}
    trust = {"cafile": os.environ["SSL_CERT_FILE"]}
    okx = ccxt.okx({**keys, **trust, "enableRateLimit": False, "options": options})
    okx.has["fetchCurrencies"] = False
    okx.urls["api"]["rest"] = told.url
    try:
        await okx.load_markets()

        async def one(number: int) -> None:
            size = float(body(number)["sz"])
            named = {"clientOrderId": name(number), "tag": TAG}
            placed = await okx.create_order(SWAP, "market", "buy", size, params=named)
            assert placed["id"]
            if told.settle:
                shown = await okx.fetch_order(None, SWAP, {"clientOrderId": name(number)})
                assert shown["status"] == "closed"

        await measure(told, one)
    finally:
        await okx.close()


asyncio.run(main())
