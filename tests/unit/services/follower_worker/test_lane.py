"""What a lane has decided, and what it writes of it."""

import pytest

from services.follower_worker import lane as lane_module
from services.follower_worker.lane import MOST_CHANGES_A_COMMIT, MOST_STRANDS_A_COMMIT, Lane
from services.follower_worker.strands import Phase, Strand
from shared.domain.fills import TradeEvent
from shared.domain.ids import STREAM_START, EntryId
from shared.domain.outcomes import Accepted, NotPlaced, Postponement
from shared.domain.reasons import Reason
from shared.domain.subscriptions import Subscription, SubscriptionState
from shared.messages.entries import SubscriptionV1, write_subscription
from shared.messages.lane import LaneRecord
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS, event, instrument, situation, subscription
from tests.support.lanes import followers, lane, lease, strand_of, write_all
from tests.support.paper_exchange import report_of

ONE, TWO, THREE = event(0, 10, number=1), event(10, 15, number=2), event(15, 0, number=3)


def apply(taken: Lane, *events: TradeEvent) -> list[Strand]:
    concerned: list[Strand] = []
    for each in events:
        concerned = taken.apply(each, instrument(), NOON_MS, NOON_MS)
    return concerned


def send(strand: Strand) -> None:
    named, _ = strand.next(situation(strand.book))
    assert named
    strand.launch(named, NOON_MS + 1_000, NOON_MS)


def finish(taken: Lane, strand: Strand) -> None:
    """Fill whatever a strand wants, until it is at rest."""
    while strand.phase is not Phase.IDLE:
        named, _ = strand.next(situation(strand.book))
        if named:
            strand.launch(named, NOON_MS + 1_000, NOON_MS)
            strand.answered(Accepted("venue-1", NOON_MS))
            strand.settle(report_of(named, named.intent.size))
        taken.touch(strand)
        write_all(taken)


def change(taken: Lane, entry: str, **settings: object) -> SubscriptionV1:
    message = write_subscription(subscription(**settings))  # type: ignore[arg-type]  # settings are the builder's own
    taken.change(EntryId(entry), message)
    return message


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


class TestSubscriptions:
    def test_a_change_is_in_force_for_what_follows_it_in_the_stream(self) -> None:
        taken = lane(subscription(ratio=1))
        apply(taken, ONE)
        change(taken, f"{NOON_MS + 1}-9", ratio=2, version=2)
        apply(taken, TWO)
        assert strand_of(taken).book.target == 10 + 2 * 5

    def test_it_is_written_with_the_offset_that_passes_it(self) -> None:
        taken = lane(subscription(ratio=1))
        apply(taken, ONE)
        message = change(taken, f"{NOON_MS + 1}-9", ratio=2, version=2)
        assert write_all(taken) == []
        strand = strand_of(taken)
        strand.postpone()
        taken.touch(strand)
        (commit,) = write_all(taken)
        assert (commit.offset, commit.subscriptions) == (f"{NOON_MS + 1}-9", [message])

    def test_who_subscribed_later_gets_nothing_of_earlier_entries_after_a_takeover(self) -> None:
        early, late = followers(2)
        taken = lane(early)
        apply(taken, ONE)
        taken.change(EntryId(f"{NOON_MS + 1}-9"), write_subscription(late))
        commits = write_all(taken)
        written = [each for commit in commits for each in commit.subscriptions]
        assert written == []
        successor = lane(early)
        assert [strand.key.follower for strand in apply(successor, ONE)] == [early.follower]

    def test_an_older_version_read_again_changes_nothing_and_is_not_written(self) -> None:
        taken = lane(subscription(ratio=2, version=2))
        change(taken, "1-1", ratio=1, version=1)
        apply(taken, ONE)
        assert strand_of(taken).book.target == 20
        (commit,) = write_all(taken)
        assert (commit.offset, commit.subscriptions) == ("1-1", [])

    def test_many_changes_are_written_in_several_commits(self) -> None:
        taken = lane()
        for number in range(MOST_CHANGES_A_COMMIT + 3):
            change(taken, f"{number + 1}-0", follower=f"follower-{number}")
        sizes = [len(commit.subscriptions) for commit in write_all(taken)]
        assert sizes == [MOST_CHANGES_A_COMMIT, 3]
        assert taken.offset == f"{MOST_CHANGES_A_COMMIT + 3}-0"

    def test_an_ended_one_gets_closes_until_nothing_is_held(self) -> None:
        taken = lane(subscription())
        (strand,) = apply(taken, ONE)
        finish(taken, strand)
        change(taken, f"{NOON_MS + 1}-9", state=SubscriptionState.ENDED, version=2)
        assert apply(taken, TWO) == [strand]
        finish(taken, strand)
        assert strand.book.held == 10
        assert apply(taken, THREE) == [strand]
        finish(taken, strand)
        assert strand.book.flat
        assert apply(taken, event(0, 5, number=4)) == []


