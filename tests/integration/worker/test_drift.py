"""Accounts that disagree with their books, on a real server: reported, repaired where chosen, and never by mistake."""

from decimal import Decimal

from shared.domain.quantities import Contracts
from shared.domain.subscriptions import DriftPolicy
from shared.messages.outcome import OutcomeKind, OutcomeV1
from shared.ports import CouldNotAsk
from tests.support.builders import BTC, LEADER
from tests.support.bus import Mortal
from tests.support.paper_exchange import Way
from tests.support.waiting import until
from tests.support.worker_rig import LANES, Rig, Scene, working


async def drifts(scene: Scene) -> list[OutcomeV1]:
    return [each for each in await scene.bus.outcomes() if each.kind is OutcomeKind.DRIFTED]


async def leave_behind(scene: Scene, after: int) -> None:
    """Let the leader stand elsewhere without an entry that says so: as if a close had been missed."""
    state = await scene.bus.publisher.state(LEADER)
    moved = {BTC: Contracts(Decimal(after))}
    await scene.bus.publisher.publish(LEADER, state, [], moved, 0, scene.clock.now_ms())


async def rounds(rig: Rig, count: int = 4) -> None:
    """Wait for so many more comparisons."""
    reads = rig.worker.drifting.metrics.drift_reads.labels("read")
    before = reads._value.get()  # noqa: SLF001 - a counter shows its value to nobody else
    await until(lambda: reads._value.get() >= before + count)  # noqa: SLF001


async def test_a_missed_close_is_closed_where_that_is_chosen(scene: Scene) -> None:
    await scene.begin(3, DriftPolicy.REPAIR)
    async with working(scene) as rig:
        await scene.trade(5)
        await scene.ends_exact()
        await leave_behind(scene, 2)
        await until(lambda: all(scene.exchange.held[each, BTC] == 4 for each in scene.followers))
        assert [sent.reduce_only for sent in scene.exchange.sent[3:]] == [True] * 3
        told = await until(lambda: drifts(scene))
        assert {each.reason for each in told} == {"over_target"}
        await rounds(rig)
        assert len(scene.exchange.sent) == 6, "once is enough"
        assert await scene.books_agree()


async def test_it_is_only_reported_by_default(scene: Scene) -> None:
    await scene.begin(2)
    async with working(scene) as rig:
        await scene.trade(5)
        await scene.ends_exact()
        await leave_behind(scene, 0)
        await until(lambda: drifts(scene))
        await rounds(rig, 6)
        assert len(scene.exchange.sent) == 2
        assert len(await drifts(scene)) == 2, "each is told once"


async def test_it_is_not_even_looked_at_where_it_is_off(scene: Scene) -> None:
    await scene.begin(2, DriftPolicy.OFF)
    async with working(scene) as rig:
        await scene.trade(5)
        await scene.ends_exact()
        await leave_behind(scene, 0)
        await rounds(rig, 6)
        assert (len(scene.exchange.sent), await drifts(scene)) == (2, [])


async def test_a_follower_who_sold_by_hand_is_not_bought_back_and_closes_right(scene: Scene) -> None:
    await scene.begin(1, DriftPolicy.REPAIR)
    async with working(scene):
        await scene.trade(10)
        await scene.ends_exact()
        follower = scene.followers[0]
        scene.exchange.held[follower, BTC] = Decimal(8)
        await until(scene.books_agree)
        await scene.trade(5)
        await until(lambda: scene.exchange.held[follower, BTC] == 4)
        assert [each.reason for each in await drifts(scene)] == ["reduced_by_hand"]


async def test_a_failed_read_is_never_taken_for_flat(scene: Scene) -> None:
    await scene.begin(1, DriftPolicy.REPAIR)
    async with working(scene) as rig:
        await scene.trade(10)
        await scene.ends_exact()
        failed = rig.worker.drifting.metrics.drift_reads.labels("failed")
        scene.exchange.trouble += [CouldNotAsk("down")] * 5
        await until(lambda: failed._value.get() >= 5)  # noqa: SLF001 - see above
        await rounds(rig)
        assert await scene.books_agree()
        assert (len(scene.exchange.sent), await drifts(scene)) == (1, [])


async def test_a_copy_the_venue_refused_is_made_up_for(scene: Scene) -> None:
    await scene.begin(1, DriftPolicy.REPAIR)
    async with working(scene):
        scene.exchange.ways += [Way.REFUSE]
        await scene.trade(5)
        await until(lambda: len(scene.exchange.accepted) == 1)
        await scene.ends_exact()
        assert [each.reason for each in await drifts(scene)] == ["missed_copy"]


async def test_a_repair_cut_off_in_the_middle_is_made_once(scene: Scene) -> None:
    """The book is changed and committed, the order sent, and the worker dies before it hears."""
    await scene.begin(3, DriftPolicy.REPAIR)
    async with working(scene, "first") as first:
        await scene.trade(5)
        await scene.ends_exact()
        scene.exchange.ways += [Way.HANG_FILLED, Way.HANG, Way.FILL_UNHEARD]
        await leave_behind(scene, 0)
        await until(lambda: len(scene.exchange.sent) == 6)
        await first.kill()
    async with working(scene, "second"):
        await until(lambda: not any(scene.exchange.held.values()))
        await until(scene.books_agree)
        assert len(set(scene.exchange.names)) == len(scene.exchange.names)


async def test_a_server_that_has_forgotten_proves_nothing_against_an_account(
    mortal_scene: tuple[Scene, Mortal],
) -> None:
    """Its books are older ones until the watchers have given it back what it lost: the accounts are right, not they."""
    scene, server = mortal_scene
    await scene.begin(3, DriftPolicy.REPAIR)
    async with working(scene) as rig:
        await scene.trade(10)
        await scene.ends_exact()
        server.remember()
        await scene.trade(4)
        await scene.ends_exact()
        sent = len(scene.exchange.sent)
        server.come_back_older()
        await until(lambda: rig.worker.trouble() is None and len(rig.worker.holder.lanes) == LANES)
        await rounds(rig, 9)
        assert (len(scene.exchange.sent), await drifts(scene)) == (sent, [])
        await scene.publish_again()
        await scene.ends_exact()
        rig.check()


async def test_of_a_refused_copy_only_what_the_leader_still_holds_is_made_up_for(scene: Scene) -> None:
    """Another follows from 5 to 20; of the refused 15 a third is left when the leader is back at half."""
    await scene.begin(1, DriftPolicy.REPAIR)
    async with working(scene):
        await scene.trade(5)
        await scene.ends_exact()
        scene.exchange.ways += [Way.REFUSE]
        await scene.trade(20)
        await scene.trade(10)
        await until(scene.exact, 15)
        await scene.ends_exact()
        assert [(sent.change, sent.reduce_only) for sent in scene.exchange.accepted[1:]] in (
            [(Decimal(10), False)],  # the leader was back before the first order was due
            [(Decimal(-5), True), (Decimal(15), False)],
        )
