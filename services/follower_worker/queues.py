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
_BESIDE_ORDERS = 32
"""Questions asked at once at the most that nobody waits for, while orders do."""
_TIMER_S = 0.01
"""How much too early a timer may be, and more."""


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
    """Questions. One that nothing waits for lets orders go first, for a moment.

    What an order filled is mostly known beforehand; the price the last follower gets is not.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._urgent: deque[Doubt] = deque()
        self._patient: OrderedDict[int, tuple[Doubt, float]] = OrderedDict()
        """By identity, so that one can be hastened; with the moment until which it may be put off."""
        self._timer: asyncio.TimerHandle | None = None
        self.orders_first: Callable[[], bool] = lambda: False
        """Tells whether orders are to go first."""
        self.on_put: Callable[[], None] = lambda: None
        """Called when there may be somebody to ask for."""

    def put(self, doubt: Doubt) -> None:
        """Line a question up."""
        if doubt.awaited:
            self._urgent.append(doubt)
        else:
            self._patient[id(doubt)] = doubt, self._clock.monotonic() + _PATIENCE_S
            self._look_again()
            if self.orders_first():
                return
        self.on_put()

    def hasten(self, doubt: Doubt) -> None:
        """Put a question off no longer if something waits for its answer by now; does nothing if it is not put off."""
        if doubt.awaited and id(doubt) in self._patient:
            del self._patient[id(doubt)]
            self._urgent.append(doubt)
            self.on_put()

    def pop(self, asked: int = 0) -> Doubt | None:
        """Take the next question, `asked` being under way; None if there is none, or orders go first.

        Where a fan-out outlasts patience, what nothing waits for goes beside it, few at a time.
        """
        if self._urgent:
            return self._urgent.popleft()
        if self._patient and (not self.orders_first() or (asked < _BESIDE_ORDERS and self._overdue())):
            return self._patient.popitem(last=False)[1][0]
        return None

    def _overdue(self) -> bool:
        """Tell whether the oldest question was put off for long enough."""
        return self._clock.monotonic() >= self._oldest_until()

    def _oldest_until(self) -> float:
        _, until = next(iter(self._patient.values()))
        return until

    def _look_again(self) -> None:
        """See to it that somebody looks when patience ends: a venue that answers nothing wakes nobody."""
        if self._timer is None:
            left_s = max(0.0, self._oldest_until() - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(left_s + _TIMER_S, self._patience_ends)

    def _patience_ends(self) -> None:
        self._timer = None
        self.on_put()
        if self._patient:
            self._look_again()
