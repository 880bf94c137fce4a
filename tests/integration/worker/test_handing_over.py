"""A worker that leaves hands its lanes over: nothing waits, nothing is asked for in vain, nothing is sent twice."""

from decimal import Decimal

from tests.support.paper_exchange import Way
from tests.support.waiting import until
from tests.support.worker_rig import LANES, Scene, working

FOLLOWERS = 12


async def test_nothing_is_in_doubt_after_a_drain(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await first.follows()
        await scene.trade(5)
        await scene.ends_exact()
        asked = len(scene.exchange.asked)
        await first.drain()
    async with working(scene, "second") as second:
        await second.follows()
        assert all(lane.lease.clean for lane in second.worker.holder.lanes)
        assert second.worker.resolver.waiting == 0
        assert len(scene.exchange.asked) == asked
        await scene.trade(8)
        await scene.ends_exact()
        second.check()


async def test_lanes_are_handed_over_while_the_leader_trades(scene: Scene) -> None:
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first, working(scene, "second") as second:
        await first.follows()
        await second.follows()
        for after in range(1, 6):
            await scene.trade(after)
        await first.drain()
        for after in (4, 2, 7):
            await scene.trade(after)
        await until(lambda: len(second.worker.holder.lanes) == LANES)
        await scene.ends_exact()
        second.check()


async def test_what_was_without_an_answer_is_asked_for_by_the_next_holder(scene: Scene) -> None:
    """Unknown and unsettled orders are handed over as what they are; only they are asked for."""
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await first.follows()
        scene.exchange.ways += [Way.FILL_UNHEARD, Way.VANISH] * 3
        await scene.trade(5)
        await until(lambda: len(scene.exchange.sent) >= FOLLOWERS)
        await first.drain()
    async with working(scene, "second") as second:
        await second.follows()
        await scene.ends_exact()
        await scene.trade(0)
        await scene.ends_exact()
        second.check()


async def test_a_lane_in_doubt_is_handed_over_in_doubt(scene: Scene) -> None:
    """Who took over from a dead worker and leaves before having asked knows no more than the dead one told."""
    await scene.begin(FOLLOWERS)
    async with working(scene, "first") as first:
        await first.follows()
        scene.exchange.answer_s = 0.05
        await scene.trade(5)
        await until(lambda: len(scene.exchange.sent) >= FOLLOWERS // 2)
        await first.kill()
    async with working(scene, "second") as second:
        await until(lambda: len(second.worker.holder.lanes) == LANES)
        await second.drain()
    async with working(scene, "third") as third:
        await third.follows()
        await scene.ends_exact()
        third.check()
    assert sum(scene.exchange.held.values()) == Decimal(FOLLOWERS * 10)
