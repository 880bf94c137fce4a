"""An event is copied under the settings in force when it happened, however late and by whomever it is decided."""

from decimal import Decimal

from services.follower_worker.phases import Phase
from services.follower_worker.records import read_strand, write_strand
from services.follower_worker.strands import Strand
from shared.domain.ids import STREAM_START, EntryId
from shared.messages.entries import write_subscription
from shared.messages.lane import LaneRecord
from tests.support.builders import NOON_MS, event, instrument, subscription
from tests.support.lane_steps import ONE, TWO, apply, change
from tests.support.lanes import lane, lease, strand_of, write_all

FIRST, SECOND = subscription(ratio=1), subscription(ratio=3, version=2, made_ms=NOON_MS + 2)
FORGOTTEN_MS = NOON_MS + 1_000


def resolved(strand: Strand) -> Decimal:
    """Conclude that nobody has sent anything; return the target that is left."""
    strand.resolve(None, {}, SECOND, instrument())
    return strand.book.target


def test_a_doubtful_event_keeps_the_settings_of_its_place_in_the_stream() -> None:
    taken = lane(FIRST, held=lease(begun_found=TWO.entry))
    apply(taken, ONE)
    change(taken, f"{NOON_MS + 1}-9", ratio=3, version=2)
    apply(taken, TWO)
    assert strand_of(taken).phase is Phase.DOUBTFUL
    assert resolved(strand_of(taken)) == 10 * 1 + 5 * 3


def test_and_keeps_them_through_the_record() -> None:
    taken = lane(FIRST, held=lease(begun_found=TWO.entry))
    apply(taken, ONE)
    change(taken, f"{NOON_MS + 1}-9", ratio=3, version=2)
    strand = strand_of(taken)
    strand.postpone()
    again = read_strand(strand.key, write_strand(strand), NOON_MS)
    assert resolved(again) == 10


def test_what_a_forgetful_server_is_given_back_is_put_in_its_place_by_its_time() -> None:
    """On the new server the change comes first, and then everything that happened before and after it."""
    taken = lane(FIRST, held=lease(since_ms=FORGOTTEN_MS))
    taken.change(EntryId("1-1"), write_subscription(SECOND))
    apply(taken, ONE)
    apply(taken, TWO)
    assert [ONE.at_ms, TWO.at_ms, SECOND.made_ms] == [NOON_MS + 1, NOON_MS + 2, NOON_MS + 2]
    assert resolved(strand_of(taken)) == 10 * 1 + 5 * 3


def test_what_happens_on_the_server_goes_by_the_stream_whatever_its_time() -> None:
    taken = lane(FIRST)
    taken.change(EntryId("1-1"), write_subscription(SECOND))
    apply(taken, ONE)
    assert strand_of(taken).book.target == 30


def test_the_version_before_is_known_after_a_takeover() -> None:
    taken = lane(FIRST, held=lease(since_ms=FORGOTTEN_MS))
    taken.change(EntryId("1-1"), write_subscription(SECOND))
    (commit,) = write_all(taken)
    successor = lane(
        held=lease(since_ms=FORGOTTEN_MS), record=LaneRecord(STREAM_START, 1, {}, commit.subscriptions, [])
    )
    apply(successor, ONE)
    assert resolved(strand_of(successor)) == 10


def test_where_the_version_before_is_not_known_the_newest_is_taken() -> None:
    taken = lane(SECOND, held=lease(since_ms=FORGOTTEN_MS))
    apply(taken, event(0, 10, at_ms=NOON_MS - 5))
    assert resolved(strand_of(taken)) == 30
