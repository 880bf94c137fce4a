"""Throwing with something away: stopping comes first, and nobody is told more than is true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from services.portal.publishing import NotPublished
from services.portal.switching import NotWrittenDown, Switching
from shared.domain.ids import AccountId
from shared.domain.switches import Action, Scope, Switch
from tests.support.clock import FakeClock


@dataclass
class World:
    """Store and workers, either of which may be away."""

    store_away: bool = False
    redis_away: bool = False
    stored: list[Switch] = field(default_factory=list)
    marked: list[Switch] = field(default_factory=list)
    told: list[Switch] = field(default_factory=list)
    slow: int = 0

    async def put(self, switch: Switch, actor: str) -> None:
        del actor
        self._reach_store()
        self.stored.append(switch)

    async def knows(self, account: AccountId) -> bool:
        self._reach_store()
        return account == "whale"

    async def newest(self) -> Sequence[Switch]:
        self._reach_store()
        return self.stored

    async def unpublished(self) -> Sequence[Switch]:
        self._reach_store()
        return [each for each in self.stored if each not in self.marked]

    async def mark_published(self, published: Sequence[Switch], now_ms: int) -> None:
        del now_ms
        self.marked += published

    async def tell(self, switch: Switch) -> None:
        if self.redis_away:
            raise NotPublished("Redis is away")
        self.told.append(switch)

    async def following(self, switch: Switch) -> Mapping[str, int]:
        del switch
        self.slow -= 1
        return {} if self.slow > 0 else {"worker-1": 5}

    async def alive(self) -> set[str]:
        return {"worker-1"}

    def _reach_store(self) -> None:
        if self.store_away:
            raise ConnectionError("the database is away")


def switching(world: World) -> Switching:
    return Switching(world, world, FakeClock(auto=True))


async def test_without_a_database_running_workers_are_stopped_all_the_same() -> None:
    world = World(store_away=True)
    assert await switching(world).problem(Scope.LEADER, "whale") is None
    with pytest.raises(NotWrittenDown, match="throw it again"):
        await switching(world).throw("operator", Scope.LEADER, "whale", Action.STOP_OPENS)
    assert [each.action for each in world.told] == [Action.STOP_OPENS]


async def test_without_redis_it_is_written_down_and_published_later() -> None:
    world = World(redis_away=True)
    with pytest.raises(NotPublished):
        await switching(world).throw("operator", Scope.PLATFORM, "", Action.FLATTEN)
    assert (len(world.stored), world.marked) == (1, [])
    world.redis_away = False
    assert await switching(world).publish_waiting() == 1
    assert await switching(world).publish_waiting() == 0
    assert world.told == world.marked == world.stored


@pytest.mark.parametrize(
    ("scope", "name", "fine"),
    [
        (Scope.PLATFORM, "", True),
        (Scope.PLATFORM, "whale", False),
        (Scope.LEADER, "whale", True),
        (Scope.LEADER, "whale ", False),
        (Scope.FOLLOWER, "nobody", False),
        (Scope.INSTRUMENT, "BTC-USDT-SWAP", True),
        (Scope.INSTRUMENT, "BTCUSDT", False),
    ],
)
async def test_a_switch_that_would_concern_nobody_is_refused(scope: Scope, name: str, fine: bool) -> None:
    assert (await switching(World()).problem(scope, name) is None) is fine


async def test_it_waits_for_the_workers_but_not_for_ever() -> None:
    world = World(slow=3)
    switch = await switching(world).throw("operator", Scope.PLATFORM, "", Action.STOP_OPENS)
    assert (await switching(world).followed(switch, within_s=5)).awaited == []
    world.slow = 1_000
    assert (await switching(world).followed(switch, within_s=1)).awaited == ["worker-1"]


async def test_an_account_is_concerned_by_its_own_and_by_wider_ones() -> None:
    world = World()
    world.stored = [
        Switch(Scope.PLATFORM, "", Action.STOP_OPENS, 1),
        Switch(Scope.FOLLOWER, "anna", Action.STOP_OPENS, 1),
        Switch(Scope.OWN, "bert", Action.STOP_OPENS, 1),
        Switch(Scope.LEADER, "anna", Action.STOP_OPENS, 1),
        Switch(Scope.OWN, "anna", Action.LIFT, 1),
    ]
    concerned = await switching(world).of_account(AccountId("anna"))
    assert [each.scope for each in concerned] == [Scope.PLATFORM, Scope.FOLLOWER]
