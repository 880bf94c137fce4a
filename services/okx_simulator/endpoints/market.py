"""Public reference and market data over REST."""

from collections.abc import Callable, Mapping
from typing import Any

from services.okx_simulator.access.throttle import Limit
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.rows.market import limit_row, mark_row, ticker_row
from services.okx_simulator.venue.instruments import Instrument, Market
from services.okx_simulator.wire.http import Answer, envelope
from services.okx_simulator.wire.refusals import Refused, empty, parameter


class MarketDesk:
    """Answers what anybody may ask; limits count per address."""

    def __init__(self, market: Market, clock: VenueClock) -> None:
        self._market = market
        self._clock = clock

    def routes(self) -> Routes:
        """Return the endpoints under public/, market/ and system/."""
        return {
            "/api/v5/public/time": {"GET": _public(self.time, Limit("time", 10, keyed="ip"))},
            "/api/v5/public/instruments": {"GET": _public(self.instruments, Limit("instruments", 20, keyed="ip"))},
            "/api/v5/public/mark-price": {"GET": _public(self.mark_price, Limit("mark-price", 10, keyed="ip+inst"))},
            "/api/v5/public/price-limit": {"GET": _public(self.price_limit, Limit("price-limit", 20, keyed="ip"))},
            "/api/v5/market/ticker": {"GET": _public(self.ticker, Limit("ticker", 20, keyed="ip"))},
            "/api/v5/market/tickers": {"GET": _public(self.tickers, Limit("tickers", 20, keyed="ip"))},
            "/api/v5/system/status": {"GET": _public(self.status, Limit("status", 1, 5.0, keyed="ip"))},
        }

    def time(self, _call: Call) -> Answer:
        """Return the venue's time."""
        return envelope([{"ts": str(self._clock.now_ms())}])

    def instruments(self, call: Call) -> Answer:
        """Return instruments of one type."""
        return envelope(instrument_rows(self._market, call.request.query()))

    def mark_price(self, call: Call) -> Answer:
        """Return mark prices of one type, or of one instrument."""
        return envelope([mark_row(each) for each in _of_type(self._market, call.request.query())])

    def price_limit(self, call: Call) -> Answer:
        """Return the price band of one instrument."""
        return envelope([limit_row(self._named(call))])

    def ticker(self, call: Call) -> Answer:
        """Return the ticker of one instrument."""
        return envelope([ticker_row(self._named(call))])

    def tickers(self, call: Call) -> Answer:
        """Return the tickers of one type."""
        return envelope([ticker_row(each) for each in _of_type(self._market, call.request.query())])

    def status(self, _call: Call) -> Answer:
        """Return planned maintenance: none."""
        return envelope([])

    def _named(self, call: Call) -> Instrument:
        inst_id = call.request.query().get("instId", "")
        if not inst_id:
            raise empty("instId")
        instrument = self._market.by_id.get(inst_id)
        if instrument is None:
            raise Refused("51001")
        return instrument


def instrument_rows(market: Market, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the published fields of instruments of one type, or of one.

    Raises:
        Refused: `instType` is missing or unknown, or the instrument is not there.
    """
    return [each.fields for each in _of_type(market, query)]


def _of_type(market: Market, query: Mapping[str, str]) -> list[Instrument]:
    wanted = query.get("instType", "")
    if not wanted:
        raise empty("instType")
    if wanted not in ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"):
        raise parameter("instType")
    inst_id, family = query.get("instId"), query.get("instFamily")
    if inst_id is not None and inst_id not in market.by_id:
        raise Refused("51001")
    return [
        each
        for each in market.by_id.values()
        if each.inst_type == wanted and inst_id in (None, each.inst_id) and family in (None, each.family)
    ]


def _public(handle: Callable[[Call], Answer], limit: Limit) -> Endpoint:
    return Endpoint(handle, private=False, limit=limit)
