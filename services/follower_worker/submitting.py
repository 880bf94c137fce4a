"""USE CASE one order's life: from a strand that may send to an answer, or to the lack of one.

No more orders are in the air than there are connections, and none of them costs a task: a strand is served when a place
is free, and its answer serves the next. What a strand should do is decided at the last moment; between the lease check,
the stamp of `expTime` and the hand-over to the wire nothing is awaited.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import structlog

from services.follower_worker.flights import Flight, StrandKey
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.pacing import Pace
from services.follower_worker.phases import UNKNOWN, UNSETTLED
from services.follower_worker.queues import ReadyQueue
from services.follower_worker.strands import Strand
from services.follower_worker.telling import tell_placement, tell_skip
from shared.domain.backoff import delay_ms
from shared.domain.ids import AccountId
from shared.domain.orders import Opening
from shared.domain.outcomes import NotPlaced, Placement, Postponement, Refused
from shared.domain.reasons import Reason, Skip, numbers
from shared.domain.risk import Account, Situation
from shared.domain.subscriptions import SubscriptionState
from shared.domain.switches import Switch
from shared.ports import Clock, Exchange, Instruments, VenueClock

_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 100, 10_000
"""Pauses before an order that does not exist goes again, or a refused close is tried anew."""
_A_BREATH = 64
"""Strands served before the loop looks for answers again."""
_FEW = 8
"""Orders in the air that questions need not wait for: where leaders never rest, some always are."""
_BEHIND_A_CLOSE_S = 0.02
"""How soon an open looks again whether its follower's closes are through."""


@dataclass(frozen=True, slots=True)
class Venue:
    """What a worker needs of the outside to place and to ask."""

    exchange: Exchange
    instruments: Instruments
    clock: VenueClock
    accounts: Callable[[AccountId], Account]
    proving: Callable[[AccountId], bool] = lambda _follower: False
    """Tells whether an account's fence is still being proven."""


