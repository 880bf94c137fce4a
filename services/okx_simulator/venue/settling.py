"""What a fill does to the account that has it: position or balances, gain, fee."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from services.okx_simulator.venue.accounts import Account, Position, PositionKey
from services.okx_simulator.venue.afford import position_key
from services.okx_simulator.venue.instruments import Instrument
from services.okx_simulator.venue.orders import Ticket
from services.okx_simulator.wire.numbers import ZERO

_position_ids = count(1_752_810_569_801_498_000)


@dataclass(frozen=True, slots=True)
class Settled:
    """The books after one fill; `fee` negative when paid, no position for spot."""

    fee: Decimal
    fee_ccy: str
    pnl: Decimal
    position: Position | None


def settle(
    account: Account, ticket: Ticket, sz: Decimal, px: Decimal, rate: Decimal, trade_id: str, now_ms: int
) -> Settled:
    """Move position and balances for one fill."""
    if ticket.instrument.is_spot:
        return _settle_spot(account, ticket, sz, px, rate)
    instrument = ticket.instrument
    position = position_of(account, instrument, position_key(ticket), now_ms)
    change = sz * ticket.sign
    pnl = position.add(change, px)
    position.trade_id, position.updated_ms = trade_id, now_ms
    account.net[instrument.inst_id] = account.net.get(instrument.inst_id, ZERO) + change
    fee = -instrument.value(sz, px) * rate
    account.credit(instrument.settle_ccy, pnl + fee)
    return Settled(fee, instrument.settle_ccy, pnl, position)


def position_of(account: Account, instrument: Instrument, key: PositionKey, now_ms: int) -> Position:
    """Return the position of a key, made flat if there is none."""
    position = account.positions.get(key)
    if position is None:
        position = Position(instrument, key[1], key[2], str(next(_position_ids)), now_ms)
        account.positions[key] = position
    return position


def _settle_spot(account: Account, ticket: Ticket, sz: Decimal, px: Decimal, rate: Decimal) -> Settled:
    base, quote = str(ticket.instrument.fields["baseCcy"]), str(ticket.instrument.fields["quoteCcy"])
    account.credit(base, sz * ticket.sign)
    account.credit(quote, -sz * px * ticket.sign)
    fee, fee_ccy = (-sz * rate, base) if ticket.side == "buy" else (-sz * px * rate, quote)
    account.credit(fee_ccy, fee)
    return Settled(fee, fee_ccy, ZERO, None)
