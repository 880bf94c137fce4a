"""The stub venue answers our own client, and the ceiling, as the venue would; and counts what came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from shared.clock import SystemClock
from shared.domain.ids import AccountId, EventId, Leg
from shared.domain.orders import Intent, MarginMode, OrderType, attempt
from shared.domain.outcomes import Accepted, NotPlaced, OrderState, Postponement
from shared.domain.quantities import Contracts
from shared.okx import answers, protocol
from shared.okx.wire import Wire
from tests.bench.theatre import Theatre, theatre
from tests.support.builders import BTC

INTENT = Intent(BTC, Leg.OPEN, Contracts(Decimal("0.07")), OrderType.MARKET, None, False, MarginMode.CROSS)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Theatre, Wire]]:
    async with theatre(1) as on, Wire(on.stub.rest["plain"], SystemClock()) as wire:
        await on.stub.clear(0)
        yield on, wire


async def test_it_takes_orders_refuses_expired_ones_and_shows_them_filled() -> None:
    async with connected() as (on, wire):
        named = attempt(INTENT, AccountId("follower"), EventId("event"), 0)
        for expires_ms, expected in ((1, NotPlaced), (SystemClock().now_ms() + 60_000, Accepted)):
            response = await wire.send(protocol.place_order(named, "slipbench", expires_ms), 5)
            placement = answers.read_placement(response, named.cl_ord_id)
            assert isinstance(placement, expected)
            if isinstance(placement, NotPlaced):
                assert placement.why is Postponement.EXPIRED
        shown = await wire.send(protocol.ask_order(BTC, named.cl_ord_id), 5)
        report = answers.read_order(shown, BTC, named.cl_ord_id)
        assert report is not None
        assert (report.state, report.filled) == (OrderState.FILLED, Decimal("0.07"))
        absent = await wire.send(protocol.ask_order(BTC, attempt(INTENT, AccountId("x"), EventId("e"), 1).cl_ord_id), 5)
        assert answers.read_order(absent, BTC, attempt(INTENT, AccountId("x"), EventId("e"), 1).cl_ord_id) is None
        told = await on.stub.told(answers=True)
        assert (told["placed"], told["doubled"], told["expired"], told["shown"]) == (1, 0, 1, 1)


async def test_it_answers_late_where_it_is_told_to_and_counts_what_is_doubled() -> None:
    async with connected() as (on, wire):
        await on.stub.clear(50)
        named = attempt(INTENT, AccountId("follower"), EventId("event"), 0)
        request, began = protocol.place_order(named, "slipbench", SystemClock().now_ms() + 60_000), SystemClock()
        at = began.monotonic()
        await asyncio.gather(wire.send(request, 5), wire.send(request, 5))
        assert began.monotonic() - at >= 0.05
        told = await on.stub.told()
        assert (told["placed"], told["doubled"]) == (2, 1)
