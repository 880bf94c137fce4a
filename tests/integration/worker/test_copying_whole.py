"""A whole worker on a real server: many followers, many events, exact books."""

from random import Random

from shared.messages.outcome import OutcomeKind
from tests.support.paper_exchange import Way
from tests.support.waiting import until
from tests.support.worker_rig import ETH, LANES, Scene, working


async def test_two_hundred_followers_end_where_the_leader_ends(scene: Scene) -> None:
    await scene.begin(200)
    source = Random(7)
    async with working(scene) as rig:
        for _ in range(12):
            await scene.trade(*(source.choice([0, 3, 5, 8, -4, 10]) for _ in range(source.randint(1, 3))))
            await scene.trade(source.choice([0, 2, -2, 6]), inst_id=ETH)
        await scene.ends_exact(within_s=30)
        rig.check()
    assert {sent.follower for sent in scene.exchange.accepted} == set(scene.followers)


async def test_with_a_venue_that_misbehaves_too(scene: Scene) -> None:
    await scene.begin(40)
    source = Random(11)
    odds = [Way.FILL] * 6 + [Way.FILL_UNHEARD, Way.VANISH, Way.THROTTLE, Way.NOT_SENT]
    scene.exchange.choose = lambda _attempt: source.choice(odds)
    async with working(scene) as rig:
        for after in (4, 7, 0, -5, 3, 9, 2, 0, 6):
            await scene.trade(after)
        await scene.ends_exact(within_s=25)
        rig.check()
    outcomes = {each.kind for each in await scene.bus.outcomes()}
    assert {OutcomeKind.UNKNOWN, OutcomeKind.ABSENT, OutcomeKind.SETTLED, OutcomeKind.ACCEPTED} <= outcomes


async def test_every_accepted_order_has_its_outcomes_and_every_one_settles_once(scene: Scene) -> None:
    await scene.begin(30)
    async with working(scene):
        for after in (5, 2, 0):
            await scene.trade(after)
            await scene.ends_exact()
    settled = [each.cl_ord_id for each in await scene.bus.outcomes() if each.kind is OutcomeKind.SETTLED]
    assert sorted(settled) == sorted(scene.exchange.names)


async def test_a_close_that_fills_in_part_is_closed_to_the_end(scene: Scene) -> None:
    await scene.begin(5)
    async with working(scene):
        await scene.trade(8)
        await scene.ends_exact()
        scene.exchange.ways += [Way.HALF] * 10
        await scene.trade(0)
        await scene.ends_exact()
    assert len(scene.exchange.accepted) == 5 + 10 + 5


async def test_one_follower_that_never_gets_through_pins_no_lane(scene: Scene) -> None:
    await scene.begin(8)
    stuck = scene.followers[0]
    scene.exchange.choose = lambda attempt: Way.NOT_SENT if attempt.follower == stuck else None
    async with working(scene) as rig:
        await rig.follows()
        await scene.trade(5)
        await until(scene.passed)
        owed = [phase for name, phase in (await scene.owed()).items() if name.startswith(f"{stuck}|")]
        assert owed == ["rest"]
        scene.exchange.choose = lambda _attempt: None
        await scene.ends_exact()


async def test_a_drained_worker_leaves_nothing_for_its_successor_to_wait_for(scene: Scene) -> None:
    await scene.begin(20)
    async with working(scene, "first") as first:
        await scene.trade(5)
        await until(lambda: len(scene.exchange.accepted) >= 5)
        await first.drain()
        async with working(scene, "second"):
            await scene.trade(3)
            await scene.ends_exact()


async def test_two_workers_share_the_lanes_and_nothing_is_doubled(scene: Scene) -> None:
    await scene.begin(40)
    async with working(scene, "first") as first:
        await scene.trade(5)
        async with working(scene, "second") as second:
            await until(lambda: len(second.worker.holder.lanes) == LANES // 2)
            for after in (2, 7, 0, 4):
                await scene.trade(after)
            await scene.ends_exact()
            first.check()
            second.check()
