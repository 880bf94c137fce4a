"""USE CASE accounts are compared with books and with the leader, again and again, far from the hot path.

A disagreement counts when two comparisons some seconds apart show the same numbers and nothing of the strand moved in
between: it was at rest before and after both reads, it had folded everything its leader did, and no order of it was on
its way. A failed read is no answer: it changes nothing. What is decided goes the ordinary way: the book changes, is
committed, and then the strand sends under its next name.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from services.follower_worker.flights import StrandKey
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from services.follower_worker.submitting import Venue
from services.follower_worker.telling import tell_drift
from shared.domain.drift import Drift, DriftKind, Standing, compare, may_act, reconciled
from shared.domain.ids import AccountId, InstId, entry_order
from shared.domain.orders import Opening
from shared.domain.quantities import ZERO, Contracts
from shared.domain.subscriptions import DriftPolicy
from shared.ports import Clock, CouldNotAsk, GrantUnusable, Trades

_MINUTE_S = 60.0
_AT_A_STRETCH = 500
"""Followers looked over before others may run: well below a millisecond."""
_MOST_MISSED = 8
"""Refused openings remembered per strand; older ones are too old to be made up for."""


class LeaderPositions(Protocol):
    """Where leaders stand, as published."""

    async def positions(self, leader: AccountId) -> Mapping[InstId, Contracts]:
        """Return the signed position per instrument after the last entry of the stream."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often and how much; seconds and counts as named."""

    every_s: float = 60.0
    confirm_s: float = 5.0
    reads_a_second: float = 5.0
    repairs_a_minute: int = 30


@dataclass(frozen=True, slots=True)
class Sight:
    """What one comparison showed, and how the strand stood then."""

    drift: Drift
    revision: int
    cursor: str
    at: float


