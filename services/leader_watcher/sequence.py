"""One leader's events as one sequence, each published once, on the state it was computed from.

Publishing is serial. Two watchers may run at once: a publication names the leader's state, and is refused when that has
moved on; then the state is read anew and everything computed again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from services.leader_watcher.metrics import Metrics
from services.leader_watcher.stamping import Stamped, adjust, position_key, stamp
from shared.domain.fills import Fill, Source
from shared.domain.ids import AccountId, EventId, InstId
from shared.domain.quantities import ZERO, Contracts
from shared.messages.entries import TradeEventV1
from shared.messages.leader import LeaderState, Published
from shared.ports import VenueClock

_REMEMBERED = 10_000
"""Ids this process knows to be published, so that a repeated push costs nothing."""


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


class EventSequence:
    """A leader's events on their way to the stream. Redis failures propagate; every call may be repeated."""

    def __init__(self, leader: AccountId, publisher: Publisher, venue: VenueClock, metrics: Metrics, tag: str) -> None:
        self._leader, self._publisher, self._venue, self._metrics = leader, publisher, venue, metrics
        self._tag = tag
        self._serial = asyncio.Lock()
        self._state: LeaderState | None = None
        self._known: OrderedDict[EventId, None] = OrderedDict()
        self._complete = False
        """Whether everything REST shows was published on the server we know; the first publication there must be."""
        self.joined = False
        """Whether the socket is supposed to show every fill."""

    async def fresh_state(self) -> LeaderState:
        """Read the state; on another server than before, what we know to be published may be forgotten there."""
        state = await self._publisher.state(self._leader)
        if self._state is None or state.server != self._state.server:
            self._known.clear()
            self._complete = False
        self._state = state
        return state

    async def begin(
        self, fills: Sequence[Fill], positions: dict[InstId, Contracts], since_ms: int, *, anew: bool
    ) -> None:
        """Begin where nothing is known of the leader: at these positions, taken after all its fills from `since_ms` on.

        A leader never seen before begins there. With `anew` its events are lost: these fills are published again, all
        in one step, and whoever copies asks before sending.
        """
        async with self._serial:
            state = await self.fresh_state()
            if state.version:
                return
            now_ms = self._venue.now_ms()
            if anew:
                stamped = stamp(fills, replace(state, positions=_before(fills, positions)), now_ms, self._tag)
            else:
                await self._publisher.mark_published(self._leader, [(fill.event_id, fill.at_ms) for fill in fills])
                stamped = Stamped((), {}, max((fill.at_ms for fill in fills), default=since_ms))
            whole = Stamped(stamped.events, {**positions, **stamped.positions}, stamped.last_ms)
            await self._write(state, whole, now_ms)

    async def publish(self, fills: Sequence[Fill], server: str | None = None) -> bool:
        """Publish what is new of these fills, in their order.

        `server` names the server for which they are all that REST shows. On a server where nothing complete was
        published yet, only such a publication may go: False means that a comparison has to come first. So it has on a
        server that no worker has made an epoch for: nothing can be published there, and nobody could copy it.
        """
        async with self._serial:
            fresh = list({fill.event_id: fill for fill in fills if fill.event_id not in self._known}.values())
            while fresh or (server and not self._complete):
                state = self._state or await self.fresh_state()
                if not self._complete and state.server != server:
                    return False
                now_ms = self._venue.now_ms()
                stamped = stamp(fresh, state, now_ms, self._tag)
                if not stamped.events and self._complete:
                    break
                result = await self._write(state, stamped, now_ms)
                if result is Published.OK:
                    self._complete = True
                    break
                if result is Published.EPOCH:
                    return False
                unpublished = await self._publisher.unpublished(self._leader, [fill.event_id for fill in fresh])
                self._remember(fill.event_id for fill in fresh if fill.event_id not in unpublished)
                fresh = [fill for fill in fresh if fill.event_id in unpublished]
            self._note(fresh)
            return True

    async def adjust(self, state: LeaderState, venue: dict[InstId, Contracts]) -> bool:
        """Publish the differences between a state and the venue's positions; False if the state has moved on."""
        async with self._serial:
            if (await self.fresh_state()).version != state.version:
                return False
            now_ms = self._venue.now_ms()
            stamped = adjust(self._leader, state, venue, now_ms)
            if await self._write(state, stamped, now_ms) is not Published.OK:
                return False
            self._metrics.adjustments.inc(len(stamped.events))
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
        await self.fresh_state()
        return result

    def _note(self, fills: Sequence[Fill]) -> None:
        now_ms = self._venue.now_ms()
        for fill in fills:
            if self._tag and fill.tag == self._tag:
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


def _before(fills: Sequence[Fill], after: dict[InstId, Contracts]) -> dict[InstId, Contracts]:
    """Return the positions before these fills, given those after them."""
    positions = dict(after)
    for fill in fills:
        key = position_key(fill)
        positions[key] = Contracts(positions.get(key, ZERO) - fill.signed)
    return positions
