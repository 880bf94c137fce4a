"""What the socket pushes and what REST shows become one sequence, each fill once, whoever watches."""

from decimal import Decimal

import pytest

from shared.domain.fills import EventKind
from shared.domain.instruments import Side
from shared.domain.quantities import Contracts
from shared.ports import CouldNotAsk, FeedFill, FeedHint, FeedJoined, FeedLost, GrantUnusable
from tests.support.builders import BTC, LEADER, fill
from tests.support.clock import settle
from tests.support.watching import NOW_MS, Hide, watching


async def test_a_leader_never_seen_begins_where_it_stands() -> None:
    hide = Hide()
    hide.trade(7)
    watch = hide.watch()
    async with watching(hide, watch):
        await hide.push(FeedJoined())
        assert (watch.joined, watch.trouble) == (True, "")
        assert await hide.events() == []
        assert (await hide.bus.publisher.state(LEADER)).positions == {BTC: 7}
        await hide.push(FeedFill(hide.trade(3)))
    assert await hide.path() == [("7", "10")]


async def test_a_fill_while_the_anchor_is_taken_is_neither_lost_nor_counted_twice() -> None:
    hide = Hide()
    hide.trade(7)
    late = fill(Side.BUY, 2, trade_id="99", at_ms=NOW_MS - 5)
    hide.rest.during.append(late)
    hide.rest.held[BTC] = Contracts(Decimal(9))
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined(), FeedFill(late))
        await hide.push(FeedFill(hide.trade(1)))
    assert await hide.path() == [("9", "10")]


async def test_pushes_wait_until_what_happened_before_is_published() -> None:
    hide = Hide()
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined(), FeedLost("gone"))
        missed = hide.trade(5)
        pushed = hide.trade(-2)
        await hide.push(FeedJoined(), FeedFill(pushed))
    assert [each.id for each in await hide.events()] == [missed.event_id, pushed.event_id]
    assert await hide.path() == [("0", "5"), ("5", "3")]


async def test_a_push_repeated_and_shown_by_rest_is_published_once() -> None:
    hide = Hide()
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined())
        pushed = FeedFill(hide.trade(5))
        await hide.push(pushed, pushed, FeedHint("no trade id"))
        await hide.clock.advance(10)
    assert await hide.path() == [("0", "5")]


async def test_a_hint_makes_rest_tell() -> None:
    hide = Hide()
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined())
        hide.trade(5)
        await hide.push(FeedHint("no trade id"))
        assert await hide.path() == [("0", "5")]


async def test_a_fill_the_socket_swallowed_is_found_by_comparing() -> None:
    hide = Hide()
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined())
        hide.trade(5)
        assert await hide.path() == []
        await hide.clock.advance(3)
        await settle(60)
        assert await hide.path() == [("0", "5")]


async def test_a_fill_shown_late_is_published_late_and_marked() -> None:
    hide = Hide()
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined())
        await hide.push(FeedFill(hide.trade(5)))
        hide.trade(2, at_ms=NOW_MS - 40_000)
        await hide.clock.advance(3)
        await settle(60)
    assert [each.late for each in await hide.events()] == [False, True]
    assert await hide.path() == [("0", "5"), ("5", "7")]


@pytest.mark.parametrize("trouble", [CouldNotAsk("down"), GrantUnusable("key revoked"), ConnectionError("redis")])
async def test_what_fails_is_tried_again_and_said(trouble: Exception) -> None:
    hide = Hide()
    watch = hide.watch()
    hide.rest.trouble.append(trouble)
    async with watching(hide, watch):
        await hide.push(FeedJoined())
        assert not watch.joined
        assert watch.trouble
        hide.trade(5)
        await hide.clock.advance(1)
        await settle(60)
        assert (watch.joined, watch.trouble) == (True, "")
        await hide.push(FeedFill(hide.trade(1)))
    assert await hide.path() == [("5", "6")]


