"""What a socket has said since it was last listened to, with the fills of one burst in the order the leader made them.

Pushes that come together are sorted by the venue's own sequence before anything of them is published: a burst may hold
fills out of order, and a publication cannot be taken back. A burst is written in one go but may be read in several, so
after a first fill the rest is waited for, until nothing has come for a moment.
"""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import groupby

from shared.domain.fills import Fill
from shared.ports import Clock, FeedFill, FeedSignal, LeaderFeed

_MOST = 1_024
"""Signals kept for a slow publisher; beyond them the socket has to wait."""
_QUIET_PAUSES, _MOST_PAUSES = 2, 20

Part = FeedSignal | list[Fill]


class Bursts:
    """Listens to one feed, and gives what it said in bursts."""

    def __init__(self, feed: LeaderFeed, clock: Clock, linger_s: float) -> None:
        """Listen to `feed`, and wait after a first fill for others sent with it until none came for `linger_s`."""
        self._feed, self._clock, self._linger_s = feed, clock, linger_s
        self._heard: asyncio.Queue[FeedSignal] = asyncio.Queue(_MOST)

    async def listen_for_ever(self) -> None:
        """Listen until cancelled; waits while too much is unread."""
        async for signal in self._feed.signals():
            await self._heard.put(signal)

    async def next(self) -> list[Part]:
        """Wait for a signal and return it with all others that are there, neighbouring fills as one sorted list."""
        burst = [await self._heard.get()]
        if self._linger_s and isinstance(burst[0], FeedFill):
            await self._until_quiet()
        while not self._heard.empty():
            burst.append(self._heard.get_nowait())
        return list(in_order(burst))

    async def _until_quiet(self) -> None:
        """Wait until two pauses in a row brought nothing: a process that was not run finds one of them over at once.

        Gives up after some, so that a leader who never rests is still heard.
        """
        quiet = 0
        for _ in range(_MOST_PAUSES):
            known = self._heard.qsize()
            await self._clock.sleep(self._linger_s / 2)
            quiet = quiet + 1 if self._heard.qsize() == known else 0
            if quiet == _QUIET_PAUSES:
                return


def in_order(burst: Iterable[FeedSignal]) -> Iterator[Part]:
    """Yield the signals as they came, each run of fills as one list in the venue's sequence."""
    for fills, run in groupby(burst, lambda signal: isinstance(signal, FeedFill)):
        if fills:
            yield sorted((signal.fill for signal in run if isinstance(signal, FeedFill)), key=_sequence)
        else:
            yield from run


def _sequence(fill: Fill) -> tuple[int, int, str]:
    """Sort by time, then by trade: an instrument's trade ids grow, and a longer number is a larger one."""
    return fill.at_ms, len(fill.trade_id), fill.trade_id
