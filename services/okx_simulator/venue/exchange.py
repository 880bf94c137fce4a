"""Orders in, fills out: the one place that changes accounts.

Everything here is synchronous, so an order is checked, matched and recorded as one step that nothing can interleave.
A market order fills at the price there is. A limit fills at that price as taker when it crosses; what is left of a
plain limit rests and fills at its own price, as maker, when the price comes to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final, Literal

from services.okx_simulator.clock import VenueClock
from services.okx_simulator.evidence import Evidence, FillRow
from services.okx_simulator.venue.accounts import Account, Accounts
from services.okx_simulator.venue.afford import Oversize, check_funds, leverage, position_key, reducible
from services.okx_simulator.venue.instruments import Instrument, Market
from services.okx_simulator.venue.orders import IMMEDIATE, Fill, Order, Ticket
from services.okx_simulator.venue.settling import position_of, settle
from services.okx_simulator.venue.tickets import is_quote_sized
from services.okx_simulator.wire.numbers import ZERO, wire
from services.okx_simulator.wire.refusals import Refused

_FIRST_ORDER: Final = 2_896_576_259_728_700_000
_FIRST_BILL: Final = 1_896_576_259_728_700_000

# cancelSource of OKX's orders channel.
_BY_SYSTEM, _BY_USER, _FOK, _IOC, _POSITION_GONE, _WOULD_TAKE = "0", "1", "13", "14", "17", "31"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the venue takes and how it treats what OKX's texts leave open."""

    taker_fee_rate: Decimal = Decimal("0.0005")
    maker_fee_rate: Decimal = Decimal("0.0002")
    oversize_reduce_only: Oversize = "reject"


