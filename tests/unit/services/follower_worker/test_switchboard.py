"""Which switch is in force: the newest of its scope and name, whichever way it came."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.follower_worker.flights import StrandKey
from services.follower_worker.metrics import Metrics
from services.follower_worker.switchboard import Switchboard
from shared.domain.switches import Action, Scope, Switch
from shared.telemetry.metrics import Meter
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS
from tests.support.clock import FakeClock

KEY = StrandKey(FOLLOWER, BTC, LEADER)


@dataclass
class Stored:
    thrown: list[Switch] = field(default_factory=list)
    failures: int = 0
    asked: int = 0
    acks: list[tuple[str, str]] = field(default_factory=list)
    deaf: int = 0

    async def newest(self) -> Sequence[Switch]:
        self.asked += 1
        if self.asked <= self.failures:
            raise ConnectionError("the database is away")
        return self.thrown

    async def acknowledge(self, switch: str, worker: str, at_ms: int) -> None:
        del at_ms
        if self.deaf:
            self.deaf -= 1
            raise OSError("Redis is away")
        self.acks.append((switch, worker))


def board(stored: Stored) -> Switchboard:
    return Switchboard(stored, stored, "worker-1", FakeClock(auto=True), Metrics(Meter("test")), (OSError,))


def thrown(action: Action, after_ms: int = 0, scope: Scope = Scope.LEADER, name: str = LEADER) -> Switch:
    return Switch(scope, name, action, NOON_MS + after_ms)


def test_nothing_is_stopped_at_first() -> None:
    assert board(Stored()).stopped(KEY) is None


def test_a_throw_is_in_force_until_it_is_lifted() -> None:
    held = board(Stored())
    held.hear(thrown(Action.STOP_OPENS))
    assert held.stopped(KEY) == thrown(Action.STOP_OPENS)
    held.hear(thrown(Action.LIFT, 5))
    assert held.stopped(KEY) is None


def test_an_older_throw_that_comes_later_changes_nothing() -> None:
    held = board(Stored())
    held.hear(thrown(Action.LIFT, 5))
    held.hear(thrown(Action.FLATTEN))
    assert held.stopped(KEY) is None


def test_one_lifted_leaves_the_others_in_force() -> None:
    held = board(Stored())
    held.hear(thrown(Action.STOP_OPENS))
    held.hear(thrown(Action.STOP_OPENS, 1, Scope.PLATFORM, ""))
    held.hear(thrown(Action.LIFT, 2))
    stopped = held.stopped(KEY)
    assert stopped is not None
    assert stopped.scope is Scope.PLATFORM


async def test_it_waits_for_the_database_before_anything_opens() -> None:
    stored = Stored([thrown(Action.STOP_OPENS)], failures=3)
    held = board(stored)
    await held.load()
    assert (stored.asked, held.stopped(KEY)) == (4, thrown(Action.STOP_OPENS))


async def test_each_throw_is_acknowledged_once_until_it_is_heard() -> None:
    stored = Stored(deaf=2)
    held = board(stored)
    held.hear(thrown(Action.STOP_OPENS))
    held.hear(thrown(Action.STOP_OPENS))
    task = asyncio.get_running_loop().create_task(held.acknowledge_for_ever())
    while not stored.acks:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    assert stored.acks == [(thrown(Action.STOP_OPENS).id, "worker-1")]
