"""What a leader did: a fill as the venue reported it, and the event we publish of it."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from shared.domain.ids import AccountId, EntryId, EventId, InstId, fill_event_id
from shared.domain.instruments import InstType, Side
from shared.domain.quantities import ZERO, Contracts, Price

PLAIN_CATEGORIES = frozenset({"normal", ""})
"""Categories of fills the leader chose; REST fills name none (D#order-book-trading-trade-ws-order-channel)."""

OWN_ORDER = "own_order"
"""The category of a fill of an order we placed: it moves the leader's position and is not led."""


class PosSide(StrEnum):
    """Which position of an account a fill moves."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


class Source(StrEnum):
    """Where we learned of a fill."""

    SOCKET = "socket"
    REST = "rest"


class EventKind(StrEnum):
    """A fill, a difference between our leader position and the venue's that no fill explains, or a command to close."""

    FILL = "fill"
    ADJUSTMENT = "adjustment"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution on the leader's account; times in venue milliseconds, size in contracts."""

    leader: AccountId
    inst_id: InstId
    inst_type: InstType
    trade_id: str
    order_id: str
    side: Side
    pos_side: PosSide
    size: Contracts
    price: Price
    category: str
    at_ms: int
    bill_id: str
    """The venue's own sequence; empty from the socket, which does not carry it."""
    source: Source
    seen_ms: int
    tag: str = ""
    """The order's tag; a fill of an order we placed is not led."""

    @property
    def event_id(self) -> EventId:
        """Return the one identity this fill has, whichever way it reached us."""
        return fill_event_id(self.leader, self.inst_id, self.trade_id)

    @property
    def signed(self) -> Contracts:
        """Return what the fill adds to the leader's position."""
        return Contracts(self.size * self.side.sign)


@dataclass(frozen=True, slots=True)
class Hops:
    """When a trade event passed each station, venue milliseconds."""

    filled_ms: int
    seen_ms: int
    published_ms: int


@dataclass(frozen=True, slots=True)
class TradeEvent:
    """A published change of a leader's position, stamped with the position before and after it.

    `vouched` is false for an event the publisher can no longer vouch for (older than its memory of published ids):
    whoever copies it asks the venue before sending.
    """

    entry: EntryId
    id: EventId
    kind: EventKind
    leader: AccountId
    inst_id: InstId
    inst_type: InstType
    pos_side: PosSide
    before: Contracts
    after: Contracts
    price: Price
    category: str
    late: bool
    vouched: bool
    hops: Hops
    at_ms: int = field(init=False, repr=False, compare=False)
    """When the venue executed it."""
    closed_fraction: Decimal = field(init=False, repr=False, compare=False)
    """How much of the position before it this event closed: 0 for an opening, 1 for a full close or a flip."""
    opened: Contracts = field(init=False, repr=False, compare=False)
    """The signed contracts this event added beyond what it closed."""
    chosen: bool = field(init=False, repr=False, compare=False)
    """Whether the leader chose this trade, as opposed to a liquidation, an adjustment or the like."""

    def __post_init__(self) -> None:
        """Derive once what every follower of the leader asks for."""
        closed = _closed_fraction(self.before, self.after)
        object.__setattr__(self, "at_ms", self.hops.filled_ms)
        object.__setattr__(self, "closed_fraction", closed)
        object.__setattr__(self, "opened", _opened(self.before, self.after, closed))
        object.__setattr__(self, "chosen", self.kind is EventKind.FILL and self.category in PLAIN_CATEGORIES)


def _closed_fraction(before: Contracts, after: Contracts) -> Decimal:
    if before == 0 or before * (after - before) >= 0:
        return ZERO
    return Decimal(1) if after * before <= 0 else (before - after) / before


def _opened(before: Contracts, after: Contracts, closed: Decimal) -> Contracts:
    if closed == 1:
        return after
    return Contracts(after - before) if closed == 0 else ZERO
