"""The record of a strand in its lane: what is decided, what is held, what is owed. Rewritten whole by every commit."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from shared.messages.entries import SubscriptionV1, TradeEventV1


class OwedPhase(StrEnum):
    """Why a strand has a duty that outlives its entry."""

    UNKNOWN = "unknown"
    """An order may exist: ask for it."""
    UNSETTLED = "unsettled"
    """An order was accepted: learn what it filled."""
    REST = "rest"
    """There is more to decide: a flip's open, a close's rest, a piece, events folded meanwhile."""


class OpeningV1(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """domain.orders.Opening."""

    event: str
    at_ms: int
    price: Decimal
    size: Decimal


class AttemptV1(msgspec.Struct, frozen=True, gc=False):
    """domain.orders.Attempt on its way, with the last moment the venue may accept it."""

    event: str
    leg: str
    tries: int
    change: Decimal
    type: str
    price: Decimal | None
    reduce_only: bool
    margin_mode: str
    openings: tuple[OpeningV1, ...]
    more: bool
    expires_ms: int
    order_id: str
    sent_ms: int
    covers: int = 0
    raised: Decimal = Decimal(0)


class PendingV1(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trade event that must be asked for before it is folded, and the settings it is to be folded under."""

    entry: str
    event: TradeEventV1
    under: SubscriptionV1 | None = None


class StrandV1(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="schema", tag="strand/1"):
    """One follower x instrument x leader."""

    cursor: str
    event: str
    event_ms: int
    tries: tuple[int, int]
    target: Decimal
    held: Decimal
    kept: Decimal
    covers: int = 0
    openings: tuple[OpeningV1, ...] = ()
    phase: OwedPhase | None = None
    attempt: AttemptV1 | None = None
    doubtful: tuple[PendingV1, ...] = ()
    poisoned: bool = False
    reconciling: bool = False


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(StrandV1).decode
