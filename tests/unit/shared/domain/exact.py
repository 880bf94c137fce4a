"""What a follower should hold, by fractions and with nothing of the product: the other opinion of every property test.

The target is `ratio` times what the leader opens, less in the measure the leader closes. It also loses what is
reported: what of a skipped opening would have had to be ordered, and what an order in flight did not fill (in the
measure of what was closed meanwhile).
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction

from shared.domain.fills import TradeEvent


@dataclass(slots=True)
class ExactTarget:
    """One follower's target; signed contracts."""

    ratio: Fraction
    minimum: Fraction
    target: Fraction = Fraction(0)
    asked: dict[str, Fraction] = field(default_factory=dict)
    """By event, what was opened and is not yet answered by an order."""
    flying: Fraction = Fraction(0)
    """What is in flight and still wanted."""
    flown: Fraction = Fraction(0)
    """The size in flight."""

    def follow(self, event: TradeEvent) -> None:
        """Take a fill of the leader."""
        before, after = Fraction(event.before), Fraction(event.after)
        if before * (after - before) >= 0:
            self._open(event.id, after - before)
        elif before * after <= 0:
            self._shrink(Fraction(0))
            self._open(event.id, after)
        else:
            self._shrink(after / before if abs(after) >= self.minimum else Fraction(0))

    def ignored(self, event: str) -> None:
        """Take back the opening of an event that was refused when it came."""
        self.target -= self.asked.pop(event, Fraction(0))

    def skipped(self, events: Collection[str], held: Fraction) -> None:
        """Take back what would have had to be ordered of events that were skipped when their order was due.

        Where the leader had closed more than is closed yet, the oldest openings only replace that, and need no order.
        """
        room = abs(self.target) - abs(held) if self.target * held >= 0 else Fraction(0)
        way = 1 if self.target > 0 else -1
        for event in reversed(self.asked):
            part = min(abs(self.asked[event]), max(room, Fraction(0)))
            room -= part
            if event in events:
                self.target -= part * way

    def placed(self, change: Fraction) -> None:
        """Note an opening order: it answers every opening so far."""
        self.answered()
        self.flying = self.flown = change

    def answered(self) -> None:
        """Note that nothing of what was opened so far is open to being skipped any more."""
        self.asked.clear()

    def settled(self, filled: Fraction) -> None:
        """Note what an opening order filled: the rest is not chased."""
        self.target -= self.flying * (1 - filled / abs(self.flown))
        self.flying = self.flown = Fraction(0)

    def _open(self, event: str, size: Fraction) -> None:
        if size:
            self.asked[event] = size * self.ratio
            self.target += size * self.ratio

    def _shrink(self, remaining: Fraction) -> None:
        self.target *= remaining
        self.flying *= remaining
        self.asked = {event: size * remaining for event, size in self.asked.items() if remaining}
