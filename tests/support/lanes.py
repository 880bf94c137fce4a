"""Lanes in hand, for tests of what is done with them."""

from services.follower_worker.flights import StrandKey
from services.follower_worker.lane import Lane
from services.follower_worker.strands import Strand
from shared.domain.ids import STREAM_START, AccountId, EntryId
from shared.domain.lanes import Lane as LaneNumber
from shared.domain.lanes import Lease
from shared.domain.subscriptions import Subscription
from shared.messages.entries import write_subscription
from shared.messages.lane import Commit, LaneRecord
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS, subscription

FAR = 1e12
"""A monotonic deadline no test lives to see."""


def lease(
    *,
    begun_found: str = STREAM_START,
    since_ms: int = 0,
    wait_ms: int = 0,
    exp_max: int = NOON_MS + 3_600_000,
    deadline: float = FAR,
    number: int = 0,
    clean: bool = False,
) -> Lease:
    """Build a lease that lasts."""
    return Lease(LaneNumber(number), "t" * 32, deadline, exp_max, EntryId(begun_found), wait_ms, since_ms, clean)


def lane(*subscriptions: Subscription, held: Lease | None = None, record: LaneRecord | None = None) -> Lane:
    """Take a lane in hand that follows the reader, with these subscriptions in force."""
    found = record or LaneRecord(STREAM_START, 0, {}, [write_subscription(each) for each in subscriptions], [])
    taken = Lane.found(held or lease(), found)
    taken.caught_up = True
    return taken


def followers(count: int) -> list[Subscription]:
    """Subscribe so many followers."""
    return [subscription(follower=f"follower-{number}") for number in range(count)]


def strand_of(taken: Lane, follower: str = FOLLOWER) -> Strand:
    """Return a follower's strand of the usual instrument."""
    return taken.strands[StrandKey(AccountId(follower), BTC, LEADER)]


def write_all(taken: Lane) -> list[Commit]:
    """Commit everything that can be committed, as a server would take it; returns the commits."""
    commits = []
    while written := taken.prepare():
        taken.wrote(written)
        commits.append(written.commit)
    return commits
