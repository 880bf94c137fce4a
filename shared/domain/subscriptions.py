"""Who follows whom, how much, within which limits; and what makes a subscription impossible."""

from dataclasses import dataclass
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
    checks = [
        (
            subscription.follower == subscription.leader,
            "leader",
            subscription.leader,
            "choose another leader: an account cannot follow itself",
        ),
        (
            not Decimal(0) < subscription.sizing.ratio <= _LARGEST_RATIO,
            "ratio",
            subscription.sizing.ratio,
            f"use a number above 0 and up to {_LARGEST_RATIO}",
        ),
        (
            _not_positive(subscription.max_age_ms),
            "max_age_ms",
            subscription.max_age_ms,
            "use milliseconds above 0, or leave it out for no limit",
        ),
        (
            _not_positive(subscription.max_order),
            "max_order",
            subscription.max_order,
            "use an amount above 0, or leave it out for no limit",
        ),
        (
            _not_positive(subscription.max_position),
            "max_position",
            subscription.max_position,
            "use an amount above 0, or leave it out for no limit",
        ),
        (
            subscription.slippage_cap is not None and not Decimal(0) < subscription.slippage_cap <= _LARGEST_CAP,
            "slippage_cap",
            subscription.slippage_cap,
            f"use a fraction above 0 and up to {_LARGEST_CAP}, 0.005 for half a per cent, or leave it out for no limit",
        ),
        (
            None not in (subscription.max_order, subscription.max_position)
            and (subscription.max_order or 0) > (subscription.max_position or 0),
            "max_order",
            subscription.max_order,
            f"lower it to max_position ({subscription.max_position}) or raise max_position",
        ),
    ]
    return [Problem(field, str(value), remedy) for wrong, field, value, remedy in checks if wrong]


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


def _not_positive(value: Decimal | int | None) -> bool:
    return value is not None and value <= 0
