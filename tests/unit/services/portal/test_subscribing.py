"""One subscription at a time: each change a version, each version an entry."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.portal.enrolling import ChangedMeanwhile
from shared.domain.ids import AccountId
from shared.domain.subscriptions import FixedRatio, Subscription, SubscriptionState
from tests.unit.services.portal.house import House, follower, leader

ANNA, WHALE = AccountId("anna"), AccountId("whale")
PAUSED, ACTIVE, ENDED = SubscriptionState.PAUSED, SubscriptionState.ACTIVE, SubscriptionState.ENDED


async def _stored(house: House) -> Subscription:
    stored = await house.subscriptions.find(ANNA, WHALE)
    assert stored is not None
    return stored


async def test_a_change_is_a_version_and_an_entry() -> None:
    house = await House().with_two()
    changed = await house.subscribing.change(ANNA, WHALE, {"ratio": Decimal(2), "max_order": Decimal(100)})

    stored = await _stored(house)
    assert (stored.version, stored.sizing, stored.max_order) == (2, FixedRatio(Decimal(2)), Decimal(100))
    assert changed.subscription == stored == house.stream.entries[-1]
    assert (changed.new, changed.published) == (True, 1)


async def test_what_is_not_named_is_kept_and_a_limit_can_be_taken_away() -> None:
    house = await House().with_two()
    await house.subscribing.change(ANNA, WHALE, {"max_order": Decimal(100), "max_age_ms": 500})
    await house.subscribing.change(ANNA, WHALE, {"max_order": None})

    stored = await _stored(house)
    assert (stored.max_order, stored.max_age_ms, stored.sizing.ratio) == (None, 500, Decimal("0.5"))


async def test_pausing_resuming_and_ending_are_states() -> None:
    house = await House().with_two()
    for state in (PAUSED, ACTIVE, ENDED):
        await house.subscribing.change(ANNA, WHALE, {"state": state})
    assert [(each.version, each.state) for each in house.stream.entries] == [
        (1, ACTIVE),
        (2, PAUSED),
        (3, ACTIVE),
        (4, ENDED),
    ]


async def test_what_is_in_force_already_makes_no_version() -> None:
    house = await House().with_two()
    await house.subscribing.change(ANNA, WHALE, {"state": PAUSED})
    again = await house.subscribing.change(ANNA, WHALE, {"state": PAUSED})
    assert (again.new, again.published) == (False, 0)
    assert (await _stored(house)).version == 2


async def test_a_repeat_after_the_stream_was_away_publishes_what_was_stored() -> None:
    house = await House().with_two()
    house.stream.away = True
    with pytest.raises(ConnectionError):
        await house.subscribing.change(ANNA, WHALE, {"state": PAUSED})
    house.stream.away = False
    again = await house.subscribing.change(ANNA, WHALE, {"state": PAUSED})

    assert (again.new, again.published) == (False, 1)
    assert house.stream.entries[-1].state is PAUSED


async def test_a_new_subscription_needs_a_ratio() -> None:
    house = House()
    await house.enrol(accounts=[leader("whale"), follower("anna")])
    refused = await house.subscribing.change(ANNA, WHALE, {"state": PAUSED})
    assert [problem.field for problem in refused.problems] == ["ratio"]

    made = await house.subscribing.change(ANNA, WHALE, {"ratio": Decimal(1)})
    assert made.subscription == Subscription(ANNA, WHALE, 1, ACTIVE, FixedRatio(Decimal(1)))
    assert house.stream.entries == [made.subscription]


@pytest.mark.parametrize(
    ("follower", "leader", "settings", "field"),
    [
        ("anna", "whale", {"ratio": Decimal(0)}, "ratio"),
        ("anna", "whale", {"slippage_cap": Decimal(1)}, "slippage_cap"),
        ("anna", "nobody", {"ratio": Decimal(1)}, "leader"),
        ("nobody", "whale", {"ratio": Decimal(1)}, "follower"),
        ("anna", "anna", {"ratio": Decimal(1)}, "leader"),
    ],
)
async def test_what_cannot_work_is_refused(follower: str, leader: str, settings: dict[str, Any], field: str) -> None:
    house = await House().with_two()
    refused = await house.subscribing.change(AccountId(follower), AccountId(leader), settings)
    assert f"subscriptions.{follower}.{leader}.{field}" in [problem.field for problem in refused.problems]
    assert len(house.stream.entries) == 1


async def test_stopping_is_never_refused() -> None:
    """The follower has left net mode: nothing may be opened for it, and pausing must work all the more."""
    house = await House().with_two()
    anna = house.registry.members[ANNA]
    house.registry.members[ANNA] = replace(anna, position_mode="long_short_mode")

    assert (await house.subscribing.change(ANNA, WHALE, {"state": ENDED})).new
    resumed = await house.subscribing.change(ANNA, WHALE, {"state": ACTIVE})
    assert [problem.field for problem in resumed.problems] == ["subscriptions.anna.whale.position_mode"]


async def test_two_who_change_at_once_both_get_their_change() -> None:
    """The slower one reads again: its change is made to what the faster one left."""
    house = await House().with_two()
    house.registry.meanwhile = [replace(await _stored(house), version=2, max_order=None, max_age_ms=77)]
    await house.subscribing.change(ANNA, WHALE, {"state": PAUSED})

    stored = await _stored(house)
    assert (stored.version, stored.state, stored.max_age_ms) == (3, PAUSED, 77)


async def test_somebody_who_changes_it_all_the_time_is_left_alone() -> None:
    house = await House().with_two()
    stored = await _stored(house)
    house.registry.meanwhile = [replace(stored, version=version, max_age_ms=version) for version in range(2, 9)]
    with pytest.raises(ChangedMeanwhile):
        await house.subscribing.change(ANNA, WHALE, {"state": PAUSED})
