"""The paper OKX's control door, as a rehearsal uses it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx

from deploy.demo.scenario import Order

ORDER_PATH = "/api/v5/trade/order"
_BATCH = 1_000


class VenueRefused(Exception):
    """The paper OKX did not do what the script asked; the message holds its answer."""


class Venue:
    """Asks things of the paper OKX that only a rehearsal may ask."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def make_accounts(self, accounts: Iterable[dict[str, object]]) -> None:
        """Make accounts."""
        told = list(accounts)
        for start in range(0, len(told), _BATCH):
            await self._ask("POST", "/control/accounts", json=told[start : start + _BATCH])

    async def trade(self, uid: str, inst_id: str, order: Order) -> None:
        """Place a leader's order at the market; it fills whole, in its pieces."""
        spec = {
            "uid": uid,
            "instId": inst_id,
            "side": "buy" if order.change > 0 else "sell",
            "sz": f"{abs(order.change):f}",
        }
        await self._ask("POST", "/control/trade", json={**spec, "pieces": [f"{piece:f}" for piece in order.pieces]})

    async def move_price(self, inst_id: str, price: Decimal) -> None:
        """Set an instrument's price."""
        await self._ask("POST", "/control/market", json={"instId": inst_id, "px": f"{price:f}"})

    async def evidence(self, since: int, limit: int) -> bytes:
        """Return a page of evidence as JSON."""
        query = {"since_seq": since, "limit": limit}
        return (await self._answer("GET", "/control/evidence", params=query)).content

    async def positions(self) -> dict[str, dict[str, str]]:
        """Return every position that is not flat, by uid and instrument."""
        answer: dict[str, dict[str, str]] = await self._ask("GET", "/control/positions")
        return answer

    async def instruments(self) -> list[dict[str, str]]:
        """Return the swaps as the venue lists them to everybody."""
        answer = await self._ask("GET", "/api/v5/public/instruments", params={"instType": "SWAP"})
        listed: list[dict[str, str]] = answer["data"]
        return listed

    async def price(self, inst_id: str) -> Decimal:
        """Return the last price."""
        answer = await self._ask("GET", "/api/v5/market/ticker", params={"instId": inst_id})
        return Decimal(answer["data"][0]["last"])

    @asynccontextmanager
    async def slowed(self, least_ms: int, jitter_ms: int) -> AsyncIterator[None]:
        """Let every order take its time on the way in, for as long as this lasts."""
        fault = {
            "kind": "latency",
            "where": {"method": "POST", "path": ORDER_PATH},
            "ms": least_ms,
            "jitter_ms": jitter_ms,
        }
        planted = await self.plant(fault)
        try:
            yield
        finally:
            await self.remove(planted)

    async def plant(self, fault: Mapping[str, Any]) -> str:
        """Plant a fault and return its id; one that strikes at once has none."""
        return str((await self._ask("POST", "/control/faults", json=dict(fault)))["id"])

    async def remove(self, planted: str) -> None:
        """Take a fault away. Idempotent."""
        await self._ask("DELETE", f"/control/faults/{planted}")

    async def consent(self, uid: str, access: str, refresh: str, lives_s: int) -> None:
        """Put a new pair in force for an account, as its owner's consent would; what it holds stays."""
        pair = {"uid": uid, "access_token": access, "refresh_token": refresh, "expires_in_s": lives_s}
        await self._ask("POST", "/control/grants", json=pair)

    async def set_clock(self, offset_ms: int) -> None:
        """Set the venue's clock so far ahead of the host's."""
        await self._ask("POST", "/control/clock", json={"offset_ms": offset_ms})

    async def struck(self) -> dict[str, int]:
        """Return how often each kind of fault struck."""
        counted: dict[str, int] = (await self._ask("GET", "/control/stats"))["faults"]
        return counted

    async def _ask(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        return (await self._answer(method, path, **more)).json()

    async def _answer(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own words
        answer = await self._http.request(method, path, **more)
        if answer.is_error:
            raise VenueRefused(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer
