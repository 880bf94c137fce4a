"""Pushes of the public channels."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from services.okx_simulator.rows.market import limit_row, mark_row, ticker_row
from services.okx_simulator.streaming.channels import PUBLIC, Subscription
from services.okx_simulator.streaming.venue import Venue
from services.okx_simulator.venue.instruments import Instrument, Market

# The mark price is repeated this often when it does not change (OKX reference, mark price channel).
_REPEAT_S: Final = 10.0


class MarketPushes:
    """Tells public sessions what changed."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def changed(self, instrument: Instrument, *, fields: bool) -> None:
        """Push an instrument's new price, and its published fields when those changed."""
        self._push(instrument, PUBLIC if fields else PUBLIC - {"instruments"})

    async def repeat_marks(self) -> None:
        """Repeat mark prices for ever."""
        while True:
            await asyncio.sleep(_REPEAT_S)
            for instrument in list(self._venue.market.by_id.values()):
                self._push(instrument, frozenset({"mark-price"}))

    def _push(self, instrument: Instrument, channels: frozenset[str]) -> None:
        for session in list(self._venue.sessions):
            for subscription in list(session.subscriptions.values()):
                if subscription.channel in channels and subscription.covers(instrument):
                    session.push(subscription, [_row(subscription.channel, instrument)])


def snapshot(subscription: Subscription, market: Market) -> list[Mapping[str, Any]]:
    """Return what a public channel pushes first."""
    covered = (instrument for instrument in market.by_id.values() if subscription.covers(instrument))
    return [_row(subscription.channel, instrument) for instrument in covered]


def _row(channel: str, instrument: Instrument) -> Mapping[str, Any]:
    if channel == "instruments":
        return instrument.fields
    if channel == "tickers":
        return ticker_row(instrument)
    return mark_row(instrument) if channel == "mark-price" else limit_row(instrument)