class Submitter:
    """Sends for every lane this worker holds, once begun. Never raises for one strand's sake."""

    def __init__(
        self, venue: Venue, clock: Clock, ready: ReadyQueue, pace: Pace, metrics: Metrics, order_deadline_ms: int
    ) -> None:
        self._venue, self._clock, self._ready, self._pace, self._metrics = venue, clock, ready, pace, metrics
        self._deadline_ms = order_deadline_ms
        self._at_once = 0
        self._in_the_air: dict[int, Flight] = {}
        """By identity: however a launch ends, its place is given back once."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = False
        ready.on_put = self.wake
        self.on_touched: Callable[[Lane, Strand], None] = lambda lane, strand: lane.touch(strand)
        """Called when a strand has something to write."""
        self.on_doubt: Callable[[Lane, Strand], None] = lambda _lane, _strand: None
        """Called when a strand must be asked for."""
        self.on_idle: Callable[[], None] = lambda: None
        """Called when nobody waits to send any more, and few in the air are left."""
        self.on_missed: Callable[[Strand, tuple[Opening, ...]], None] = lambda _strand, _openings: None
        """Called with the openings of an order the venue will not have."""
        self.stopped: Callable[[StrandKey], Switch | None] = lambda _key: None
        """Returns the kill switch that lets a strand open nothing."""

    def begin(self, at_once: int) -> None:
        """Send from now on, so many orders at once at the most; 0 sends no more."""
        self._at_once = at_once
        self._loop = asyncio.get_running_loop()
        self.wake()

    @property
    def busy(self) -> bool:
        """Tell whether orders wait to be sent, or so many are in the air that their answers come first."""
        return len(self._ready) > 0 or len(self._in_the_air) > _FEW

    def wake(self) -> None:
        """Serve who is ready, soon. Never blocks; repeated calls are one."""
        if self._loop and not self._woken:
            self._woken = True
            self._loop.call_soon(self._serve_some)

    def _serve_some(self) -> None:
        """Serve while there are places, a breath at a time: answers are not to wait behind a thousand sends."""
        self._woken = False
        for _ in range(_A_BREATH):
            if len(self._in_the_air) >= self._at_once:
                return
            waiting = self._ready.pop()
            if waiting is None:
                if not self.busy:
                    self.on_idle()
                return
            lane, strand = waiting
            try:
                self._serve(lane, strand)
            except Exception as error:  # noqa: BLE001 - sending must survive whatever one strand brings
                self._poison(lane, strand, error)
        self.wake()

    def _serve(self, lane: Lane, strand: Strand) -> None:
        if lane.lost or lane.draining or not strand.may_send:
            return
        if strand.recheck:
            self.on_doubt(lane, strand)
            return
        wait = self._pace.delay(strand.key, self._clock.monotonic())
        if not strand.book.closes and lane.closing_before(strand):
            wait = max(wait, _BEHIND_A_CLOSE_S)
        if wait:
            self._again(lane, strand, wait)
            return
        flight = self._launch(lane, strand)
        if flight:
            self._in_the_air[id(flight)] = flight
            placed = partial(self._placed, lane, strand, flight)
            try:
                self._venue.exchange.launch(flight.attempt, flight.expires_ms, lane.lease.deadline, placed)
            except BaseException:
                self._in_the_air.pop(id(flight), None)
                raise

    def _placed(self, lane: Lane, strand: Strand, flight: Flight, placement: Placement) -> None:
        """Hear what became of an order; its place is free again."""
        self._in_the_air.pop(id(flight), None)
        try:
            self._answered(lane, strand, flight, placement)
        except Exception as error:  # noqa: BLE001 - hearing must survive whatever one strand brings
            self._poison(lane, strand, error)
        self.wake()

    def _launch(self, lane: Lane, strand: Strand) -> Flight | None:
        """Decide, check the lease and stamp, in one breath; None if nothing leaves."""
        situation = self._situation(lane, strand)
        if situation is None:
            self._again(lane, strand, _LONGEST_PAUSE_MS / 1000)
            return None
        now_ms = situation.now_ms
        named, skips = strand.next(situation)
        self._tell(lane, strand, skips, situation)
        if named is None:
            self.on_touched(lane, strand)
            return None
        expires_ms = min(now_ms + self._deadline_ms, lane.lease.exp_max)
        now = self._clock.monotonic()
        if now >= lane.lease.deadline or expires_ms <= now_ms:
            strand.recall(named)
            self._again(lane, strand, self._deadline_ms / 1000)
            return None
        strand.launch(named, expires_ms, now_ms)
        self._pace.sent(strand.key, now)
        return strand.flight

    def rest(self, lane: Lane, strand: Strand) -> None:
        """Let a strand whose order has ended rest at once if nothing is left to order; nothing is sent here."""
        situation = self._situation(lane, strand)
        if situation:
            self._tell(lane, strand, strand.rest(situation), situation)

    def _tell(self, lane: Lane, strand: Strand, skips: tuple[Skip, ...], situation: Situation) -> None:
        for skip in skips:
            lane.tell(strand, tell_skip(strand, skip, situation.subscription.version, situation.now_ms))
            self._metrics.skipped(skip.reason)

    def _situation(self, lane: Lane, strand: Strand) -> Situation | None:
        instrument = self._venue.instruments.find(strand.key.inst_id)
        if instrument is None:
            return None
        subscription = lane.subscription(strand.key)
        if strand.poisoned:
            subscription = replace(subscription, state=SubscriptionState.CLOSE_ONLY)
        return Situation(
            book=strand.book,
            subscription=subscription,
            account=self._venue.accounts(strand.key.follower),
            instrument=instrument,
            market=self._venue.instruments.market(strand.key.inst_id),
            now_ms=self._venue.clock.now_ms(),
            stopped=self.stopped(strand.key),
        )

    def _answered(self, lane: Lane, strand: Strand, flight: Flight, placement: Placement) -> None:
        if strand.flight is not flight:
            return  # asked for and decided meanwhile: this process was away longer than the order could live
        at_ms = self._venue.clock.now_ms()
        strand.answered(placement)
        self._metrics.answered(placement, at_ms - flight.sent_ms)
        if isinstance(placement, NotPlaced):
            if placement.why is Postponement.THROTTLED:
                self._pace.throttled(strand.key, self._clock.monotonic())
            self._again(lane, strand, self._pause_s(strand))
            return
        if isinstance(placement, Refused) and flight.attempt.intent.openings:
            self.on_missed(strand, flight.attempt.intent.openings)
        lane.tell(strand, tell_placement(strand, flight, placement, lane.subscription(strand.key).version, at_ms))
        if strand.phase in (UNSETTLED, UNKNOWN):
            self._metrics.sent(flight.sent_ms - strand.hops.filled_ms)
            self.on_doubt(lane, strand)
        self.on_touched(lane, strand)

    def _pause_s(self, strand: Strand) -> float:
        return delay_ms(strand.failures - 1, _FIRST_PAUSE_MS, _LONGEST_PAUSE_MS, Decimal(0)) / 1000

    def _again(self, lane: Lane, strand: Strand, seconds: float) -> None:
        """Serve a strand later. What it has not decided is recorded as owed, so that its wait holds up no offset."""
        if lane.waits_for(strand):
            strand.postpone()
        if strand.dirty:
            self.on_touched(lane, strand)
        asyncio.get_running_loop().call_later(seconds, self._ready.put, lane, strand)

    def _poison(self, lane: Lane, strand: Strand, error: Exception) -> None:
        """Set one strand aside: it opens nothing more until it is reconciled; whatever is in flight is asked for."""
        structlog.get_logger().exception("strand_poisoned", inst_id=strand.key.inst_id, error=type(error).__name__)
        self._metrics.skipped(Reason.POISON)
        first, strand.poisoned = not strand.poisoned, True
        if strand.flight:
            strand.doubt(strand.flight.expires_ms)
            strand.postpone()
            self.on_touched(lane, strand)
            self.on_doubt(lane, strand)
            return
        if first:
            skip = Skip(strand.event, Reason.POISON, numbers(error=type(error).__name__))
            lane.tell(
                strand, tell_skip(strand, skip, lane.subscription(strand.key).version, self._venue.clock.now_ms())
            )
        self._again(lane, strand, _LONGEST_PAUSE_MS / 1000)
