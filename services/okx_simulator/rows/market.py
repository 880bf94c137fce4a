"""Rows of the public market endpoints and channels."""

from services.okx_simulator.venue.instruments import Instrument
from services.okx_simulator.wire.numbers import wire


def ticker_row(instrument: Instrument) -> dict[str, str]:
    """Return the row of tickers: one price on every side, since this book has no spread."""
    px, ts = wire(instrument.px), str(instrument.px_ms)
    size = wire(instrument.depth if instrument.depth is not None else instrument.most_market)
    return {
        "instType": instrument.inst_type, "instId": instrument.inst_id, "last": px, "lastSz": wire(instrument.least),
        "askPx": px, "askSz": size, "bidPx": px, "bidSz": size, "open24h": px, "high24h": px, "low24h": px,
        "volCcy24h": "0", "vol24h": "0", "ts": ts, "sodUtc0": px, "sodUtc8": px,
    }  # fmt: skip


def mark_row(instrument: Instrument) -> dict[str, str]:
    """Return the row of mark prices."""
    return {
        "instType": instrument.inst_type,
        "instId": instrument.inst_id,
        "markPx": wire(instrument.px),
        "ts": str(instrument.px_ms),
    }


def limit_row(instrument: Instrument) -> dict[str, object]:
    """Return the row of price limits."""
    return {
        "instType": instrument.inst_type,
        "instId": instrument.inst_id,
        "buyLmt": wire(instrument.buy_limit()),
        "sellLmt": wire(instrument.sell_limit()),
        "ts": str(instrument.px_ms),
        "enabled": True,
    }
