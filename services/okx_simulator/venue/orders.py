"""Orders and fills as the venue keeps them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from services.okx_simulator.venue.instruments import Instrument
from services.okx_simulator.wire.numbers import ZERO

OrderState = Literal["live", "partially_filled", "filled", "canceled"]

IMMEDIATE = frozenset({"market", "ioc", "fok", "optimal_limit_ioc"})
"""Order types that never rest: what they do not fill at once is cancelled."""


@dataclass(slots=True)
class Ticket:
    """What an order asks for, checked: the form is right, the account may still not afford it."""

    instrument: Instrument
    td_mode: str
    side: Literal["buy", "sell"]
    pos_side: str
    ord_type: str
    sz: Decimal
    px: Decimal | None = None
    reduce_only: bool = False
    cl_ord_id: str = ""
    tag: str = ""
    ccy: str = ""
    tgt_ccy: str = ""
    category: str = "normal"

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill of an order; `fee` negative when paid."""

    trade_id: str
    bill_id: int
    sz: Decimal
    px: Decimal
    fee: Decimal
    fee_ccy: str
    fee_rate: Decimal
    pnl: Decimal
    exec_type: Literal["T", "M"]
    ts_ms: int


@dataclass(slots=True)
class Order:
    """An accepted order and what became of it."""

    ticket: Ticket
    ord_id: str
    created_ms: int
    accepted_at: float
    lever: str
    sz: Decimal
    state: OrderState = "live"
    acc_fill_sz: Decimal = ZERO
    avg_px: Decimal = ZERO
    fee: Decimal = ZERO
    pnl: Decimal = ZERO
    updated_ms: int = 0
    cancel_source: str = ""
    amend_source: str = ""
    fills: list[Fill] = field(default_factory=list)

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return self.sz - self.acc_fill_sz

    @property
    def pending(self) -> bool:
        """Whether it can still fill."""
        return self.state in ("live", "partially_filled")

    def take(self, fill: Fill) -> None:
        """Count one fill in; the last one makes the order filled."""
        total = self.acc_fill_sz + fill.sz
        self.avg_px = (self.avg_px * self.acc_fill_sz + fill.px * fill.sz) / total
        self.acc_fill_sz = total
        self.fee += fill.fee
        self.pnl += fill.pnl
        self.updated_ms = fill.ts_ms
        self.fills.append(fill)
        self.state = "filled" if total >= self.sz else "partially_filled"

    def cancel(self, source: str, now_ms: int) -> None:
        """End it without filling the rest; `source` is OKX's cancelSource."""
        self.state, self.cancel_source, self.updated_ms = "canceled", source, now_ms
