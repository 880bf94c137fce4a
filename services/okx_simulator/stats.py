"""Counts of what was answered, for people, for Prometheus, and for tests that want to know nothing was missed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any


class Stats:
    """How many answers of each code each endpoint gave."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, str, str]] = Counter()

    def count(self, method: str, path: str, code: str) -> None:
        """Count one answer."""
        self._answers[method, path, code] += 1

    def by_endpoint(self) -> dict[str, dict[str, int]]:
        """Return code counts by "METHOD /path"."""
        counts: dict[str, dict[str, int]] = {}
        for (method, path, code), number in self._answers.items():
            counts.setdefault(f"{method} {path}", {})[code] = number
        return counts

    def exposition(self, gauges: Mapping[str, tuple[str, int]], struck: Mapping[str, int]) -> str:
        """Return everything in Prometheus' text format; `gauges` are name to (sentence, value)."""
        return "\n".join([*self._answer_lines(), *_fault_lines(struck), *_gauge_lines(gauges), ""])

    def _answer_lines(self) -> Iterator[str]:
        yield "# HELP slipstream_simulator_answers_total Answers by endpoint and OKX code."
        yield "# TYPE slipstream_simulator_answers_total counter"
        for (method, path, code), number in sorted(self._answers.items()):
            labels = f'method="{method}",path="{path}",code="{code}"'
            yield f"slipstream_simulator_answers_total{{{labels}}} {number}"


def _fault_lines(struck: Mapping[str, int]) -> Iterator[str]:
    yield "# HELP slipstream_simulator_faults_total Planted faults that struck, by kind."
    yield "# TYPE slipstream_simulator_faults_total counter"
    for kind, number in sorted(struck.items()):
        yield f'slipstream_simulator_faults_total{{kind="{kind}"}} {number}'


def _gauge_lines(gauges: Mapping[str, tuple[str, Any]]) -> Iterator[str]:
    for name, (sentence, value) in gauges.items():
        yield f"# HELP slipstream_simulator_{name} {sentence}"
        yield f"# TYPE slipstream_simulator_{name} gauge"
        yield f"slipstream_simulator_{name} {value}"
