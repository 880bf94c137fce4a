"""Why a copy was not made, or made smaller: a closed set, each with its numbers and a remedy in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from shared.domain.ids import EventId
from shared.domain.quantities import plain


class Reason(StrEnum):
    """Every reason a skip or a trim may give."""

    __hash__ = str.__hash__  # an enumeration's own is a frame of Python, and these are looked up for every order

    BELOW_MINIMUM = "below_minimum"
    CARRIED = "carried"
    NETTED = "netted"
    NOTHING_HELD = "nothing_held"
    STALE = "stale"
    SLIPPAGE = "slippage"
    ORDER_CAP = "order_cap"
    POSITION_CAP = "position_cap"
    PAUSED = "paused"
    CLOSE_ONLY = "close_only"
    ENDED = "ended"
    STOPPED = "stopped"
    NOT_CHOSEN = "not_chosen"
    INSTRUMENT_TAKEN = "instrument_taken"
    INSTRUMENT_UNKNOWN = "instrument_unknown"
    INSTRUMENT_UNSUPPORTED = "instrument_unsupported"
    INSTRUMENT_NOT_LIVE = "instrument_not_live"
    LEADER_MODE = "leader_mode"
    FOLLOWER_MODE = "follower_mode"
    GRANT_DEAD = "grant_dead"
    UNFENCED = "unfenced"
    REFUSED = "refused"
    UNFILLED = "unfilled"
    POISON = "poison"


REMEDIES: Mapping[Reason, str] = {
    Reason.BELOW_MINIMUM: "raise the ratio, or choose to round up or to carry",
    Reason.CARRIED: "nothing to do: the amount is added to the next open",
    Reason.NETTED: "nothing to do: the change is smaller than one lot or was undone by a later trade",
    Reason.NOTHING_HELD: "nothing to do: the follower holds nothing of this trade",
    Reason.STALE: "raise the maximum age, or look at why the copy was late",
    Reason.SLIPPAGE: "raise the slippage cap",
    Reason.ORDER_CAP: "raise the limit per order",
    Reason.POSITION_CAP: "raise the limit per position",
    Reason.PAUSED: "resume the subscription",
    Reason.CLOSE_ONLY: "take the subscription out of close-only",
    Reason.ENDED: "subscribe again",
    Reason.STOPPED: "wait until the kill switch is lifted: whoever threw it knows when",
    Reason.NOT_CHOSEN: "nothing to do: the leader did not choose this trade, and growth of that kind is never copied",
    Reason.INSTRUMENT_TAKEN: "in net mode one leader owns an instrument: wait until the other leader's copy is closed",
    Reason.INSTRUMENT_UNKNOWN: "nothing to do: the venue does not list it; look at the instrument feed if it should",
    Reason.INSTRUMENT_UNSUPPORTED: "only linear perpetual swaps are copied",
    Reason.INSTRUMENT_NOT_LIVE: "wait until the venue opens the instrument",
    Reason.LEADER_MODE: "the leader's account must be in net mode",
    Reason.FOLLOWER_MODE: "set the follower's account to net mode",
    Reason.GRANT_DEAD: "the follower must authorise again",
    Reason.UNFENCED: "prove the fence for this grant: its order in doubt cannot be sent again",
    Reason.REFUSED: "see the venue's code",
    Reason.UNFILLED: "raise the slippage cap, or accept that the price had moved",
    Reason.POISON: "look at the alarm: the follower's instrument is close-only until it is reconciled",
}

Numbers = Mapping[str, str]


def numbers(**values: Decimal | int | str) -> Numbers:
    """Spell the figures behind a reason as plain text."""
    return {name: plain(value) if isinstance(value, Decimal) else str(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Skip:
    """An event (or the part of it that would have opened) that is not copied; true only with these numbers."""

    event: EventId
    reason: Reason
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trim:
    """A limit that made an order smaller."""

    reason: Reason
    numbers: Numbers
