"""Who follows whom, how much, within which limits; and what makes a subscription impossible."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from shared.domain.ids import AccountId
from shared.domain.quantities import Quote


class SubscriptionState(StrEnum):
    """What a subscription lets through; closes go in every state."""

    ACTIVE = "active"
    CLOSE_ONLY = "close_only"
    PAUSED = "paused"
    ENDED = "ended"


class BelowMinimum(StrEnum):
    """What becomes of an open smaller than the venue accepts."""

    SKIP = "skip"
    ROUND_UP = "round_up"
    CARRY = "carry"


class DriftPolicy(StrEnum):
    """What is done when an account, its book and the leader disagree."""

    OFF = "off"
    REPORT = "report"
    REPAIR = "repair"


class Ending(StrEnum):
    """What becomes, when a subscription ends, of what is held because of it."""

    KEEP = "keep"
    """Nothing is closed now; what the leader closes later is still closed."""
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class FixedRatio:
    """Hold `ratio` times the leader's contracts."""

    ratio: Decimal


Sizing = FixedRatio
"""A closed union of sizing modes; today it has one."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Follower x leader x settings, one version of them; None means no such limit."""

    follower: AccountId
    leader: AccountId
    version: int
    state: SubscriptionState
    sizing: Sizing
    below_minimum: BelowMinimum = BelowMinimum.SKIP
    max_age_ms: int | None = 10_000
    slippage_cap: Decimal | None = None
    """Largest accepted distance from the leader's price, as a fraction: 0.005 is half a per cent."""
    max_order: Quote | None = None
    max_position: Quote | None = None
    drift: DriftPolicy = DriftPolicy.REPORT
    ending: Ending = Ending.KEEP
    """Means something once it has ended."""
    made_ms: int = field(default=0, compare=False)
    """When this version was made; 0 where nobody knows."""

    @property
    def closes_out(self) -> bool:
        """Tell whether everything held because of it is to be closed."""
        return self.state is SubscriptionState.ENDED and self.ending is Ending.CLOSE


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a subscription cannot work: which field, what it holds, and what to do about it."""

    field: str
    value: str
    remedy: str


_LARGEST_RATIO = Decimal(100)
_LARGEST_CAP = Decimal("0.2")


def problems(subscription: Subscription) -> list[Problem]:
    """List everything that makes a subscription impossible; an empty list means it can work."""
    ratio, cap = subscription.sizing.ratio, subscription.slippage_cap
    order, position = subscription.max_order, subscription.max_position
    found: list[Problem | None] = []
    if subscription.follower == subscription.leader:
        found.append(Problem("leader", subscription.leader, "choose another leader: an account cannot follow itself"))
    if not Decimal(0) < ratio <= _LARGEST_RATIO:
        found.append(Problem("ratio", str(ratio), f"use a number above 0 and up to {_LARGEST_RATIO}"))
    found += [_unlimited_or_positive(name, getattr(subscription, name)) for name in _LIMITS]
    if cap is not None and not Decimal(0) < cap <= _LARGEST_CAP:
        remedy = (
            f"use a fraction above 0 and up to {_LARGEST_CAP}, 0.005 for half a per cent, or leave it out for no limit"
        )
        found.append(Problem("slippage_cap", str(cap), remedy))
    if order is not None and position is not None and order > position:
        found.append(Problem("max_order", str(order), f"lower it to max_position ({position}) or raise max_position"))
    return [problem for problem in found if problem]


_LIMITS = ("max_age_ms", "max_order", "max_position")


def _unlimited_or_positive(field: str, value: Decimal | int | None) -> Problem | None:
    if value is None or value > 0:
        return None
    return Problem(field, str(value), "use a number above 0, or leave it out for no limit")


def circle(follower: AccountId, leader: AccountId, leaders_of: dict[AccountId, set[AccountId]]) -> Problem | None:
    """Refuse a subscription that would make somebody follow themselves through others.

    `leaders_of` maps each follower to whom it already follows.
    """
    reached, frontier = {leader}, [leader]
    while frontier:
        for further in leaders_of.get(frontier.pop(), set()) - reached:
            reached.add(further)
            frontier.append(further)
    if follower in reached:
        return Problem(
            "leader", leader, f"choose another leader: {leader} already follows {follower}, directly or through others"
        )
    return None
