"""Rules and prices against a venue that misbehaves in ways the paper OKX does not; real WebSockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from shared.clock import SystemClock
from shared.okx.errors import NotSent, OkxError, Unreadable
from shared.okx.market import MarketPace, OkxMarket
from shared.okx.protocol import Response
from shared.okx.rest import Patience, Rest
from shared.okx.socket import ConnectGate, SocketLimits
from shared.okx.venue_clock import OkxVenueClock
from tests.support.waiting import until
from tests.unit.shared.okx.scripted import BTC, ScriptedWay, payload, recorded, spoken

LIMITS = SocketLimits(connect_s=2, answer_s=0.8, ping_s=0.2, silence_s=0.8)
INSTRUMENTS = recorded("rest_instruments_swap")


@dataclass
class Hall:
    """A market under test and what its venue saw."""

    market: OkxMarket
    strange: list[str]
    subscriptions: list[list[dict[str, str]]]
    sessions: int = 0


Script = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def hall(script: Script, *answers: Response | OkxError) -> AsyncIterator[Hall]:
    """Run a market against `script`, which speaks once the price subscription has come."""
    clock, strange = SystemClock(), list[str]()

    async def session(connection: ServerConnection) -> None:
        opened.sessions += 1
        try:
            async for text in connection:
                if text == "ping":
                    await connection.send("pong")
                    continue
                opened.subscriptions.append(json.loads(text)["args"])
                if opened.subscriptions[-1][0]["channel"] == "tickers":
                    await script(connection)
        except ConnectionClosed:
            return

    async with serve(session, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        rest = Rest(ScriptedWay(*answers), clock, OkxVenueClock(ScriptedWay(), clock), Patience(tries=1))
        pace = MarketPace(reload_s=3_600, gather_s=0.01, first_pause_ms=10)
        market = OkxMarket(
            rest,
            f"ws://127.0.0.1:{port}",
            clock,
            ConnectGate(clock, 0.0),
            LIMITS,
            pace,
            jitter=lambda: 1.0,
            on_strange=strange.append,
        )
        opened = Hall(market, strange, [])
        market.watch([BTC])
        running = asyncio.create_task(market.run())
        try:
            yield opened
        finally:
            running.cancel()
            await asyncio.wait({running})


def ticker(last: str, ts: str) -> str:
    body = payload("ws_tickers")
    return json.dumps({**body, "data": [{**body["data"][0], "last": last, "ts": ts}]})


async def test_an_older_price_does_not_overwrite_a_newer_one() -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(ticker("100", "2000"))
        await connection.send(ticker("99", "1999"))
        await connection.send(json.dumps(payload("ws_price_limit")))

    async with hall(script, INSTRUMENTS) as opened:
        await until(lambda: opened.market.market(BTC).buy_limit is not None)
        market = opened.market.market(BTC)
        assert (market.last, market.at_ms) == (Decimal(100), 2_000)
        assert (market.buy_limit, market.sell_limit) == (Decimal("62459.1"), Decimal("60009.9"))


@pytest.mark.parametrize("stale", [{}, {"buyLmt": "62459.1", "sellLmt": "60009.9"}])
async def test_a_band_that_is_disabled_is_no_band(stale: dict[str, str]) -> None:
    disabled = payload("ws_price_limit_disabled")

    async def script(connection: ServerConnection) -> None:
        await connection.send(json.dumps(payload("ws_price_limit")))
        await connection.send(json.dumps({**disabled, "data": [{**disabled["data"][0], **stale}]}))
        await connection.send(ticker("100", "2000"))

    async with hall(script, INSTRUMENTS) as opened:
        await until(lambda: opened.market.market(BTC).last is not None)
        market = opened.market.market(BTC)
        assert (market.buy_limit, market.sell_limit) == (None, None)


async def test_what_cannot_be_used_is_counted_and_costs_nothing_else() -> None:
    change = payload("ws_instruments_changed")
    broken = {**change["data"][0], "lotSz": ""}
    rows = {**change, "data": [{"instId": "?"}, {**broken, "instId": "X-SWAP"}, change["data"][0]]}

    async def script(connection: ServerConnection) -> None:
        await connection.send("{not json")
        await connection.send(json.dumps(payload("ws_positions")))
        await connection.send(json.dumps({"event": "error", "code": "60018", "msg": "wrong channel"}))
        await connection.send(json.dumps(rows))

    async with hall(script, INSTRUMENTS) as opened:
        await until(lambda: (found := opened.market.find(BTC)) and found.tick == Decimal("0.5"))
        assert sorted(opened.strange) == [
            "channel positions",
            "error 60018",
            "instrument X-SWAP",
            "unreadable frame",
            "unreadable instruments",
        ]


async def test_a_lost_socket_is_rejoined_and_every_price_subscribed_again() -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(json.dumps(payload("ws_notice_64008")))

    async with hall(script, INSTRUMENTS) as opened:
        await until(lambda: opened.sessions >= 2 and len(opened.subscriptions) >= 4)
        assert (
            opened.subscriptions[:2]
            == opened.subscriptions[2:4]
            == [
                [{"channel": "instruments", "instType": "SWAP"}],
                [{"channel": "tickers", "instId": BTC}, {"channel": "price-limit", "instId": BTC}],
            ]
        )


@pytest.mark.parametrize(
    "trouble", [NotSent("refused"), spoken({"code": "0", "data": []}), spoken({"code": "50026", "msg": "", "data": []})]
)
async def test_rules_that_cannot_be_loaded_again_leave_those_we_have(trouble: Response | OkxError) -> None:
    clock = SystemClock()
    rest = Rest(ScriptedWay(INSTRUMENTS, trouble), clock, OkxVenueClock(ScriptedWay(), clock), Patience(tries=1))
    market = OkxMarket(rest, "ws://127.0.0.1:1", clock, ConnectGate(clock), LIMITS)
    await market.load()
    with pytest.raises(OkxError):
        await market.load()
    assert market.find(BTC)


async def test_a_product_that_is_no_longer_listed_is_no_longer_found() -> None:
    body = payload("rest_instruments_swap")
    clock = SystemClock()
    way = ScriptedWay(INSTRUMENTS, spoken({**body, "data": body["data"][1:]}))
    market = OkxMarket(
        Rest(way, clock, OkxVenueClock(ScriptedWay(), clock)), "ws://127.0.0.1:1", clock, ConnectGate(clock), LIMITS
    )
    await market.load()
    assert market.find(BTC)
    await market.load()
    assert market.find(BTC) is None


async def test_nothing_readable_is_not_an_empty_market() -> None:
    body = payload("rest_instruments_swap")
    holes = [{**row, "tickSz": ""} for row in body["data"]]
    clock = SystemClock()
    rest = Rest(ScriptedWay(spoken({**body, "data": holes})), clock, OkxVenueClock(ScriptedWay(), clock))
    market = OkxMarket(rest, "ws://127.0.0.1:1", clock, ConnectGate(clock), LIMITS)
    with pytest.raises(Unreadable, match="no SWAP"):
        await market.load()
