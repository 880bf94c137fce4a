"""Rows of orders and fills, as REST and as the WebSocket channels spell them (they differ, see each function)."""

from decimal import Decimal
from typing import Any, Final

from services.okx_simulator.venue.orders import Fill, Order
from services.okx_simulator.wire.numbers import wire

_NO_ALGO: Final[dict[str, Any]] = {
    "algoClOrdId": "", "algoId": "", "attachAlgoClOrdId": "", "attachAlgoOrds": [], "linkedAlgoOrd": {"algoId": ""},
    "pxUsd": "", "pxVol": "", "pxType": "", "quickMgnType": "", "source": "", "stpId": "", "isTpLimit": "false",
    "slOrdPx": "", "slTriggerPx": "", "slTriggerPxType": "", "tpOrdPx": "", "tpTriggerPx": "", "tpTriggerPxType": "",
}  # fmt: skip


def order_row(order: Order) -> dict[str, Any]:
    """Return an order as GET trade/order does: fill members tell of the last fill, `avgPx` is "" before any.

    Source: OKX reference, #order-book-trading-trade-get-order-details.
    """
    last = order.fills[-1] if order.fills else None
    return {
        **_NO_ALGO,
        **_shared(order),
        "accFillSz": wire(order.acc_fill_sz),
        "avgPx": wire(order.avg_px) if order.fills else "",
        "cancelSourceReason": "",
        "fillPx": wire(last.px) if last else "",
        "fillSz": wire(last.sz) if last else "0",
        "fillTime": str(last.ts_ms) if last else "",
        "outcome": "",
        "reduceOnly": "true" if order.ticket.reduce_only else "false",
        "stpMode": "cancel_maker",
        "tradeId": last.trade_id if last else "",
    }


def order_push(order: Order, fill: Fill | None) -> dict[str, Any]:
    """Return an order as the orders channel pushes it: fill members tell of this update, `avgPx` is "0" before any.

    Source: OKX reference, #order-book-trading-trade-ws-order-channel.
    """
    ticket, instrument = order.ticket, order.ticket.instrument
    notional = wire(instrument.value(order.sz, instrument.px))
    return {
        **_NO_ALGO,
        **_shared(order),
        "accFillSz": wire(order.acc_fill_sz),
        "amendResult": "",
        "amendSource": order.amend_source,
        "avgPx": wire(order.avg_px),
        "code": "0",
        "execType": fill.exec_type if fill else "",
        "fillFee": wire(fill.fee) if fill else "0",
        "fillFeeCcy": fill.fee_ccy if fill else "",
        "fillNotionalUsd": wire(instrument.value(fill.sz, fill.px)) if fill else "",
        "fillPnl": wire(fill.pnl) if fill else "0",
        "fillPx": wire(fill.px) if fill else "",
        "fillSz": wire(fill.sz) if fill else "0",
        "fillTime": str(fill.ts_ms) if fill else "",
        **dict.fromkeys(("fillPxVol", "fillPxUsd", "fillMarkVol", "fillFwdPx", "fillMarkPx", "fillIdxPx"), ""),
        "lastPx": wire(instrument.px),
        "msg": "",
        "notionalUsd": notional,
        "reduceOnly": "true" if ticket.reduce_only else "false",
        "reqId": "",
        "stpMode": "",
        "tradeId": fill.trade_id if fill else "",
    }


def fill_row(order: Order, fill: Fill) -> dict[str, Any]:
    """Return a fill as GET trade/fills does.

    Source: OKX reference, #order-book-trading-trade-get-transaction-details-last-3-days.
    """
    ticket = order.ticket
    return {
        "side": ticket.side, "fillSz": wire(fill.sz), "fillPx": wire(fill.px), "fee": wire(fill.fee),
        "feeCcy": fill.fee_ccy, "feeRate": wire(fill.fee_rate), "fillPnl": wire(fill.pnl), "ordId": order.ord_id,
        "clOrdId": ticket.cl_ord_id, "tag": ticket.tag, "tradeId": fill.trade_id, "billId": str(fill.bill_id),
        "subType": _sub_type(order), "execType": fill.exec_type, "instType": ticket.instrument.inst_type,
        "instId": ticket.instrument.inst_id, "posSide": ticket.pos_side or "net", "fillTime": str(fill.ts_ms),
        "ts": str(fill.ts_ms), "tradeQuoteCcy": "USDT", "fillPxVol": "", "fillPxUsd": "", "fillMarkVol": "",
        "fillFwdPx": "", "fillMarkPx": "", "fillIdxPx": "",
    }  # fmt: skip


def _shared(order: Order) -> dict[str, Any]:
    ticket, instrument = order.ticket, order.ticket.instrument
    return {
        "cTime": str(order.created_ms), "cancelSource": order.cancel_source, "category": ticket.category,
        "ccy": ticket.ccy, "clOrdId": ticket.cl_ord_id, "fee": wire(order.fee), "feeCcy": _fee_ccy(order),
        "instId": instrument.inst_id, "instType": instrument.inst_type, "lever": order.lever, "ordId": order.ord_id,
        "ordType": ticket.ord_type, "pnl": wire(order.pnl), "posSide": ticket.pos_side,
        "px": _px(ticket.px), "rebate": "0", "rebateCcy": "", "side": ticket.side, "state": order.state,
        "sz": wire(order.sz), "tag": ticket.tag, "tdMode": ticket.td_mode, "tgtCcy": ticket.tgt_ccy,
        "tradeQuoteCcy": "USDT", "uTime": str(order.updated_ms),
    }  # fmt: skip


def _px(px: Decimal | None) -> str:
    return "" if px is None else wire(px)


def _fee_ccy(order: Order) -> str:
    return order.fills[-1].fee_ccy if order.fills else order.ticket.instrument.settle_ccy


def _sub_type(order: Order) -> str:
    """Name the bill: 1 buy and 2 sell; in long/short mode 3 open long, 4 open short, 5 close long, 6 close short."""
    side, pos_side = order.ticket.side, order.ticket.pos_side
    if pos_side == "long":
        return "3" if side == "buy" else "5"
    if pos_side == "short":
        return "4" if side == "sell" else "6"
    return "1" if side == "buy" else "2"
