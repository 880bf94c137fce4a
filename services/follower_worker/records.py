"""A strand as its lane keeps it: domain values to the message and back."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.follower_worker.flights import Flight, StrandKey
from services.follower_worker.phases import DOUBTFUL, IDLE, READY, UNKNOWN, UNSETTLED
from services.follower_worker.strands import Strand
from shared.domain.books import Book
from shared.domain.fills import Hops, TradeEvent
from shared.domain.ids import CLOSE, OPEN, AccountId, EntryId, EventId, InstId, Leg, client_order_id, entry_order
from shared.domain.orders import Attempt, Intent, MarginMode, Opening, OrderType
from shared.domain.quantities import Contracts, Price
from shared.domain.subscriptions import Subscription
from shared.messages.entries import read_subscription, read_trade_event, write_subscription, write_trade_event
from shared.messages.lane import Commit
from shared.messages.strand import AttemptV1, OpeningV1, OwedPhase, PendingV1, StrandV1


@dataclass(slots=True)
class Written:
    """What one commit carried, to be noted when it succeeds."""

    commit: Commit
    strands: list[tuple[Strand, int, int]]


def forgettable(commit: Commit, carried: Iterable[tuple[Strand, int, int]]) -> list[str]:
    """Name strands that hold nothing and lie behind the offset, and take them out of the commit."""
    if not commit.offset:
        return []
    passed = entry_order(commit.offset)
    gone = [
        strand.name
        for strand, _, _ in carried
        if strand.phase is IDLE and strand.book.flat and not strand.waiting and entry_order(strand.cursor) <= passed
    ]
    for name in gone:
        del commit.strands[name]
    return gone


_OWED = {
    IDLE: None,
    READY: OwedPhase.REST,
    UNSETTLED: OwedPhase.UNSETTLED,
    UNKNOWN: OwedPhase.UNKNOWN,
}


_STANDS = {owed: phase for phase, owed in _OWED.items()}


def key_of(name: str) -> StrandKey:
    """Read a field name back."""
    follower, inst_id, leader = name.split("|")
    return StrandKey(AccountId(follower), InstId(inst_id), AccountId(leader))


def write_strand(strand: Strand) -> StrandV1:
    """Spell a strand that is not in flight; one still in doubt keeps what it was found with, and its events."""
    book = strand.book
    return StrandV1(
        cursor=strand.cursor,
        event=strand.event,
        event_ms=strand.hops.filled_ms,
        tries=(strand.tries[CLOSE], strand.tries[OPEN]),
        target=book.target,
        held=book.held,
        kept=book.kept,
        covers=strand.covers,
        openings=_write_openings(book.openings),
        phase=_owed_phase(strand),
        attempt=_write_flight(strand.flight) if strand.flight else None,
        doubtful=tuple(_write_pending(event, strand.under.get(event.id)) for event in strand.doubtful),
        poisoned=strand.poisoned,
        reconciling=strand.reconciling,
    )


def _owed_phase(strand: Strand) -> OwedPhase | None:
    if strand.phase is not DOUBTFUL:
        return _OWED[strand.phase]
    if strand.flight:
        return OwedPhase.UNSETTLED if strand.flight.order_id else OwedPhase.UNKNOWN
    return OwedPhase.REST if strand.owing else None


def read_strand(key: StrandKey, record: StrandV1, wait_ms: int, *, clean: bool = False) -> Strand:
    """Take over a strand: whatever was owed must be asked for before anything is sent.

    From a holder that left nothing on its way, what its record says is all there is: it goes on where it stood.
    """
    book = Book(Contracts(record.target), Contracts(record.held), _read_openings(record.openings), record.kept)
    strand = Strand(key, book=book, cursor=EntryId(record.cursor), event=EventId(record.event), covers=record.covers)
    strand.hops = Hops(record.event_ms, 0, 0)
    strand.tries = {CLOSE: record.tries[0], OPEN: record.tries[1]}
    strand.doubtful = [read_trade_event(each.event, EntryId(each.entry)) for each in record.doubtful]
    strand.under = {EventId(each.event.id): read_subscription(each.under) for each in record.doubtful if each.under}
    if record.attempt:
        strand.flight = _read_flight(key, record.attempt)
    strand.owing = record.phase is not None
    strand.poisoned, strand.reconciling = record.poisoned, record.reconciling
    if clean and not strand.doubtful:
        strand.phase, strand.owing = _STANDS[record.phase], False
        strand.wait_ms = strand.flight.expires_ms if strand.flight else 0
    elif strand.owing or strand.doubtful:
        strand.doubt(wait_ms)
    return strand


def _write_pending(event: TradeEvent, under: Subscription | None) -> PendingV1:
    return PendingV1(event.entry, write_trade_event(event), write_subscription(under) if under else None)


def _write_openings(openings: tuple[Opening, ...]) -> tuple[OpeningV1, ...]:
    return tuple(OpeningV1(each.event, each.at_ms, each.price, each.size) for each in openings)


def _read_openings(openings: tuple[OpeningV1, ...]) -> tuple[Opening, ...]:
    return tuple(Opening(EventId(each.event), each.at_ms, Price(each.price), each.size) for each in openings)


def _write_flight(flight: Flight) -> AttemptV1:
    named, intent = flight.attempt, flight.attempt.intent
    return AttemptV1(
        event=named.event,
        leg=intent.leg,
        tries=named.tries,
        change=intent.change,
        type=intent.type,
        price=intent.price,
        reduce_only=intent.reduce_only,
        margin_mode=intent.margin_mode,
        openings=_write_openings(intent.openings),
        more=intent.more,
        raised=intent.raised,
        expires_ms=flight.expires_ms,
        order_id=flight.order_id,
        sent_ms=flight.sent_ms,
        covers=flight.covers,
    )


def _read_flight(key: StrandKey, record: AttemptV1) -> Flight:
    event, leg = EventId(record.event), Leg(record.leg)
    intent = Intent(
        inst_id=key.inst_id,
        leg=leg,
        change=Contracts(record.change),
        type=OrderType(record.type),
        price=None if record.price is None else Price(record.price),
        reduce_only=record.reduce_only,
        margin_mode=MarginMode(record.margin_mode),
        openings=_read_openings(record.openings),
        more=record.more,
        raised=record.raised,
    )
    named = Attempt(key.follower, event, record.tries, intent, client_order_id(event, key.follower, leg, record.tries))
    return Flight(named, record.expires_ms, record.sent_ms, record.covers, record.order_id)
