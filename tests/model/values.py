"""What the parts of the model hand to each other. Time is counted in ticks; the product takes them for ms."""

from dataclasses import dataclass
from random import Random

from shared.domain.ids import AccountId, EventId, InstId
from shared.domain.orders import Attempt
from tests.model.rules import Fault, Rule

LEASE = 8
"""A lease's time-to-live."""
DEADLINE = 7
"""How long an order may live on its way to the venue."""
MOST_LAG = 6
"""At most so long the venue's GET does not show an order it took; two absent answers are further apart than that."""
CLOCK_ERROR = 1
"""A worker's estimate of the venue's clock is off by at most this."""

LEADER = AccountId("leader")
AccountKey = tuple[AccountId, InstId]
"""A follower's position at the venue."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An order on its way: who sent it (worker, incarnation), and the last moment the venue accepts it."""

    attempt: Attempt
    expires: int
    sender: tuple[int, int]
    serial: int

    @property
    def key(self) -> AccountKey:
        return self.attempt.follower, self.attempt.intent.inst_id

    @property
    def index(self) -> int:
        """Return the place in the leader's history of the last event it covers."""
        return index_of(self.attempt.event)

    def __str__(self) -> str:
        intent = self.attempt.intent
        name = f"e{self.index}.{intent.leg}.{self.attempt.tries}"
        return f"{self.attempt.follower}/{intent.inst_id} {name} {intent.change:+} until {self.expires}"


def index_of(event: EventId) -> int:
    """Return an event's place in the leader's history, which is its trade id."""
    return int(event.rpartition(":")[2])


@dataclass(slots=True)
class World:
    """Time, chance and the rules in force; everything else of a schedule hangs on it."""

    random: Random
    rules: frozenset[Rule]
    faults: frozenset[Fault]
    now: int = 1
    healing: bool = False
    timeline: list[str] | None = None
    serial: int = 0
    lag: int = 0

    def has(self, rule: Rule) -> bool:
        return rule in self.rules

    def fault(self, fault: Fault, chance: float) -> bool:
        """Tell whether a fault strikes now; never once the schedule heals."""
        return not self.healing and fault in self.faults and self.random.random() < chance

    def note(self, who: str, what: str) -> None:
        if self.timeline is not None:
            self.timeline.append(f"{self.now:>4}  {who:<9} {what}")

    @property
    def absent_gap(self) -> int:
        """Return how far apart two absent answers must be."""
        return self.lag + 1

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial
