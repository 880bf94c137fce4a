"""The command line: what it takes, and what is printed."""

import json
from decimal import Decimal

import pytest

from services.portal.commands import given_settings, parse
from services.portal.document import ACCOUNT, API_KEY, OAUTH, SUBSCRIPTION
from services.portal.enrolling import Enrolled
from services.portal.subscribing import Changed
from services.portal.telling import tell_changed, tell_enrolled, tell_problems, tell_published
from shared.domain.subscriptions import Problem, SubscriptionState
from tests.support.builders import subscription

PROBLEMS = [Problem("ratio", "0", "use a number above 0"), Problem("leader", "x", "enrol the account first")]


def test_the_manual_of_enrol_names_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["enrol", "--help"])
    manual = capsys.readouterr().out
    assert left.value.code == 0
    for form in (ACCOUNT, OAUTH, API_KEY, SUBSCRIPTION):
        for name, field in form.items():
            assert f"  {name} " in manual
            assert field.takes in manual


def test_the_manual_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    manual = capsys.readouterr().out
    for variable in ("SLIPSTREAM_DATABASE_URL", "SLIPSTREAM_REDIS_URL", "SLIPSTREAM_VAULT_KEY"):
        assert variable in manual


@pytest.mark.parametrize(
    "arguments", [[], ["enrol"], ["subscription"], ["subscription", "set"], ["dance"], ["enrol", "a.json", "b.json"]]
)
def test_a_command_line_that_is_none_leaves_with_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(arguments)
    assert left.value.code == 2


def test_settings_are_read_as_a_document_would_spell_them() -> None:
    command = parse(
        [
            *("subscription", "set", "--follower", "anna", "--leader", "whale", "--ratio", "0.5"),
            *("--state", "paused", "--max-age-ms", "500", "--max-order", "none"),
        ]
    )
    assert given_settings(command) == {"ratio": "0.5", "state": "paused", "max_age_ms": 500, "max_order": None}


@pytest.mark.parametrize("age", ["-5", "5.5", "٣", ""])
def test_an_age_that_is_no_whole_number_is_left_for_the_form_to_refuse(age: str) -> None:
    command = parse(["subscription", "set", "--follower", "a", "--leader", "b", f"--max-age-ms={age}"])
    assert given_settings(command) == {"max_age_ms": age}


def test_problems_are_told_with_field_value_and_remedy() -> None:
    assert tell_problems(PROBLEMS, as_json=False).splitlines() == [
        "ratio: got '0'; use a number above 0",
        "leader: got 'x'; enrol the account first",
        "2 problems; nothing was stored",
    ]
    assert json.loads(tell_problems(PROBLEMS[:1], as_json=True)) == {
        "problems": [{"field": "ratio", "value": "0", "remedy": "use a number above 0"}]
    }


def test_what_was_enrolled_is_told_in_numbers() -> None:
    enrolled = Enrolled((), 3, 2, 1, 1, differing=4)
    assert tell_enrolled(enrolled, as_json=False) == (
        "stored 3 accounts, 2 grants, 1 subscriptions; published 1;"
        " 4 subscriptions exist with other settings and were left: see subscription set"
    )
    assert json.loads(tell_enrolled(enrolled, as_json=True)) == {
        "accounts": 3,
        "grants": 2,
        "subscriptions": 1,
        "published": 1,
        "differing": 4,
    }


def test_a_changed_subscription_is_told_as_it_is() -> None:
    paused = subscription(ratio="0.50", version=2, state=SubscriptionState.PAUSED, max_order=Decimal(100))
    told = tell_changed(Changed((), paused, new=True, published=1), as_json=False)
    assert told == "follower following leader is now version 2, paused"
    facts = json.loads(tell_changed(Changed((), paused), as_json=True))
    assert (facts["ratio"], facts["max_order"], facts["new"]) == ("0.5", "100", False)


def test_a_refused_change_is_told_as_its_problems() -> None:
    told = tell_changed(Changed(PROBLEMS), as_json=False)
    assert told == tell_problems(PROBLEMS, as_json=False)


def test_a_count_is_told() -> None:
    assert tell_published(3, as_json=False) == "published 3"
    assert json.loads(tell_published(3, as_json=True)) == {"published": 3}
