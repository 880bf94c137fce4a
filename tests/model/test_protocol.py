"""With all rules in force nothing is lost, doubled or misordered, whatever goes wrong."""

import pytest

from tests.model.rules import ALL_FAULTS, Fault
from tests.model.schedule import Result, run

SCHEDULES, SHARE = 24_000, 400


@pytest.mark.parametrize("first", range(1, SCHEDULES, SHARE))
def test_no_schedule_goes_wrong(first: int) -> None:
    wrong = [result for seed in range(first, first + SHARE) if (result := run(seed)).violations]
    assert not wrong, _reported(wrong)


@pytest.mark.parametrize("faults", [ALL_FAULTS, frozenset[Fault]()], ids=["every fault", "no fault"])
def test_no_schedule_goes_wrong_under(faults: frozenset[Fault]) -> None:
    wrong = [result for seed in range(1, 151) if (result := run(seed, faults=faults)).violations]
    assert not wrong, _reported(wrong)


def test_a_seed_is_a_schedule() -> None:
    first, second = run(11, traced=True), run(11, traced=True)
    assert first == second
    assert first.timeline


def test_schedules_are_eventful() -> None:
    """A model in which nothing happens finds nothing: every kind of event must occur in a handful of schedules."""
    told = "\n".join(line for seed in range(1, 201) for line in run(seed, faults=ALL_FAULTS, traced=True).timeline)
    kinds = (
        "crashes",
        "is paused",
        "comes back older",
        "comes back empty",
        "(answer lost)",
        "(reply lost)",
        "delayed commit",
        "resolves",
        "does not reach redis",
        "does not reach the venue",
        "is stopped until",
        "the grant of",
        "loses its socket",
        "released clean",
        "(into nowhere)",
    )
    assert [
        kind
        for kind in (*kinds, "Refused", "NotPlaced", "Unknown", ".close.", ".open.1", "released", ": stale")
        if kind not in told
    ] == []


def _reported(wrong: list[Result]) -> str:
    return "\n".join(f"seed {result.seed}: {'; '.join(result.violations)}" for result in wrong)
