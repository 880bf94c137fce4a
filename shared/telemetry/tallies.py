"""Counts and distributions for the hot path: an observation is an addition, the text is made when somebody looks.

`prometheus_client` takes a lock for each observation, a histogram two; a process that places tens of thousands of
orders a second on one thread pays for it with each of them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally:
    """One distribution; for one thread."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count a value, in the unit of the bounds."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many values were at or below each bound, the last without bound."""
        reached, cumulated = 0, []
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            reached += count
            cumulated.append((floatToGoString(bound), float(reached)))  # type: ignore[no-untyped-call]
        return cumulated


class Count:
    """One number that only grows; for one thread."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0

    def inc(self) -> None:
        """Count one."""
        self.number += 1


class Counts(Collector):
    """Counts by the values of some labels."""

    def __init__(self, name: str, sentence: str, labels: Sequence[str], values: Iterable[tuple[str, ...]]) -> None:
        self._name, self._sentence, self._labels = name, sentence, tuple(labels)
        self.by_values = {each: Count() for each in values}

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Spell what was counted so far."""
        family = CounterMetricFamily(self._name, self._sentence, labels=self._labels)
        for values, count in self.by_values.items():
            family.add_metric(values, count.number)
        yield family


class Tallies(Collector):
    """A histogram of tallies by the value of one label."""

    def __init__(self, name: str, sentence: str, label: str, values: Sequence[str], bounds: Sequence[float]) -> None:
        self._name, self._sentence, self._label = name, sentence, label
        self.by_value = {value: Tally(bounds) for value in values}

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Spell what was counted so far."""
        family = HistogramMetricFamily(self._name, self._sentence, labels=[self._label])
        for value, tally in self.by_value.items():
            family.add_metric([value], tally.buckets(), tally.total)
        yield family
