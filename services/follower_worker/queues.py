"""Who is served next: closes before opens, each in the order they became ready; and who is asked for next."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from services.follower_worker.doubts import Doubt
from services.follower_worker.lane import Lane
from services.follower_worker.strands import Strand
from shared.ports import Clock

Waiting = tuple[Lane, Strand]
_PATIENCE_S = 2.0
"""How long a question nobody waits for may be put off for orders."""


class ReadyQueue:
    """Strands that may send. Unbounded by count, bounded by followers: a strand waits at most once."""

    def __init__(self) -> None:
        self._closes: deque[Waiting] = deque()
        self._opens: OrderedDict[int, Waiting] = OrderedDict()
        """By the identity of the strand, so that one whose leader closes meanwhile can change lines."""
        self.on_put: Callable[[], None] = lambda: None
        """Called when somebody was lined up."""

    def __len__(self) -> int:
        return len(self._closes) + len(self._opens)

    def put(self, lane: Lane, strand: Strand) -> None:
        """Line a strand up; one that stood in line to open and has something to close by now goes to the closes.

        Does nothing if it stands in the right line already or may not send.
        """
        if not strand.may_send or lane.lost or lane.draining:
            return
        if strand.queued:
            if strand.book.closes and id(strand) in self._opens:
                del self._opens[id(strand)]
                self._closes.append((lane, strand))
            return
        strand.queued = True
        if strand.book.closes:
            self._closes.append((lane, strand))
        else:
            self._opens[id(strand)] = (lane, strand)
        self.on_put()

    def pop(self) -> Waiting | None:
        """Take the next strand, closes first; None if nobody waits."""
        if self._closes:
            waiting = self._closes.popleft()
        elif self._opens:
            _, waiting = self._opens.popitem(last=False)
        else:
            return None
        waiting[1].queued = False
        return waiting


class AskQueue:
    """Strands to be asked for. A question that nothing waits for lets orders go first, for a moment.

    What an order filled is mostly known beforehand; the price the last follower gets is not.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._urgent: deque[Doubt] = deque()
        self._patient: deque[tuple[Doubt, float]] = deque()
        self._askers: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.orders_wait: Callable[[], bool] = lambda: False
        """Tells whether orders wait to be sent."""

    def put(self, doubt: Doubt) -> None:
        """Line a question up."""
        if doubt.awaited:
            self._urgent.append(doubt)
        else:
            self._patient.append((doubt, self._clock.monotonic() + _PATIENCE_S))
            self._look_again()
        self._wake()

    def orders_are_through(self) -> None:
        """Hear that no order waits any more."""
        for _ in range(min(len(self._patient), len(self._askers))):
            self._wake()

    async def take(self) -> Doubt:
        """Wait for the next question; for any number of askers."""
        while (doubt := self._next()) is None:
            asker = asyncio.get_running_loop().create_future()
            self._askers.append(asker)
            await asker
        return doubt

    def _next(self) -> Doubt | None:
        if self._urgent:
            return self._urgent.popleft()
        if self._patient and (not self.orders_wait() or self._clock.monotonic() > self._patient[0][1]):
            return self._patient.popleft()[0]
        return None

    def _look_again(self) -> None:
        """See to it that somebody looks when patience ends: a venue that answers nothing wakes nobody."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._patience_ends)

    def _patience_ends(self) -> None:
        self._timer = None
        self.orders_are_through()
        if self._patient:
            self._look_again()

    def _wake(self) -> None:
        while self._askers:
            asker = self._askers.popleft()
            if not asker.done():
                asker.set_result(None)
                return
