"""The enrolment document: what is read of it, and how what is wrong with it is told."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.applicants import Applicant, Enrolment, Member
from services.portal.document import ACCOUNT, API_KEY, OAUTH, SUBSCRIPTION, read_enrolment
from shared.domain.ids import AccountId
from shared.domain.subscriptions import BelowMinimum, FixedRatio, Problem, Subscription, SubscriptionState
from shared.vault.credentials import ApiKey, TokenPair
from shared.vault.secret import Secret
from tests.support.repository import ROOT
from tests.unit.services.portal.house import follower, following, leader
from tests.unit.shared.domain.drawing import proven


def _read(**lists: Any) -> tuple[Enrolment, list[Problem]]:
    return read_enrolment(json.dumps(lists))


def _told(**lists: Any) -> list[tuple[str, str]]:
    return [(problem.field, problem.value) for problem in _read(**lists)[1]]


def test_a_whole_document_is_read() -> None:
    settings = {"state": "paused", "below_minimum": "carry", "max_age_ms": None, "slippage_cap": "0.005"}
    enrolment, problems = _read(
        accounts=[leader("whale", main_uid="owner", site="eea"), follower("anna", account_level="2", label="Änne")],
        subscriptions=[following("anna", "whale", **settings, max_order="1000", max_position="5000")],
    )

    assert problems == []
    whale = Member(AccountId("whale"), "eea", "uid-whale", "owner", True, "", "net_mode", "")
    anna = Member(AccountId("anna"), "www", "uid-anna", "uid-anna", False, "2", "net_mode", "Änne")
    key = ApiKey(Secret("key-of-whale"), Secret("secret-of-whale"), Secret("phrase of whale"))
    pair = TokenPair(Secret("access-of-anna"), Secret("refresh-of-anna"), 3_600_000)
    assert enrolment.applicants == (Applicant(whale, key), Applicant(anna, pair))
    (subscription,) = enrolment.subscriptions
    assert subscription.state is SubscriptionState.PAUSED
    assert subscription.below_minimum is BelowMinimum.CARRY
    assert subscription.max_age_ms is None
    assert (subscription.slippage_cap, subscription.max_order) == (Decimal("0.005"), Decimal(1000))


def test_what_is_left_out_is_filled_in() -> None:
    enrolment, _ = _read(subscriptions=[following("anna", "whale")])
    assert enrolment.subscriptions == (
        Subscription(AccountId("anna"), AccountId("whale"), 1, SubscriptionState.ACTIVE, FixedRatio(Decimal("0.5"))),
    )


@pytest.mark.parametrize("ratio", ['"0.3"', "0.3", "0.300", "3e-1"])
def test_numbers_are_read_digit_by_digit(ratio: str) -> None:
    """0.3 as a float is not 0.3."""
    content = f'{{"subscriptions":[{{"follower":"a","leader":"b","ratio":{ratio}}}]}}'
    enrolment, problems = read_enrolment(content)
    assert problems == []
    assert enrolment.subscriptions[0].sizing == FixedRatio(Decimal("0.3"))


def test_the_manual_shows_a_document_that_is_read_and_names_every_field() -> None:
    manual = (ROOT / "docs" / "enrolment.md").read_text(encoding="utf-8")
    example = manual.split("```json\n")[1].split("```")[0].replace("…", "a-secret-of-theirs")
    enrolment, problems = read_enrolment(example)
    assert problems == []
    assert (len(enrolment.applicants), len(enrolment.subscriptions)) == (2, 1)
    for form in (ACCOUNT, OAUTH, API_KEY, SUBSCRIPTION):
        assert [name for name in form if f"`{name}`" not in manual] == []


def test_an_empty_document_asks_for_nothing() -> None:
    assert _read() == (Enrolment(), [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Expecting value"),
        ("{", "line 1"),
        ("[]", "use an object"),
        ('{"accounts": NaN}', "NaN is no number"),
        ('{"accounts": [], "accounts": []}', "accounts twice"),
        ("[" * 100_000, "valid JSON"),
        ('{"accounts": {}}', "use a list"),
        ('{"subscriptions": [7]}', "use an object"),
    ],
)
def test_what_is_no_document_is_told_in_words(content: str, words: str) -> None:
    enrolment, problems = read_enrolment(content)
    assert enrolment == Enrolment()
    assert words in problems[0].remedy


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"account": "a|b"}, "account", "a|b"),
        ({"account": "whale:1"}, "account", "whale:1"),
        ({"account": ""}, "account", ""),
        ({"account": "x" * 65}, "account", "x" * 60 + "… (65 characters)"),
        ({"uid": 12}, "uid", "12"),
        ({"main_uid": "a b"}, "main_uid", "a b"),
        ({"site": "WWW"}, "site", "WWW"),
        ({"leads": "yes"}, "leads", "yes"),
        ({"account_level": 2}, "account_level", "2"),
        ({"position_mode": "net"}, "position_mode", "net"),
        ({"label": "a\nb"}, "label", "a\nb"),
    ],
)
def test_a_malformed_field_of_an_account_is_named(change: dict[str, Any], field: str, value: str) -> None:
    assert _told(accounts=[follower("anna") | change]) == [(f"accounts[0].{field}", value)]


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"ratio": "half"}, "ratio", "half"),
        ({"ratio": True}, "ratio", "True"),
        ({"ratio": "1e5"}, "ratio", "1e5"),
        ({"ratio": None}, "ratio", "None"),
        ({"state": "sleeping"}, "state", "sleeping"),
        ({"below_minimum": "Skip"}, "below_minimum", "Skip"),
        ({"max_age_ms": "10"}, "max_age_ms", "10"),
        ({"max_age_ms": 0}, "max_age_ms", "0"),
        ({"max_age_ms": 1.5}, "max_age_ms", "1.5"),
        ({"slippage_cap": ["0.1"]}, "slippage_cap", "['0.1']"),
        ({"max_order": ""}, "max_order", ""),
    ],
)
def test_a_malformed_field_of_a_subscription_is_named(change: dict[str, Any], field: str, value: str) -> None:
    assert _told(subscriptions=[following("anna", "whale") | change]) == [(f"subscriptions[0].{field}", value)]


@pytest.mark.parametrize("token", ["short", "with space", "line\nbreak!", "tokén-tokén", "", 12345678, None])
def test_a_malformed_token_is_told_but_never_quoted(token: object) -> None:
    pair = {"access_token": token, "refresh_token": "refresh-of-anna", "expires_in_s": 3_600}
    _, (problem,) = _read(accounts=[follower("anna", oauth=pair)])
    assert (problem.field, problem.value) == ("accounts[0].oauth.access_token", "***")
    assert "at least 8 characters" in problem.remedy


@pytest.mark.parametrize("seconds", [0, -1, "3600", 1.5, True, 10**12])
def test_a_life_that_is_no_number_of_seconds_is_refused(seconds: object) -> None:
    pair = {"access_token": "access-of-anna", "refresh_token": "refresh-of-anna", "expires_in_s": seconds}
    assert [field for field, _ in _told(accounts=[follower("anna", oauth=pair)])] == ["accounts[0].oauth.expires_in_s"]


def test_an_unknown_field_is_refused_and_its_value_is_not_quoted() -> None:
    """It may be a misspelt secret."""
    pair = {"acess_token": "access-of-anna", "refresh_token": "refresh-of-anna", "expires_in_s": 3_600}
    _, problems = _read(accounts=[follower("anna", oauth=pair)])
    assert [(each.field, each.value) for each in problems] == [
        ("accounts[0].oauth.acess_token", "***"),
        ("accounts[0].oauth.access_token", ""),
    ]
    assert "access-of-anna" not in str(problems)


def test_every_problem_of_a_document_is_told_at_once() -> None:
    told = _told(
        accounts=[{"account": "a b", "uid": "?"}, 5],
        subscriptions=[{"follower": "anna", "ratio": "x"}],
        people=[],
    )
    assert told == [("people", "***")]
    told = _told(accounts=[{"account": "a b", "uid": "?"}, 5], subscriptions=[{"follower": "anna", "ratio": "x"}])
    assert told == [
        ("accounts[0].account", "a b"),
        ("accounts[0].uid", "?"),
        ("accounts[1]", "5"),
        ("subscriptions[0].leader", ""),
        ("subscriptions[0].ratio", "x"),
    ]


def test_an_account_brings_one_grant() -> None:
    both = follower("anna") | {"api_key": leader("anna")["api_key"]}
    assert _told(accounts=[both]) == [("accounts[0].api_key", "oauth and api_key")]


def test_no_secret_shows_in_what_was_read() -> None:
    enrolment, _ = _read(accounts=[leader("whale"), follower("anna")])
    assert "-of-" not in repr(enrolment)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@proven
@given(st.data())
def test_whatever_is_in_a_field_is_read_or_told(data: st.DataObject) -> None:
    """No document, however odd, ends in anything but values or problems."""
    account, subscription = follower("anna"), following("anna", "whale")
    for row in (account, account["oauth"], subscription):
        if data.draw(st.booleans()):
            row[data.draw(st.sampled_from(sorted(row)))] = data.draw(values)
    content = json.dumps({"accounts": [account], "subscriptions": [subscription]})
    enrolment, problems = read_enrolment(content)
    assert problems or (len(enrolment.applicants), len(enrolment.subscriptions)) == (1, 1)
    for problem in problems:
        assert problem.remedy


@proven
@given(st.text(max_size=60))
def test_any_text_is_read_or_told(content: str) -> None:
    enrolment, problems = read_enrolment(content)
    assert problems or enrolment == Enrolment()
