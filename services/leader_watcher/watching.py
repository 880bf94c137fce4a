"""USE CASE one leader: what the socket pushes and what REST shows become one sequence of events, each published once.

The socket is never trusted alone. On every (re)join pushes wait until REST has been read from the last published fill
with an overlap; every few seconds the same comparison runs again, and positions are compared too. Publishing is serial
per leader; two watchers may run at once, because a publication names the version of the leader's state it was computed
from.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from services.leader_watcher.metrics import Metrics
from services.leader_watcher.stamping import Stamped, adjust, differences, position_key, stamp
from shared.domain.fills import Fill, Source
from shared.domain.ids import AccountId, EventId, InstId
from shared.domain.quantities import ZERO, Contracts
from shared.messages.entries import TradeEventV1
from shared.messages.leader import LeaderState, Published
from shared.ports import (
    Clock,
    CouldNotAsk,
    FeedFill,
    FeedHint,
    FeedJoined,
    FeedLost,
    FeedSignal,
    GrantUnusable,
    LeaderFeed,
    LeaderHistory,
    VenueClock,
)

_REMEMBERED = 10_000
"""Ids this process knows to be published, so that a repeated push costs nothing."""
_RETRY_S = 0.5
_REST_LAG_MS = 1_000
"""How long after Redis may have forgotten REST is first believed to show every fill from before."""


class Publisher(Protocol):
    """Where events go."""

    async def state(self, leader: AccountId) -> LeaderState:
        """Read what is known of a leader."""

    async def unpublished(self, leader: AccountId, ids: Sequence[EventId]) -> set[EventId]:
        """Return which ids were never published."""

    async def publish(
        self,
        leader: AccountId,
        state: LeaderState,
        events: Sequence[TradeEventV1],
        positions: dict[InstId, Contracts],
        last_ms: int,
        now_ms: int,
    ) -> Published:
        """Publish all or none, if the leader's state is still this one."""

    async def mark_published(self, leader: AccountId, events: Sequence[tuple[EventId, int]]) -> None:
        """Remember ids that are never to be published."""

    async def renew_epoch(self, venue_ms: int, lanes: int) -> None:
        """Note that the server is another one."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often and how far a watcher looks back; seconds and milliseconds as named."""

    compare_s: float = 3.0
    positions_s: float = 10.0
    overlap_ms: int = 60_000
    lanes: int = 16
    tag: str = ""


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
        self._leader, self._feed, self._history, self._publisher = leader, feed, history, publisher
        self._venue, self._clock, self._metrics, self._rhythm = venue, clock, metrics, rhythm
        self._unreachable = unreachable
        self._failures: tuple[type[Exception], ...] = (CouldNotAsk, GrantUnusable, *unreachable)
        self._serial = asyncio.Lock()
        self._state: LeaderState | None = None
        self._known: OrderedDict[EventId, None] = OrderedDict()
        self._suspected: dict[InstId, tuple[Contracts, Contracts]] = {}
        self._last_ms = 0
        """The last fill we know to be published, in whatever memory of Redis's; 0 before the first comparison."""
        self._complete = False
        """Whether everything REST shows has been published on the server we know.

        The first publication there must be complete.
        """
        self.joined = False
        self.trouble = "not joined yet"
        """Why this leader is not fully watched, in words; empty when it is."""

    async def watch(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_feed())
            group.create_task(self._compare_for_ever())

    async def _follow_feed(self) -> None:
        async for signal in self._feed.signals():
            await self._take(signal)

    async def _take(self, signal: FeedSignal) -> None:
        match signal:
            case FeedJoined():
                await self._insist_on_comparing()
                self._set_joined("")
            case FeedFill(fill):
                await self._insist_on_publishing([fill])
            case FeedHint():
                await self._insist_on_comparing()
            case FeedLost(why):
                self._metrics.lost.inc()
                self._set_joined(f"socket lost: {why}")

    def _set_joined(self, trouble: str) -> None:
        joined = not trouble
        if joined != self.joined:
            self._metrics.joined.inc(1 if joined else -1)
        self.joined, self.trouble = joined, trouble

    async def _insist_on_comparing(self) -> None:
        """Compare with REST, again and again until it succeeds: pushes wait behind this."""
        while not await self.compare():
            await self._clock.sleep(_RETRY_S)

    async def _insist_on_publishing(self, fills: Sequence[Fill]) -> None:
        while True:
            try:
                if await self._publish(fills):
                    return
                await self._insist_on_comparing()
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
            if (await self._fresh_state()).version == 0:
                await self._anchor()
            state = await self._fresh_state()
            if state.version == 0 or self._venue.now_ms() < state.since_ms + _REST_LAG_MS:
                return False
            self._last_ms = max(self._last_ms, state.last_ms)
            fills = await self._history.fills_since(state.last_ms - self._rhythm.overlap_ms)
            if not await self._publish(fills, server=state.server):
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

    async def _fresh_state(self) -> LeaderState:
        """Read the state; on another server than before, what we know to be published may be forgotten there."""
        state = await self._publisher.state(self._leader)
        if self._state is None or state.server != self._state.server:
            self._known.clear()
            self._complete = False
        self._state = state
        return state

    async def _anchor(self) -> None:
        """Begin with a leader, or begin anew after Redis lost everything.

        The venue's positions are taken between two identical readings of its fills. A leader never seen before begins
        there; one whose events are lost is published again from the overlap on, and whoever copies asks before sending.
        """
        since = (self._last_ms or self._venue.now_ms()) - self._rhythm.overlap_ms
        while True:
            fills = await self._history.fills_since(since)
            positions = await self._history.positions()
            again = await self._history.fills_since(since)
            if [fill.event_id for fill in fills] == [fill.event_id for fill in again]:
                break
        state = await self._fresh_state()
        if state.version:
            return
        now_ms = self._venue.now_ms()
        if self._last_ms:
            stamped = stamp(fills, replace(state, positions=_before(fills, positions)), now_ms, self._rhythm.tag)
        else:
            await self._publisher.mark_published(self._leader, [(fill.event_id, fill.at_ms) for fill in fills])
            stamped = Stamped((), {}, max((fill.at_ms for fill in fills), default=since))
        whole = Stamped(stamped.events, {**positions, **stamped.positions}, stamped.last_ms)
        await self._write(state, whole, now_ms)

    async def _publish(self, fills: Sequence[Fill], server: str | None = None) -> bool:
        """Publish what is new of these fills, in their order.

        `server` names the server for which they are all that REST shows. On a server where nothing complete was
        published yet, only such a publication may go: False means that a comparison has to come first.
        """
        async with self._serial:
            fresh = [fill for fill in fills if fill.event_id not in self._known]
            while fresh or (server and not self._complete):
                state = self._state or await self._fresh_state()
                if not self._complete and state.server != server:
                    return False
                now_ms = self._venue.now_ms()
                stamped = stamp(fresh, state, now_ms, self._rhythm.tag)
                if not stamped.events and self._complete:
                    break
                result = await self._write(state, stamped, now_ms)
                if result is Published.OK:
                    self._complete = True
                    break
                unpublished = await self._publisher.unpublished(self._leader, [fill.event_id for fill in fresh])
                self._remember(fill.event_id for fill in fresh if fill.event_id not in unpublished)
                fresh = [fill for fill in fresh if fill.event_id in unpublished]
            self._note(fresh)
            return True

    async def _write(self, state: LeaderState, stamped: Stamped, now_ms: int) -> Published:
        """Publish on one state; on any refusal read the state anew, for the caller to compute again."""
        result = await self._publisher.publish(
            self._leader, state, stamped.events, stamped.positions, stamped.last_ms, now_ms
        )
        if result is Published.OK:
            self._state = LeaderState(
                state.version + 1,
                stamped.last_ms,
                state.floor_ms,
                {**state.positions, **stamped.positions},
                state.since_ms,
                state.server,
            )
            return result
        if result is Published.EPOCH:
            await self._publisher.renew_epoch(self._venue.now_ms(), self._rhythm.lanes)
        await self._fresh_state()
        return result

    def _note(self, fills: Sequence[Fill]) -> None:
        now_ms = self._venue.now_ms()
        for fill in fills:
            if self._rhythm.tag and fill.tag == self._rhythm.tag:
                self._metrics.ours.inc()
            self._metrics.published.labels(fill.source.value).inc()
            if fill.source is Source.REST and self.joined:
                self._metrics.missed.inc()
            self._metrics.fill_to_seen.observe(max(0, fill.seen_ms - fill.at_ms) / 1000)
            self._metrics.seen_to_published.observe(max(0, now_ms - fill.seen_ms) / 1000)
        self._remember(fill.event_id for fill in fills)

    def _remember(self, ids: Iterable[EventId]) -> None:
        for event in ids:
            self._known[event] = None
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _compare_positions(self) -> None:
        """Publish a difference of positions that two comparisons in a row have shown and no fill explains."""
        try:
            state = await self._fresh_state()
            venue = await self._history.positions()
            if not await self.compare():
                return
            async with self._serial:
                if (await self._fresh_state()).version != state.version:
                    self._suspected = {}
                    return
                found = differences(state, venue)
                if found and found == self._suspected:
                    stamped = adjust(self._leader, state, venue, self._venue.now_ms())
                    if await self._write(state, stamped, self._venue.now_ms()) is Published.OK:
                        self._metrics.adjustments.inc(len(stamped.events))
                    found = {}
                self._suspected = found
        except self._failures as error:
            self._metrics.unreadable.labels("positions").inc()
            structlog.get_logger().warning("positions_not_compared", leader=self._leader, error=type(error).__name__)


def _before(fills: Sequence[Fill], after: dict[InstId, Contracts]) -> dict[InstId, Contracts]:
    """Return the positions before these fills, given those after them."""
    positions = dict(after)
    for fill in fills:
        key = position_key(fill)
        positions[key] = Contracts(positions.get(key, ZERO) - fill.signed)
    return positions
