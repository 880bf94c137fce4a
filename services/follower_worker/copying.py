"""USE CASE entries reach the lanes in hand: decoded once, begun before anything leaves, folded in stream order.

One reader serves every attached lane. A lane taken later reads what it missed by itself and attaches once it stands
where the reader stands; a lane that falls too far behind is detached into the same catching up, so it never stops the
reader.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

import structlog
from msgspec import structs

from services.follower_worker.closing import by_ending, by_switch
from services.follower_worker.dead_letters import DeadLetters
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import DOUBTFUL, UNSETTLED
from services.follower_worker.strands import Strand
from shared.domain.fills import TradeEvent
from shared.domain.ids import STREAM_START, AccountId, EntryId, entry_order
from shared.domain.lanes import lane_of
from shared.domain.switches import Action, Switch
from shared.messages.entries import (
    Entry,
    ReconcileV1,
    SubscriptionV1,
    SwitchV1,
    TradeEventV1,
    Undecodable,
    decode,
    read_subscription,
    read_switch,
    read_trade_event,
)
from shared.ports import Clock, Instruments, LaneStore, Trades, VenueClock

EntryRead = tuple[EntryId, Entry]

_PAGE = 5_000
"""Entries a lane that catches up reads at once: each page costs it a question to the database."""
_A_BREATH = 500
"""Of them folded before others may run."""
_BEHIND_PAUSE_S = 0.05
MOST_OPEN_ENTRIES = 10_000
"""Entries a lane may have undecided before it reads no further."""


class Followers(Protocol):
    """What must be known of an account before an order can leave for it."""

    async def ensure(self, followers: Collection[AccountId]) -> None:
        """Load accounts and open grants that are not in memory yet."""


class Copier:
    """Hands entries to lanes. `receive` and `catch_up` may run side by side; folding itself never awaits."""

    def __init__(
        self,
        store: LaneStore,
        trades: Trades,
        instruments: Instruments,
        followers: Followers,
        venue: VenueClock,
        clock: Clock,
        metrics: Metrics,
        lane_count: int,
    ) -> None:
        self._store, self._trades, self._instruments, self._followers = store, trades, instruments, followers
        self._venue, self._clock, self._metrics, self._lane_count = venue, clock, metrics, lane_count
        self._attached: list[Lane] = []
        self._upto = STREAM_START
        self._dead = DeadLetters()
        self.on_ready: Callable[[Lane, Strand], None] = lambda _lane, _strand: None
        self.on_doubt: Callable[[Lane, Strand], None] = lambda _lane, _strand: None
        self.on_applied: Callable[[Lane], None] = lambda _lane: None
        self.on_behind: Callable[[Lane], None] = lambda _lane: None
        self.on_switch: Callable[[Switch], None] = lambda _switch: None
        self.orders_wait: Callable[[], bool] = lambda: False
        """Tells whether orders wait to be sent."""

    def regroup(self, entry: EntryId) -> None:
        """Say that the reader starts anew at an entry: every lane catches up to there by itself."""
        self._upto = entry
        for lane in self._attached:
            self.on_behind(lane)
        self._attached = []

    def detach(self, lane: Lane) -> None:
        """Stop giving entries to a lane."""
        self._attached = [each for each in self._attached if each is not lane]

    async def receive(self, batch: Sequence[tuple[EntryId, bytes]]) -> None:
        """Take what the reader read; returns when it is folded everywhere.

        A failure on the way detaches every lane that was not given it into catching up, so that no lane misses what the
        reader has passed.
        """
        self._upto = batch[-1][0]
        waiting = [lane for lane in self._attached if not lane.lost]
        try:
            entries = await self._decoded(batch, waiting)
            await self._begin(waiting, self._upto)
            await self._deal(waiting, entries, batch[-1][0])
        except BaseException:
            for lane in waiting:
                self.detach(lane)
                self.on_behind(lane)
            raise

    async def _deal(self, waiting: list[Lane], entries: list[EntryRead], upto: EntryId) -> None:
        """Give each waiting lane what was read, beginning with another one each time: no lane is always last.

        The orders of one lane leave while the next is folded: of ten thousand the first need not wait for the last. But
        closes go before opens, whichever lane they are in: where both may come, or orders wait already, all is folded
        first.
        """
        at_leisure = _one_way(entries) and not self.orders_wait()
        turn = hash(upto) % max(1, len(waiting))
        waiting[:] = waiting[turn:] + waiting[:turn]
        while waiting:
            lane = waiting[-1]
            if not lane.lost:
                self._apply_all(lane, entries, upto)
            if len(lane.open_entries) > MOST_OPEN_ENTRIES:
                self.detach(lane)
                self.on_behind(lane)
            waiting.pop()
            if at_leisure:
                await self._clock.sleep(0)

    async def catch_up(self, lane: Lane) -> None:
        """Read what a lane missed and attach it; returns when attached or lost."""
        while not lane.lost:
            if len(lane.open_entries) > MOST_OPEN_ENTRIES // 2:
                await self._clock.sleep(_BEHIND_PAUSE_S)
                continue
            reader = self._upto
            upto = await self._trades.last()
            if entry_order(upto) < entry_order(reader) and self._upto == reader:
                self._upto = upto  # the server forgot what the reader had read: its tail is where everybody stands now
            rows = await self._trades.after(lane.position, upto, _PAGE)
            if rows:
                entries = await self._decoded(rows, [lane])
                await self._begin([lane], rows[-1][0])
                await self._apply_in_breaths(lane, entries, rows[-1][0])
            elif entry_order(max(lane.position, upto, key=entry_order)) >= entry_order(self._upto):
                self._attached.append(lane)
                lane.caught_up = True
                return

    async def _begin(self, lanes: list[Lane], upto: EntryId) -> None:
        """Raise `begun`; a lane that fails the check is lost, and nothing of the batch reaches it."""
        if not lanes:
            return
        held = await self._store.raise_begun([lane.lease for lane in lanes], upto)
        for lane, fine in zip(list(lanes), held, strict=True):
            if not fine:
                lane.lost = True
                self.on_applied(lane)
                lanes.remove(lane)

    async def _decoded(self, rows: Iterable[tuple[EntryId, bytes]], lanes: Iterable[Lane]) -> list[EntryRead]:
        """Decode each entry alone, set aside what nobody can read, and load the accounts a new subscription needs.

        What concerns a follower of no lane here is passed over unread: of a hundred thousand subscriptions a lane that
        catches up needs its own.
        """
        entries: list[EntryRead] = []
        ours = {lane.lease.lane for lane in lanes}
        for entry, payload in rows:
            try:
                message = decode(payload)
                if isinstance(message, SubscriptionV1 | ReconcileV1) and self._lane_of(message.follower) not in ours:
                    continue
                _check(message, entry)
            except Undecodable as error:
                self._dead.note(readable=False)
                self._metrics.dead.inc()
                structlog.get_logger().error("entry_undecodable", entry=entry, reason=str(error))
                await self._trades.bury(entry, payload, str(error))
                continue
            self._dead.note(readable=True)
            entries.append((entry, message))
        await self._followers.ensure(
            [AccountId(each.follower) for _, each in entries if isinstance(each, SubscriptionV1)]
        )
        return entries

    async def _apply_in_breaths(self, lane: Lane, entries: list[EntryRead], upto: EntryId) -> None:
        while len(entries) > _A_BREATH and not lane.lost:
            breath, entries = entries[:_A_BREATH], entries[_A_BREATH:]
            self._apply_all(lane, breath, breath[-1][0])
            await self._clock.sleep(0)
        if not lane.lost:
            self._apply_all(lane, entries, upto)

    def _apply_all(self, lane: Lane, entries: list[EntryRead], upto: EntryId) -> None:
        read_ms = self._venue.now_ms()
        for entry, message in entries:
            if entry_order(entry) > entry_order(lane.position):
                self._apply(lane, entry, message, read_ms)
        lane.position = max(lane.position, upto, key=entry_order)
        self.on_applied(lane)

    def _apply(self, lane: Lane, entry: EntryId, message: Entry, read_ms: int) -> None:
        lane.position = entry
        match message:
            case SubscriptionV1():
                if self._is_of(lane, message.follower):
                    self._metrics.entries.labels("subscription").inc()
                    self._change(lane, entry, message)
            case ReconcileV1():
                if self._is_of(lane, message.follower):
                    self._metrics.entries.labels("reconcile").inc()
                    lane.reconcile(entry, message)
            case SwitchV1():
                self._metrics.entries.labels("switch").inc()
                self._switch(lane, entry, message, read_ms)
            case TradeEventV1():
                self._metrics.entries.labels("trade_event").inc()
                self._metrics.read.note(max(0, read_ms - message.published_ms) / 1000)
                self._trade(lane, read_trade_event(message, entry), read_ms)

    def _trade(self, lane: Lane, event: TradeEvent, read_ms: int) -> None:
        self._serve(lane, lane.apply(event, self._instruments.find(event.inst_id), read_ms))

    def _change(self, lane: Lane, entry: EntryId, message: SubscriptionV1) -> None:
        lane.change(entry, self._at_the_venue(message))
        if read_subscription(message).closes_out:
            closing = by_ending(entry, message, self._venue_time(message.made_ms))
            self._serve(lane, lane.close_out(closing, self._instruments.find, self._venue.now_ms()))

    def _switch(self, lane: Lane, entry: EntryId, message: SwitchV1, read_ms: int) -> None:
        """Have a kill switch followed from here on; what it closes is closed in its place in the stream."""
        self.on_switch(read_switch(message))
        if message.action is Action.FLATTEN:
            closing = by_switch(entry, message, self._venue_time(message.made_ms))
            self._serve(lane, lane.close_out(closing, self._instruments.find, read_ms))
        else:
            lane.pass_by(entry)

    def _serve(self, lane: Lane, strands: Iterable[Strand]) -> None:
        for strand in strands:
            if strand.phase is DOUBTFUL or strand.phase is UNSETTLED:
                self.on_doubt(lane, strand)
            else:
                self.on_ready(lane, strand)

    def _is_of(self, lane: Lane, follower: str) -> bool:
        return self._lane_of(follower) == lane.lease.lane

    def _lane_of(self, follower: str) -> int:
        return lane_of(AccountId(follower), self._lane_count)

    def _at_the_venue(self, message: SubscriptionV1) -> SubscriptionV1:
        """Put the moment a version was made into the venue's time, in which events are told."""
        if not message.made_ms:
            return message
        return structs.replace(message, made_ms=self._venue_time(message.made_ms))

    def _venue_time(self, host_ms: int) -> int:
        return host_ms + self._venue.now_ms() - self._clock.now_ms()


def _one_way(entries: Sequence[EntryRead]) -> bool:
    """Tell whether what was read only opens, or only closes."""
    if not all(isinstance(message, TradeEventV1) for _, message in entries):
        return False
    events = [read_trade_event(message, entry) for entry, message in entries if isinstance(message, TradeEventV1)]
    return all(not each.closed_fraction for each in events) or all(not each.opened for each in events)


def _check(message: Entry, entry: EntryId) -> None:
    """Raise Undecodable if a message's figures are none."""
    match message:
        case SubscriptionV1():
            read_subscription(message)
        case TradeEventV1():
            read_trade_event(message, entry)
        case ReconcileV1() | SwitchV1():
            pass
