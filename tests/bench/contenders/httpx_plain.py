"""httpx as its documentation shows it: one client, keep-alive, as many connections as runners."""

import asyncio
from importlib import import_module
from typing import Any

from tests.bench.contenders.task import INSTRUMENT, accepted, body, measure, name, task

httpx: Any = import_module("httpx")


async def main() -> None:
    """Measure."""
    told = task()
    limits = httpx.Limits(max_connections=told.connections, max_keepalive_connections=told.connections)
    headers = {"Authorization": f"Bearer {'t' * 300}"}
    async with httpx.AsyncClient(base_url=told.url, limits=limits, headers=headers) as client:

        async def one(number: int) -> None:
            accepted((await client.post("/api/v5/trade/order", json=body(number))).json())
            if told.settle:
                query = {"instId": INSTRUMENT, "clOrdId": name(number)}
                shown = (await client.get("/api/v5/trade/order", params=query)).json()
                assert shown["data"][0]["state"] == "filled"

        await measure(told, one)


asyncio.run(main())
