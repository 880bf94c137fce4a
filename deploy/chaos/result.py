"""What came of one run, and of all of them: values, and their spelling as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from deploy.chaos.act import Act
from deploy.chaos.plan import Plan
from deploy.demo.audit.report import Report, Word

ZEROS = tuple(Word)
"""What the auditor looks for; every one of them has to be zero."""
_FINDINGS_KEPT = 40


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    seed: int
    kinds: Sequence[str]
    counts: Mapping[str, int]
    findings: Sequence[str]
    events: int
    copies: int
    in_doubt: int
    skips: Mapping[str, int]
    crashes: int
    takeovers: Sequence[float]
    handovers: Sequence[float]
    detections: Sequence[float]
    struck: Mapping[str, int]
    quiet_s: float
    seconds: float
    timeline: Sequence[str]

    @property
    def clean(self) -> bool:
        """Tell whether nothing was found."""
        return not any(self.counts.values())

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def result_of(
    plan: Plan, act: Act, report: Report, crashes: int, quiet_s: float, struck: Mapping[str, int], seconds: float
) -> Result:
    """Put a run's report and figures together."""
    return Result(
        plan.seed,
        [strike.kind.value for strike in plan.strikes],
        {word.value: count for word, count in report.counts.items()},
        [str(finding) for finding in report.findings[:_FINDINGS_KEPT]],
        report.events,
        report.copies,
        report.in_doubt,
        report.skips,
        crashes,
        [round(each, 3) for each in act.measures.takeovers],
        [round(each, 3) for each in act.measures.handovers],
        [round(each, 3) for each in act.measures.detections],
        struck,
        round(quiet_s, 1),
        round(seconds, 1),
        act.timeline.lines,
    )


def summary(results: Sequence[Result], failed: Sequence[int]) -> dict[str, Any]:
    """Add runs up: faults by kind, findings by word, 99th percentiles of the figures (None where nothing was measured).

    `failed` are the seeds that could not be run to their end: they prove nothing, and fail the whole.
    """
    faults = Counter(kind for each in results for kind in each.kinds)
    return {
        "runs": len(results),
        "faults": dict(sorted(faults.items())),
        **{word.value: sum(each.counts[word.value] for each in results) for word in ZEROS},
        "in_doubt": sum(each.in_doubt for each in results),
        "takeover_p99_s": _percentile(each for result in results for each in result.takeovers),
        "handover_p99_s": _percentile(each for result in results for each in result.handovers),
        "feed_loss_detect_p99_s": _percentile(each for result in results for each in result.detections),
        "events": sum(each.events for each in results),
        "copies": sum(each.copies for each in results),
        "crashes": sum(each.crashes for each in results),
        "failing_seeds": [each.seed for each in results if not each.clean],
        "did_not_run": list(failed),
    }


def _percentile(values: Iterable[float]) -> float | None:
    ordered = sorted(values)
    return ordered[ceil(len(ordered) * 0.99) - 1] if ordered else None
