"""What the benchmark is after: each figure's name, definition, bar and aim; values in, values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median


class Name(StrEnum):
    """The figures, by the names the design gives them."""

    VS_CCXT = "ours_vs_ccxt"
    VS_HTTPX = "ours_vs_httpx"
    VS_CEILING = "ours_vs_ceiling"
    SETTLED = "settled_vs_ccxt"
    LAST_ACK = "last_ack_1000_over_delay"
    GROWTH = "growth_10k_over_1k"
    TWO_WORKERS = "two_workers_efficiency"
    MEMORY = "bytes_per_idle_follower"
    COLD = "cold_over_warm"
    TAKEOVER = "takeover_s"
    STUB = "stub_over_ours"


@dataclass(frozen=True, slots=True)
class Definition:
    """How a figure is had, and what is asked of it; None where it is only reported."""

    how: str
    bar: float | None
    aim: float | None
    more_is_better: bool = True

    def reached(self, value: float) -> bool:
        """Tell whether a value is at the bar or past it."""
        if self.bar is None:
            return True
        return value >= self.bar if self.more_is_better else value <= self.bar


DEFINITIONS: Mapping[Name, Definition] = {
    Name.VS_CCXT: Definition("orders per CPU-second over TLS, one worker / ccxt create_order", 8, 15),
    Name.VS_HTTPX: Definition("the same / plain httpx", 40, 80),
    Name.VS_CEILING: Definition("the same / a bare loop of prebuilt requests on as many connections", 0.2, 0.4),
    Name.SETTLED: Definition("placed, and the fill learned, per CPU-second / ccxt doing both", None, 8),
    Name.LAST_ACK: Definition("event published to last answer, 1,000 followers, venue 30 ms, / 30 ms", 4, 2, False),
    Name.GROWTH: Definition("event published to last answer, 10,000 / 1,000 followers, venue 30 ms", 11, 10, False),
    Name.TWO_WORKERS: Definition("CPU per order with one worker / with two", 0.8, 0.95),
    Name.MEMORY: Definition("resident bytes per follower who only waits", 8_192, 3_000, False),
    Name.COLD: Definition("first event within 1 s of /readyz / warm", 2, 1.2, False),
    Name.TAKEOVER: Definition("kill -9 to the last follower in doubt decided, seconds", 8, 5, False),
    Name.STUB: Definition("what the stub sustains / what ours asks of it; below 3 the run is void", 3, None),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one run: the median of its rounds, and the least and the most of them."""

    value: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """Take the rounds together."""
        return cls(median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Divide round by round: both sides of a round met the same machine."""
    return Figure.of([one / other for one, other in zip(ours, theirs, strict=True)])
