"""What a follower should hold, in plain arithmetic.

It is `ratio` times what the leader opened, and shrinks by the fraction of its position that the leader closes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal

from deploy.demo.audit.evidence import Change, Instrument, LeaderFill, Subscription

ZERO = Decimal(0)
DUST = Decimal("1e-9")
"""Contracts: thirds have no end in decimals, so sizes that should be equal may differ by less than this."""


def kept(fill: LeaderFill, size: Decimal, minimum: Decimal) -> Decimal:
    """Return what a fill leaves of a size: the part the leader kept, or nothing where nobody could hold the rest."""
    if fill.before * (fill.after - fill.before) >= 0:
        return size
    if fill.before * fill.after <= 0 or abs(fill.after) < minimum:
        return ZERO
    return size * fill.after / fill.before


def opened(fill: LeaderFill) -> Decimal:
    """Return the signed contracts the leader added beyond what was closed."""
    if fill.before * (fill.after - fill.before) >= 0:
        return fill.after - fill.before
    return fill.after if fill.before * fill.after < 0 else ZERO


def in_force(subscription: Subscription, changes: Sequence[Change], at_ms: int) -> Subscription:
    """Return the subscription as it was at a time, given as enrolled and as changed, in order."""
    return next((each.subscription for each in reversed(changes) if each.at_ms <= at_ms), subscription)


def sign(value: Decimal) -> int:
    """Return -1, 0 or 1."""
    return (value > 0) - (value < 0)


@dataclass(slots=True)
class Target:
    """One follower's target on one instrument, fill by fill."""

    subscription: Subscription
    instrument: Instrument
    exact: Decimal = ZERO
    slack: Decimal = ZERO
    """Openings too small for an order that went into a later one unmentioned: the target may hold them or not."""
    leader: Decimal = ZERO
    """What the leader holds."""
    missed: Decimal = ZERO
    """What of the openings that were refused the leader still holds: it may be made up for."""
    openings: dict[str, Decimal] = field(default_factory=dict)
    """What each fill asked for that no order or skip has answered yet."""

    def copy(self) -> "Target":
        """Return an independent copy."""
        return replace(self, openings=dict(self.openings))

    def fold(self, fill: LeaderFill) -> None:
        """Move the target by one fill of the leader."""
        minimum = self.instrument.minimum
        self.exact, self.slack = kept(fill, self.exact, minimum), kept(fill, self.slack, minimum)
        self.missed, self.leader = kept(fill, self.missed, minimum), fill.after
        shrunk = {event: kept(fill, size, minimum) for event, size in self.openings.items()}
        self.openings = {event: size for event, size in shrunk.items() if size}
        if self.wants_opening(fill):
            self.openings[fill.event] = opened(fill) * self.subscription.ratio
            self.exact += self.openings[fill.event]

    def wants_opening(self, fill: LeaderFill) -> bool:
        """Tell whether a fill opens something that is copied: chosen by the leader, under an active subscription."""
        return bool(opened(fill)) and fill.category in {"", "normal"} and self.subscription.state == "active"

    def wanted(self, held: Decimal) -> Decimal:
        """Return the order that should leave now, signed; zero for none.

        Closes come first, and take all that is held where none of it may stay.
        """
        if held and self.exact * held <= 0:
            return -held
        gap = self.exact - held
        size = (gap / self.instrument.lot).to_integral_value(ROUND_DOWN) * self.instrument.lot
        if abs(size) >= self.instrument.minimum:
            return size
        rounds_up = gap * self.exact > 0 and self.openings and self.subscription.below_minimum == "round_up"
        return self.instrument.minimum * sign(gap) if rounds_up else ZERO

    def asks_nothing(self, held: Decimal) -> bool:
        """Tell whether the gap is too small for any order."""
        whole = bool(held) and self.exact * held <= 0
        return not whole and abs(self.exact - held) < self.instrument.minimum + DUST

    def deny(self, amount: Decimal) -> None:
        """Take a signed opening that was not copied out of the target, never across zero."""
        if self.exact * amount > 0:
            self.exact = max(ZERO, abs(self.exact) - abs(amount)) * sign(self.exact)

    def refuse(self, amount: Decimal) -> None:
        """Take a signed opening that the venue or a dead grant refused out of the target; it may be made up for."""
        self.deny(amount)
        self.missed += amount

    def may_make_up(self) -> bool:
        """Tell whether the follower chose to have refused copies made up for, and one is left to be."""
        return self.subscription.drift == "repair" and self.missed * self.leader > 0

    def make_up(self) -> None:
        """Want what was refused after all, up to what the leader's position scales to."""
        room = max(ZERO, abs(self.leader * self.subscription.ratio) - abs(self.exact))
        self.exact += min(abs(self.missed), room) * sign(self.missed)
        self.missed = ZERO

    def answered(self, last_event: str) -> None:
        """Note that an order answered every opening so far; one too small for an order may have been left out."""
        if self.subscription.below_minimum == "skip":
            small = (abs(size) for event, size in self.openings.items() if event != last_event)
            self.slack += sum((size for size in small if size < self.instrument.minimum), ZERO)
        self.openings.clear()
