"""USE CASE what happens to copies is told to whoever watches, the moment the stream has it.

One reader for every watcher. A watcher has a queue of its own, bounded: one who is too slow is told so and let go, and
comes back with the last id it saw. From that id on it is first given what it missed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import structlog

from services.portal.hooks.happenings import Happening, of_outcome
from services.portal.metrics import Metrics
from shared.domain.ids import STREAM_START, AccountId, EntryId, entry_order
from shared.messages import outcome as outcomes
from shared.ports import Clock

MOST_WATCHERS, MOST_OF_AN_ACCOUNT = 500, 10
_QUEUE, _PAGE, _BLOCK_MS = 512, 500, 1_000
_HEARTBEAT_S = 15.0
_AGAIN_S = 0.5


class Tail(Protocol):
    """The stream `outcomes`. NotPublished (a ConnectionError) from any: Redis is away."""

    async def last(self) -> EntryId:
        """Return the id of the newest entry."""

    async def after(self, entry: EntryId, count: int, upto: str = "+") -> Sequence[tuple[EntryId, bytes]]:
        """Read entries after one, at once."""

    async def follow(self, entry: EntryId, count: int, block_ms: int) -> Sequence[tuple[EntryId, bytes]]:
        """Read entries after one, waiting a while for the first."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing a watcher is told: a happening with its place, a sign of life, or that it was too slow."""

    entry: EntryId | None = None
    happening: Happening | None = None
    too_slow: bool = False


@dataclass(slots=True, eq=False)
class _Watcher:
    account: AccountId | None
    after: EntryId
    """What lies up to here it is given otherwise."""
    queue: asyncio.Queue[Told] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    lost: bool = False

    def offer(self, entry: EntryId, told: Told) -> None:
        if entry_order(entry) <= entry_order(self.after):
            return
        if self.queue.full():
            self.lost = True
        else:
            self.queue.put_nowait(told)


class Live:
    """Tells watchers."""

    def __init__(self, tail: Tail, clock: Clock, metrics: Metrics, most: int = MOST_WATCHERS) -> None:
        self._tail, self._clock, self._metrics, self._most = tail, clock, metrics, most
        self._watchers: set[_Watcher] = set()
        self._at = STREAM_START
        """Where the reader stands; set by whoever is first to watch."""
        self._wanted = asyncio.Event()
        self._open: Counter[AccountId | None] = Counter()
        """How many watch, by whose copies they watch; a platform watches everybody's."""

    def full(self, account: AccountId | None) -> bool:
        """Tell whether no more may watch now: in all, or one account's copies."""
        return self._open.total() >= self._most or (account is not None and self._open[account] >= MOST_OF_AN_ACCOUNT)

    async def read_for_ever(self) -> None:
        """Read the stream while somebody watches."""
        while True:
            await self._wanted.wait()
            try:
                await self._read()
            except ConnectionError as error:
                structlog.get_logger().warning("live_interrupted", reason=str(error))
                await self._clock.sleep(_AGAIN_S)

    async def _read(self) -> None:
        at = self._at
        rows = await self._tail.follow(at, _PAGE, _BLOCK_MS)
        if self._watchers:
            self._at = rows[-1][0] if rows else at
        for entry, happening in _happened(rows):
            for each in self._watchers:
                if each.account in (None, happening.account):
                    each.offer(entry, Told(entry, happening))

    async def watch(self, account: AccountId | None, last_seen: EntryId | None) -> AsyncGenerator[Told, None]:
        """Yield what happens to an account, or to all of them, from now on or after what was seen last.

        Raises:
            ConnectionError: Redis is away, and what was missed cannot be read.
        """
        self._open[account] += 1
        self._metrics.watching(self._open.total())
        try:
            seen = last_seen or await self._tail.last()
            yield Told()  # whatever happens from here on is told
            async for told in self._missed(account, seen):
                seen = told.entry or seen
                yield told
            with self._watching(account, seen) as watcher:
                async for told in self._missed(account, seen):
                    seen = told.entry or seen
                    yield told
                while not watcher.lost:
                    told = await self._next(watcher)
                    if told.entry is None or entry_order(told.entry) > entry_order(seen):
                        yield told
            yield Told(too_slow=True)
        finally:
            self._open -= Counter([account])
            self._metrics.watching(self._open.total())

    @contextmanager
    def _watching(self, account: AccountId | None, after: EntryId) -> Iterator[_Watcher]:
        watcher = _Watcher(account, after)
        if not self._watchers:
            self._at = after
        self._watchers.add(watcher)
        self._wanted.set()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._wanted.clear()

    async def _missed(self, account: AccountId | None, after: EntryId) -> AsyncIterator[Told]:
        upto, place = await self._tail.last(), after
        while rows := await self._tail.after(place, _PAGE, upto):
            place = rows[-1][0]
            for entry, happening in _happened(rows):
                if account in (None, happening.account):
                    yield Told(entry, happening)

    async def _next(self, watcher: _Watcher) -> Told:
        try:
            async with asyncio.timeout(_HEARTBEAT_S):
                return await watcher.queue.get()
        except TimeoutError:
            return Told()


def _happened(rows: Sequence[tuple[EntryId, bytes]]) -> Iterator[tuple[EntryId, Happening]]:
    for entry, payload in rows:
        try:
            yield entry, of_outcome(entry, outcomes.decode(payload))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # its recorder buries it, with an alarm
