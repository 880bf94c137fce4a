"""Runs are added up, and a run that could not be made is not a clean one."""

from dataclasses import replace

from deploy.chaos.result import Result, summary
from deploy.demo.audit.report import Word

CLEAN = Result(
    seed=1,
    kinds=["worker_killed", "worker_killed"],
    counts={word.value: 0 for word in Word},
    findings=[],
    events=10,
    copies=100,
    in_doubt=4,
    skips={},
    crashes=0,
    takeovers=[4.0, 5.0],
    handovers=[],
    detections=[2.5],
    struck={},
    quiet_s=5.0,
    seconds=30.0,
    timeline=[],
)


def test_figures_add_up() -> None:
    other = replace(CLEAN, seed=2, kinds=["sql_locked"], takeovers=[6.0])
    whole = summary([CLEAN, other], [])
    assert whole["runs"] == 2
    assert whole["faults"] == {"sql_locked": 1, "worker_killed": 2}
    assert (whole["in_doubt"], whole["events"], whole["copies"]) == (8, 20, 200)
    assert whole["takeover_p99_s"] == 6.0
    assert whole["feed_loss_detect_p99_s"] == 2.5
    assert whole["handover_p99_s"] is None
    assert (whole["failing_seeds"], whole["did_not_run"]) == ([], [])


def test_every_word_of_the_audit_is_told_and_counted() -> None:
    found = replace(CLEAN, counts={**CLEAN.counts, "lost": 2, "doubled": 1})
    whole = summary([CLEAN, found, found], [77])
    assert {word.value: whole[word.value] for word in Word} == {**CLEAN.counts, "lost": 4, "doubled": 2}
    assert whole["failing_seeds"] == [1, 1]
    assert whole["did_not_run"] == [77]


def test_a_run_is_clean_only_if_nothing_was_found() -> None:
    assert CLEAN.clean
    assert not replace(CLEAN, counts={**CLEAN.counts, "leaks": 1}).clean
