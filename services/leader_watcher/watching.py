"""USE CASE one leader: what the socket pushes and what REST shows become one sequence of events, each published once.

The socket is never trusted alone. On every (re)join pushes wait until REST has been read from the last published fill
with an overlap; every few seconds the same comparison runs again, and positions are compared too. Publishing is serial
per leader; two watchers may run at once, because a publication names the version of the leader's state it was computed
from.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from services.leader_watcher.bursts import Bursts, Part
from services.leader_watcher.metrics import Metrics
from services.leader_watcher.sequence import EventSequence, Publisher
from services.leader_watcher.stamping import differences
from shared.domain.fills import Fill
from shared.domain.ids import AccountId, InstId
from shared.domain.quantities import Contracts
from shared.ports import (
    Clock,
    CouldNotAsk,
    FeedHint,
    FeedJoined,
    FeedLost,
    GrantUnusable,
    LeaderFeed,
    LeaderHistory,
    VenueClock,
)

_RETRY_S = 0.5
_AGAIN_S = 0.05
"""Before a publication that needed a comparison first is tried again: REST may not show its fill yet."""
_REST_LAG_MS = 1_000
"""How long after Redis may have forgotten REST is first believed to show every fill from before."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often and how far a watcher looks back; seconds and milliseconds as named."""

    compare_s: float = 3.0
    positions_s: float = 10.0
    overlap_ms: int = 60_000
    tag: str = ""
    burst_s: float = 0.0


class LeaderWatch:
    """Watches one leader. Redis failures are waited out; nothing seen is forgotten, because REST is read again."""

    def __init__(
        self,
        leader: AccountId,
        feed: LeaderFeed,
        history: LeaderHistory,
        publisher: Publisher,
        venue: VenueClock,
        clock: Clock,
        metrics: Metrics,
        rhythm: Rhythm,
        unreachable: tuple[type[Exception], ...],
    ) -> None:
        self._leader, self._bursts, self._history = leader, Bursts(feed, clock, rhythm.burst_s), history
        self._venue, self._clock, self._metrics, self._rhythm = venue, clock, metrics, rhythm
        self._unreachable = unreachable
        self._failures: tuple[type[Exception], ...] = (CouldNotAsk, GrantUnusable, *unreachable)
        self._sequence = EventSequence(leader, publisher, venue, metrics, rhythm.tag)
        self._suspected: dict[InstId, tuple[Contracts, Contracts]] = {}
        self._last_ms = 0
        """The last fill we know to be published, in whatever memory of Redis's; 0 before the first comparison."""
        self.joined = False
        self.trouble = "not joined yet"
        """Why this leader is not fully watched, in words; empty when it is."""

    async def watch(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._bursts.listen_for_ever())
            group.create_task(self._follow_feed())
            group.create_task(self._compare_for_ever())

    async def _follow_feed(self) -> None:
        while True:
            for part in await self._bursts.next():
                await self._take(part)

    async def _take(self, part: Part) -> None:
        match part:
            case list():
                await self._insist_on_publishing(part)
            case FeedJoined():
                await self._insist_on_comparing()
                self._set_joined("")
            case FeedHint():
                await self._insist_on_comparing()
            case FeedLost(why, after_s):
                self._metrics.lost.inc()
                self._metrics.loss_noticed.observe(after_s)
                structlog.get_logger().warning("feed_lost", leader=self._leader, why=why, after_s=round(after_s, 3))
                self._set_joined(f"socket lost: {why}")

    def _set_joined(self, trouble: str) -> None:
        joined = not trouble
        if joined != self.joined:
            self._metrics.joined.inc(1 if joined else -1)
        self.joined = self._sequence.joined = joined
        self.trouble = trouble

    async def _insist_on_comparing(self) -> None:
        """Compare with REST, again and again until it succeeds: pushes wait behind this."""
        while not await self.compare():
            await self._clock.sleep(_RETRY_S)

    async def _insist_on_publishing(self, fills: Sequence[Fill]) -> None:
        while True:
            try:
                if await self._sequence.publish(fills):
                    return
                await self._insist_on_comparing()
                await self._clock.sleep(_AGAIN_S)
            except self._unreachable as error:
                structlog.get_logger().warning("not_published", leader=self._leader, error=type(error).__name__)
                await self._clock.sleep(_RETRY_S)

    async def _compare_for_ever(self) -> None:
        rounds = 0
        every = max(1, round(self._rhythm.positions_s / self._rhythm.compare_s))
        while True:
            await self._clock.sleep(self._rhythm.compare_s)
            compared = await self.compare()
            rounds += 1
            if compared and rounds % every == 0:
                await self._compare_positions()

    async def compare(self) -> bool:
        """Read REST fills from the last published one with an overlap and publish what is missing.

        False if that failed.
        """
        try:
            state = await self._sequence.fresh_state()
            if self._venue.now_ms() < state.since_ms + _REST_LAG_MS:
                return False
            if state.version == 0:
                await self._anchor()
                state = await self._sequence.fresh_state()
            if state.version == 0:
                return False
            self._last_ms = max(self._last_ms, state.last_ms)
            fills = await self._history.fills_since(state.last_ms - self._rhythm.overlap_ms)
            if not await self._sequence.publish(fills, server=state.server):
                return False
        except (CouldNotAsk, GrantUnusable) as error:
            self._metrics.unreadable.labels(type(error).__name__).inc()
            self.trouble = f"history unreadable: {error}"
            return False
        except self._unreachable as error:
            self._metrics.unreadable.labels("redis").inc()
            structlog.get_logger().warning("comparison_failed", leader=self._leader, error=type(error).__name__)
            return False
        if self.joined:
            self.trouble = ""
        return True

    async def _anchor(self) -> None:
        """Begin with a leader, or begin anew after Redis lost everything.

        The venue's positions are taken between two identical readings of its fills.
        """
        since = (self._last_ms or self._venue.now_ms()) - self._rhythm.overlap_ms
        while True:
            fills = await self._history.fills_since(since)
            positions = await self._history.positions()
            again = await self._history.fills_since(since)
            if [fill.event_id for fill in fills] == [fill.event_id for fill in again]:
                break
        await self._sequence.begin(fills, positions, since, anew=self._last_ms > 0)

    async def _compare_positions(self) -> None:
        """Publish a difference of positions that two comparisons in a row have shown and no fill explains."""
        try:
            state = await self._sequence.fresh_state()
            venue = await self._history.positions()
            if not await self.compare():
                return
            if (await self._sequence.fresh_state()).version != state.version:
                self._suspected = {}
                return
            found = differences(state, venue)
            if found and found == self._suspected and await self._sequence.adjust(state, venue):
                found = {}
            self._suspected = found
        except self._failures as error:
            self._metrics.unreadable.labels("positions").inc()
            structlog.get_logger().warning("positions_not_compared", leader=self._leader, error=type(error).__name__)
