"""What an order must satisfy at the venue: lot, tick, minimum, maximum, contract value."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.ids import InstId
from shared.domain.quantities import Contracts, Price, Quote, down_to, toward_zero, up_to


class InstType(StrEnum):
    """OKX's product families."""

    SPOT = "SPOT"
    MARGIN = "MARGIN"
    SWAP = "SWAP"
    FUTURES = "FUTURES"
    OPTION = "OPTION"


class Side(StrEnum):
    """The side of an order or a fill."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Return what one contract of this side adds to a position."""
        return 1 if self is BUY else -1


BUY, SELL = Side
"""For the way of an order: asked of its class, a member of an enumeration costs ten times a name of a module."""


def side_of(signed: Decimal) -> Side:
    """Return the side whose fills move a position by `signed`."""
    return BUY if signed > 0 else SELL


@dataclass(frozen=True, slots=True)
class Instrument:
    """A tradable product as OKX lists it (D#public-data-rest-api-get-instruments); sizes in contracts."""

    inst_id: InstId
    inst_type: InstType
    linear: bool
    contract_value: Decimal
    """Base currency per contract: ctVal x ctMult."""
    lot: Contracts
    minimum: Contracts
    tick: Price
    max_market: Contracts
    max_limit: Contracts
    live: bool

    def round_size(self, size: Decimal) -> Contracts:
        """Round toward zero on the lot."""
        return Contracts(toward_zero(size, self.lot))

    def round_price(self, price: Decimal, side: Side) -> Price:
        """Round to the tick on the side that gives away nothing: buys down, sells up."""
        return Price(down_to(price, self.tick) if side is BUY else up_to(price, self.tick))

    def notional(self, size: Decimal, price: Decimal) -> Quote:
        """Return what `size` contracts of a linear swap are worth at `price`."""
        return Quote(abs(size) * self.contract_value * price)

    def size_worth(self, amount: Decimal, price: Decimal) -> Contracts:
        """Return how many contracts `amount` of quote currency buys at `price`, unrounded."""
        return Contracts(amount / (self.contract_value * price))


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of an instrument's price right now; None where it is not known.

    `buy_limit` and `sell_limit` are the venue's price band (D#public-data-rest-api-get-limit-price).
    """

    last: Price | None = None
    buy_limit: Price | None = None
    sell_limit: Price | None = None
    at_ms: int = 0


UNKNOWN_MARKET = Market()
