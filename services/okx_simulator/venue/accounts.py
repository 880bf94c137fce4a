"""Accounts: who they are, what they hold, what they ordered."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from services.okx_simulator.venue.instruments import Instrument
from services.okx_simulator.venue.orders import Fill, Order
from services.okx_simulator.wire.numbers import ZERO

PositionKey = tuple[str, str, str]
"""Instrument, margin mode, posSide."""


class Listener(Protocol):
    """A WebSocket session that logged in as an account."""

    def listens_to(self, channel: str) -> bool:
        """Tell whether it subscribed to a channel."""

    def on_order(self, order: Order, fill: Fill | None) -> None:
        """Take an order's change, with the fill that made it if one did."""

    def on_holdings(self, event: str, position: "Position | None", fill: Fill | None) -> None:
        """Take a change of balances and perhaps of one position."""


@dataclass(slots=True)
class Credentials:
    """A user-made or Fast API key."""

    api_key: str
    secret_key: str = field(repr=False)
    passphrase: str = field(repr=False)
    perm: str = ""
    """What it may do; empty is what the account may do."""
    label: str = ""
    ip: str = ""
    """Addresses it is bound to, comma-separated."""
    bind_app: bool = False


@dataclass(slots=True)
class Position:
    """One position; `pos` is signed in net mode and for a short one in long/short mode too, unlike on the wire."""

    instrument: Instrument
    mgn_mode: str
    pos_side: str
    pos_id: str
    created_ms: int
    pos: Decimal = ZERO
    avg_px: Decimal = ZERO
    realized: Decimal = ZERO
    trade_id: str = ""
    updated_ms: int = 0

    def upl(self) -> Decimal:
        """Return the gain not yet taken, at the mark price."""
        return (self.instrument.px - self.avg_px) * self.pos * self.instrument.contract

    def add(self, change: Decimal, px: Decimal) -> Decimal:
        """Fill `change` (signed) at `px`; return the gain taken by what it closed."""
        held = self.pos
        self.pos = held + change
        if held * change >= 0:
            self.avg_px = (self.avg_px * abs(held) + px * abs(change)) / abs(self.pos)
            return ZERO
        closed = min(abs(held), abs(change))
        gain = (px - self.avg_px) * self.instrument.contract * (closed if held > 0 else -closed)
        if abs(change) > abs(held):
            self.avg_px = px
        elif not self.pos:
            self.avg_px = ZERO
        self.realized += gain
        return gain


@dataclass(slots=True)
class Account:
    """One user of the venue."""

    uid: str
    role: str = "follower"
    acct_lv: str = "2"
    pos_mode: str = "net_mode"
    perm: str = "read_only,trade"
    frozen: bool = False
    credentials: Credentials | None = None
    token_life_s: int = 3_600
    """Of an access token given for a code."""
    fast_key: Credentials | None = None
    """The one key the partner made with the owner's consent."""
    balances: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[PositionKey, Position] = field(default_factory=dict)
    net: dict[str, Decimal] = field(default_factory=dict)
    """Signed position per instrument, summed over modes and sides."""
    default_leverage: Decimal = Decimal(10)
    leverage: dict[PositionKey, Decimal] = field(default_factory=dict)
    """Set by hand, per position or with an empty posSide per margin mode."""
    pending: dict[str, Order] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    latest: dict[tuple[str, str], Order] = field(default_factory=dict)
    """The latest order of each instrument and clOrdId."""
    fills: list[tuple[Order, Fill]] = field(default_factory=list)
    order_count: int = 0
    refreshes: int = 0
    listeners: list[Listener] = field(default_factory=list)

    def held(self, key: PositionKey) -> Decimal:
        """Return the signed size of one position; zero when there is none."""
        position = self.positions.get(key)
        return ZERO if position is None else position.pos

    def has_pending(self, cl_ord_id: str) -> bool:
        """Tell whether a pending order of any instrument has this clOrdId."""
        return bool(cl_ord_id) and any(order.ticket.cl_ord_id == cl_ord_id for order in self.pending.values())

    def order_of(self, inst_id: str, ord_id: str, cl_ord_id: str) -> Order | None:
        """Return an order by ordId, or else the latest of its clOrdId; None unless it is of that instrument."""
        order = self.orders.get(ord_id) if ord_id else self.latest.get((inst_id, cl_ord_id))
        return order if order is not None and order.ticket.instrument.inst_id == inst_id else None

    def open_positions(self) -> Iterator[Position]:
        """Yield the positions that are not flat."""
        return (position for position in self.positions.values() if position.pos)

    def cash(self, ccy: str) -> Decimal:
        """Return a balance; zero when the account never had the currency."""
        return self.balances.get(ccy, ZERO)

    def credit(self, ccy: str, amount: Decimal) -> None:
        """Change a balance; negative amounts take away."""
        self.balances[ccy] = self.cash(ccy) + amount


class Accounts:
    """All accounts, by uid and by API key."""

    def __init__(self) -> None:
        self.by_uid: dict[str, Account] = {}
        self.by_key: dict[str, tuple[Account, Credentials]] = {}

    def add(self, account: Account) -> None:
        """Take an account in, replacing one of the same uid and its keys."""
        previous = self.by_uid.get(account.uid)
        if previous is not None:
            for credentials in (previous.credentials, previous.fast_key):
                self._drop(credentials)
        self.by_uid[account.uid] = account
        if account.credentials is not None:
            self.by_key[account.credentials.api_key] = account, account.credentials

    def put_fast_key(self, account: Account, credentials: Credentials | None) -> None:
        """Put the partner's key in force, or take it away."""
        self._drop(account.fast_key)
        account.fast_key = credentials
        if credentials is not None:
            self.by_key[credentials.api_key] = account, credentials

    def _drop(self, credentials: Credentials | None) -> None:
        if credentials is not None:
            self.by_key.pop(credentials.api_key, None)
