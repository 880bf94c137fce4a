"""aiohttp as its documentation shows it: one session, keep-alive, as many connections as runners."""

import asyncio
from importlib import import_module
from typing import Any

from tests.bench.contenders.task import INSTRUMENT, accepted, body, measure, name, task

aiohttp: Any = import_module("aiohttp")


async def main() -> None:
    """Measure."""
    told = task()
    connector = aiohttp.TCPConnector(limit=told.connections)
    headers = {"Authorization": f"Bearer {'t' * 300}"}
    async with aiohttp.ClientSession(told.url, connector=connector, headers=headers, trust_env=False) as session:

        async def one(number: int) -> None:
            async with session.post("/api/v5/trade/order", json=body(number)) as answer:
                accepted(await answer.json())
            if told.settle:
                query = {"instId": INSTRUMENT, "clOrdId": name(number)}
                async with session.get("/api/v5/trade/order", params=query) as answer:
                    assert (await answer.json())["data"][0]["state"] == "filled"

        await measure(told, one)


asyncio.run(main())
