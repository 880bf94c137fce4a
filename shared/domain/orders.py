"""From an intent to an attempt: what one follower should do, and that same thing on its way to the venue."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from shared.domain.ids import AccountId, ClOrdId, EventId, InstId, Leg, client_order_id
from shared.domain.instruments import Side, side_of
from shared.domain.quantities import ZERO, Contracts, Price
from shared.domain.reasons import Trim


class OrderType(StrEnum):
    """The kinds of order we place; each takes an `expTime`."""

    MARKET = "market"
    IOC = "ioc"


MARKET, IOC = OrderType
"""For the way of an order; see `ids.Leg`."""


class MarginMode(StrEnum):
    """OKX's `tdMode` for derivatives."""

    CROSS = "cross"
    ISOLATED = "isolated"


class Opening(Struct, frozen=True, gc=False):
    """The part of a target that an event asked for and that no order has answered yet; signed contracts."""

    event: EventId
    at_ms: int
    price: Price
    size: Decimal


class Intent(Struct, frozen=True, gc=False):
    """An order one follower should place; `change` is what it adds to the position when it fills whole."""

    inst_id: InstId
    leg: Leg
    change: Contracts
    type: OrderType
    price: Price | None
    reduce_only: bool
    margin_mode: MarginMode
    openings: tuple[Opening, ...] = ()
    """What of the target this order answers; given back to the book if the order turns out not to exist."""
    more: bool = False
    """True when the venue's maximum size cut the order and another piece follows."""
    trims: tuple[Trim, ...] = ()
    raised: Decimal = ZERO
    """Signed contracts that rounding up to the minimum added to what was asked for; taken back if no order exists."""

    @property
    def side(self) -> Side:
        """Return the side to place."""
        return side_of(self.change)

    @property
    def size(self) -> Contracts:
        """Return the size to place."""
        return Contracts(abs(self.change))


class Attempt(Struct, frozen=True, gc=False):
    """An intent with a name: (last event covered, follower, leg, tries)."""

    follower: AccountId
    event: EventId
    tries: int
    intent: Intent
    cl_ord_id: ClOrdId


def attempt(intent: Intent, follower: AccountId, event: EventId, tries: int) -> Attempt:
    """Name an intent."""
    return Attempt(follower, event, tries, intent, client_order_id(event, follower, intent.leg, tries))
