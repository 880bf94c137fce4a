"""What entries do to a lane: settings in force, owners of instruments, doubt, poison, turns."""

import pytest
from msgspec import structs

from services.follower_worker.lane import MOST_CHANGES_A_COMMIT, Lane
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.domain.fills import TradeEvent
from shared.domain.ids import EntryId
from shared.domain.outcomes import Accepted
from shared.domain.reasons import Reason
from shared.domain.subscriptions import Subscription, SubscriptionState
from shared.messages.entries import write_subscription
from shared.messages.lane import LaneRecord
from tests.support.builders import BTC, NOON_MS, event, instrument, subscription
from tests.support.lane_steps import ONE, THREE, TWO, apply, change, finish, send
from tests.support.lanes import followers, lane, lease, strand_of, write_all


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
        replaced = write_subscription(subscription(ratio=1))
        expected = structs.replace(message, before=replaced)
        assert (commit.offset, commit.subscriptions) == (f"{NOON_MS + 1}-9", [expected])

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
        taken.apply(ONE, None, NOON_MS)
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

    def test_of_what_waits_only_what_may_have_been_sent_is_asked_for(self) -> None:
        taken = lane(subscription(), held=lease(begun_found=ONE.entry))
        for each in (ONE, TWO):
            apply(taken, each)
        assert {probe.event for probe in strand_of(taken).probes()} == {ONE.id}

    def test_the_next_holder_asks_for_both_for_by_then_both_were_begun(self) -> None:
        taken = lane(subscription(), held=lease(begun_found=ONE.entry))
        for each in (ONE, TWO):
            apply(taken, each)
        (commit,) = write_all(taken)
        found = LaneRecord(TWO.entry, 1, commit.strands, [write_subscription(subscription())], [])
        successor = lane(subscription(), held=lease(begun_found=TWO.entry), record=found)
        assert {probe.event for probe in strand_of(successor).probes()} == {ONE.id, TWO.id}


class TestPoison:
    def test_a_book_that_cannot_digest_an_event_stops_nobody_else(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = lane(*followers(3))
        whole = Strand.receive

        def spoiled(self: Strand, event: TradeEvent, subscription: Subscription, *rest: object) -> object:
            if self.key.follower == "follower-1":
                raise ArithmeticError("indigestible")
            return whole(self, event, subscription, *rest)  # type: ignore[arg-type]  # passed on as they came

        monkeypatch.setattr(Strand, "receive", spoiled)
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
    opening = taken.apply(event(0, 3, number=2, inst_id="ETH"), instrument(inst_id="ETH"), NOON_MS)[0]
    assert not taken.closing_before(opening)
    apply(taken, THREE)
    assert taken.closing_before(opening)
    assert not taken.closing_before(closing)
