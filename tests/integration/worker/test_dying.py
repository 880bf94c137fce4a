"""A worker dies after each step it takes; another one goes on: nothing is doubled, nothing is lost."""

import asyncio
from collections.abc import Sequence
from functools import partial
from random import Random

import pytest
from redis.exceptions import ConnectionError as ConnectionLost

from shared.bus.lane_state import LaneState
from shared.domain.ids import EntryId, EventId, Leg, client_order_id
from shared.domain.lanes import Lane, Lease
from shared.messages.lane import Commit, Written
from shared.messages.outcome import OutcomeKind
from shared.messages.strand import OwedPhase
from tests.support.paper_exchange import Way
from tests.support.waiting import until
from tests.support.worker_rig import ETH, LANES, Scene, working

FOLLOWERS = 12


class FailingState(LaneState):
    """Stops, or fails, at the steps a test names."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene.bus.redis, scene.bus.keys)
        self.stop_at: set[str] = set()
        self.stopped = 0
        self.lose_replies = 0

    async def raise_begun(self, leases: Sequence[Lease], entry: EntryId) -> list[bool]:
        await self._perhaps_stop("begun")
        return await super().raise_begun(leases, entry)

    async def commit(self, lease: Lease, commit: Commit) -> Written:
        await self._perhaps_stop("commit")
        written = await super().commit(lease, commit)
        if self.lose_replies:
            self.lose_replies -= 1
            raise ConnectionLost("the reply was lost")
        return written

    async def _perhaps_stop(self, step: str) -> None:
        if step in self.stop_at:
            self.stopped += 1
            await asyncio.Event().wait()


async def settled_at(scene: Scene, position: int) -> None:
    """Bring every follower to where the leader stands, everything committed."""
    await scene.trade(position)
    await scene.ends_exact()


async def test_after_reading_and_before_begun_nothing_can_have_left_and_nobody_asks(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    store = FailingState(scene)
    async with working(scene, "first", store) as first:
        await settled_at(scene, 5)
        store.stop_at.add("begun")
        (event,) = await scene.trade(8)
        await until(lambda: store.stopped)
        await first.kill()
    async with working(scene, "second"):
        await scene.ends_exact()
    absent = [name for name in scene.exchange.asked if name not in scene.exchange.names]
    assert {client_order_id(EventId(event.id), each, leg, 0) for each in scene.followers for leg in Leg}.isdisjoint(
        absent
    )


async def test_after_begun_and_before_sending_it_asks_and_then_sends(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await settled_at(scene, 5)
        scene.exchange.choose = lambda _attempt: Way.HANG
        await scene.trade(8)
        await until(lambda: scene.exchange.in_the_air == FOLLOWERS)
        await first.kill()
    scene.exchange.choose = lambda _attempt: None
    asked = len(scene.exchange.asked)
    async with working(scene, "second"):
        await scene.ends_exact()
    assert len(scene.exchange.asked) >= asked + 4 * FOLLOWERS


@pytest.mark.parametrize("after", [8, 2, 0, -4])
async def test_after_sending_some_it_finds_those_and_sends_the_others(scene: Scene, after: int) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await settled_at(scene, 5)
        source = Random(3)
        scene.exchange.choose = lambda _attempt: source.choice([Way.HANG, Way.HANG_FILLED])
        await scene.trade(after)
        await until(lambda: scene.exchange.in_the_air == FOLLOWERS)
        await first.kill()
    scene.exchange.choose = lambda _attempt: None
    found = len(scene.exchange.accepted) - FOLLOWERS
    assert 0 < found < FOLLOWERS
    async with working(scene, "second"):
        await scene.ends_exact()
    adopted = [each for each in await scene.bus.outcomes() if each.message.startswith("adopted")]
    assert len(adopted) == found


async def test_with_answers_known_and_not_committed_it_adopts(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    store = FailingState(scene)
    async with working(scene, "first", store) as first:
        await settled_at(scene, 5)
        store.stop_at.add("commit")
        await scene.trade(8)
        await until(lambda: len(scene.exchange.accepted) == 2 * FOLLOWERS and store.stopped)
        await first.kill()
    async with working(scene, "second"):
        await scene.ends_exact()
    assert len(scene.exchange.accepted) == 2 * FOLLOWERS


async def test_with_the_fill_not_known_it_queries_and_then_the_book_moves(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await settled_at(scene, 5)
        scene.exchange.hide_all = True
        await scene.trade(8)

        async def owed() -> bool:
            return await phases(scene) == [OwedPhase.UNSETTLED] * FOLLOWERS

        await until(owed)
        await first.kill()
    scene.exchange.hide_all = False
    async with working(scene, "second"):
        await scene.ends_exact()
    assert len(scene.exchange.accepted) == 2 * FOLLOWERS


async def phases(scene: Scene) -> list[OwedPhase]:
    records = [await scene.bus.store.load(Lane(number)) for number in range(LANES)]
    return [each.phase for record in records for each in record.strands.values() if each.phase]


async def test_replies_of_commits_lost_change_nothing(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    store = FailingState(scene)
    async with working(scene, "first", store) as first:
        store.lose_replies = 40
        for after in (5, 8, 0, 3):
            await settled_at(scene, after)
        first.check()
    settled = [each.cl_ord_id for each in await scene.bus.outcomes() if each.kind is OutcomeKind.SETTLED]
    assert sorted(settled) == sorted(scene.exchange.names)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_killed_at_any_moment_again_and_again(scene: Scene, seed: int) -> None:
    await scene.begin(FOLLOWERS)
    source = Random(seed)
    odds = [Way.FILL] * 5 + [Way.FILL_UNHEARD, Way.VANISH, Way.THROTTLE]
    scene.exchange.choose = lambda _attempt: source.choice(odds)
    scene.exchange.answer_s = 0.01
    for life in range(4):
        async with working(scene, f"life-{life}") as rig:
            enough = len(scene.exchange.sent) + source.randint(1, 2 * FOLLOWERS)
            await scene.trade(*(source.choice([0, 4, 7, -3]) for _ in range(2)))
            await scene.trade(source.choice([0, 6, -6]), inst_id=ETH)
            await until(partial(has_sent_or_rests, scene, enough))
            await rig.kill()
    scene.exchange.choose = lambda _attempt: None
    async with working(scene, "last"):
        await scene.trade(5)
        await scene.ends_exact()


async def has_sent_or_rests(scene: Scene, enough: int) -> bool:
    return len(scene.exchange.sent) >= enough or await scene.quiet()


async def test_a_zombie_that_comes_back_places_nothing_late(scene: Scene) -> None:
    """The lease goes to another worker while the first one believes that it still holds it."""
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await settled_at(scene, 5)
        for lane in first.worker.holder.lanes:
            await scene.bus.redis.delete(scene.bus.keys.lease(lane.lease.lane))
        async with working(scene, "second") as second:
            await scene.trade(8)
            await scene.ends_exact()
            await scene.trade(0)
            await scene.ends_exact()
            first.check()
            second.check()


async def test_what_is_in_doubt_is_decided_while_the_leader_goes_on(scene: Scene) -> None:
    """A leader who never pauses for as long as a proof of absence takes must not put it off for ever."""
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await first.follows()
        await settled_at(scene, 2)
        scene.exchange.choose = lambda _attempt: Way.HANG
        await scene.trade(5)
        await until(lambda: scene.exchange.in_the_air == FOLLOWERS)
        await first.kill()
    scene.exchange.choose = lambda _attempt: None
    moves = 0
    async with working(scene, "second"):
        while len(scene.exchange.accepted) < 2 * FOLLOWERS:
            moves += 1
            assert moves < 200, "nothing was decided while the leader traded"
            await scene.trade(5 + moves % 3)
            await asyncio.sleep(0.03)
        await scene.ends_exact()
