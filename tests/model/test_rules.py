"""Each rule is needed: without it some schedule goes wrong, within a budget that starts at a seed known to."""

from pathlib import Path

import pytest

from tests.model.focus import BUDGET, FOCUS, PROTECTIONS
from tests.model.rules import ALL_RULES, Rule
from tests.model.schedule import run
from tests.model.sweep import first_violation


def test_every_rule_has_its_focus() -> None:
    assert set(FOCUS) == set(Rule)


@pytest.mark.parametrize("rule", Rule)
def test_removing_a_rule_is_caught(rule: Rule) -> None:
    focus = FOCUS[rule]
    caught = first_violation(ALL_RULES - {rule}, focus.faults, focus.seed, BUDGET)
    assert caught is not None, f"{BUDGET} schedules from seed {focus.seed} went well without {rule}"
    print(f"without {rule}: seed {caught.seed}: {caught.violations[0]}")


@pytest.mark.parametrize("rule", Rule)
def test_the_same_schedule_goes_well_with_the_rule(rule: Rule) -> None:
    focus = FOCUS[rule]
    assert run(focus.seed, faults=focus.faults).violations == []


def test_the_documentation_names_every_rule_with_its_seed() -> None:
    told = (Path(__file__).parents[2] / "docs" / "model.md").read_text(encoding="utf-8")
    assert [rule for rule in Rule if f"| `{rule}` | {FOCUS[rule].seed} |" not in told] == []


def test_the_documentation_names_the_rule_behind_every_protection_of_the_contract() -> None:
    told = (Path(__file__).parents[2] / "docs" / "model.md").read_text(encoding="utf-8")
    assert [phrase for phrase, rule in PROTECTIONS.items() if f"| {phrase} | `{rule}` |" not in told] == []