async def test_a_lost_socket_is_told_until_it_is_joined_again() -> None:
    hide = Hide()
    watch = hide.watch()
    async with watching(hide, watch):
        await hide.push(FeedJoined(), FeedLost("silent for 2.5 s"))
        assert (watch.joined, watch.trouble) == (False, "socket lost: silent for 2.5 s")
        await hide.push(FeedJoined())
        assert (watch.joined, watch.trouble) == (True, "")


async def test_two_watchers_publish_each_fill_once_on_the_position_in_force() -> None:
    hide = Hide()
    async with watching(hide, hide.watch(), hide.watch()):
        for socket in (0, 1):
            await hide.push(FeedJoined(), socket=socket)
        for number in range(1, 31):
            made = FeedFill(hide.trade(number if number % 3 else -2 * number))
            for socket in (0, 1):
                hide.sockets[socket].queue.put_nowait(made)
            if number % 7 == 0:
                await settle(60)
        await settle(500)
        await hide.clock.advance(3)
    events = await hide.events()
    assert len({each.id for each in events}) == len(events) == 30
    assert [each.before for each in events[1:]] == [each.after for each in events[:-1]]
    assert events[-1].after == str(hide.rest.held[BTC])


async def test_a_watcher_that_missed_everything_takes_over_where_the_other_ended() -> None:
    hide = Hide()
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined())
        await hide.push(FeedFill(hide.trade(5)))
    hide.trade(-2)
    async with watching(hide, hide.watch()):
        await hide.push(FeedJoined(), socket=1)
    assert await hide.path() == [("0", "5"), ("5", "3")]


class TestForgetting:
    async def test_what_an_older_server_lost_is_published_again_in_one_step(self) -> None:
        hide = Hide()
        watch = hide.watch()
        async with watching(hide, watch):
            await hide.push(FeedJoined())
            await hide.push(FeedFill(hide.trade(5)))
            kept = hide.bus.redis.snapshot()
            await hide.push(FeedFill(hide.trade(2)), FeedFill(hide.trade(-4)))
            hide.bus.redis.restart(kept)
            await hide.bus.renew_epoch(hide.venue.now_ms())
            await hide.push(FeedFill(hide.trade(1)))
            await hide.clock.advance(5)
            hide.venue.at_ms += 5_000
            await hide.clock.advance(5)
            await settle(100)
        assert await hide.path() == [("0", "5"), ("5", "7"), ("7", "3"), ("3", "4")]
        assert await hide.bus.trades.confirmed(LEADER)
        assert hide.bus.redis.kept.leaders[LEADER].version == 1 + kept.leaders[LEADER].version

    async def test_what_an_empty_server_lost_is_published_again_from_where_the_watcher_stood(self) -> None:
        hide = Hide()
        watch = hide.watch()
        async with watching(hide, watch):
            await hide.push(FeedJoined())
            await hide.push(FeedFill(hide.trade(5)))
            await hide.clock.advance(3)
            hide.bus.redis.restart()
            await hide.bus.renew_epoch(hide.venue.now_ms())
            await hide.push(FeedFill(hide.trade(2)))
            hide.venue.at_ms += 5_000
            await hide.clock.advance(10)
            await settle(100)
        assert await hide.path() == [("0", "5"), ("5", "7")]

    async def test_nothing_goes_to_a_server_no_worker_has_made_an_epoch_for(self) -> None:
        """Nobody could copy it; and what was given back to it would come after it."""
        hide = Hide()
        watch = hide.watch()
        async with watching(hide, watch):
            await hide.push(FeedJoined())
            hide.bus.redis.restart(hide.bus.redis.kept)
            hide.venue.at_ms += 60_000
            await hide.push(FeedFill(hide.trade(2)))
            await hide.clock.advance(6)
            assert await hide.events() == []
            await hide.bus.renew_epoch(hide.venue.now_ms())
            hide.venue.at_ms += 5_000
            await hide.clock.advance(6)
            await settle(100)
        assert await hide.path() == [("0", "2")]

    async def test_nothing_goes_before_rest_can_show_everything_from_before(self) -> None:
        hide = Hide()
        watch = hide.watch()
        async with watching(hide, watch):
            await hide.push(FeedJoined())
            hide.bus.redis.restart(hide.bus.redis.kept)
            await hide.bus.renew_epoch(hide.venue.now_ms())
            await hide.push(FeedFill(hide.trade(2)))
            await hide.clock.advance(6)
            assert await hide.events() == []
            hide.venue.at_ms += 5_000
            await hide.clock.advance(6)
            await settle(100)
        assert await hide.path() == [("0", "2")]


