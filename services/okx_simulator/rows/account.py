"""Rows of accounts: configuration, balance, positions, as REST and the account channels spell them."""

from decimal import Decimal
from typing import Any

from services.okx_simulator.venue.accounts import Account, Position
from services.okx_simulator.venue.afford import available, frozen, initial_margin, leverage
from services.okx_simulator.venue.instruments import Market
from services.okx_simulator.wire.numbers import ZERO, wire


def config_row(account: Account, perm: str) -> dict[str, Any]:
    """Return the account's configuration, as a credential that may do `perm` sees it.

    Source: OKX reference, #trading-account-rest-api-get-account-configuration.
    """
    return {
        "acctLv": account.acct_lv, "acctStpMode": "cancel_maker", "autoLoan": False, "ctIsoMode": "automatic",
        "enableSpotBorrow": False, "feeType": "0", "greeksType": "PA", "ip": "", "kycLv": "3", "label": "",
        "level": "Lv1", "levelTmp": "", "liquidationGear": "-1", "mainUid": account.uid, "mgnIsoMode": "automatic",
        "opAuth": "1", "perm": perm, "posMode": account.pos_mode, "roleType": "0", "settleCcy": "USDC",
        "settleCcyList": ["USD", "USDC", "USDG"], "spotBorrowAutoRepay": False, "spotOffsetType": "",
        "spotRoleType": "0", "spotTraderInsts": [], "stgyType": "0", "traderInsts": [], "type": "0",
        "uid": account.uid,
    }  # fmt: skip


def balance_row(account: Account, market: Market, now_ms: int, ccys: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the account's balance, of some currencies or of all it has.

    Source: OKX reference, #trading-account-rest-api-get-balance.
    """
    held = [ccy for ccy in account.balances if not ccys or ccy in ccys]
    details = [_detail(account, market, ccy, now_ms) for ccy in held]
    total = sum((Decimal(row["eqUsd"]) for row in details), ZERO)
    used = sum((_margin(account, position) for position in account.open_positions()), ZERO)
    return {
        "adjEq": "", "availEq": "", "borrowFroz": "", "delta": "", "deltaLever": "", "deltaNeutralStatus": "",
        "details": details, "imr": wire(used), "isoEq": "0", "mgnRatio": "", "mmr": wire(used / 10),
        "notionalUsd": wire(sum((_notional(p) for p in account.open_positions()), ZERO)), "notionalUsdForBorrow": "",
        "notionalUsdForFutures": "", "notionalUsdForOption": "", "notionalUsdForSwap": "", "ordFroz": "",
        "totalEq": wire(total), "uTime": str(now_ms), "upl": wire(_upl(account, "")),
    }  # fmt: skip


def position_row(account: Account, position: Position) -> dict[str, Any]:
    """Return one position: `pos` signed in net mode, positive beside long or short.

    Source: OKX reference, #trading-account-rest-api-get-positions.
    """
    instrument = position.instrument
    pos = position.pos if position.pos_side == "net" else abs(position.pos)
    margin = _margin(account, position)
    upl = position.upl()
    key = (instrument.inst_id, position.mgn_mode, position.pos_side)
    return {
        "instId": instrument.inst_id, "instType": instrument.inst_type, "mgnMode": position.mgn_mode,
        "posSide": position.pos_side, "pos": wire(pos), "posCcy": "", "availPos": wire(abs(pos)),
        "avgPx": wire(position.avg_px) if pos else "", "lever": wire(leverage(account, key)), "liqPx": "",
        "markPx": wire(instrument.px), "last": wire(instrument.px), "idxPx": wire(instrument.px), "upl": wire(upl),
        "uplRatio": wire((upl / margin).quantize(Decimal("1e-8"))) if margin else "0",
        "margin": wire(margin) if position.mgn_mode == "isolated" else "",
        "imr": wire(margin) if position.mgn_mode == "cross" else "", "mmr": wire(margin / 10), "mgnRatio": "",
        "notionalUsd": wire(_notional(position)), "ccy": instrument.settle_ccy, "posId": position.pos_id,
        "tradeId": position.trade_id, "adl": "1", "bePx": wire(position.avg_px) if pos else "", "interest": "",
        "realizedPnl": wire(position.realized), "pnl": wire(position.realized), "fee": "0", "fundingFee": "0",
        "liab": "", "liabCcy": "", "cTime": str(position.created_ms), "uTime": str(position.updated_ms),
        "closeOrderAlgo": [],
    }  # fmt: skip


def brief_position(position: Position) -> dict[str, Any]:
    """Return a position as balance_and_position pushes it."""
    pos = position.pos if position.pos_side == "net" else abs(position.pos)
    return {
        "posId": position.pos_id, "tradeId": position.trade_id, "instId": position.instrument.inst_id,
        "instType": position.instrument.inst_type, "mgnMode": position.mgn_mode, "posSide": position.pos_side,
        "pos": wire(pos), "ccy": position.instrument.settle_ccy, "posCcy": "", "avgPx": wire(position.avg_px),
        "uTime": str(position.updated_ms),
    }  # fmt: skip


def _detail(account: Account, market: Market, ccy: str, now_ms: int) -> dict[str, str]:
    cash, upl = account.cash(ccy), _upl(account, ccy)
    kept, free = frozen(account, ccy), available(account, ccy)
    equity = cash + upl
    pair = market.by_id.get(f"{ccy}-USDT")
    usd = equity * pair.px if pair is not None else equity
    return {
        "ccy": ccy, "eq": wire(equity), "cashBal": wire(cash), "availBal": wire(max(cash - kept, ZERO)),
        "availEq": wire(free), "frozenBal": wire(max(equity - free, ZERO)), "ordFrozen": wire(kept),
        "eqUsd": wire(usd), "disEq": wire(usd), "upl": wire(upl), "uTime": str(now_ms), "liab": "", "isoEq": "0",
        "isoLiab": "", "isoUpl": "0", "interest": "", "mgnRatio": "", "maxLoan": "", "notionalLever": "0",
        "crossLiab": "", "fixedBal": "0", "stgyEq": "0", "twap": "0", "uplLiab": "", "spotInUseAmt": "",
        "spotIsoBal": "0",
    }  # fmt: skip


def _margin(account: Account, position: Position) -> Decimal:
    return initial_margin(account, position.instrument, position.mgn_mode, position.pos_side)


def _notional(position: Position) -> Decimal:
    return position.instrument.value(abs(position.pos), position.instrument.px)


def _upl(account: Account, ccy: str) -> Decimal:
    """Sum unrealized gains of one settlement currency, or of all for ""."""
    mine = (position for position in account.open_positions() if ccy in ("", position.instrument.settle_ccy))
    return sum((position.upl() for position in mine), ZERO)
