"""USE CASE what nobody heard of is decided: orders without an answer, and strands others may have served.

Absent is proven, never assumed: the venue's clock must surely have passed the last moment anything could be accepted,
two answers some seconds apart must show nothing, and no fill may carry the name. A failed read proves nothing and is
tried again. Whatever is concluded is concluded in one breath from what the strand is then: an event may have brought it
into doubt while a question was under way.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from decimal import Decimal

from services.follower_worker.doubts import AT_ONCE, RETRY_MS, SETTLE_MS, Doubt
from services.follower_worker.flights import Found, Probe
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import READY, UNKNOWN, Phase
from services.follower_worker.strands import Strand
from services.follower_worker.submitting import Venue
from services.follower_worker.telling import tell_absent, tell_adopted, tell_settled, tell_skip
from shared.domain.backoff import delay_ms
from shared.domain.ids import ClOrdId, EventId, client_order_id, entry_order
from shared.domain.outcomes import OrderReport
from shared.domain.quantities import Contracts
from shared.domain.reasons import Reason, Skip
from shared.ports import Clock, Trades

_QUESTIONS_A_BREATH, _BREATH_S = 20, 1.0
"""Questions about one strand in a row, and the pause after them: two thirds of the venue's 60 in 2 s per instrument."""
_WAIT_STEP_S = 0.05
"""How often a wait for the venue's clock looks at it."""


