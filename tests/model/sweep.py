"""Many schedules over few processes, stopping early where asked to."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tests.model.rules import ALL_RULES, Fault, Rule
from tests.model.schedule import Result, run

PROCESSES = 2
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Share:
    """A chunk of seeds with what they run under."""

    seeds: range
    rules: frozenset[Rule]
    faults: frozenset[Fault] | None


def sweep(
    seed: int, schedules: int, rules: frozenset[Rule] = ALL_RULES, faults: frozenset[Fault] | None = None
) -> Iterator[tuple[int, list[Result]]]:
    """Run schedules side by side; yield, chunk by chunk, how many ran and those that went wrong."""
    chunks = (range(start, min(start + _CHUNK, seed + schedules)) for start in range(seed, seed + schedules, _CHUNK))
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        yield from pool.imap(_run_share, (Share(seeds, rules, faults) for seeds in chunks))


def _run_share(share: Share) -> tuple[int, list[Result]]:
    results = [run(seed, share.rules, share.faults) for seed in share.seeds]
    return len(results), [result for result in results if result.violations]


def first_violation(rules: frozenset[Rule], faults: frozenset[Fault], seed: int, budget: int) -> Result | None:
    """Return the first schedule that goes wrong, in this process, or None within the budget."""
    for tried in count():
        if tried == budget:
            return None
        result = run(seed + tried, rules, faults)
        if result.violations:
            return result
    return None
