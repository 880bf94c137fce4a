"""What a strand sends, asks for and finds: values."""

from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from shared.domain.books import Book, adopted, settled
from shared.domain.ids import AccountId, EventId, InstId, Leg
from shared.domain.instruments import Instrument
from shared.domain.orders import Attempt, Intent, MarginMode, OrderType
from shared.domain.outcomes import OrderReport
from shared.domain.quantities import Contracts


class StrandKey(NamedTuple):
    """What a strand is known by."""

    follower: AccountId
    inst_id: InstId
    leader: AccountId


class Flight(Struct, frozen=True, gc=False):
    """An attempt on its way; times in venue milliseconds."""

    attempt: Attempt
    expires_ms: int
    sent_ms: int
    covers: int
    order_id: str = ""

    def accepted(self, order_id: str) -> "Flight":
        """Return it as the venue has accepted it."""
        return Flight(self.attempt, self.expires_ms, self.sent_ms, self.covers, order_id)


@dataclass(frozen=True, slots=True)
class Probe:
    """A name to ask for: this event and leg, tries upward until absent."""

    event: EventId
    leg: Leg
    tries: int


@dataclass(frozen=True, slots=True)
class Found:
    """An order the venue shows under a name nobody remembers sending."""

    event: EventId
    leg: Leg
    tries: int
    report: OrderReport


def seen_intent(order: Found, change: Contracts, instrument: Instrument) -> Intent:
    """Rebuild the intent of an order found at the venue."""
    piece = order.leg is Leg.OPEN and abs(change) in (instrument.max_market, instrument.max_limit)
    return Intent(instrument.inst_id, order.leg, change, OrderType.MARKET, None, False, MarginMode.CROSS, more=piece)


def adopt(book: Book, tries: dict[Leg, int], orders: list[Found], instrument: Instrument) -> Book:
    """Take found orders into a book in the order they must have been sent; `tries` goes on behind the last."""
    for order in sorted(orders, key=lambda each: (each.leg is Leg.OPEN, each.tries)):
        change = Contracts(order.report.size * order.report.side.sign)
        made_room = adopted(book, order.leg, change, instrument)
        book = settled(made_room, seen_intent(order, change, instrument), order.report.filled)
        tries[order.leg] = order.tries + 1
    return book
