"""Pushes that came together are published in the order the leader traded, whatever order they came in."""

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from services.leader_watcher.bursts import Bursts, in_order
from shared.clock import SystemClock
from shared.domain.fills import Fill
from shared.domain.instruments import Side
from shared.ports import FeedFill, FeedHint, FeedJoined, FeedLost, FeedSignal
from tests.support.builders import NOON_MS, fill
from tests.support.clock import FakeClock, settle
from tests.support.watching import Hide, watching

HINT, JOINED, LOST = FeedHint("no trade id"), FeedJoined(), FeedLost("gone")


def made(at: int, trade: int) -> Fill:
    return fill(Side.BUY, 1, trade_id=str(trade), at_ms=NOON_MS + at)


def test_fills_of_one_burst_are_sorted_by_the_venues_sequence() -> None:
    fills = [made(0, 9), made(0, 10), made(1, 8), made(5, 11)]
    assert list(in_order(FeedFill(fills[index]) for index in (2, 1, 3, 0))) == [fills]


def test_no_fill_passes_a_signal_that_is_not_one() -> None:
    early, late = made(1, 1), made(2, 2)
    burst: list[FeedSignal] = [FeedFill(late), HINT, FeedFill(early), LOST, JOINED]
    assert list(in_order(burst)) == [[late], HINT, [early], LOST, JOINED]


@given(st.lists(st.sampled_from([HINT, JOINED, LOST, *(FeedFill(made(at, at)) for at in range(4))])))
def test_nothing_is_lost_or_added(burst: list[FeedSignal]) -> None:
    parts = list(in_order(burst))
    flat = [part for part in parts if not isinstance(part, list)]
    fills = [each for part in parts if isinstance(part, list) for each in part]
    assert flat == [signal for signal in burst if not isinstance(signal, FeedFill)]
    assert sorted(map(id, fills)) == sorted(id(signal.fill) for signal in burst if isinstance(signal, FeedFill))


class Chatty:
    """Says many things at once."""

    def __init__(self, *said: FeedSignal) -> None:
        self._said = said

    async def signals(self) -> AsyncIterator[FeedSignal]:
        for each in self._said:
            yield each
        await asyncio.Event().wait()


async def test_everything_that_is_there_is_one_burst() -> None:
    bursts = Bursts(Chatty(JOINED, FeedFill(made(2, 2)), FeedFill(made(1, 1))), SystemClock(), 0)
    listening = asyncio.ensure_future(bursts.listen_for_ever())
    assert await asyncio.wait_for(bursts.next(), 5) == [JOINED, [made(1, 1), made(2, 2)]]
    listening.cancel()


async def test_the_rest_of_a_burst_is_waited_for_as_long_as_more_of_it_comes() -> None:
    """What is written in one go may be read in several."""
    clock, late = FakeClock(), [asyncio.Event(), asyncio.Event()]

    class Halting(Chatty):
        async def signals(self) -> AsyncIterator[FeedSignal]:
            yield FeedFill(made(3, 3))
            for number, event in enumerate(late):
                await event.wait()
                yield FeedFill(made(2 - number, 2 - number))
            await asyncio.Event().wait()

    bursts = Bursts(Halting(), clock, 0.002)
    listening, hearing = asyncio.ensure_future(bursts.listen_for_ever()), asyncio.ensure_future(bursts.next())
    for event in late:
        await settle()
        event.set()
        await clock.advance(0.001)
    await clock.advance(0.001)
    assert not hearing.done(), "one quiet pause may be over because nobody was run"
    await clock.advance(0.001)
    assert await asyncio.wait_for(hearing, 5) == [[made(1, 1), made(2, 2), made(3, 3)]]
    listening.cancel()


async def test_a_burst_out_of_order_is_published_in_order() -> None:
    hide = Hide()
    async with watching(hide, hide.watch()):
        await hide.push(JOINED)
        first, second, third = (FeedFill(hide.trade(size)) for size in (5, -5, 2))
        await hide.push(third, first, second)
    assert await hide.path() == [("0", "5"), ("5", "0"), ("0", "2")]
    assert not any(each.late for each in await hide.events())


async def test_a_leader_who_never_rests_is_heard() -> None:
    clock = FakeClock(auto=True)

    class Restless(Chatty):
        async def signals(self) -> AsyncIterator[FeedSignal]:
            for number in range(1_000):
                yield FeedFill(made(number, number))
                await clock.sleep(0.0005)

    bursts = Bursts(Restless(), clock, 0.002)
    listening = asyncio.ensure_future(bursts.listen_for_ever())
    (fills,) = await asyncio.wait_for(bursts.next(), 5)
    assert isinstance(fills, list)
    assert len(fills) < 1_000
    listening.cancel()
