"""What OKX's sockets say: events and pushes, in its own names (D#overview-websocket-subscribe).

Every frame is one JSON object: an event (the answer to an op, an error, a notice), or data of a channel named by `arg`.
The text `pong` is no frame.
"""

# ruff: noqa: N815 - OKX's own field names are kept, so that what is modelled can be compared with the wire

import msgspec

from shared.okx.models import Instrument, MarkPrice, Position, PriceLimit, Ticker


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is subscribed to, and what a push belongs to; private pushes name the account."""

    channel: str
    instType: str = ""
    instId: str = ""
    uid: str = ""


class Frame(msgspec.Struct, frozen=True):
    """Any frame, its data still unread: which model reads it depends on the channel."""

    event: str = ""
    arg: Channel | None = None
    code: str = ""
    msg: str = ""
    id: str = ""
    connId: str = ""
    channel: str = ""
    connCount: str = ""
    op: str = ""
    data: list[msgspec.Raw] = []


class OrderPush(msgspec.Struct, frozen=True):
    """One update of an order; `fillSz`, `fillPx`, `tradeId` are of this update's fill, "0" and "" if it is none.

    D#order-book-trading-trade-ws-order-channel.
    """

    instType: str
    instId: str
    ordId: str
    side: str
    state: str
    fillSz: str
    fillPx: str
    tradeId: str
    fillTime: str
    category: str
    posSide: str = ""
    clOrdId: str = ""
    tag: str = ""
    sz: str = ""
    accFillSz: str = ""
    avgPx: str = ""
    reduceOnly: str = ""
    uTime: str = ""
    cTime: str = ""
    code: str = ""
    msg: str = ""


class LoginArgument(msgspec.Struct, frozen=True):
    """The argument of a login (D#overview-websocket-login)."""

    apiKey: str
    passphrase: str
    timestamp: str
    sign: str

    def __repr__(self) -> str:
        return "LoginArgument(***)"


class Op(msgspec.Struct, frozen=True, omit_defaults=True):
    """What we ask a socket to do."""

    op: str
    args: list[Channel] | list[LoginArgument]
    id: str = ""


PUSHES: dict[str, type[msgspec.Struct]] = {
    "orders": OrderPush,
    "positions": Position,
    "instruments": Instrument,
    "tickers": Ticker,
    "mark-price": MarkPrice,
    "price-limit": PriceLimit,
}
"""The channels we read, and the model of their data."""
