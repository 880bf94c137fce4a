# ruff: noqa: N815 - members are named as on the wire
"""Markets, leader orders and transfers over the control door."""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from services.okx_simulator.calls import Call, Routes
from services.okx_simulator.control.replies import door, told
from services.okx_simulator.rows.trade import fill_row
from services.okx_simulator.streaming.public import MarketPushes
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.venue.exchange import Exchange
from services.okx_simulator.venue.instruments import Instrument
from services.okx_simulator.venue.orders import Order
from services.okx_simulator.venue.tickets import ticket_of
from services.okx_simulator.wire.numbers import wire
from services.okx_simulator.wire.refusals import Refused

_PRICE_ONLY = frozenset({"instId", "px", "depth", "max_fill", "band"})


class TradeSpec(msgspec.Struct, forbid_unknown_fields=True):
    """An order to place as some account, filled in the given pieces."""

    uid: str
    instId: str
    side: Literal["buy", "sell"]
    sz: str
    ord_type: str = "market"
    px: str | None = None
    reduce_only: bool = False
    pieces: list[Decimal] = []
    category: str = "normal"
    cl_ord_id: str = ""
    tag: str = ""
    td_mode: str = ""
    pos_side: str = ""


class PositionSpec(msgspec.Struct, forbid_unknown_fields=True):
    """A position to set without a fill."""

    uid: str
    instId: str
    pos: Decimal
    mgn_mode: Literal["cross", "isolated"] = "cross"


class TradingDoor:
    """Moves markets, trades as anybody, sets positions."""

    def __init__(self, exchange: Exchange, pushes: MarketPushes) -> None:
        self._exchange = exchange
        self._pushes = pushes

    def routes(self) -> Routes:
        """Return the control paths of markets and trading."""
        return {
            "/control/instruments": {"POST": door(self.instruments)},
            "/control/market": {"POST": door(self.market)},
            "/control/trade": {"POST": door(self.trade)},
            "/control/position": {"POST": door(self.position)},
        }

    def instruments(self, call: Call) -> dict[str, int]:
        """Add or change instruments: any published field, and px, depth, max_fill, band."""
        specs = told(call, list[dict[str, Any]])
        for spec in specs:
            self._change(spec)
        return {"count": len(specs)}

    def market(self, call: Call) -> dict[str, str]:
        """Change one known instrument; resting orders its price comes to are filled."""
        spec = told(call, dict[str, Any])
        self._instrument(str(spec.get("instId")))
        instrument = self._change(spec)
        return {"instId": instrument.inst_id, "px": wire(instrument.px), "state": instrument.state}

    def trade(self, call: Call) -> dict[str, Any]:
        """Place an order as an account; forced ones (any category but normal) ask neither position nor funds."""
        spec = told(call, TradeSpec)
        account = self._account(spec.uid)
        try:
            order = self._place(account, spec)
        except Refused as refused:
            raise ValueError(f"the venue refuses this trade: {refused.code} {refused.text}") from refused
        fills = [fill_row(order, fill) for fill in order.fills]
        return {"ordId": order.ord_id, "state": order.state, "accFillSz": wire(order.acc_fill_sz), "fills": fills}

    def position(self, call: Call) -> dict[str, str]:
        """Set a position without a fill, as a transfer would."""
        spec = told(call, PositionSpec)
        account, instrument = self._account(spec.uid), self._instrument(spec.instId)
        self._exchange.set_position(account, instrument, spec.pos, spec.mgn_mode)
        return {"instId": spec.instId, "pos": wire(account.net[spec.instId])}

    def _place(self, account: Account, spec: TradeSpec) -> Order:
        instrument = self._instrument(spec.instId)
        members = {
            "instId": spec.instId,
            "tdMode": spec.td_mode or ("cash" if instrument.is_spot and account.acct_lv in "12" else "cross"),
            "side": spec.side,
            "posSide": spec.pos_side,
            "ordType": spec.ord_type,
            "sz": spec.sz,
            "px": spec.px,
            "reduceOnly": spec.reduce_only,
            "clOrdId": spec.cl_ord_id,
            "tag": spec.tag,
        }
        ticket = ticket_of(members, account, self._exchange.market.by_id)
        ticket.category = spec.category
        place = self._exchange.place if spec.category == "normal" else self._exchange.force
        return place(account, ticket, spec.pieces)

    def _change(self, spec: dict[str, Any]) -> Instrument:
        instrument = self._exchange.market.upsert(spec)
        self._exchange.move(instrument)
        self._pushes.changed(instrument, fields=not spec.keys() <= _PRICE_ONLY)
        return instrument

    def _account(self, uid: str) -> Account:
        account = self._exchange.accounts.by_uid.get(uid)
        if account is None:
            raise ValueError(f"uid is {uid!r}; expected an account made before")
        return account

    def _instrument(self, inst_id: str) -> Instrument:
        instrument = self._exchange.market.by_id.get(inst_id)
        if instrument is None:
            raise ValueError(f"instId is {inst_id!r}; expected one of {', '.join(self._exchange.market.by_id)}")
        return instrument
