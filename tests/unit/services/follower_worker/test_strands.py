"""One follower, instrument and leader: when it may send, when it may be written, what each answer does."""

# mypy: disable-error-code="comparison-overlap"
# Contracts are decimals, and decimals equal whole numbers; mypy holds the two types apart.

from decimal import Decimal

import pytest

from services.follower_worker.phases import Phase
from shared.domain.ids import Leg, client_order_id
from shared.domain.outcomes import (
    Category,
    Placement,
    Refused,
)
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason
from tests.support.builders import FOLLOWER, NOON_MS, event, situation
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


class TestReceiving:
    def test_an_event_makes_it_ready_and_leaves_nothing_to_write(self) -> None:
        strand = received(fresh(), event(0, 10))
        assert (strand.phase, strand.may_send, strand.dirty) == (Phase.READY, True, False)
        assert (strand.event, strand.cursor) == (event(0, 10).id, event(0, 10).entry)

    def test_several_events_become_one_order_named_after_the_last(self) -> None:
        strand = received(fresh(), event(0, 10, number=1), event(10, 15, number=2), event(15, 12, number=3))
        named = fly(strand)
        assert named.intent.change == 12
        assert named.cl_ord_id == client_order_id(event(15, 12, number=3).id, FOLLOWER, Leg.OPEN, 0)
        assert strand.flight
        assert strand.flight.covers == 3

    def test_events_met_in_the_air_wait_for_the_next_order(self) -> None:
        strand = received(fresh(), event(0, 10, number=1))
        first = fly(strand)
        received(strand, event(10, 14, number=2))
        assert (strand.phase, strand.may_send, strand.committable) == (Phase.FLYING, False, False)
        strand.answered(ACCEPTED)
        commit(strand)
        assert not strand.may_send
        strand.settle(report_of(first, 10))
        commit(strand)
        second = fly(strand)
        assert (second.intent.change, second.event, second.tries) == (4, event(10, 14, number=2).id, 0)

    @pytest.mark.parametrize("placement", [ACCEPTED, UNKNOWN])
    def test_an_event_met_while_an_order_is_owed_is_written_with_it(self, placement: Placement) -> None:
        strand = received(fresh(), event(0, 10, number=1))
        answered(strand, placement)
        commit(strand)
        assert not strand.dirty
        received(strand, event(10, 14, number=2))
        assert strand.committable
        assert strand.cursor == event(10, 14, number=2).entry

    def test_what_is_passed_over_is_a_result_to_write(self) -> None:
        strand = fresh()
        strand.pass_over(event(0, 10))
        assert (strand.phase, strand.dirty, strand.book.flat) == (Phase.IDLE, True, True)
        assert commit(strand).cursor == event(0, 10).entry


class TestDeciding:
    def test_nothing_to_do_is_a_result_and_says_why(self) -> None:
        strand = received(fresh(), event(0, 10, number=1), event(10, 0, number=2))
        named, skips = strand.next(situation(strand.book))
        assert named is None
        assert [skip.reason for skip in skips] == [Reason.NETTED]
        assert (strand.phase, strand.dirty) == (Phase.IDLE, True)

    def test_a_skip_that_has_its_own_reason_is_not_called_netted(self) -> None:
        strand = received(fresh(), event(0, "0.4"))
        named, skips = strand.next(situation(strand.book))
        assert named is None
        assert [skip.reason for skip in skips] == [Reason.BELOW_MINIMUM]

    def test_after_it_came_to_rest_old_failures_count_no_more(self) -> None:
        strand = received(fresh(), event(0, 10))
        answered(strand, REFUSED)
        commit(strand)
        assert strand.failures == 1
        strand.next(situation(strand.book))
        assert strand.failures == 0

    def test_a_recalled_attempt_is_decided_again_alike(self) -> None:
        strand = received(fresh(), event(0, 10))
        first = decide(strand)
        strand.recall(first)
        assert strand.may_send
        assert fly(strand).cl_ord_id == first.cl_ord_id
        assert strand.flight
        assert strand.flight.covers == 1


