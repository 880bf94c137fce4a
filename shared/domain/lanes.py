"""Lanes: fixed slices of followers, the unit of order and of ownership.

Promise: the intents of one follower and instrument reach the venue in the leader's order, because a follower belongs to
exactly one lane and a lane has at most one holder. Lane count, hash and the id function are fixed at installation.
"""

from dataclasses import dataclass
from typing import NewType
from zlib import crc32

from shared.domain.ids import AccountId, EntryId

Lane = NewType("Lane", int)

LANE_SCHEME = "crc32/client_order_id.blake2b128"
"""Names the hash and the id function of this build.

A worker whose scheme differs from the installation's refuses to start.
"""


def lane_of(follower: AccountId, count: int) -> Lane:
    """Return the lane a follower belongs to: CRC-32 of its id, modulo the lane count."""
    return Lane(crc32(follower.encode()) % count)


def fair_share(lanes: int, workers: int) -> int:
    """Return the most lanes one of `workers` may hold: the least number with which all lanes are held."""
    return -(-lanes // max(1, workers))


@dataclass(slots=True)
class Lease:
    """A lane in hand. `deadline` is monotonic seconds; `exp_max` and `wait_ms` are venue milliseconds."""

    lane: Lane
    token: str
    deadline: float
    exp_max: int
    begun_found: EntryId
    """Up to here an earlier holder may have sent."""
    wait_ms: int
    """Nothing an earlier holder sent can be accepted once the venue's clock has passed this."""
    since_ms: int
    """Fills not newer than this may have been handled by state Redis has lost."""
    clean: bool = False
    """The last holder left nothing on its way: what the lane's record does not tell of was never sent."""