class Decider:
    """Takes one step with one doubt. Raises what the exchange raises: then nothing was learned."""

    def __init__(
        self,
        venue: Venue,
        trades: Trades,
        clock: Clock,
        metrics: Metrics,
        absent_gap_s: float,
        settle: Callable[[Doubt, OrderReport], None],
    ) -> None:
        """Decide on this venue; `settle` takes the end of an order that is found."""
        self._venue, self._trades, self._clock, self._metrics = venue, trades, clock, metrics
        self._gap_s, self._settle = absent_gap_s, settle

    async def decide(self, doubt: Doubt) -> float | None:
        """Do what the strand's phase asks for; None when done, else the seconds to wait before going on."""
        match doubt.strand.phase:
            case Phase.UNKNOWN:
                return await self._decide_unknown(doubt)
            case Phase.DOUBTFUL:
                return await self._decide_doubtful(doubt)
            case Phase.READY if doubt.strand.recheck:
                return await self._recheck(doubt)
            case _:
                return None

    async def _decide_unknown(self, doubt: Doubt) -> float | None:
        if not self._venue.clock.surely_past(doubt.strand.wait_ms):
            return self._until_past(doubt.strand.wait_ms)
        if (wait_s := await self._look_for_fills(doubt)) is not None:
            return wait_s
        report = await self._ask_own(doubt)
        self._metrics.asked_in_doubt.inc()
        if doubt.strand.phase is not UNKNOWN:
            return AT_ONCE
        if report is None:
            return await self._decide_absent(doubt)
        if not report.done:
            return doubt.pause_s(SETTLE_MS)
        self._settle(doubt, report)
        return None

    async def _decide_absent(self, doubt: Doubt) -> float | None:
        """Decide an order the venue does not show."""
        strand, flight = doubt.strand, doubt.flight
        if not self._proven_absent(doubt, [flight.attempt.cl_ord_id]):
            return self._gap_s / 2
        if self._venue.proving(strand.key.follower):
            return doubt.pause_s(SETTLE_MS)  # what follows depends on it
        unfenced = await self._position_unless_fenced(strand)
        if strand.phase is not UNKNOWN:
            return AT_ONCE
        version, now_ms = doubt.lane.subscription(strand.key).version, self._venue.clock.now_ms()
        strand.absent()
        doubt.lane.tell(strand, tell_absent(strand, flight, version, now_ms))
        self._mind_the_fence(doubt, unfenced)
        return None

    def _proven_absent(self, doubt: Doubt, names: Collection[ClOrdId]) -> bool:
        """Tell whether absence is proven: a second absent answer, `gap` after the first, and no fill in between."""
        now, asked = self._clock.monotonic(), frozenset(names)
        if doubt.absent_at is None or not asked <= doubt.names:
            doubt.begin_absence(asked, now)
            return False
        return doubt.no_fill and now - doubt.absent_at >= self._gap_s

    async def _look_for_fills(self, doubt: Doubt) -> float | None:
        """Look between the two absent answers whether a fill carries a name, while there is nothing to do but wait.

        Returns when to go on, None if it was done already or there is nothing to look for.
        """
        if doubt.absent_at is None or doubt.no_fill:
            return None
        key = doubt.strand.key
        if await self._venue.exchange.has_fill(key.follower, key.inst_id, doubt.names, doubt.earliest_ms):
            doubt.begin_absence(frozenset(), None)
            return self._gap_s
        doubt.no_fill = True
        return max(0.0, doubt.absent_at + self._gap_s - self._clock.monotonic())

    async def _position_unless_fenced(self, strand: Strand) -> Contracts | None:
        """Read what the account holds if its fence is not proven: what is concluded next may be wrong without it."""
        if self._venue.accounts(strand.key.follower).fenced:
            return None
        return await self._venue.exchange.position(strand.key.follower, strand.key.inst_id)

    def _mind_the_fence(self, doubt: Doubt, position: Contracts | None) -> None:
        """Without a proven fence absence is not certain: open nothing again, believe the account, not the book."""
        if position is None:
            return
        lane, strand = doubt.lane, doubt.strand
        strand.found_position(position)
        version, now_ms = lane.subscription(strand.key).version, self._venue.clock.now_ms()
        for event in strand.open_nothing():
            lane.tell(strand, tell_skip(strand, Skip(event, Reason.UNFENCED), version, now_ms))

    async def _recheck(self, doubt: Doubt) -> float | None:
        """Read the account after a refused close, so that the next try closes what is there; wait longer each time."""
        key = doubt.strand.key
        if doubt.asked == 0 and doubt.strand.failures > 1:
            doubt.asked = 1
            return delay_ms(doubt.strand.failures - 1, *RETRY_MS, Decimal(0)) / 1000
        position = await self._venue.exchange.position(key.follower, key.inst_id)
        if doubt.strand.phase is not READY:
            return AT_ONCE
        doubt.strand.found_position(position)
        return None

    async def _decide_doubtful(self, doubt: Doubt) -> float | None:
        strand = doubt.strand
        if (wait_s := await self._too_early(doubt)) is not None:
            return wait_s
        if strand.flight and doubt.own is None:
            doubt.own = await self._ask_own(doubt)
            if doubt.own is None and strand.flight.order_id:
                self._metrics.accepted_but_absent.inc()
                return doubt.pause_s(RETRY_MS)
        flight, probes, absent, doubt.questions = strand.flight, strand.probes(), [], 0
        for probe in probes:
            name = await self._follow(doubt, probe)
            if name is None:
                return _BREATH_S
            absent.append(name)
        if strand.flight and doubt.own is None:
            absent.append(strand.flight.attempt.cl_ord_id)
        if not all(each.report.done for each in doubt.found.values()) or (doubt.own and not doubt.own.done):
            doubt.own, doubt.found, doubt.absent = None, {}, set()
            return doubt.pause_s(SETTLE_MS)
        if not self._proven_absent(doubt, absent):
            doubt.absent = set()
            return self._gap_s / 2
        unfenced = await self._position_unless_fenced(strand)
        if probes != strand.probes() or strand.flight is not flight:
            return AT_ONCE  # another event came, or the answer to the order in flight
        return self._rebuild(doubt, unfenced)

    async def _has_read_everything(self, doubt: Doubt) -> bool:
        """Tell whether every entry that may have been acted on was read.

        An order is named after the last event it covers: with one event missing, its order could not be found. A server
        that has forgotten is given its events back by the watchers, all of a leader's in one step; until then nothing
        can be concluded.
        """
        lane, leader = doubt.lane, doubt.strand.key.leader
        if not lane.caught_up:
            return False
        if leader not in lane.confirmed:
            if not await self._trades.confirmed(leader):
                return False
            lane.confirmed[leader] = await self._trades.last()
        return entry_order(lane.position) >= entry_order(lane.confirmed[leader])

    async def _follow(self, doubt: Doubt, probe: Probe) -> ClOrdId | None:
        """Ask one event and leg upward from a try until a name is absent, and return that name.

        None when the venue's limit on questions asks for a breath first; what is known by then is kept.
        """
        key, tries = doubt.strand.key, probe.tries
        while True:
            name = client_order_id(probe.event, key.follower, probe.leg, tries)
            if name in doubt.absent:
                return name
            if name not in doubt.found and not doubt.is_own(name):
                if doubt.questions >= _QUESTIONS_A_BREATH:
                    return None
                doubt.questions += 1
                report = await self._venue.exchange.ask(key.follower, key.inst_id, name)
                self._metrics.asked_in_doubt.inc()
                if report is None:
                    doubt.absent.add(name)
                    return name
                doubt.found[name] = Found(probe.event, probe.leg, tries, report)
                doubt.begin_absence(frozenset(), None)
            tries += 1

    def _rebuild(self, doubt: Doubt, unfenced: Contracts | None) -> float | None:
        lane, strand = doubt.lane, doubt.strand
        instrument = self._venue.instruments.find(strand.key.inst_id)
        if instrument is None:
            return RETRY_MS[1] / 1000
        subscription, now_ms, flight = lane.subscription(strand.key), self._venue.clock.now_ms(), strand.flight
        by_event: dict[EventId, list[Found]] = defaultdict(list)
        for found in doubt.found.values():
            by_event[found.event].append(found)
        skips = strand.resolve(doubt.own, by_event, subscription, instrument)
        if flight:
            told = (
                tell_settled(strand, flight, doubt.own, subscription.version, now_ms)
                if doubt.own
                else tell_absent(strand, flight, subscription.version, now_ms)
            )
            lane.tell(strand, told)
        for found in doubt.found.values():
            lane.tell(strand, tell_adopted(strand, found, subscription.version, now_ms))
            self._metrics.adopted.inc()
        for skip in skips:
            lane.tell(strand, tell_skip(strand, skip, subscription.version, now_ms))
        self._mind_the_fence(doubt, unfenced)
        return None

    async def _too_early(self, doubt: Doubt) -> float | None:
        """Return how long to wait before anything can be concluded, None if it can be now."""
        if not self._venue.clock.surely_past(doubt.strand.wait_ms):
            return self._until_past(doubt.strand.wait_ms)
        return await self._look_for_fills(doubt) if await self._has_read_everything(doubt) else _WAIT_STEP_S

    def _until_past(self, venue_ms: int) -> float:
        """Return when to look again whether a moment has passed: not a thousand times before it can have."""
        return max(_WAIT_STEP_S, (venue_ms - self._venue.clock.now_ms()) / 1000)

    async def _ask_own(self, doubt: Doubt) -> OrderReport | None:
        key = doubt.strand.key
        return await self._venue.exchange.ask(key.follower, key.inst_id, doubt.flight.attempt.cl_ord_id)