class TestAnswers:
    def test_accepted_is_committed_before_and_after_it_settles(self) -> None:
        strand = received(fresh(), event(0, 10))
        named = answered(strand, ACCEPTED)
        assert (strand.phase, strand.committable, strand.book.held) == (Phase.UNSETTLED, True, 0)
        strand.settle(report_of(named, 10))
        assert (strand.phase, strand.may_send) == (Phase.READY, False)
        assert commit(strand).may_send
        assert strand.book.held == 10

    def test_a_commit_of_an_earlier_result_lets_nothing_leave(self) -> None:
        strand = received(fresh(), event(0, 10))
        named = answered(strand, ACCEPTED)
        results, revision = strand.results, strand.revision
        strand.settle(report_of(named, 10))
        strand.written(results, revision)
        assert (strand.may_send, strand.dirty) == (False, True)

    def test_what_an_open_left_unfilled_is_not_chased(self) -> None:
        strand = received(fresh(), event(0, 10))
        named = answered(strand, ACCEPTED)
        strand.settle(report_of(named, 4))
        commit(strand)
        assert strand.next(situation(strand.book))[0] is None
        assert (strand.book.target, strand.book.held) == (4, 4)

    def test_what_a_close_left_unfilled_goes_again_as_the_next_try(self) -> None:
        strand = received(holding(), event(10, 0, number=2))
        first = answered(strand, ACCEPTED)
        strand.settle(report_of(first, 6))
        commit(strand)
        second = fly(strand)
        assert (first.tries, second.tries, second.intent.change) == (0, 1, -4)

    def test_a_flip_closes_then_opens_with_a_commit_between(self) -> None:
        strand = received(holding(), event(10, -3, number=2))
        close = answered(strand, ACCEPTED)
        strand.settle(report_of(close, 10))
        assert not strand.may_send
        commit(strand)
        opened = fly(strand)
        assert [(each.intent.leg, each.intent.change, each.tries) for each in (close, opened)] == [
            (Leg.CLOSE, -10, 0),
            (Leg.OPEN, -3, 0),
        ]

    def test_a_refused_open_leaves_the_target_and_uses_up_no_name(self) -> None:
        strand = received(fresh(), event(0, 10))
        answered(strand, REFUSED)
        assert (strand.phase, strand.book.target, strand.tries[Leg.OPEN]) == (Phase.READY, 0, 0)
        assert not strand.may_send
        assert commit(strand).may_send

    def test_a_refused_close_is_read_again_first_and_keeps_its_name(self) -> None:
        strand = received(holding(), event(10, 0, number=2))
        refused = answered(strand, REFUSED)
        commit(strand)
        assert strand.recheck
        strand.found_position(Contracts(Decimal(7)))
        again = fly(strand)
        assert (strand.recheck, again.intent.change, again.cl_ord_id) == (False, -7, refused.cl_ord_id)

    def test_an_order_that_does_not_exist_goes_again_under_its_name_without_a_commit(self) -> None:
        strand = received(fresh(), event(0, 10))
        first = answered(strand, NOT_SENT)
        assert (strand.may_send, strand.failures) == (True, 1)
        assert fly(strand).cl_ord_id == first.cl_ord_id

    @pytest.mark.parametrize("placement", [UNKNOWN, Refused("51016", "", Category.DUPLICATE, "duplicated")])
    def test_what_may_exist_waits_for_its_expiry(self, placement: Placement) -> None:
        strand = received(fresh(), event(0, 10))
        answered(strand, placement)
        assert (strand.phase, strand.wait_ms, strand.may_send) == (Phase.UNKNOWN, NOON_MS + 1_000, False)
        assert commit(strand).flight is not None

    def test_an_unknown_that_was_found_uses_up_its_name(self) -> None:
        strand = received(holding(), event(10, 0, number=2))
        unknown = answered(strand, UNKNOWN)
        strand.settle(report_of(unknown, 6))
        commit(strand)
        assert fly(strand).tries == 1

    def test_an_unknown_proven_absent_goes_again_under_its_name_after_the_commit(self) -> None:
        strand = received(fresh(), event(0, 10))
        unknown = answered(strand, UNKNOWN)
        strand.absent()
        assert not strand.may_send
        commit(strand)
        again = fly(strand)
        assert again.cl_ord_id == unknown.cl_ord_id
        assert strand.flight
        assert strand.flight.covers == 1

    def test_an_unknown_absent_after_later_events_goes_as_part_of_the_last(self) -> None:
        strand = received(fresh(), event(0, 10, number=1))
        answered(strand, UNKNOWN)
        received(strand, event(10, 4, number=2))
        strand.absent()
        commit(strand)
        named = fly(strand)
        assert (named.intent.change, named.event) == (4, event(10, 4, number=2).id)

    def test_an_answer_delivered_twice_is_an_error(self) -> None:
        strand = received(fresh(), event(0, 10))
        answered(strand, NOT_SENT)
        with pytest.raises(RuntimeError, match="delivered twice"):
            strand.answered(ACCEPTED)

    def test_waiting_asks_for_the_record_and_lets_it_send(self) -> None:
        strand = received(fresh(), event(0, 10))
        strand.postpone()
        assert (strand.committable, strand.may_send) == (True, True)


class TestClosing:
    def test_a_close_about_to_leave_or_under_way_holds_back_opens_until_it_fails(self) -> None:
        strand = received(holding(), event(10, 0, number=2))
        assert strand.closing
        fly(strand)
        assert strand.closing
        strand.answered(REFUSED)
        assert not strand.closing

    def test_an_open_or_an_unknown_close_holds_back_nothing(self) -> None:
        assert not received(fresh(), event(0, 10)).closing
        strand = received(holding(), event(10, 0, number=2))
        answered(strand, UNKNOWN)
        assert not strand.closing


def test_only_a_finished_strand_that_holds_nothing_is_done() -> None:
    assert fresh().done
    assert not holding().done
    assert not received(fresh(), event(0, 10)).done
    closed = received(holding(), event(10, 0, number=2))
    named = answered(closed, ACCEPTED)
    closed.settle(report_of(named, 10))
    commit(closed)
    closed.next(situation(closed.book))
    assert not closed.done
    assert commit(closed).done
