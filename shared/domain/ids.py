"""Names of things, and the pure functions that make them.

The client order id is published: anyone holding the event, the follower, the leg and the try can recompute it, which is
what lets a stranger audit us and lets a new holder of a lane ask the venue what an old one sent.
"""

from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import NewType

AccountId = NewType("AccountId", str)
"""An OKX account known to this installation; a leader or a follower by the part it plays."""
InstId = NewType("InstId", str)
EventId = NewType("EventId", str)
EntryId = NewType("EntryId", str)
"""A Redis stream id, `<milliseconds>-<sequence>`; orders entries, never identifies an event."""
ClOrdId = NewType("ClOrdId", str)

STREAM_START = EntryId("0-0")
_BLAKE2B_128 = blake2b(digest_size=16)


class Leg(StrEnum):
    """Which half of a copy an order is: a flip closes first and then opens."""

    __hash__ = str.__hash__  # an enumeration's own is a frame of Python, and these are looked up for every order

    CLOSE = "close"
    OPEN = "open"


CLOSE, OPEN = Leg
"""For the way of an order: asked of its class, a member of an enumeration costs ten times a name of a module."""


def fill_event_id(leader: AccountId, inst_id: InstId, trade_id: str) -> EventId:
    """Name a fill by what the venue knows of it, alike from socket and REST."""
    return EventId(f"{leader}:{inst_id}:{trade_id}")


def client_order_id(event: EventId, follower: AccountId, leg: Leg, tries: int) -> ClOrdId:
    """Name one attempt: 32 hexadecimal characters, BLAKE2b-128 of `event|follower|leg|tries`.

    Fits OKX's rule of 1-32 letters and digits (D#order-book-trading-trade-post-place-order).
    """
    digest = _BLAKE2B_128.copy()  # faster than a new one
    digest.update(f"{event}|{follower}|{leg}|{tries}".encode())
    return ClOrdId(digest.hexdigest())


@lru_cache(maxsize=4_096)
def entry_order(entry: EntryId) -> tuple[int, int]:
    """Turn a stream id into a value that sorts as Redis sorts it."""
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence or 0)