class Exchange:
    """Takes orders, moves prices, fills."""

    def __init__(self, clock: VenueClock, accounts: Accounts, market: Market, evidence: Evidence, terms: Terms) -> None:
        self.clock, self.accounts, self.market = clock, accounts, market
        self._evidence = evidence
        self._terms = terms
        self._order_ids = count(_FIRST_ORDER)
        self._bill_ids = count(_FIRST_BILL)
        self._resting: dict[str, dict[str, tuple[Account, Order]]] = {}

    def place(self, account: Account, ticket: Ticket, pieces: Iterable[Decimal] = ()) -> Order:
        """Accept a checked ticket and match it at once, in the given pieces if any.

        Raises:
            Refused: a pending order has the clOrdId (51016), or position or funds do not allow it; nothing changed.
        """
        if account.has_pending(ticket.cl_ord_id):
            raise Refused("51016")
        sz = reducible(ticket, account, self._terms.oversize_reduce_only)
        lever = leverage(account, position_key(ticket))
        check_funds(ticket, sz, account, lever)
        order = self._accept(account, ticket, _base_size(ticket, sz), lever)
        if sz < ticket.sz:
            order.amend_source = "4"
        self._match(account, order, pieces)
        return order

    def force(self, account: Account, ticket: Ticket, pieces: Iterable[Decimal] = ()) -> Order:
        """Fill without asking position or funds: liquidations and other things the venue does to an account."""
        order = self._accept(account, ticket, ticket.sz, leverage(account, position_key(ticket)))
        self._match(account, order, pieces)
        return order

    def cancel(self, account: Account, order: Order) -> None:
        """End a pending order at its owner's wish."""
        self._end(account, order, _BY_USER)

    def move(self, instrument: Instrument) -> None:
        """Fill what rests at or beyond the instrument's present price."""
        instrument.px_ms = self.clock.now_ms()
        for account, order in list(self._resting.get(instrument.inst_id, {}).values()):
            if _crosses(order.ticket, instrument.px):
                self._fill_resting(account, order)

    def set_position(self, account: Account, instrument: Instrument, pos: Decimal, mgn_mode: str) -> None:
        """Change a position without a fill, as a transfer would."""
        pos_side = "net" if account.pos_mode == "net_mode" else ("long" if pos > 0 else "short")
        position = position_of(account, instrument, (instrument.inst_id, mgn_mode, pos_side), self.clock.now_ms())
        change = pos - position.pos
        position.pos, position.avg_px = pos, instrument.px
        account.net[instrument.inst_id] = account.net.get(instrument.inst_id, ZERO) + change
        for listener in list(account.listeners):
            listener.on_holdings("transferred", position, None)

    def _fill_resting(self, account: Account, order: Order) -> None:
        ticket = order.ticket
        share = _share(order.left, ticket.instrument)
        if ticket.reduce_only:
            held = account.held(position_key(ticket))
            share = min(share, abs(held)) if held * ticket.sign < 0 else ZERO
        if not share:
            self._end(account, order, _POSITION_GONE)
            return
        self._fill(account, order, share, ticket.px or ticket.instrument.px, "M")
        if not order.pending:
            self._forget(order)

    def _accept(self, account: Account, ticket: Ticket, sz: Decimal, lever: Decimal) -> Order:
        now_ms = self.clock.now_ms()
        order = Order(
            ticket=ticket,
            ord_id=str(next(self._order_ids)),
            created_ms=now_ms,
            accepted_at=self.clock.monotonic(),
            lever="" if ticket.instrument.is_spot else wire(lever),
            sz=sz,
            updated_ms=now_ms,
        )
        account.orders[order.ord_id] = order
        account.pending[order.ord_id] = order
        account.order_count += 1
        if ticket.cl_ord_id:
            account.latest[ticket.instrument.inst_id, ticket.cl_ord_id] = order
        return order

    def _match(self, account: Account, order: Order, pieces: Iterable[Decimal]) -> None:
        ticket, instrument = order.ticket, order.ticket.instrument
        crosses = _crosses(ticket, instrument.px)
        if ticket.ord_type == "post_only" and crosses:
            self._end(account, order, _WOULD_TAKE)
            return
        if account.listeners:
            self._tell(account, order, None)
        share = _share(order.left, instrument) if crosses else ZERO
        if ticket.ord_type == "fok" and share < order.left:
            self._end(account, order, _FOK)
            return
        self._fill_pieces(account, order, share, pieces)
        if order.pending:
            self._rest_or_end(account, order)

    def _rest_or_end(self, account: Account, order: Order) -> None:
        if order.ticket.ord_type in IMMEDIATE:
            self._end(account, order, _BY_SYSTEM if order.ticket.ord_type == "market" else _IOC)
        else:
            self._resting.setdefault(order.ticket.instrument.inst_id, {})[order.ord_id] = (account, order)

    def _fill_pieces(self, account: Account, order: Order, share: Decimal, pieces: Iterable[Decimal]) -> None:
        px = order.ticket.instrument.px
        for piece in pieces:
            sz = min(piece, share)
            if sz:
                share -= sz
                self._fill(account, order, sz, px, "T")
        if share:
            self._fill(account, order, share, px, "T")

    def _fill(self, account: Account, order: Order, sz: Decimal, px: Decimal, exec_type: Literal["T", "M"]) -> None:
        """Fill a size, in parts no larger than the instrument's `max_fill`."""
        instrument = order.ticket.instrument
        while sz > 0:
            part = sz if instrument.max_fill is None else min(sz, instrument.max_fill)
            sz -= part
            self._fill_once(account, order, part, px, exec_type)

    def _fill_once(
        self, account: Account, order: Order, sz: Decimal, px: Decimal, exec_type: Literal["T", "M"]
    ) -> None:
        ticket, instrument = order.ticket, order.ticket.instrument
        before = account.net.get(instrument.inst_id, ZERO)
        rate = self._terms.taker_fee_rate if exec_type == "T" else self._terms.maker_fee_rate
        now_ms = self.clock.now_ms()
        trade_id, bill_id = str(next(instrument.trade_ids)), next(self._bill_ids)
        settled = settle(account, ticket, sz, px, rate, trade_id, now_ms)
        fill = Fill(trade_id, bill_id, sz, px, settled.fee, settled.fee_ccy, -rate, settled.pnl, exec_type, now_ms)
        order.take(fill)
        account.fills.append((order, fill))
        if not order.pending:
            account.pending.pop(order.ord_id, None)
        self._record(account, order, fill, before)
        if account.listeners:
            self._tell(account, order, fill)
            for listener in list(account.listeners):
                listener.on_holdings(_holdings_event(ticket.category), settled.position, fill)

    def _record(self, account: Account, order: Order, fill: Fill, before: Decimal) -> None:
        ticket = order.ticket
        inst_id = ticket.instrument.inst_id
        self._evidence.add(
            FillRow(
                seq=self._evidence.next,
                at_ms=self.clock.true_us() // 1_000,
                uid=account.uid,
                instId=inst_id,
                ordId=order.ord_id,
                clOrdId=ticket.cl_ord_id,
                tradeId=fill.trade_id,
                billId=str(fill.bill_id),
                side=ticket.side,
                fillSz=wire(fill.sz),
                fillPx=wire(fill.px),
                pos_before=wire(before),
                pos_after=wire(account.net.get(inst_id, ZERO)),
                category=ticket.category,
                role=account.role,
            )
        )

    def _end(self, account: Account, order: Order, source: str) -> None:
        order.cancel(source, self.clock.now_ms())
        account.pending.pop(order.ord_id, None)
        self._forget(order)
        self._tell(account, order, None)

    def _forget(self, order: Order) -> None:
        self._resting.get(order.ticket.instrument.inst_id, {}).pop(order.ord_id, None)

    @staticmethod
    def _tell(account: Account, order: Order, fill: Fill | None) -> None:
        for listener in list(account.listeners):
            listener.on_order(order, fill)


def _base_size(ticket: Ticket, sz: Decimal) -> Decimal:
    if not is_quote_sized(ticket):
        return sz
    lot = ticket.instrument.lot
    base = (sz / ticket.instrument.px) // lot * lot
    if base < ticket.instrument.least:
        raise Refused("51020")
    return base


def _crosses(ticket: Ticket, px: Decimal) -> bool:
    if ticket.px is None:
        return True
    return ticket.px >= px if ticket.side == "buy" else ticket.px <= px


def _share(left: Decimal, instrument: Instrument) -> Decimal:
    return left if instrument.depth is None else min(left, instrument.depth)


def _holdings_event(category: str) -> str:
    return {"full_liquidation": "liquidation", "partial_liquidation": "liquidation", "adl": "adl"}.get(
        category, "filled"
    )
