"""The book: what a follower should hold and holds because of a leader, and how facts move it.

`target` is exact; `held` moves only by settled fills. The difference is answered by orders: `openings` remembers which
events asked for the part of it that would open, at which price and when, so that limits judge an order by the trades it
copies. An order in flight takes its openings with it; `kept` is what later closes left of the target it was planned
for, so that what it does not fill leaves the target in that measure. All sizes are signed contracts.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.fills import OWN_ORDER, PosSide, TradeEvent
from shared.domain.ids import CLOSE, Leg
from shared.domain.instruments import Instrument, InstType
from shared.domain.orders import Intent, Opening
from shared.domain.quantities import ZERO, Contracts, Price, sign, toward_zero
from shared.domain.reasons import Reason, Skip, numbers
from shared.domain.sizing import opening_size
from shared.domain.subscriptions import Subscription, SubscriptionState

_ONE = Decimal(1)
_NET, _SWAP = PosSide.NET, InstType.SWAP
"""For the way of an order; see `ids.Leg`."""
_NOISE = Decimal("1e-20")
"""A share that 28 digits cannot tell from nothing: what is left where a third was closed has no end in decimals."""
_MOST_OPENINGS = 32
"""Openings remembered one by one.

Beyond it the two oldest become one, so a follower who cannot trade costs bounded memory.
"""

DENIED_BY_STATE = {
    SubscriptionState.PAUSED: Reason.PAUSED,
    SubscriptionState.CLOSE_ONLY: Reason.CLOSE_ONLY,
    SubscriptionState.ENDED: Reason.ENDED,
}


class Book(Struct, frozen=True, gc=False):
    """Target, holding and unanswered openings of one follower, leader and instrument."""

    target: Contracts = ZERO
    held: Contracts = ZERO
    openings: tuple[Opening, ...] = ()
    kept: Decimal = _ONE

    @property
    def gap(self) -> Contracts:
        """Return what is missing to the target."""
        return Contracts(self.target - self.held)

    @property
    def flat(self) -> bool:
        """Tell whether nothing is held and nothing is wanted."""
        return self.target == 0 and self.held == 0

    @property
    def closes(self) -> bool:
        """Tell whether the next thing to do is to hold less."""
        return self.held != 0 and self.gap * self.held < 0


FLAT = Book()


def fold(book: Book, event: TradeEvent, subscription: Subscription, instrument: Instrument) -> tuple[Book, Skip | None]:
    """Move the target by one event of the leader; total, and independent of time and of orders in flight.

    Closes shrink the target by the leader's fraction, a full close sets it to zero, a remainder below the instrument's
    minimum counts as a full close. The skip, if any, says why the event did not move the target.
    """
    if event.category == OWN_ORDER:
        return book, Skip(event.id, Reason.NOT_CHOSEN, numbers(category=event.category))
    if event.pos_side is not _NET:
        return book, Skip(event.id, Reason.LEADER_MODE, numbers(pos_side=event.pos_side.value))
    if not (instrument.linear and instrument.inst_type is _SWAP):
        return book, Skip(event.id, Reason.INSTRUMENT_UNSUPPORTED, numbers(inst_type=instrument.inst_type.value))
    shrunk = _shrink(book, event, instrument)
    if not event.opened:
        return (book, Skip(event.id, Reason.NOTHING_HELD)) if book.flat and book.kept else (shrunk, None)
    denied = _why_not_open(event, subscription)
    if denied:
        return shrunk, Skip(event.id, denied, numbers(size=opening_size(event.opened, subscription.sizing)))
    return _raise(shrunk, event, subscription), None


def _why_not_open(event: TradeEvent, subscription: Subscription) -> Reason | None:
    return DENIED_BY_STATE.get(subscription.state) if event.chosen else Reason.NOT_CHOSEN


def _shrink(book: Book, event: TradeEvent, instrument: Instrument) -> Book:
    """Keep of everything wanted what the leader kept of its position; of a remainder nobody could hold, nothing."""
    if not event.closed_fraction:
        return book
    if event.closed_fraction == 1 or abs(event.after) < instrument.minimum:
        return replace(book, target=ZERO, openings=(), kept=Decimal(0))
    # Multiplied before divided: a third has no end in decimals, two thirds of six do.
    return Book(
        Contracts(book.target * event.after / event.before),
        book.held,
        left_of(book.openings, event, instrument),
        book.kept * event.after / event.before,
    )


def left_of(openings: tuple[Opening, ...], event: TradeEvent, instrument: Instrument) -> tuple[Opening, ...]:
    """Return what a leader's close leaves of openings, as it does of everything wanted."""
    if not (openings and event.closed_fraction):
        return openings
    if event.closed_fraction == 1 or abs(event.after) < instrument.minimum:
        return ()
    return tuple(replace(each, size=each.size * event.after / event.before) for each in openings)


def _raise(book: Book, event: TradeEvent, subscription: Subscription) -> Book:
    size = opening_size(event.opened, subscription.sizing)
    opening = Opening(event.id, event.at_ms, event.price, size)
    return Book(Contracts(book.target + size), book.held, _bounded((*book.openings, opening)), book.kept)


