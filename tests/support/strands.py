"""Strands brought to where a test wants them; and the answers a venue gives."""

from services.follower_worker.flights import StrandKey
from services.follower_worker.strands import Strand
from shared.domain.fills import TradeEvent
from shared.domain.instruments import Instrument
from shared.domain.orders import Attempt
from shared.domain.outcomes import (
    Accepted,
    Category,
    NotPlaced,
    Placement,
    Postponement,
    Refused,
    Unknown,
)
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS, event, instrument, situation, subscription
from tests.support.paper_exchange import report_of

ACCEPTED = Accepted("venue-1", NOON_MS)
UNKNOWN = Unknown("no answer")
REFUSED = Refused("51008", "", Category.FUNDS, "insufficient balance")
NOT_SENT = NotPlaced(Postponement.NOT_SENT)


def fresh() -> Strand:
    return Strand(StrandKey(FOLLOWER, BTC, LEADER))


def received(strand: Strand, *events: TradeEvent, listed: Instrument | None = None) -> Strand:
    for each in events:
        strand.receive(each, subscription(), listed or instrument(), NOON_MS)
    return strand


def decide(strand: Strand, listed: Instrument | None = None) -> Attempt:
    named, _ = strand.next(situation(strand.book, instrument=listed))
    assert named is not None
    return named


def fly(strand: Strand, listed: Instrument | None = None) -> Attempt:
    named = decide(strand, listed)
    strand.launch(named, NOON_MS + 1_000, NOON_MS)
    return named


def commit(strand: Strand) -> Strand:
    assert strand.committable
    strand.written(strand.results, strand.revision)
    return strand


def answered(strand: Strand, placement: Placement) -> Attempt:
    named = fly(strand)
    strand.answered(placement)
    return named


def holding(size: int = 10) -> Strand:
    """Hold what event 1 opened, everything committed."""
    strand = received(fresh(), event(0, size, number=1))
    named = answered(strand, ACCEPTED)
    commit(strand)
    strand.settle(report_of(named, size))
    commit(strand)
    strand.next(situation(strand.book))
    return commit(strand)
