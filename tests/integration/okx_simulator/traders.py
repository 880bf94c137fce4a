"""Accounts at a simulator, and the short ways the tests of this folder speak as them."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.simulator import RunningSimulator, login_frame, people, serve_simulator

SWAP = "BTC-USDT-SWAP"
ORDER = {"instId": SWAP, "tdMode": "cross", "side": "buy", "ordType": "market", "sz": "0.03", "tag": "TAG"}
LEADER = people(1, role="leader", first=900)[0]


class Trader:
    """One account calling over REST with its bearer token."""

    def __init__(self, sim: RunningSimulator, client: httpx.AsyncClient, person: Mapping[str, Any]) -> None:
        self.sim, self.client, self.person = sim, client, person
        self.headers = {"Authorization": f"Bearer {person['access_token']}"}

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/v5/{path}", json=body, headers={**self.headers, **headers})

    async def get(self, path: str, **query: str) -> Any:
        response = await self.client.get(f"/api/v5/{path}", params=query, headers=self.headers)
        return response.json()

    async def order(self, headers: Mapping[str, str] | None = None, **changes: Any) -> dict[str, Any]:
        response = await self.post("trade/order", {**ORDER, **changes}, **(headers or {}))
        return dict(response.json())

    async def item(self, **changes: Any) -> dict[str, str]:
        """Place an order and return its row of the answer."""
        return dict((await self.order(**changes))["data"][0])


@asynccontextmanager
async def trading(number: int = 1, **settings: Any) -> AsyncIterator[tuple[RunningSimulator, list[Trader]]]:
    """Run a simulator with a leader (uid 1900) and some followers (uid 1001 on); give it and the followers."""
    async with serve_simulator(**settings) as sim:
        followers = people(number)
        await sim.add_accounts(LEADER, *followers)
        async with httpx.AsyncClient(base_url=sim.rest_url, trust_env=False, timeout=10) as client:
            yield sim, [Trader(sim, client, person) for person in followers]


@asynccontextmanager
async def session(sim: RunningSimulator, path: str = "private") -> AsyncIterator[ClientConnection]:
    """Open a WebSocket that sends no pings of its own."""
    async with connect(f"{sim.ws_url}/{path}", ping_interval=None, proxy=None) as ws:
        yield ws


@asynccontextmanager
async def listening(sim: RunningSimulator, *args: Mapping[str, Any]) -> AsyncIterator[ClientConnection]:
    """Log the leader in and subscribe; frames that acknowledge are read away, those of data are not."""
    async with session(sim) as ws:
        await ws.send(login_frame(LEADER))
        assert (await heard(ws))["event"] == "login"
        for arg in args:
            await ws.send(json.dumps({"op": "subscribe", "args": [arg]}))
            assert (await heard(ws))["event"] == "subscribe"
            assert (await heard(ws))["event"] == "channel-conn-count"
        yield ws


async def heard(ws: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    return dict(json.loads(await ws.recv()))


async def struck(sim: RunningSimulator) -> bool:
    """Tell whether every planted fault has struck."""
    return all(fault["hits"] for fault in await sim.faults())


async def holds(sim: RunningSimulator, uid: str = "1001") -> bool:
    """Tell whether an account has any position."""
    return bool((await sim.positions())[uid])
