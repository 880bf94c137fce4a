"""What following a leader would have meant: its recorded events, planned as they would be planned live. Pure.

The follower begins with nothing, as whoever subscribes does; each order is taken to fill whole, at once, at the
leader's price. So the answer is what settings make of a leader's trades, not what markets would have made of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

from msgspec.structs import replace

from shared.domain.books import FLAT, Book, fold, settled
from shared.domain.fills import TradeEvent
from shared.domain.ids import InstId, Leg
from shared.domain.instruments import UNKNOWN_MARKET, Instrument
from shared.domain.planning import decide
from shared.domain.reasons import Reason
from shared.domain.risk import Account, Situation
from shared.domain.subscriptions import Subscription

SHARE = Decimal("0.99")
"""The share of opening orders that the smallest ratio and the smallest balance are for."""
_MOST_PIECES = 64
"""Orders one event may become before the rest is left: a size of a thousand maximums says enough by then."""
_RATIO_STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Preview:
    """What came out; amounts in quote currency."""

    events: int
    copies: int
    """Orders that would have been placed."""
    skips: Mapping[Reason, int]
    trims: Mapping[Reason, int]
    smallest_ratio: Decimal | None
    """The smallest ratio at which 99 of 100 of the leader's openings reach the venue's minimum; None without any."""
    largest_exposure: Decimal
    """The most that was held at once, all instruments together, at the leader's prices."""
    smallest_balance: Decimal
    """What is held after 99 of 100 opening orders fits into so much at the leverage asked about."""


@dataclass(slots=True)
class _Course:
    """How far the planning has come."""

    books: dict[InstId, Book] = field(default_factory=dict)
    worth: dict[InstId, Decimal] = field(default_factory=dict)
    copies: int = 0
    skips: Counter[Reason] = field(default_factory=Counter)
    trims: Counter[Reason] = field(default_factory=Counter)
    exposures: list[Decimal] = field(default_factory=list)
    """What was held after each opening order."""

    @property
    def exposure(self) -> Decimal:
        """Return what is held now, all instruments together."""
        return sum(self.worth.values(), Decimal(0))


def preview(
    subscription: Subscription,
    account: Account,
    instruments: Mapping[InstId, Instrument],
    events: Sequence[TradeEvent],
    leverage: Decimal = Decimal(1),
) -> Preview:
    """Plan a leader's events, in order, for one follower. Total; takes time in proportion to the events."""
    course = _Course()
    for event in events:
        _follow(course, subscription, account, instruments.get(event.inst_id), event)
    return Preview(
        events=len(events),
        copies=course.copies,
        skips=dict(course.skips),
        trims=dict(course.trims),
        smallest_ratio=smallest_ratio(instruments, events),
        largest_exposure=max(course.exposures, default=Decimal(0)),
        smallest_balance=_reaching(course.exposures) / leverage if course.exposures else Decimal(0),
    )


def smallest_ratio(instruments: Mapping[InstId, Instrument], events: Iterable[TradeEvent]) -> Decimal | None:
    """Return the smallest ratio, in millionths, at which 99 of 100 openings each reach the venue's minimum."""
    needed = [
        (instrument.minimum / abs(event.opened)).quantize(_RATIO_STEP, ROUND_CEILING)
        for event in events
        if event.chosen and event.opened and (instrument := instruments.get(event.inst_id))
    ]
    return _reaching(needed) if needed else None


def _reaching(values: Sequence[Decimal]) -> Decimal:
    """Return the least value that 99 of 100 do not exceed."""
    reached = int((len(values) * SHARE).to_integral_value(ROUND_CEILING))
    return sorted(values)[reached - 1]


def _follow(
    course: _Course, subscription: Subscription, account: Account, instrument: Instrument | None, event: TradeEvent
) -> None:
    """Plan one event: it becomes orders, or it is skipped with a reason."""
    if instrument is None:
        course.skips[Reason.INSTRUMENT_UNKNOWN] += 1
        return
    before = course.copies, course.skips.total()
    book, skip = fold(course.books.get(event.inst_id, FLAT), event, subscription, instrument)
    course.skips.update([skip.reason] if skip else [])
    at = Situation(book, subscription, account, instrument, UNKNOWN_MARKET, event.at_ms)
    course.books[event.inst_id] = _place(course, at, event)
    if (course.copies, course.skips.total()) == before:
        course.skips[Reason.NETTED] += 1


def _place(course: _Course, at: Situation, event: TradeEvent) -> Book:
    """Place and fill what is to be ordered, piece by piece; returns the book afterwards."""
    for _ in range(_MOST_PIECES):
        decision = decide(at)
        course.skips.update(each.reason for each in decision.skips)
        if decision.intent is None:
            return decision.book
        intent, course.copies = decision.intent, course.copies + 1
        course.trims.update(each.reason for each in intent.trims)
        at = replace(at, book=settled(decision.book, intent, intent.size))
        course.worth[event.inst_id] = at.instrument.notional(at.book.held, event.price)
        if intent.leg is Leg.OPEN:
            course.exposures.append(course.exposure)
    return at.book
