"""Commands to close, given to a lane: whom they reach, how they are decided, and what they never do twice."""

import pytest

from services.follower_worker.closing import Closing, by_ending, by_switch
from services.follower_worker.lane import Lane
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.domain.ids import EntryId, Leg
from shared.domain.outcomes import Accepted
from shared.domain.reasons import Reason
from shared.domain.subscriptions import SubscriptionState
from shared.domain.switches import Action, Scope
from shared.messages.entries import SwitchV1, write_subscription
from tests.support.builders import FOLLOWER, LEADER, NOON_MS, event, instrument, situation, subscription
from tests.support.lane_steps import ONE, TWO, apply, finish, send
from tests.support.lanes import followers, lane, lease, strand_of, write_all
from tests.support.paper_exchange import report_of

LATER = EntryId(f"{NOON_MS + 50}-0")


def flatten(scope: Scope = Scope.PLATFORM, name: str = "") -> Closing:
    return by_switch(LATER, SwitchV1(scope, name, Action.FLATTEN, NOON_MS + 50), NOON_MS + 50)


def close(taken: Lane, closing: Closing | None = None) -> list[Strand]:
    return taken.close_out(closing or flatten(), lambda _inst_id: instrument(), NOON_MS + 50)


def holding(count: int = 1) -> Lane:
    taken = lane(*followers(count)) if count > 1 else lane(subscription())
    for strand in apply(taken, ONE):
        finish(taken, strand)
    return taken


def test_what_is_held_is_closed_whole_under_the_command_s_own_name() -> None:
    taken = holding()
    (strand,) = close(taken)
    named, _ = strand.next(situation(strand.book))
    assert named
    assert named.intent.leg is Leg.CLOSE
    assert named.intent.change == -10
    assert named.event == f"close:platform:{NOON_MS + 50}:{LEADER}:{strand.key.inst_id}"


def test_the_entry_is_open_until_everybody_concerned_has_decided_it() -> None:
    taken = holding(3)
    strands = close(taken)
    assert taken.open_entries[-1].undecided == len(strands) == 3
    for strand in strands:
        finish(taken, strand)
    write_all(taken)
    assert taken.offset == LATER
    assert all(strand.book.flat for strand in strands)


def test_only_those_concerned_are_closed() -> None:
    taken = holding(3)
    (strand,) = close(taken, flatten(Scope.FOLLOWER, "follower-1"))
    assert strand.key.follower == "follower-1"
    assert close(taken, flatten(Scope.LEADER, "somebody-else")) == []


def test_who_holds_nothing_is_left_alone() -> None:
    taken = holding()
    (strand,) = apply(taken, event(10, 0, number=3))
    finish(taken, strand)
    assert close(taken) == []
    write_all(taken)
    assert taken.offset == LATER


def test_read_again_it_changes_nothing() -> None:
    taken = holding()
    (strand,) = close(taken)
    finish(taken, strand)
    apply(taken, event(0, 7, number=60))
    assert close(taken) == [strand]
    assert strand.book.target == 7


def test_an_order_in_the_air_is_closed_once_it_has_settled() -> None:
    taken = lane(subscription())
    (strand,) = apply(taken, ONE)
    send(strand)
    close(taken)
    assert strand.flight
    named = strand.flight.attempt
    strand.answered(Accepted("venue-1", NOON_MS))
    strand.settle(report_of(named, named.intent.size))
    taken.touch(strand)
    write_all(taken)
    closing, _ = strand.next(situation(strand.book))
    assert closing
    assert closing.intent.leg is Leg.CLOSE
    assert closing.intent.change == -10


def test_a_strand_in_doubt_is_closed_after_its_answer() -> None:
    taken = lane(subscription(), held=lease(begun_found=f"{NOON_MS + 9}-0"))
    (strand,) = apply(taken, ONE)
    assert strand.phase is Phase.DOUBTFUL
    close(taken)
    assert [each.id for each in strand.doubtful][-1].startswith("close:")
    strand.resolve(None, {}, subscription(), instrument())
    assert strand.book.flat


def test_an_ending_closes_that_subscription_alone() -> None:
    taken = holding(2)
    message = write_subscription(subscription(follower="follower-1", version=2, state=SubscriptionState.ENDED))
    taken.change(LATER, message)
    (strand,) = close(taken, by_ending(LATER, message, NOON_MS + 50))
    assert strand.key.follower == "follower-1"
    assert strand.book.target == 0
    assert len([each for each in taken.open_entries if each.entry == LATER]) == 1
    finish(taken, strand)
    commits = write_all(taken)
    assert strand.book.flat
    assert commits == [] or commits[-1].offset == LATER


def test_an_instrument_nobody_lists_is_told_of() -> None:
    taken = holding()
    (strand,) = taken.close_out(flatten(), lambda _inst_id: None, NOON_MS)
    assert [each.reason for each in strand.outcomes] == [Reason.INSTRUMENT_UNKNOWN]
    assert strand_of(taken, FOLLOWER).book.held == 10


@pytest.mark.parametrize("before", [ONE, TWO])
def test_a_leader_s_next_trade_is_followed_from_nothing(before: object) -> None:
    del before
    taken = holding()
    (strand,) = close(taken)
    finish(taken, strand)
    (again,) = apply(taken, event(10, 4, number=70))
    assert again.book.target == 0
