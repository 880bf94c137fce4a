"""What happened to a strand, in words others can read."""

import pytest

from services.follower_worker.flights import Flight, Found
from services.follower_worker.strands import Strand
from services.follower_worker.telling import (
    skip_name,
    tell_absent,
    tell_adopted,
    tell_placement,
    tell_settled,
    tell_skip,
)
from shared.domain.ids import Leg
from shared.domain.outcomes import Accepted, Category, NotPlaced, Placement, Postponement, Refused, Unknown
from shared.domain.reasons import REMEDIES, Reason, Skip, numbers
from shared.messages.outcome import OutcomeKind, OutcomeV1
from tests.support.builders import FOLLOWER, NOON_MS, event, instrument, situation, subscription
from tests.support.lanes import lane, strand_of
from tests.support.paper_exchange import report_of


def flown() -> tuple[Strand, Flight]:
    taken = lane(subscription())
    taken.apply(event(0, 10), instrument(), NOON_MS + 9)
    strand = strand_of(taken)
    named, _ = strand.next(situation(strand.book))
    assert named
    strand.launch(named, NOON_MS + 1_000, NOON_MS + 10)
    assert strand.flight
    return strand, strand.flight


@pytest.mark.parametrize(
    ("placement", "kind", "facts"),
    [
        (Accepted("venue-1", NOON_MS), OutcomeKind.ACCEPTED, {"order_id": "venue-1"}),
        (
            Refused("51008", "1", Category.FUNDS, "insufficient"),
            OutcomeKind.REFUSED,
            {"code": "51008", "sub_code": "1", "category": "funds", "message": "insufficient"},
        ),
        (NotPlaced(Postponement.EXPIRED, "50036"), OutcomeKind.ABSENT, {"message": "expired", "code": "50036"}),
        (Unknown("reset after the first byte"), OutcomeKind.UNKNOWN, {"message": "reset after the first byte"}),
    ],
)
def test_an_answer_is_told_with_the_venues_own_words(
    placement: Placement, kind: OutcomeKind, facts: dict[str, str]
) -> None:
    strand, flight = flown()
    told = tell_placement(strand, flight, placement, 3, NOON_MS + 40)
    assert (told.kind, told.cl_ord_id, told.version) == (kind, flight.attempt.cl_ord_id, 3)
    assert {name: getattr(told, name) for name in facts} == facts
    assert (told.side, told.size, told.order_type, told.leg, told.covers) == ("buy", "10", "market", "open", 1)


def test_every_hop_is_kept() -> None:
    strand, flight = flown()
    hops = tell_placement(strand, flight, Accepted("venue-1", NOON_MS), 1, NOON_MS + 40).hops
    assert (hops.filled_ms, hops.seen_ms, hops.published_ms) == (NOON_MS + 1, NOON_MS + 6, NOON_MS + 7)
    assert (hops.read_ms, hops.sent_ms, hops.answered_ms, hops.settled_ms) == (
        NOON_MS + 9,
        NOON_MS + 10,
        NOON_MS + 40,
        0,
    )


def test_what_filled_is_told_with_price_and_fee() -> None:
    strand, flight = flown()
    told = tell_settled(strand, flight, report_of(flight.attempt, 4), 1, NOON_MS)
    assert (told.kind, told.filled, told.average, told.fee, told.fee_currency) == (
        OutcomeKind.SETTLED,
        "4",
        "100",
        "-0.01",
        "USDT",
    )


def test_an_order_proven_absent_and_one_adopted_carry_their_own_names() -> None:
    strand, flight = flown()
    assert tell_absent(strand, flight, 1, NOON_MS).cl_ord_id == flight.attempt.cl_ord_id
    found = Found(event(0, 10).id, Leg.OPEN, 2, report_of(flight.attempt, 10))
    adopted = tell_adopted(strand, found, 1, NOON_MS)
    assert (adopted.cl_ord_id, adopted.tries, adopted.size) == (found.report.cl_ord_id, 2, "10")


def test_a_skip_has_a_name_no_order_has_a_reason_and_a_remedy() -> None:
    strand, flight = flown()
    skip = Skip(event(0, 10).id, Reason.STALE, numbers(age_ms=5))
    told: OutcomeV1 = tell_skip(strand, skip, 1, NOON_MS)
    assert (told.reason, told.remedy, told.numbers) == ("stale", REMEDIES[Reason.STALE], {"age_ms": "5"})
    assert told.cl_ord_id == skip_name(skip.event, FOLLOWER) != flight.attempt.cl_ord_id