class TestPositions:
    async def compared(self, hide: Hide, times: int) -> None:
        for _ in range(times):
            await hide.clock.advance(9)
            await settle(60)

    async def test_a_difference_seen_twice_becomes_an_adjustment(self) -> None:
        hide = Hide()
        async with watching(hide, hide.watch()):
            await hide.push(FeedJoined())
            await hide.push(FeedFill(hide.trade(10)))
            hide.rest.held[BTC] = Contracts(Decimal(4))
            await self.compared(hide, 1)
            assert len(await hide.events()) == 1
            await self.compared(hide, 3)
        (_, adjustment) = await hide.events()
        assert (adjustment.kind, adjustment.before, adjustment.after) == (EventKind.ADJUSTMENT, "10", "4")
        assert (await hide.bus.publisher.state(LEADER)).positions == {BTC: 4}

    async def test_one_that_a_fill_explains_does_not(self) -> None:
        hide = Hide()
        async with watching(hide, hide.watch()):
            await hide.push(FeedJoined())
            await hide.push(FeedFill(hide.trade(10)))
            for size in (1, 2, 3):
                hide.trade(size)
                await self.compared(hide, 1)
        assert {each.kind for each in await hide.events()} == {EventKind.FILL}

    async def test_one_that_changes_is_looked_at_again(self) -> None:
        hide = Hide()
        async with watching(hide, hide.watch()):
            await hide.push(FeedJoined())
            await hide.push(FeedFill(hide.trade(10)))
            for size in (4, 5, 6, 7):
                hide.rest.held[BTC] = Contracts(Decimal(size))
                await self.compared(hide, 1)
        assert {each.kind for each in await hide.events()} == {EventKind.FILL}

    async def test_a_failed_reading_is_no_difference(self) -> None:
        hide = Hide()
        async with watching(hide, hide.watch()):
            await hide.push(FeedJoined())
            await hide.push(FeedFill(hide.trade(10)))
            for _ in range(4):
                hide.rest.trouble.append(CouldNotAsk("down"))
                await self.compared(hide, 1)
        assert len(await hide.events()) == 1

    async def test_two_watchers_publish_it_once(self) -> None:
        hide = Hide()
        async with watching(hide, hide.watch(), hide.watch()):
            for socket in (0, 1):
                await hide.push(FeedJoined(), socket=socket)
            await hide.push(FeedFill(hide.trade(10)))
            hide.rest.held[BTC] = Contracts(Decimal(4))
            await self.compared(hide, 5)
        assert [each.kind for each in await hide.events()] == [EventKind.FILL, EventKind.ADJUSTMENT]

    async def test_our_own_orders_move_the_position_and_are_marked(self) -> None:
        hide = Hide()
        async with watching(hide, hide.watch(tag="ours")):
            await hide.push(FeedJoined())
            await hide.push(FeedFill(hide.trade(10)))
            await hide.push(FeedFill(hide.trade(-4, tag="ours")), FeedFill(hide.trade(1, tag="theirs")))
            await self.compared(hide, 4)
        assert [each.category for each in await hide.events()] == ["normal", "own_order", "normal"]
        assert await hide.path() == [("0", "10"), ("10", "6"), ("6", "7")]
