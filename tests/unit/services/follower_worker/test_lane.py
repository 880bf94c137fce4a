"""What a lane has decided, and what it writes of it."""

from services.follower_worker.lane import MOST_STRANDS_A_COMMIT
from services.follower_worker.phases import Phase
from shared.domain.ids import STREAM_START, EntryId
from shared.domain.outcomes import Accepted, NotPlaced, Postponement
from shared.domain.reasons import Reason
from shared.messages.entries import write_subscription
from shared.messages.lane import LaneRecord
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS, event, situation, subscription
from tests.support.lane_steps import ONE, THREE, TWO, apply, finish, send
from tests.support.lanes import followers, lane, strand_of, write_all
from tests.support.paper_exchange import report_of


class TestOffset:
    def test_it_waits_for_the_last_strand_an_entry_concerns(self) -> None:
        taken = lane(*followers(2))
        first, second = apply(taken, ONE)
        finish(taken, first)
        assert taken.offset == STREAM_START
        finish(taken, second)
        assert taken.offset == ONE.entry == taken.written_offset

    def test_it_never_passes_an_undecided_entry_for_a_later_decided_one(self) -> None:
        one, two = followers(2)
        taken = lane(one)
        apply(taken, ONE)
        taken.change(EntryId(f"{NOON_MS + 1}-9"), write_subscription(two))
        apply(taken, TWO)
        finish(taken, strand_of(taken, two.follower))
        assert taken.offset == STREAM_START
        finish(taken, strand_of(taken, one.follower))
        assert taken.offset == TWO.entry

    def test_an_order_in_the_air_holds_it(self) -> None:
        taken = lane(subscription())
        (strand,) = apply(taken, ONE)
        send(strand)
        taken.touch(strand)
        assert write_all(taken) == []
        strand.answered(Accepted("venue-1", NOON_MS))
        taken.touch(strand)
        (commit,) = write_all(taken)
        assert (commit.offset, taken.offset) == (ONE.entry, ONE.entry)

    def test_what_is_not_placed_is_owed_and_lets_it_pass(self) -> None:
        taken = lane(subscription())
        (strand,) = apply(taken, ONE)
        send(strand)
        strand.answered(NotPlaced(Postponement.THROTTLED))
        assert taken.waits_for(strand)
        strand.postpone()
        taken.touch(strand)
        (commit,) = write_all(taken)
        assert commit.offset == ONE.entry
        assert [record.phase for record in commit.strands.values()] == ["rest"]
        assert not taken.waits_for(strand)

    def test_entries_that_concern_nobody_are_passed_at_once(self) -> None:
        taken = lane()
        assert apply(taken, ONE, TWO) == []
        (commit,) = write_all(taken)
        assert (commit.offset, commit.strands) == (TWO.entry, {})
        assert write_all(taken) == []

    def test_an_entry_already_decided_is_not_taken_twice(self) -> None:
        taken = lane(subscription())
        (strand,) = apply(taken, ONE)
        finish(taken, strand)
        assert apply(taken, ONE) == []
        assert strand.book.target == 10


class TestCommit:
    def test_it_carries_the_record_the_outcomes_and_the_offset(self) -> None:
        taken = lane(subscription())
        strand, _ = *apply(taken, event(0, "0.4")), None
        _, skips = strand.next(situation(strand.book))
        assert [skip.reason for skip in skips] == [Reason.BELOW_MINIMUM]
        taken.touch(strand)
        (commit,) = write_all(taken)
        assert (commit.seq, commit.offset) == (1, event(0, "0.4").entry)

    def test_each_is_numbered_one_above_the_last(self) -> None:
        taken = lane(record=LaneRecord(STREAM_START, 41, {}, [write_subscription(subscription())], []))
        (strand,) = apply(taken, ONE)
        finish(taken, strand)
        assert taken.seq > 42
        apply(taken, TWO)
        strand.postpone()
        taken.touch(strand)
        written = taken.prepare()
        assert written
        assert written.commit.seq == taken.seq + 1

    def test_what_happens_while_it_is_under_way_is_left_for_the_next(self) -> None:
        taken = lane(subscription())
        (strand,) = apply(taken, ONE)
        send(strand)
        named = strand.flight
        assert named
        strand.answered(Accepted("venue-1", NOON_MS))
        taken.touch(strand)
        under_way = taken.prepare()
        assert under_way
        strand.settle(report_of(named.attempt, 10))
        taken.wrote(under_way)
        assert not strand.may_send
        (next_commit,) = write_all(taken)
        assert [record.held for record in next_commit.strands.values()] == [10]
        assert strand.may_send

    def test_it_carries_so_many_strands_and_no_more(self) -> None:
        taken = lane(*followers(MOST_STRANDS_A_COMMIT + 10))
        for strand in apply(taken, ONE):
            strand.postpone()
            taken.touch(strand)
        first, second = write_all(taken)
        assert (len(first.strands), len(second.strands)) == (MOST_STRANDS_A_COMMIT, 10)
        assert (first.offset, second.offset) == (None, ONE.entry)

    def test_outcomes_wait_for_the_record_they_belong_to(self) -> None:
        taken = lane(*followers(2))
        one, two = apply(taken, THREE)
        for strand in (one, two):
            assert strand.phase is Phase.READY
            strand.next(situation(strand.book))
        taken.touch(two)
        (commit,) = write_all(taken)
        assert {outcome.follower for outcome in commit.outcomes} == {two.key.follower}

    def test_a_strand_that_holds_nothing_is_forgotten_with_the_offset_that_passes_it(self) -> None:
        taken = lane(subscription())
        (strand,) = apply(taken, THREE)
        strand.next(situation(strand.book))
        taken.touch(strand)
        (commit,) = write_all(taken)
        assert (commit.strands, commit.forgotten) == ({}, [f"{FOLLOWER}|{BTC}|{LEADER}"])

    def test_one_whose_entry_is_above_the_offset_is_kept(self) -> None:
        taken = lane(*followers(2))
        one, two = apply(taken, THREE)
        one.next(situation(one.book))
        taken.touch(one)
        (commit,) = write_all(taken)
        assert (commit.offset, len(commit.strands), commit.forgotten) == (None, 1, [])
        two.next(situation(two.book))
        taken.touch(two)
        assert write_all(taken)[0].offset == THREE.entry
