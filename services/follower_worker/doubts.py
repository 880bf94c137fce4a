"""What has been asked so far for one strand: a value that lives as long as the asking."""

from dataclasses import dataclass, field
from decimal import Decimal

from services.follower_worker.flights import Flight, Found
from services.follower_worker.lane import Lane
from services.follower_worker.phases import UNSETTLED
from services.follower_worker.strands import Strand
from shared.domain.backoff import delay_ms
from shared.domain.ids import CLOSE, ClOrdId
from shared.domain.outcomes import OrderReport

SETTLE_MS, RETRY_MS = (20, 2_000), (250, 10_000)
"""The first and the longest pause: before an order not done yet is asked for again, and after an answer of no use."""
AT_ONCE = 0.0
"""The pause where the strand has changed while something was asked: what came of it is too old to conclude from."""
_FILLS_MARGIN_MS = 1_000
"""How far before an event fills are looked at: by the venue's own clock none of its orders can have filled before."""


@dataclass(slots=True)
class Doubt:
    """What has been asked so far for one strand."""

    lane: Lane
    strand: Strand
    asked: int = 0
    absent_at: float | None = None
    """Monotonic time of the first round in which nothing more was shown."""
    names: frozenset[ClOrdId] = frozenset()
    """What was absent then."""
    no_fill: bool = False
    """Whether the account's fills were seen to carry none of these names since."""
    own: OrderReport | None = None
    found: dict[ClOrdId, Found] = field(default_factory=dict)
    absent: set[ClOrdId] = field(default_factory=set)
    """Names this round has shown to be absent; kept when the round is interrupted."""
    questions: int = 0

    @property
    def awaited(self) -> bool:
        """Tell whether something waits for the answer: a further order, or everything, where anything is in doubt."""
        strand = self.strand
        if strand.phase is not UNSETTLED or strand.flight is None or strand.covers:
            return True
        intent = strand.flight.attempt.intent
        return intent.more or (intent.leg is CLOSE and strand.book.target != 0)

    def pause_s(self, pauses_ms: tuple[int, int]) -> float:
        """Return how long to wait before the next question, longer each time: one of the pauses above."""
        self.asked += 1
        return delay_ms(self.asked - 1, *pauses_ms, Decimal(0)) / 1000

    def begin_absence(self, names: frozenset[ClOrdId], at: float | None) -> None:
        """Count from `at`, when these names were first absent; None begins anew with the next answer."""
        self.absent_at, self.names, self.no_fill = at, names, False

    @property
    def earliest_ms(self) -> int:
        """Return a venue time before which nothing of what is asked for can have filled; 0 if that is not known."""
        filled = [self.strand.hops.filled_ms, *(event.at_ms for event in self.strand.doubtful)]
        return max(0, min((at for at in filled if at), default=0) - _FILLS_MARGIN_MS)

    @property
    def flight(self) -> Flight:
        """Return the attempt in question.

        Raises:
            RuntimeError: there is none; the strand's record is damaged.
        """
        if self.strand.flight is None:
            raise RuntimeError(f"strand {self.strand.key} is {self.strand.phase} without an attempt in flight")
        return self.strand.flight

    def is_own(self, name: ClOrdId) -> bool:
        """Tell whether a name is that of the attempt already asked for and found."""
        return self.strand.flight is not None and self.own is not None and self.flight.attempt.cl_ord_id == name
