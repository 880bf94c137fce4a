"""A copyist watched by an exact target: whatever the one does, the other is told in fractions."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from hypothesis import strategies as st

from shared.domain.fills import TradeEvent
from shared.domain.ids import Leg
from shared.domain.instruments import Instrument
from shared.domain.reasons import Reason
from shared.domain.subscriptions import BelowMinimum
from tests.support.builders import subscription
from tests.unit.shared.domain.copyist import MOST_ORDERS, Copyist
from tests.unit.shared.domain.drawing import filled, portions
from tests.unit.shared.domain.exact import ExactTarget

NOISE = Fraction(1, 10**15)
"""Contracts, in proportion: books are decimals of 28 digits, and thirds have no end in them."""


class Beat(StrEnum):
    """What happens between two events."""

    NOTHING = "nothing"
    ONE_STEP = "one step"
    """An order starts, or the one in flight ends."""
    REST = "rest"


beats = st.tuples(st.sampled_from(Beat), portions)


@dataclass(slots=True)
class Witness:
    """One follower, with both opinions of what it should hold."""

    copyist: Copyist
    exact: ExactTarget

    @classmethod
    def of(cls, on: Instrument, ratio: Decimal, policy: BelowMinimum) -> "Witness":
        copyist = Copyist(subscription(ratio=ratio, below_minimum=policy), on)
        return cls(copyist, ExactTarget(Fraction(ratio), Fraction(on.minimum)))

    def receive(self, event: TradeEvent) -> None:
        self.exact.follow(event)
        if self.copyist.receive(event):
            self.exact.ignored(event.id)

    def start(self) -> bool:
        """Decide; False if there is nothing to do."""
        intent, skips = self.copyist.start()
        said = {skip.event for skip in skips if skip.reason is Reason.BELOW_MINIMUM}
        self.exact.skipped(said, Fraction(self.copyist.book.held))
        if intent and intent.leg is Leg.OPEN:
            self.exact.placed(Fraction(intent.change))
        elif intent is None or self.copyist.book.target * self.copyist.book.held > 0:
            self.exact.answered()  # nothing was needed, or the close is smaller for what was opened
        return intent is not None

    def finish(self, portion: Decimal = Decimal(1)) -> None:
        intent = self.copyist.flying
        assert intent is not None
        size = filled(intent.size, portion, self.copyist.instrument)
        if intent.leg is Leg.OPEN:
            self.exact.settled(Fraction(size))
        self.copyist.finish(size)

    def beat(self, beat: Beat, portion: Decimal) -> None:
        if beat is Beat.REST:
            self.rest()
        elif beat is Beat.ONE_STEP and self.copyist.flying:
            self.finish(portion)
        elif beat is Beat.ONE_STEP:
            self.start()

    def rest(self) -> None:
        """Come to a quiet point; every order fills whole."""
        if self.copyist.flying:
            self.finish()
        for _ in range(MOST_ORDERS):
            if not self.start():
                return
            self.finish()
        raise AssertionError(f"{MOST_ORDERS} orders and still not at rest: {self.copyist.book}")

    def assert_near(self) -> None:
        """Hold both opinions against each other at a quiet point."""
        on, book, exact = self.copyist.instrument, self.copyist.book, self.exact.target
        noise = NOISE * max(Fraction(1), abs(exact))
        assert abs(Fraction(book.target) - exact) <= noise
        assert book.held == self.copyist.position
        distance = abs(Fraction(self.copyist.position) - exact)
        if on.minimum == on.lot:
            assert distance <= Fraction(on.lot) + noise
        else:
            assert distance < Fraction(on.minimum) + noise
        if exact == 0:
            assert book.flat
            assert self.copyist.position == 0
