"""Whoever watches misses nothing from the greeting on, whenever the reader comes to it; who is too slow is told so."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import pytest
from starlette.types import Message

from services.portal.live import MOST_OF_AN_ACCOUNT, Live, Told
from services.portal.metrics import Metrics
from services.portal.web import following
from shared.domain.ids import STREAM_START, AccountId, EntryId, entry_order
from shared.messages.outcome import OutcomeKind, OutcomeV1, encode
from shared.telemetry.metrics import Meter
from tests.support.builders import NOON_MS
from tests.support.clock import FakeClock

ANNA = AccountId("anna")


@dataclass
class Stream:
    rows: list[tuple[EntryId, bytes]] = field(default_factory=list)

    def add(self, number: int, account: str = ANNA) -> None:
        told = OutcomeV1(f"{number:032}", OutcomeKind.SETTLED, NOON_MS, account, "whale", "BTC-USDT-SWAP", "event")
        self.rows.append((EntryId(f"{number}-0"), encode(told)))

    async def last(self) -> EntryId:
        return self.rows[-1][0] if self.rows else STREAM_START

    async def after(self, entry: EntryId, count: int, upto: str = "+") -> Sequence[tuple[EntryId, bytes]]:
        end = entry_order(self.rows[-1][0] if upto == "+" else EntryId(upto)) if self.rows else (0, 0)
        found = [row for row in self.rows if entry_order(entry) < entry_order(row[0]) <= end]
        return found[:count]

    async def follow(self, entry: EntryId, count: int, block_ms: int) -> Sequence[tuple[EntryId, bytes]]:
        del block_ms
        await asyncio.sleep(0)
        return await self.after(entry, count)


def live(stream: Stream, most: int = 2) -> Live:
    return Live(stream, FakeClock(auto=True), Metrics(Meter("test")), most=most)


async def attached(watched: "asyncio.Task[Told]") -> None:
    """Let a watcher come to wait for what is next."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert not watched.done()


async def test_what_came_before_the_reader_looked_is_told() -> None:
    stream = Stream()
    stream.add(1)
    held = live(stream)
    watching = held.watch(ANNA, None)
    assert await anext(watching) == Told()
    following = asyncio.ensure_future(anext(watching))
    await attached(following)
    stream.add(2, "somebody else")
    stream.add(3)
    reading = asyncio.ensure_future(held.read_for_ever())
    assert (await following).entry == "3-0"
    reading.cancel()
    await watching.aclose()


async def test_from_the_last_seen_on_everything_is_told_once() -> None:
    stream = Stream()
    for number in range(1, 1_203):
        stream.add(number)
    held = live(stream)
    watching = held.watch(None, EntryId("2-0"))
    assert await anext(watching) == Told()
    missed = [(await anext(watching)).entry for _ in range(1_200)]
    assert missed == [f"{number}-0" for number in range(3, 1_203)]
    await watching.aclose()


async def test_who_is_too_slow_is_told_so_and_let_go() -> None:
    stream = Stream()
    held = live(stream)
    watching = held.watch(ANNA, None)
    await anext(watching)
    following = asyncio.ensure_future(anext(watching))
    await attached(following)
    reading = asyncio.ensure_future(held.read_for_ever())
    stream.add(1)
    await following
    for number in range(2, 700):
        stream.add(number)
    for _ in range(200):
        await asyncio.sleep(0)
    assert (await anext(watching)).too_slow
    assert [each async for each in watching] == []
    reading.cancel()


async def test_so_many_may_watch_and_no_more() -> None:
    held = live(Stream())
    watchers = [held.watch(ANNA, None) for _ in range(2)]
    for each in watchers:
        await anext(each)
    assert held.full(None)
    for each in watchers:
        await each.aclose()
    assert not held.full(None)


async def test_one_account_cannot_take_every_place() -> None:
    held = live(Stream(), most=100)
    watchers = [held.watch(ANNA, None) for _ in range(MOST_OF_AN_ACCOUNT)]
    for each in watchers:
        await anext(each)
    assert (held.full(ANNA), held.full(AccountId("another")), held.full(None)) == (True, False, False)
    await watchers[0].aclose()
    assert not held.full(ANNA)
    for each in watchers[1:]:
        await each.aclose()


async def test_who_reads_nothing_loses_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_READ_WITHIN_S", 0.05)
    held, closed = asyncio.Event(), asyncio.Event()
    sent: list[Message] = []

    async def told() -> AsyncGenerator[str, None]:
        try:
            while True:
                yield ": alive\n\n"
        finally:
            closed.set()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 3:
            await held.wait()

    await asyncio.wait_for(following.EventStream(told()).stream_response(send), 5)
    assert (len(sent), closed.is_set()) == (4, True)