def _bounded(openings: tuple[Opening, ...]) -> tuple[Opening, ...]:
    if len(openings) <= _MOST_OPENINGS:
        return openings
    first, second, *rest = openings
    merged = Opening(second.event, first.at_ms, weighted_price((first, second)), first.size + second.size)
    return (merged, *rest)


def weighted_price(openings: tuple[Opening, ...]) -> Price:
    """Return the size-weighted price of at least one opening; the last one's where their sizes cancel out."""
    total = sum((abs(each.size) for each in openings), Decimal(0))
    if not total:
        return openings[-1].price
    return Price(sum((abs(each.size) * each.price for each in openings), Decimal(0)) / total)


def newest(openings: tuple[Opening, ...], most: Decimal) -> tuple[Opening, ...]:
    """Keep the newest openings up to `most` contracts in all.

    Older ones are answered first: by earlier pieces, or by not closing what the leader closed meanwhile.
    """
    if len(openings) == 1 and abs(openings[0].size) <= most:
        return openings
    kept: list[Opening] = []
    for each in reversed(openings):
        size = min(abs(each.size), most)
        if size <= 0:
            break
        kept.insert(0, replace(each, size=size * sign(each.size)))
        most -= size
    return tuple(kept)


def asked(openings: tuple[Opening, ...]) -> Decimal:
    """Return what openings ask for in all, positive contracts."""
    return sum((abs(each.size) for each in openings), Decimal(0))


def settled(book: Book, intent: Intent, filled: Decimal, applied: Decimal = Decimal(0)) -> Book:
    """Apply the end of an order: `filled` in all, `applied` of it already in the book (both positive contracts).

    What an opening order left unfilled leaves the target and is not chased; what a close left unfilled stays to be
    closed.
    """
    held = Contracts(book.held + (filled - applied) * sign(intent.change))
    if intent.leg is CLOSE:
        return Book(book.target, held, book.openings)
    unfilled, target = intent.size - filled, book.target
    if unfilled:
        target = _lowered(target, unfilled * sign(intent.change) * book.kept)
    elif intent.more:
        return Book(target, held, (*_scaled(intent.openings, book.kept), *book.openings))
    return Book(target, held, book.openings)


def filling(book: Book, intent: Intent, filled: Decimal, applied: Decimal) -> Book:
    """Apply what has filled so far of an order that is not done."""
    return replace(book, held=Contracts(book.held + (filled - applied) * sign(intent.change)))


def withdrawn(book: Book, intent: Intent) -> Book:
    """Give back what an order would have answered, because the order is proven not to exist.

    What rounding up had added leaves the target again: nothing was rounded.
    """
    target = _lowered(book.target, intent.raised * book.kept) if intent.raised else book.target
    return Book(target, book.held, (*_scaled(intent.openings, book.kept), *book.openings))


def adopted(book: Book, leg: Leg, change: Decimal, instrument: Instrument) -> Book:
    """Make room for an order somebody else planned from this book: what its planner denied leaves the target.

    A piece cut by the venue's maximum leaves the rest of the target to the next piece.
    """
    rest = book.gap - change
    piece = rest * change > 0 and abs(rest) >= instrument.minimum and _may_be_piece(change, instrument)
    if leg is CLOSE or piece:
        return replace(book, kept=_ONE)
    below_lot = rest - toward_zero(rest, instrument.lot) if rest * change > 0 else Decimal(0)
    return replace(book, target=Contracts(book.held + change + below_lot), openings=(), kept=_ONE)


def _may_be_piece(change: Decimal, instrument: Instrument) -> bool:
    """Tell whether an order is as large as a piece: a maximum, or a little less so that the rest can be ordered too."""
    return abs(change) >= min(instrument.max_market, instrument.max_limit) - instrument.minimum


def observed(book: Book, position: Decimal) -> Book:
    """Believe the account where it holds less than the book: the follower reduced it, or the venue did.

    Never grows anything.
    """
    same_way = position if position * book.held > 0 else Decimal(0)
    held = min(abs(book.held), abs(same_way)) * sign(book.held)
    target = (
        book.target
        if book.target * book.held <= 0
        else min(abs(book.target), max(abs(held), abs(book.target) - abs(book.held - held))) * sign(book.target)
    )
    return replace(book, held=Contracts(held), target=Contracts(Decimal(target)))


def denied(book: Book, amount: Decimal) -> Book:
    """Take a denied opening (signed) out of the target, never past what is held."""
    if book.gap * amount <= 0:
        return book
    return replace(book, target=Contracts(book.held + _left(book.gap, amount)))


def _scaled(openings: tuple[Opening, ...], kept: Decimal) -> tuple[Opening, ...]:
    return tuple(replace(each, size=each.size * kept) for each in openings) if kept else ()


def _lowered(target: Contracts, amount: Decimal) -> Contracts:
    """Take `amount` from a target without crossing zero."""
    return target if target * amount <= 0 else Contracts(_left(target, amount))


def _left(whole: Decimal, taken: Decimal) -> Decimal:
    """Take from a number one of the same sign; nothing is left where only rounding would be."""
    left = abs(whole) - abs(taken)
    return left * sign(whole) if left > abs(taken) * _NOISE else Decimal(0)
