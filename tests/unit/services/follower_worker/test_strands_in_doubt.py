"""What somebody else may have sent is asked for, taken in, and never sent again."""

# mypy: disable-error-code="comparison-overlap"
# Contracts are decimals, and decimals equal whole numbers; mypy holds the two types apart.

from decimal import Decimal

import pytest
from msgspec.structs import replace

from services.follower_worker.flights import Found, Probe
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.domain.fills import TradeEvent
from shared.domain.ids import Leg
from shared.domain.orders import attempt
from shared.domain.outcomes import (
    OrderReport,
    Placement,
)
from shared.domain.quantities import Contracts
from tests.support.builders import NOON_MS, event, instrument, situation, subscription
from tests.support.paper_exchange import report_of
from tests.support.strands import (
    ACCEPTED,
    NOT_SENT,
    REFUSED,
    UNKNOWN,
    answered,
    commit,
    decide,
    fly,
    fresh,
    holding,
    received,
)


class TestDoubt:
    def doubted(self, *events: TradeEvent) -> Strand:
        strand = fresh()
        for each in events:
            strand.doubt(NOON_MS + 3_000)
            strand.receive(each, subscription(), instrument(), NOON_MS)
        return strand

    def test_an_event_in_doubt_is_kept_and_not_folded(self) -> None:
        strand = self.doubted(event(0, 10))
        assert (strand.phase, strand.may_send, strand.committable) == (Phase.DOUBTFUL, False, True)
        assert (strand.book.flat, strand.wait_ms) == (True, NOON_MS + 3_000)

    def test_both_legs_of_every_event_in_doubt_are_asked_for(self) -> None:
        strand = self.doubted(event(0, 10, number=1), event(10, -5, number=2))
        assert strand.probes() == [
            Probe(event(0, 10, number=number).id, leg, 0) for number in (1, 2) for leg in (Leg.CLOSE, Leg.OPEN)
        ]

    def test_what_was_owed_is_asked_for_from_its_committed_tries(self) -> None:
        strand = holding()
        strand.owing = True
        strand.doubt(NOON_MS)
        assert strand.probes() == [Probe(event(0, 10).id, Leg.CLOSE, 0), Probe(event(0, 10).id, Leg.OPEN, 1)]

    def test_absent_everywhere_means_decided_afresh(self) -> None:
        strand = self.doubted(event(0, 10, number=1), event(10, 12, number=2))
        assert strand.resolve(None, {}, subscription(), instrument()) == []
        assert (strand.may_send, strand.doubtful) == (False, [])
        commit(strand)
        assert fly(strand).intent.change == 12

    def test_a_found_order_is_taken_in_and_not_sent_again(self) -> None:
        strand = self.doubted(event(0, 10))
        sent = decide(received(fresh(), event(0, 10)))
        found = Found(event(0, 10).id, Leg.OPEN, 0, report_of(sent, 10))
        strand.resolve(None, {found.event: [found]}, subscription(), instrument())
        commit(strand)
        assert (strand.book.target, strand.book.held, strand.tries[Leg.OPEN]) == (10, 10, 1)
        assert strand.next(situation(strand.book))[0] is None

    def test_an_order_named_after_the_second_event_covers_the_first(self) -> None:
        events = event(0, 10, number=1), event(10, 15, number=2)
        sent = decide(received(fresh(), *events))
        strand = self.doubted(*events)
        found = Found(events[1].id, Leg.OPEN, 0, report_of(sent, 15))
        strand.resolve(None, {found.event: [found]}, subscription(), instrument())
        assert (strand.book.target, strand.book.held) == (15, 15)

    def test_orders_of_both_legs_and_several_tries_are_taken_in_as_they_were_sent(self) -> None:
        flip = event(10, -6, number=2)
        strand = holding()
        strand.doubt(NOON_MS)
        received(strand, flip)
        closes = [close_of(strand, tries, size) for tries, size in ((0, 7), (1, 3))]
        opened = received(Strand(strand.key), event(0, -6, number=2))
        found = [
            Found(flip.id, Leg.OPEN, 0, report_of(decide(opened), 6)),
            *(Found(flip.id, Leg.CLOSE, number, report) for number, report in enumerate(closes)),
        ]
        strand.resolve(None, {flip.id: found}, subscription(), instrument())
        assert (strand.book.target, strand.book.held) == (-6, -6)
        assert strand.tries == {Leg.CLOSE: 2, Leg.OPEN: 1}

    def test_an_attempt_of_its_own_is_settled_or_taken_back(self) -> None:
        for filled, held in ((10, 10), (None, 0)):
            strand = received(fresh(), event(0, 10))
            named = answered(strand, UNKNOWN)
            strand.doubt(NOON_MS)
            own = None if filled is None else report_of(named, filled)
            strand.resolve(own, {}, subscription(), instrument())
            assert (strand.book.target, strand.book.held, strand.flight) == (10, held, None)
            assert commit(strand).may_send

    @pytest.mark.parametrize("placement", [ACCEPTED, UNKNOWN, REFUSED, NOT_SENT])
    def test_an_event_in_doubt_met_in_the_air_is_not_forgotten_by_the_answer(self, placement: Placement) -> None:
        strand = received(fresh(), event(0, 10, number=1))
        named = fly(strand)
        strand.doubt(0)
        received(strand, event(10, 15, number=2, vouched=False))
        strand.answered(placement)
        assert (strand.phase, len(strand.doubtful), strand.committable) == (Phase.DOUBTFUL, 1, True)
        assert strand.wait_ms >= NOON_MS + 1_000
        exists = placement in (ACCEPTED, UNKNOWN)
        strand.resolve(report_of(named, 10) if exists else None, {}, subscription(), instrument())
        commit(strand)
        refused = placement is REFUSED
        assert fly(strand).intent.change == (5 if exists or refused else 15)

    def test_the_next_order_after_a_resolution_waits_for_its_commit(self) -> None:
        strand = self.doubted(event(0, 10))
        strand.resolve(None, {}, subscription(), instrument())
        assert not strand.may_send
        assert commit(strand).may_send


def close_of(strand: Strand, tries: int, size: int) -> OrderReport:
    """Report on a close of 10 that filled 7, or on the next try for the other 3."""
    whole = decide(received(holding(), event(10, -6, number=2)))
    change = Contracts(Decimal(-10 if tries == 0 else -3))
    named = attempt(replace(whole.intent, change=change), strand.key.follower, whole.event, tries)
    return report_of(named, size)


class TestOpeningNothing:
    def test_an_opening_is_given_up(self) -> None:
        strand = received(fresh(), event(0, 10))
        assert strand.open_nothing() == [event(0, 10).id]
        assert (strand.book.target, strand.book.gap) == (0, 0)

    def test_a_close_stays_to_be_done(self) -> None:
        strand = received(holding(), event(10, 4, number=2))
        assert strand.open_nothing() == []
        assert strand.book.gap == -6

    def test_of_a_flip_the_close_stays_and_the_open_goes(self) -> None:
        strand = received(holding(), event(10, -3, number=2))
        assert strand.open_nothing() == [event(0, 1, number=2).id]
        assert (strand.book.target, strand.book.gap) == (0, -10)
