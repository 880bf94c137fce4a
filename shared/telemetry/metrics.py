"""The vocabulary of metrics: names, labels, buckets; and the only way to make one.

A label takes few values, known beforehand. A follower, an order or an event is never one: that goes into a log line.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from shared.telemetry.tallies import Count, Counts, Tallies, Tally

Label = Literal[
    "service",
    "lane",
    "instrument_type",
    "category",
    "outcome",
    "reason",
    "kind",
    "site",
    "endpoint",
    "hop",
]

LABELS: frozenset[str] = frozenset(get_args(Label))

LATENCY_BUCKETS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Seconds. Our own hops take tenths of a millisecond, the venue tens of them, a takeover seconds."""

SIZE_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0)
"""Things in a batch or followers of an event."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")


class Meter:
    """Makes one process's metrics and renders them; each name is made once."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.gauge("process_info", "Is 1, and names the service this process runs.", ("service",)).labels(service).set(
            1
        )

    def counter(self, name: str, sentence: str, labels: Sequence[Label] = ()) -> Counter:
        """Make a count that only grows; the text format adds `_total` to its name.

        Raises:
            ValueError: the name, the sentence or a label is not in the vocabulary, or the name is taken.
        """
        return Counter(*_checked(name, sentence, labels), registry=self.registry)

    def gauge(self, name: str, sentence: str, labels: Sequence[Label] = ()) -> Gauge:
        """Make a number that goes up and down. Raises as `counter`."""
        return Gauge(*_checked(name, sentence, labels), registry=self.registry)

    def histogram(
        self, name: str, sentence: str, labels: Sequence[Label] = (), buckets: Sequence[float] = LATENCY_BUCKETS
    ) -> Histogram:
        """Make a distribution; `buckets` are upper bounds in the unit the name ends with. Raises as `counter`."""
        return Histogram(*_checked(name, sentence, labels), registry=self.registry, buckets=buckets)

    def counts(
        self, name: str, sentence: str, labels: Sequence[Label] = (), values: Iterable[tuple[str, ...]] = ((),)
    ) -> Mapping[tuple[str, ...], Count]:
        """Make a count per values of labels, for the hot path; one thread may count. Raises as `counter`."""
        full, sentence, named = _checked(name, sentence, labels)
        made = Counts(full, sentence, named, values)
        self.registry.register(made)
        return made.by_values

    def tallies(
        self,
        name: str,
        sentence: str,
        label: Label,
        values: Sequence[str],
        buckets: Sequence[float] = LATENCY_BUCKETS,
    ) -> Mapping[str, Tally]:
        """Make a distribution per value of a label, for the hot path; one thread may count. Raises as `counter`."""
        full, sentence, _ = _checked(name, sentence, (label,))
        made = Tallies(full, sentence, label, values, buckets)
        self.registry.register(made)
        return made.by_value

    def render(self) -> bytes:
        """Spell every metric in the Prometheus text format."""
        return generate_latest(self.registry)


def _checked(name: str, sentence: str, labels: Sequence[str]) -> tuple[str, str, tuple[str, ...]]:
    if not _NAME.fullmatch(name):
        raise ValueError(f"metric {name!r}: expected <noun>_<unit> in lower case")
    if not sentence.endswith(".") or " " not in sentence:
        raise ValueError(f"metric {name}: its sentence is {sentence!r}; expected a whole one, ending in a full stop")
    if unknown := sorted(set(labels) - LABELS):
        raise ValueError(
            f"metric {name}: labels {unknown} are not in the vocabulary; expected some of {sorted(LABELS)}"
        )
    return f"slipstream_{name}", sentence, tuple(labels)
