"""What a leader did: a fill as the venue reported it, and the event we publish of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.ids import AccountId, EntryId, EventId, InstId, fill_event_id
from shared.domain.instruments import InstType, Side
from shared.domain.quantities import Contracts, Price

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
    """A fill, or a difference between our leader position and the venue's that no fill explains."""

    FILL = "fill"
    ADJUSTMENT = "adjustment"


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

    @property
    def at_ms(self) -> int:
        """Return when the venue executed it."""
        return self.hops.filled_ms

    @property
    def closed_fraction(self) -> Decimal:
        """Return how much of the position before it this event closed.

        0 for an opening, 1 for a full close or a flip.
        """
        if self.before == 0 or self.before * (self.after - self.before) >= 0:
            return Decimal(0)
        if self.after * self.before <= 0:
            return Decimal(1)
        return (self.before - self.after) / self.before

    @property
    def opened(self) -> Contracts:
        """Return the signed contracts this event added beyond what it closed."""
        if self.closed_fraction == 1:
            return self.after
        return Contracts(self.after - self.before) if self.closed_fraction == 0 else Contracts(Decimal(0))

    @property
    def chosen(self) -> bool:
        """Tell whether the leader chose this trade, as opposed to a liquidation, an adjustment or the like."""
        return self.kind is EventKind.FILL and self.category in PLAIN_CATEGORIES