@dataclass(slots=True)
class Drifting:
    """Compares one follower after another, as fast as the budget allows."""

    venue: Venue
    leaders: LeaderPositions
    trades: Trades
    lanes: Callable[[], list[Lane]]
    clock: Clock
    metrics: Metrics
    rhythm: Rhythm
    unreachable: tuple[type[Exception], ...]
    on_touched: Callable[[Lane, Strand], None] = lambda lane, strand: lane.touch(strand)
    sights: dict[StrandKey, Sight] = field(default_factory=dict)
    repairs: list[float] = field(default_factory=list)
    _told: dict[StrandKey, DriftKind] = field(default_factory=dict)
    _round_began: float = float("-inf")

    def note_missed(self, strand: Strand, openings: tuple[Opening, ...]) -> None:
        """Remember openings the venue refused, in case the refusal passes. Never blocks."""
        strand.missed = (*strand.missed, *openings)[-_MOST_MISSED:]

    async def compare_for_ever(self) -> None:
        """Compare everybody, round after round, until cancelled."""
        while True:
            began = self.clock.monotonic()
            async for lane, follower in self._due():
                await self._compare_patiently(lane, follower)
                await self.clock.sleep(1 / self.rhythm.reads_a_second)
            self._show()
            await self.clock.sleep(max(0.01, self.rhythm.confirm_s - (self.clock.monotonic() - began)))

    async def _due(self) -> AsyncIterator[tuple[Lane, AccountId]]:
        """Yield whoever is to be compared: once a round everybody who holds, in between those under suspicion."""
        whole = self.clock.monotonic() - self._round_began >= self.rhythm.every_s
        if whole:
            self._round_began = self.clock.monotonic()
        for lane in self.lanes():
            for number, (follower, strands) in enumerate(list(lane.by_follower.items())):
                if number % _AT_A_STRETCH == 0:
                    await self.clock.sleep(0)  # orders come first
                if lane.lost or not lane.caught_up:
                    break
                suspected = any(strand.key in self.sights or strand.reconciling for strand in strands)
                if suspected or (whole and any(_compared(strand) or strand.missed for strand in strands)):
                    yield lane, follower

    async def _compare_patiently(self, lane: Lane, follower: AccountId) -> None:
        try:
            await self.compare(lane, follower)
        except (CouldNotAsk, GrantUnusable):
            self.metrics.drift_reads.labels("failed").inc()
        except self.unreachable as error:
            self.metrics.drift_reads.labels("failed").inc()
            structlog.get_logger().warning("drift_not_compared", error=type(error).__name__)

    async def compare(self, lane: Lane, follower: AccountId) -> None:
        """Compare one follower now, with one read of its positions. Raises as `Exchange.positions`, and Redis's own."""
        stood = {strand.key: (strand, _mark(strand)) for strand in lane.by_follower[follower] if _at_rest(strand)}
        if not stood:
            return
        held = await self.venue.exchange.positions(follower)
        leaders = {key.leader: await self.leaders.positions(key.leader) for key in stood}
        behind = await self._is_behind(lane, leaders)
        self.metrics.drift_reads.labels("read").inc()
        if behind or lane.lost or lane.draining:
            return
        for key, (strand, mark) in stood.items():
            owner = lane.owner.get((follower, key.inst_id))
            if _at_rest(strand) and _mark(strand) == mark and owner in (None, strand):
                self._judge(lane, strand, held.get(key.inst_id, ZERO), leaders[key.leader].get(key.inst_id, ZERO))

    async def _is_behind(self, lane: Lane, leaders: Iterable[AccountId]) -> bool:
        """Tell whether the lane may not have folded everything its accounts have acted on.

        A server that has forgotten is given its events back by the watchers; until then its books are older ones.
        """
        for leader in leaders:
            if not await self.trades.confirmed(leader):
                return True
        return entry_order(lane.position) < entry_order(await self.trades.last())

    def _judge(self, lane: Lane, strand: Strand, position: Contracts, leader: Contracts) -> None:
        key, instrument = strand.key, self.venue.instruments.find(strand.key.inst_id)
        subscription = lane.subscription(key)
        if strand.reconciling and instrument is not None:
            self._reconcile(lane, strand, reconciled(Standing(strand.book, position, leader), subscription))
            return
        if instrument is None or subscription.drift is DriftPolicy.OFF:
            self.sights.pop(key, None)
            return
        standing = Standing(strand.book, position, leader, strand.missed)
        drift = compare(standing, subscription, instrument, self.venue.clock.now_ms())
        if drift is None:
            self._forget(strand)
            return
        now, before = self.clock.monotonic(), self.sights.get(key)
        if before is None or (before.drift, before.revision, before.cursor) != (drift, *_mark(strand)):
            self.sights[key] = Sight(drift, *_mark(strand), now)
        elif now - before.at >= self.rhythm.confirm_s:
            self._conclude(lane, strand, drift, subscription.drift, subscription.version)

    def _conclude(self, lane: Lane, strand: Strand, drift: Drift, policy: DriftPolicy, version: int) -> None:
        """Tell a confirmed drift once, and act on it where that is allowed and within the budget."""
        acts = may_act(drift, policy) and (drift.kind is DriftKind.REDUCED_BY_HAND or self._within_budget())
        if self._told.get(strand.key) is not drift.kind or acts:
            self._told[strand.key] = drift.kind
            lane.tell(strand, tell_drift(strand, drift, version, self.venue.clock.now_ms(), acts=acts))
            told = {"kind": drift.kind.value, "inst_id": strand.key.inst_id, "acts": acts, **drift.numbers}
            structlog.get_logger().warning("drift", follower=strand.key.follower, **told)
            strand.postpone()
            self.on_touched(lane, strand)
        if acts and drift.book is not None:
            self.metrics.drift_repairs.labels(drift.kind.value).inc()
            _rebook(strand, drift)
            self._forget(strand)

    def _reconcile(self, lane: Lane, strand: Strand, drift: Drift) -> None:
        """Do what an operator asked for: shrink the book, end the poison, say so."""
        version, now_ms = lane.subscription(strand.key).version, self.venue.clock.now_ms()
        strand.poisoned = strand.reconciling = False
        lane.tell(strand, tell_drift(strand, drift, version, now_ms, acts=True))
        _rebook(strand, drift)
        self.on_touched(lane, strand)
        self._forget(strand)

    def _within_budget(self) -> bool:
        now = self.clock.monotonic()
        self.repairs = [at for at in self.repairs if now - at < _MINUTE_S]
        if len(self.repairs) >= self.rhythm.repairs_a_minute:
            return False
        self.repairs.append(now)
        return True

    def _forget(self, strand: Strand) -> None:
        self.sights.pop(strand.key, None)
        self._told.pop(strand.key, None)
        strand.missed = ()

    def _show(self) -> None:
        """Bring the gauges up to date; what is no longer held here is forgotten."""
        ours = {key for lane in self.lanes() for key in lane.strands}
        for gone in self.sights.keys() - ours:
            del self.sights[gone]
            self._told.pop(gone, None)
        kinds = [sight.drift.kind for sight in self.sights.values()]
        for kind in DriftKind:
            self.metrics.drifting.labels(kind.value).set(kinds.count(kind))


def _compared(strand: Strand) -> bool:
    return not strand.book.flat or strand.poisoned


def _at_rest(strand: Strand) -> bool:
    rests = strand.phase is Phase.IDLE and not strand.dirty and strand.committed == strand.results
    return rests and strand.flight is None and not strand.doubtful


def _mark(strand: Strand) -> tuple[int, str]:
    return strand.revision, strand.cursor


def _rebook(strand: Strand, drift: Drift) -> None:
    """Change the book; nothing is sent for it before that is committed."""
    if drift.book is not None:
        strand.book, strand.phase = drift.book, Phase.READY
        strand.results += 1
        strand.revision += 1
