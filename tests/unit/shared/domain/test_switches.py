"""Whom a kill switch concerns, what it denies, and what a command to close makes of a book."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.books import FLAT, fold
from shared.domain.ids import AccountId, EntryId, InstId, Leg
from shared.domain.instruments import UNKNOWN_MARKET
from shared.domain.planning import decide, plan
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.domain.subscriptions import SubscriptionState
from shared.domain.switches import Action, Scope, Switch, close_out
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS, event, instrument, situation, subscription

SIZES = st.integers(-50, 50)


def switch(scope: Scope = Scope.PLATFORM, name: str = "", action: Action = Action.STOP_OPENS) -> Switch:
    return Switch(scope, name, action, NOON_MS)


@pytest.mark.parametrize(
    ("scope", "name", "concerned"),
    [
        (Scope.PLATFORM, "", True),
        (Scope.LEADER, LEADER, True),
        (Scope.LEADER, FOLLOWER, False),
        (Scope.FOLLOWER, FOLLOWER, True),
        (Scope.FOLLOWER, LEADER, False),
        (Scope.OWN, FOLLOWER, True),
        (Scope.INSTRUMENT, BTC, True),
        (Scope.INSTRUMENT, "ETH-USDT-SWAP", False),
    ],
)
def test_whom_it_concerns(scope: Scope, name: str, concerned: bool) -> None:
    assert switch(scope, name).concerns(FOLLOWER, LEADER, BTC) is concerned


def test_an_opening_is_denied_with_the_reason_and_leaves_the_target() -> None:
    book = plan(subscription(), FLAT, Account(), instrument(), UNKNOWN_MARKET, [], NOON_MS).book
    book, _ = fold(book, event(0, 10), subscription(), instrument())
    decision = decide(replace(situation(book), stopped=switch(Scope.LEADER, LEADER)))
    assert decision.intent is None
    assert decision.book.target == 0
    (skip,) = decision.skips
    assert (skip.reason, skip.numbers["scope"]) == (Reason.STOPPED, "leader")


@given(held=SIZES, wanted=SIZES, state=st.sampled_from(SubscriptionState))
def test_a_command_to_close_leaves_nothing_wanted_and_closes_all_that_is_held(
    held: int, wanted: int, state: SubscriptionState
) -> None:
    book = replace(FLAT, held=Contracts(Decimal(held)), target=Contracts(Decimal(wanted)))
    closing = close_out("close:7", EntryId("1-1"), LEADER, BTC, NOON_MS)
    folded, _ = fold(book, closing, subscription(state=state), instrument())
    decision = decide(replace(situation(folded), stopped=switch(action=Action.FLATTEN)))
    assert decision.book.target == 0
    if held:
        assert decision.intent is not None
        assert decision.intent.leg is Leg.CLOSE
        assert decision.intent.change == -held
    else:
        assert decision.intent is None


def test_commands_of_one_account_never_share_a_name() -> None:
    places = [(leader, inst_id) for leader in ("whale", "shark") for inst_id in ("BTC-USDT-SWAP", "ETH-USDT-SWAP")]
    names = {
        close_out(name, EntryId("1-1"), AccountId(leader), InstId(inst_id), NOON_MS).id
        for name in ("close:platform:7", "close:own:7", "close:v7")
        for leader, inst_id in places
    }
    assert len(names) == 3 * len(places)
