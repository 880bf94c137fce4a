"""What has been asked so far for one strand: a value that lives as long as the asking."""

from dataclasses import dataclass, field

from services.follower_worker.flights import Found
from services.follower_worker.lane import Lane
from services.follower_worker.strands import Strand
from shared.domain.ids import ClOrdId
from shared.domain.outcomes import OrderReport


@dataclass(slots=True)
class Doubt:
    """What has been asked so far for one strand."""

    lane: Lane
    strand: Strand
    asked: int = 0
    absent_at: float | None = None
    """Monotonic time of the first round in which nothing more was shown."""
    own: OrderReport | None = None
    found: dict[ClOrdId, Found] = field(default_factory=dict)
    absent: set[ClOrdId] = field(default_factory=set)
    """Names this round has shown to be absent; kept when the round is interrupted."""
    questions: int = 0
