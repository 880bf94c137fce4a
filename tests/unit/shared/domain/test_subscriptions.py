"""What makes a subscription impossible."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import AccountId
from shared.domain.subscriptions import Problem, circle, problems
from tests.support.builders import subscription
from tests.unit.shared.domain.drawing import proven


def test_a_plain_subscription_has_no_problem() -> None:
    assert problems(subscription()) == []


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ({"ratio": 0}, "ratio", "0"),
        ({"ratio": "-0.5"}, "ratio", "-0.5"),
        ({"ratio": "100.01"}, "ratio", "100.01"),
        ({"max_age_ms": 0}, "max_age_ms", "0"),
        ({"max_order": 0}, "max_order", "0"),
        ({"max_position": "-1"}, "max_position", "-1"),
        ({"slippage_cap": 0}, "slippage_cap", "0"),
        ({"slippage_cap": "0.21"}, "slippage_cap", "0.21"),
        ({"max_order": 200, "max_position": 100}, "max_order", "200"),
        ({"follower": "one", "leader": "one"}, "leader", "one"),
    ],
)
def test_a_problem_names_field_value_and_remedy(settings: dict[str, Any], field: str, value: str) -> None:
    (problem,) = problems(subscription(**settings))
    assert (problem.field, problem.value) == (field, value)
    assert len(problem.remedy.split()) >= 4


@pytest.mark.parametrize(
    "settings", [{"ratio": 100}, {"ratio": "0.0001"}, {"slippage_cap": "0.2"}, {"max_order": 100, "max_position": 100}]
)
def test_the_edges_are_allowed(settings: dict[str, Any]) -> None:
    assert problems(subscription(**settings)) == []


def test_every_problem_is_told_at_once() -> None:
    found = problems(subscription(ratio=0, max_age_ms=-1, slippage_cap=1))
    assert [problem.field for problem in found] == ["ratio", "max_age_ms", "slippage_cap"]


def _accounts(**leaders_of: str) -> dict[AccountId, set[AccountId]]:
    return {AccountId(name): {AccountId(leader) for leader in leaders.split()} for name, leaders in leaders_of.items()}


def test_following_in_a_circle_is_refused() -> None:
    """A follows b, b follows c: c may not follow a."""
    problem = circle(AccountId("c"), AccountId("a"), _accounts(a="b", b="c"))
    assert problem == Problem("leader", "a", "choose another leader: a already follows c, directly or through others")


def test_following_the_same_leader_by_two_ways_is_no_circle() -> None:
    assert circle(AccountId("a"), AccountId("b"), _accounts(a="c", b="c d", d="c")) is None


names = st.sampled_from([AccountId(letter) for letter in "abcdef"])


@proven
@given(st.lists(st.tuples(names, names), max_size=25))
def test_no_circle_can_be_made_one_subscription_at_a_time(wanted: list[tuple[AccountId, AccountId]]) -> None:
    """Whoever is let in, nobody can be reached from themselves; and nobody is refused without a way back."""
    leaders_of: dict[AccountId, set[AccountId]] = {}
    for follower, leader in wanted:
        refused = circle(follower, leader, leaders_of) is not None
        assert refused == (follower in _reached(leader, leaders_of))
        if not refused:
            leaders_of.setdefault(follower, set()).add(leader)
    for follower, leaders in leaders_of.items():
        assert all(follower not in _reached(leader, leaders_of) for leader in leaders)


def _reached(start: AccountId, leaders_of: dict[AccountId, set[AccountId]]) -> set[AccountId]:
    """Return everybody `start` follows, itself included; by repetition until nothing is added."""
    found = {start}
    for _ in range(len(leaders_of) + 1):
        found |= {leader for follower in found for leader in leaders_of.get(follower, set())}
    return found


def test_numbers_of_any_size_are_judged() -> None:
    assert [problem.field for problem in problems(subscription(ratio=Decimal("1E+30")))] == ["ratio"]
