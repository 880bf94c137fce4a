"""USE CASE what is not known is asked: what accepted orders filled, and whatever is in doubt.

Questions about accepted orders, one for each order there is, cost no task: the answer is taken where it is read, and
frees its place. The others are decided step by step, each in a task, and in places of their own: their steps partly go
the slow way, and nobody's close is to wait for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog

from services.follower_worker.deciding import Decider
from services.follower_worker.doubts import AT_ONCE, RETRY_MS, SETTLE_MS, Doubt
from services.follower_worker.flights import Flight
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import UNSETTLED
from services.follower_worker.queues import AskQueue
from services.follower_worker.strands import Strand
from services.follower_worker.submitting import Venue
from services.follower_worker.telling import tell_settled
from shared.domain.outcomes import OrderReport
from shared.ports import Clock, CouldNotAsk, GrantUnusable, Shown, Trades

_GRANT_PAUSE_S = 5.0
_A_BREATH = 64
"""Questions asked before the loop looks for answers again."""
_DECIDED_AT_ONCE = 32
"""Fills and positions are read by `Rest`, whose client takes longer for each the more it is asked at once."""


class Resolver:
    """Asks for every lane this worker holds. A strand that cannot be asked for waits by itself and delays nobody."""

    def __init__(self, venue: Venue, trades: Trades, clock: Clock, metrics: Metrics, absent_gap_s: float) -> None:
        self._venue, self._metrics = venue, metrics
        self._decider = Decider(venue, trades, clock, metrics, absent_gap_s, self._take)
        self.queue = AskQueue(clock)
        self.queue.on_put = self.wake
        self._known: dict[int, Doubt] = {}
        """By the identity of the strand."""
        self._asked: dict[int, Doubt] = {}
        """Those that have a place, by their own identity: however a question ends, its place is given back once."""
        self._undecided: deque[Doubt] = deque()
        """Those in line to be decided."""
        self._deciding: dict[int, Doubt] = {}
        """As `_asked`."""
        self._at_once = 0
        self._group: asyncio.TaskGroup | None = None
        self._woken = False
        self.on_touched: Callable[[Lane, Strand], None] = lambda lane, strand: lane.touch(strand)
        """Called when a strand has something to write."""
        self.on_settled: Callable[[Lane, Strand], None] = lambda _lane, _strand: None
        """Called when an order's end was taken, before it is written."""
        self.on_done: Callable[[Lane, Strand], None] = lambda _lane, _strand: None
        """Called when nothing is left to ask for a strand: it may have something to send."""

    def add(self, lane: Lane, strand: Strand) -> None:
        """Take a strand that must be asked for; one that is taken already is put off no longer if something waits."""
        known = self._known.get(id(strand))
        if known:
            self.queue.hasten(known)
        else:
            self._known[id(strand)] = doubt = Doubt(lane, strand)
            self._line_up(doubt)

    @property
    def waiting(self) -> int:
        """Return how many strands are being asked for."""
        return len(self._known)

    async def ask_for_ever(self, at_once: int) -> None:
        """Ask, so many questions about accepted orders at once at the most, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group, self._at_once = group, at_once
            self.wake()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None

    def wake(self) -> None:
        """Ask what may be asked, soon. Never blocks; repeated calls are one."""
        if self._group and not self._woken:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._serve_some)

    def _serve_some(self) -> None:
        """Ask while there are places, a breath at a time."""
        self._woken = False
        self._decide_some()
        for _ in range(_A_BREATH):
            if self._group is None or len(self._asked) >= self._at_once:
                return
            doubt = self.queue.pop(len(self._asked))
            if doubt is None:
                return
            self._asked[id(doubt)] = doubt
            if doubt.lane.lost:
                self._finish(doubt, None)
            elif doubt.strand.phase is UNSETTLED:
                self._inquire(doubt)
            else:
                self._finish(doubt, AT_ONCE)  # it came into doubt while it stood in line
        self.wake()

    def _decide_some(self) -> None:
        """Decide while there are places for that."""
        while self._group and self._undecided and len(self._deciding) < _DECIDED_AT_ONCE:
            doubt = self._undecided.popleft()
            self._deciding[id(doubt)] = doubt
            if doubt.lane.lost:
                self._finish(doubt, None)
            else:
                self._group.create_task(self._decide(doubt))

    def _line_up(self, doubt: Doubt) -> None:
        """Have it asked for in its turn, in the places of its kind."""
        if doubt.strand.phase is UNSETTLED:
            self.queue.put(doubt)
        else:
            self._undecided.append(doubt)
            self.wake()

    def _inquire(self, doubt: Doubt) -> None:
        """Ask what an accepted order has filled."""
        key = doubt.strand.key
        try:
            flight = doubt.flight
            heard = partial(self._heard, doubt, flight)
            self._venue.exchange.inquire(key.follower, key.inst_id, flight.attempt.cl_ord_id, heard)
        except Exception as error:  # noqa: BLE001 - asking must survive whatever one strand brings
            self._finish(doubt, self._failed(doubt, error))

    def _heard(self, doubt: Doubt, flight: Flight, shown: Shown) -> None:
        """Hear how an accepted order stands; its place is free again."""
        try:
            self._finish(doubt, self._learned(doubt, flight, shown))
        except Exception as error:  # noqa: BLE001 - hearing must survive whatever one strand brings
            self._finish(doubt, self._failed(doubt, error))

    def _learned(self, doubt: Doubt, flight: Flight, shown: Shown) -> float | None:
        """Take what was shown; returns as `Decider.decide`."""
        if isinstance(shown, Exception):
            return self._failed(doubt, shown)
        if doubt.strand.phase is not UNSETTLED or doubt.strand.flight is not flight:
            return AT_ONCE
        if shown is None:
            self._metrics.accepted_but_absent.inc()
        if shown is None or not shown.done:
            return doubt.pause_s(SETTLE_MS)
        self._take(doubt, shown)
        return None

    async def _decide(self, doubt: Doubt) -> None:
        try:
            pause_s = await self._decider.decide(doubt)
        except Exception as error:  # noqa: BLE001 - deciding must survive whatever one strand brings
            pause_s = self._failed(doubt, error)
        self._finish(doubt, pause_s)

    def _failed(self, doubt: Doubt, error: Exception) -> float:
        """Return when to ask again."""
        match error:
            case CouldNotAsk():
                self._metrics.unanswered.inc()
                return doubt.pause_s(RETRY_MS)
            case GrantUnusable():
                return _GRANT_PAUSE_S
            case _:
                structlog.get_logger().error("strand_not_resolved", error=type(error).__name__, exc_info=error)
                return RETRY_MS[1] / 1000

    def _finish(self, doubt: Doubt, pause_s: float | None) -> None:
        """Give the place back; line up again after the pause, or be done with the strand."""
        if not (self._asked.pop(id(doubt), None) or self._deciding.pop(id(doubt), None)):
            return
        lane, strand = doubt.lane, doubt.strand
        if pause_s is None or lane.lost:
            del self._known[id(strand)]
            if not lane.lost:
                self.on_touched(lane, strand)
                self.on_done(lane, strand)
        else:
            asyncio.get_running_loop().call_later(pause_s, self._line_up, doubt)
        self.wake()

    def _take(self, doubt: Doubt, report: OrderReport) -> None:
        """Take the end of an order."""
        lane, strand, flight = doubt.lane, doubt.strand, doubt.flight
        strand.settle(report)
        version = lane.subscription(strand.key).version
        lane.tell(strand, tell_settled(strand, flight, report, version, self._venue.clock.now_ms()))
        self._metrics.settled.inc()
        self.on_settled(lane, strand)
