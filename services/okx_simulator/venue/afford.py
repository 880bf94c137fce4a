"""Whether an account may take an order: the position it reduces, the funds it needs.

A plain margin model: initial margin is notional over leverage, equity is cash plus unrealized gain of that currency.
"""

from decimal import Decimal
from typing import Final, Literal

from services.okx_simulator.venue.accounts import Account, PositionKey
from services.okx_simulator.venue.instruments import Instrument
from services.okx_simulator.venue.orders import Order, Ticket
from services.okx_simulator.venue.tickets import is_quote_sized
from services.okx_simulator.wire.numbers import ZERO
from services.okx_simulator.wire.refusals import Refused

# A market order is checked as if it cost this much more (OKX reference, place order: 5 % extra is frozen).
_MARKET_FREEZE: Final = Decimal("1.05")

Oversize = Literal["reject", "trim"]


def position_key(ticket: Ticket) -> PositionKey:
    """Name the position an order of a swap changes."""
    return (ticket.instrument.inst_id, ticket.td_mode, ticket.pos_side)


def reducible(ticket: Ticket, account: Account, oversize: Oversize) -> Decimal:
    """Return the size an order may have: reduce-only binds in net mode, and a hedge's closing side by nature.

    Raises:
        Refused: 51169 nothing to reduce, 51170 same direction, 51112 more than there is (unless trimming), 51023 when a
            closing order of long/short mode meets no position.
    """
    if ticket.instrument.is_spot:
        return ticket.sz
    held = account.held(position_key(ticket))
    if ticket.pos_side != "net":
        return _closing_side(ticket, held)
    if not ticket.reduce_only:
        return ticket.sz
    if not held:
        raise Refused("51169")
    if held * ticket.sign > 0:
        raise Refused("51170")
    free = abs(held) - _promised(account, ticket)
    if ticket.sz <= free:
        return ticket.sz
    if oversize == "reject" or free <= 0:
        raise Refused("51112")
    return free


def check_funds(ticket: Ticket, sz: Decimal, account: Account, lever: Decimal) -> None:
    """Refuse an order the account cannot pay for; what only reduces is always affordable.

    Raises:
        Refused: 51008, sub-code 1000 for a spot balance, 1001 for margin.
    """
    if ticket.instrument.is_spot:
        _check_spot(ticket, sz, account)
        return
    opening = _opening(sz, account.held(position_key(ticket)), ticket.sign)
    if not opening:
        return
    instrument = ticket.instrument
    px = instrument.px * _MARKET_FREEZE if ticket.px is None else ticket.px
    if instrument.value(opening, px) / lever > available(account, instrument.settle_ccy):
        text = f"Order failed. Insufficient {instrument.settle_ccy} margin in account"
        raise Refused("51008", text, sub_code="1001")


def available(account: Account, ccy: str) -> Decimal:
    """Return the equity in a currency that no position and no pending order has in use."""
    free = account.cash(ccy) - frozen(account, ccy)
    for position in account.open_positions():
        if position.instrument.settle_ccy == ccy:
            free += position.upl() - initial_margin(account, position.instrument, position.mgn_mode, position.pos_side)
    return free


def initial_margin(account: Account, instrument: Instrument, mgn_mode: str, pos_side: str) -> Decimal:
    """Return what one position keeps in use."""
    key = (instrument.inst_id, mgn_mode, pos_side)
    return instrument.value(abs(account.held(key)), instrument.px) / leverage(account, key)


def leverage(account: Account, key: PositionKey) -> Decimal:
    """Return the leverage set for a position, for its margin mode, or the account's default."""
    inst_id, mgn_mode, _ = key
    known = account.leverage
    return known.get(key) or known.get((inst_id, mgn_mode, "")) or account.default_leverage


def frozen(account: Account, ccy: str) -> Decimal:
    """Return what pending orders keep aside in a currency."""
    return sum((_frozen_by(order, account, ccy) for order in account.pending.values()), ZERO)


def _frozen_by(order: Order, account: Account, ccy: str) -> Decimal:
    ticket, instrument = order.ticket, order.ticket.instrument
    px = ticket.px if ticket.px is not None else instrument.px
    if instrument.is_spot:
        if ticket.side == "buy":
            return order.left * px if instrument.fields["quoteCcy"] == ccy else ZERO
        return order.left if instrument.fields["baseCcy"] == ccy else ZERO
    if instrument.settle_ccy != ccy:
        return ZERO
    opening = _opening(order.left, account.held(position_key(ticket)), ticket.sign)
    return instrument.value(opening, px) / Decimal(order.lever)


def _check_spot(ticket: Ticket, sz: Decimal, account: Account) -> None:
    instrument = ticket.instrument
    if ticket.side == "sell":
        ccy, needed = str(instrument.fields["baseCcy"]), sz / instrument.px if is_quote_sized(ticket) else sz
    else:
        px = instrument.px if ticket.px is None else ticket.px
        ccy, needed = str(instrument.fields["quoteCcy"]), sz if is_quote_sized(ticket) else sz * px
    if needed > account.cash(ccy) - frozen(account, ccy):
        raise Refused("51008", f"Order failed. Insufficient {ccy} balance in account", sub_code="1000")


def _closing_side(ticket: Ticket, held: Decimal) -> Decimal:
    opens = (ticket.side == "buy") == (ticket.pos_side == "long")
    if opens or ticket.sz <= abs(held):
        return ticket.sz
    raise Refused("51112" if held else "51023")


def _promised(account: Account, ticket: Ticket) -> Decimal:
    key = position_key(ticket)
    earlier = (order for order in account.pending.values() if order.ticket.reduce_only)
    return sum((order.left for order in earlier if position_key(order.ticket) == key), ZERO)


def _opening(sz: Decimal, held: Decimal, sign: int) -> Decimal:
    closing = abs(held) if held * sign < 0 else ZERO
    return max(sz - closing, ZERO)