class TestInstruments:
    def test_in_net_mode_one_leader_owns_it_until_it_is_closed(self) -> None:
        other = subscription(leader="other")
        taken = lane(subscription(), other)
        (strand,) = apply(taken, ONE)
        finish(taken, strand)
        (refused,) = apply(taken, event(0, 7, number=2, leader="other"))
        (commit,) = write_all(taken)
        assert [outcome.reason for outcome in commit.outcomes] == [Reason.INSTRUMENT_TAKEN]
        assert refused.book.flat
        apply(taken, THREE)
        finish(taken, strand)
        apply(taken, event(0, 7, number=4, leader="other"))
        assert refused.book.target == 7

    def test_one_the_venue_does_not_list_is_skipped(self) -> None:
        taken = lane(subscription())
        taken.apply(ONE, None, NOON_MS, NOON_MS)
        (commit,) = write_all(taken)
        assert [outcome.reason for outcome in commit.outcomes] == [Reason.INSTRUMENT_UNKNOWN]
        assert commit.offset == ONE.entry


class TestDoubt:
    def doubted(self, taken: Lane, each: TradeEvent) -> bool:
        (strand,) = apply(taken, each)
        return strand.phase is Phase.DOUBTFUL

    def test_entries_up_to_begun_as_found_are_in_doubt_and_later_ones_are_not(self) -> None:
        taken = lane(subscription(), held=lease(begun_found=ONE.entry, wait_ms=NOON_MS + 77))
        assert self.doubted(taken, ONE)
        assert strand_of(taken).wait_ms == NOON_MS + 77
        assert not self.doubted(lane(subscription(), held=lease(begun_found=ONE.entry)), TWO)

    def test_fills_not_newer_than_since_are_in_doubt(self) -> None:
        assert self.doubted(lane(subscription(), held=lease(since_ms=ONE.at_ms)), ONE)
        assert not self.doubted(lane(subscription(), held=lease(since_ms=ONE.at_ms - 1)), ONE)

    def test_events_nobody_vouches_for_are_in_doubt(self) -> None:
        assert self.doubted(lane(subscription()), event(0, 10, vouched=False))

    def test_what_comes_behind_a_doubt_waits_with_it_and_the_offset_passes_both(self) -> None:
        taken = lane(subscription(), held=lease(begun_found=ONE.entry))
        assert self.doubted(taken, ONE)
        assert self.doubted(taken, TWO)
        (commit,) = write_all(taken)
        (record,) = commit.strands.values()
        assert (commit.offset, [each.entry for each in record.doubtful]) == (TWO.entry, [ONE.entry, TWO.entry])


class TestPoison:
    def test_a_book_that_cannot_digest_an_event_stops_nobody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = lane(*followers(3))
        whole = Strand.receive

        def spoiled(self: Strand, event: TradeEvent, subscription: Subscription, *rest: object) -> object:
            if self.key.follower == "follower-1":
                raise ArithmeticError("indigestible")
            return whole(self, event, subscription, *rest)  # type: ignore[arg-type]  # passed on as they came

        monkeypatch.setattr(lane_module.Strand, "receive", spoiled)
        apply(taken, ONE)
        assert [strand_of(taken, f"follower-{number}").poisoned for number in range(3)] == [False, True, False]
        assert strand_of(taken, "follower-0").book.target == strand_of(taken, "follower-2").book.target == 10
        (commit,) = write_all(taken)
        assert [(each.follower, each.reason, each.numbers) for each in commit.outcomes] == [
            ("follower-1", Reason.POISON, {"error": "ArithmeticError"})
        ]


class TestTakingOver:
    def test_a_lane_written_and_found_again_is_the_same(self) -> None:
        taken = lane(subscription())
        (strand,) = apply(taken, ONE)
        send(strand)
        strand.answered(Accepted("venue-1", NOON_MS))
        taken.touch(strand)
        (commit,) = write_all(taken)
        settings = [write_subscription(subscription())]
        found = lane(record=LaneRecord(ONE.entry, commit.seq, commit.strands, settings, []), held=lease(wait_ms=9))
        again = strand_of(found)
        assert again.flight
        assert strand.flight
        assert (again.phase, again.wait_ms) == (Phase.DOUBTFUL, strand.flight.expires_ms)
        assert (again.flight.attempt, again.flight.order_id) == (strand.flight.attempt, "venue-1")
        assert (found.offset, found.position, found.seq) == (ONE.entry, ONE.entry, taken.seq)
        assert found.owner[again.key.follower, BTC] is again


def test_followers_take_turns_at_being_first() -> None:
    taken = lane(*followers(5))
    firsts = {apply(taken, event(0, 1, number=number))[0].key.follower for number in range(1, 60)}
    assert len(firsts) == 5


def test_an_open_waits_for_the_same_followers_close_on_another_instrument() -> None:
    taken = lane(subscription())
    (closing,) = apply(taken, ONE)
    finish(taken, closing)
    opening = taken.apply(event(0, 3, number=2, inst_id="ETH"), instrument(inst_id="ETH"), NOON_MS, NOON_MS)[0]
    assert not taken.closing_before(opening)
    apply(taken, THREE)
    assert taken.closing_before(opening)
    assert not taken.closing_before(closing)
