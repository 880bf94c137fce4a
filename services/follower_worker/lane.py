"""A lane in hand: its subscriptions, its strands, and which entries every one of them has decided. Pure bookkeeping."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import structs

from services.follower_worker.closing import Closing
from services.follower_worker.flights import StrandKey
from services.follower_worker.phases import DOUBTFUL, FLYING, READY
from services.follower_worker.records import Written, forgettable, key_of, read_strand, write_strand
from services.follower_worker.strands import Strand
from services.follower_worker.telling import tell_skip
from services.follower_worker.undecided import OpenEntry
from services.follower_worker.versions import Versions
from shared.domain.fills import TradeEvent
from shared.domain.ids import STREAM_START, AccountId, EntryId, InstId, entry_order
from shared.domain.instruments import Instrument
from shared.domain.lanes import Lease
from shared.domain.reasons import Reason, Skip, numbers
from shared.domain.subscriptions import Subscription, SubscriptionState
from shared.messages.entries import ReconcileV1, SubscriptionV1, write_subscription
from shared.messages.lane import Commit, LaneRecord
from shared.messages.outcome import OutcomeV1

_ENDED = SubscriptionState.ENDED  # for the way of an order; see `ids.Leg`
MOST_STRANDS_A_COMMIT = MOST_CHANGES_A_COMMIT = 256
"""Strands written in one step: the server does nothing else meanwhile, a few milliseconds at this size."""


@dataclass(slots=True)
class Lane:
    """The working copy of one lane. `position` is the last entry applied; `offset` the last one everybody decided."""

    lease: Lease
    offset: EntryId
    position: EntryId
    seq: int
    versions: Versions = field(default_factory=Versions)
    strands: dict[StrandKey, Strand] = field(default_factory=dict)
    by_follower: dict[AccountId, list[Strand]] = field(default_factory=lambda: defaultdict(list))
    owner: dict[tuple[AccountId, InstId], Strand] = field(default_factory=dict)
    """In net mode one leader owns a follower's instrument: the strand that last held it."""
    open_entries: deque[OpenEntry] = field(default_factory=deque)
    touched: list[Strand] = field(default_factory=list)
    written_offset: EntryId = STREAM_START
    lost: bool = False
    draining: bool = False
    hurried: bool = False
    """Whether somebody has an order to send as soon as what came before it is written."""
    caught_up: bool = False
    """True once it follows the reader: every entry an earlier holder may have acted on has been read."""
    confirmed: dict[AccountId, EntryId] = field(default_factory=dict)
    """Where the stream ended when a leader was found to be published completely; read up to there before asking."""

    @classmethod
    def found(cls, lease: Lease, record: LaneRecord) -> "Lane":
        """Take over a lane from its record."""
        lane = cls(lease, record.offset, record.offset, record.seq, written_offset=record.offset)
        for message in record.subscriptions:
            lane.versions.put(message)
        for name, kept in record.strands.items():
            key = key_of(name)
            strand = lane.strands[key] = read_strand(key, kept, lease.wait_ms, clean=lease.clean)
            lane.by_follower[key.follower].append(strand)
            if not strand.done:
                lane.owner[key.follower, key.inst_id] = strand
        return lane

    def subscription(self, key: StrandKey) -> Subscription:
        """Return the settings in force for a strand."""
        return self.versions.newest(key)

    def change(self, entry: EntryId, message: SubscriptionV1) -> None:
        """Put a version of a subscription in force."""
        newer, replaced = self.versions.put(message), self.versions.replaced(message)
        kept = structs.replace(message, before=write_subscription(replaced) if replaced else None)
        self.open_entries.append(OpenEntry(entry, 0, kept if newer else None))

    def close_out(self, closing: Closing, find: Callable[[InstId], Instrument | None], read_ms: int) -> list[Strand]:
        """Close what is held, wanted or in doubt of every strand a command concerns, as if its leader had left.

        Returns the strands.
        """
        opened = self._opened(closing.entry)
        concerned = [strand for strand in self.strands.values() if closing.concerns(strand.key) and not strand.done]
        for strand in concerned:
            event = closing.event(strand.key)
            if entry_order(strand.cursor) < entry_order(event.entry):
                maybe_sent = self._was_maybe_sent(event)
                self._give(
                    strand, event, self.subscription(strand.key), find(event.inst_id), opened, read_ms, maybe_sent
                )
        return concerned

    def pass_by(self, entry: EntryId) -> None:
        """Let an entry go by that decides nothing here."""
        self._opened(entry)

    def _opened(self, entry: EntryId) -> OpenEntry:
        """Return the newest open entry if it is this one, else open it."""
        if not self.open_entries or self.open_entries[-1].entry != entry:
            self.open_entries.append(OpenEntry(entry, 0))
        return self.open_entries[-1]

    def reconcile(self, entry: EntryId, message: ReconcileV1) -> Strand | None:
        """Note that a strand's book is to be brought down to what its account and leader allow; None if it is none."""
        key = StrandKey(AccountId(message.follower), InstId(message.inst_id), AccountId(message.leader))
        strand = self.strands.get(key)
        opened = OpenEntry(entry, 0)
        self.open_entries.append(opened)
        if strand is None:
            return None
        strand.reconciling, opened.undecided = True, 1
        strand.waiting.append(opened)
        strand.postpone()
        self.touch(strand)
        return strand

    def apply(self, event: TradeEvent, instrument: Instrument | None, read_ms: int) -> list[Strand]:
        """Give an event to every strand it concerns.

        Returns the strands, followers rotated so that nobody is always last.
        """
        opened = OpenEntry(event.entry, 0)
        self.open_entries.append(opened)
        concerned, place, maybe_sent = [], entry_order(event.entry), self._was_maybe_sent(event)
        for follower, newest in self.versions.rotated(event):
            subscription = self.versions.in_force(newest, event, self.lease.since_ms)
            strand = self._strand(StrandKey(follower, event.inst_id, event.leader))
            if entry_order(strand.cursor) >= place or _over(subscription, strand):
                continue
            self._give(strand, event, subscription, instrument, opened, read_ms, maybe_sent)
            concerned.append(strand)
        return concerned

    def _give(
        self,
        strand: Strand,
        event: TradeEvent,
        subscription: Subscription,
        instrument: Instrument | None,
        opened: OpenEntry,
        read_ms: int,
        maybe_sent: bool,
    ) -> None:
        """Give an event to one strand; its entry stays open until that is written."""
        opened.undecided += 1
        strand.waiting.append(opened)
        if maybe_sent:
            strand.doubt(self.lease.wait_ms)
        elif strand.phase is DOUBTFUL:
            strand.fresh.add(event.id)
        skip = self._receive_safely(strand, event, subscription, instrument, read_ms)
        if skip:
            self.tell(strand, tell_skip(strand, skip, subscription.version, read_ms))
        if strand.dirty:
            self.touch(strand)

    def _receive_safely(
        self, strand: Strand, event: TradeEvent, subscription: Subscription, instrument: Instrument | None, read_ms: int
    ) -> Skip | None:
        """Keep an event that one follower's book cannot digest from stopping the lane.

        That strand is poisoned, and only closes.
        """
        try:
            return self._receive(strand, event, subscription, instrument, read_ms)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is this follower's alone
            strand.poisoned = True
            strand.pass_over(event)
            return Skip(event.id, Reason.POISON, numbers(error=type(error).__name__))

    def _receive(
        self, strand: Strand, event: TradeEvent, subscription: Subscription, instrument: Instrument | None, read_ms: int
    ) -> Skip | None:
        if instrument is None:
            strand.pass_over(event)
            return Skip(event.id, Reason.INSTRUMENT_UNKNOWN)
        owner = self.owner.get((strand.key.follower, event.inst_id))
        if owner is not None and owner is not strand and not owner.done:
            strand.pass_over(event)
            return Skip(event.id, Reason.INSTRUMENT_TAKEN, numbers(leader=owner.key.leader))
        self.owner[strand.key.follower, event.inst_id] = strand
        return strand.receive(event, subscription, instrument, read_ms)

    def _strand(self, key: StrandKey) -> Strand:
        strand = self.strands.get(key)
        if strand is None:
            strand = self.strands[key] = Strand(key)
            self.by_follower[key.follower].append(strand)
        return strand

    def closing_before(self, strand: Strand) -> bool:
        """Tell whether the follower has a close under way on another instrument, which frees funds for an open."""
        others = self.by_follower[strand.key.follower]
        return len(others) > 1 and any(other is not strand and other.closing for other in others)

    def _was_maybe_sent(self, event: TradeEvent) -> bool:
        """Tell whether an earlier holder, or one Redis forgot, may have acted on an event."""
        early = entry_order(event.entry) <= entry_order(self.lease.begun_found)
        return early or event.at_ms <= self.lease.since_ms or not event.vouched

    def tell(self, strand: Strand, outcome: OutcomeV1) -> None:
        """Keep an outcome for the strand's next commit."""
        strand.outcomes.append(outcome)

    def waits_for(self, strand: Strand) -> bool:
        """Tell whether the offset waits for a strand."""
        return bool(strand.waiting)

    def touch(self, strand: Strand) -> None:
        """Note that a strand's record is behind."""
        self.hurried |= strand.phase is READY and strand.committed != strand.results
        if not strand.touched:
            strand.touched = True
            self.touched.append(strand)

    def prepare(self) -> Written | None:
        """Gather the next commit, or None if there is nothing to write; what is in flight is left for a later one."""
        commit, self.hurried = Commit(self.seq + 1), False
        carried: list[tuple[Strand, int, int]] = []
        left: list[Strand] = []
        for number, strand in enumerate(self.touched):
            if len(carried) >= MOST_STRANDS_A_COMMIT:
                left += self.touched[number:]
                break
            if not strand.committable:
                strand.touched = strand.dirty
                if strand.touched:
                    left.append(strand)
                continue
            strand.touched = False
            commit.strands[strand.name] = write_strand(strand)
            commit.outcomes += strand.outcomes
            carried.append((strand, strand.results, strand.revision))
            for opened in strand.waiting:
                opened.undecided -= 1
            strand.outcomes, strand.waiting = [], []
        self.touched = left
        commit.subscriptions = self._advance()
        if self.offset != self.written_offset:
            commit.offset = self.offset
        if not (commit.strands or commit.subscriptions or commit.offset):
            return None
        commit.forgotten = forgettable(commit, carried)
        return Written(commit, carried)

    def _advance(self) -> list[SubscriptionV1]:
        """Move the offset past what everybody decided; returns the changes of subscriptions it passes."""
        passed: list[SubscriptionV1] = []
        while self.open_entries and self.open_entries[0].undecided == 0 and len(passed) < MOST_CHANGES_A_COMMIT:
            opened = self.open_entries.popleft()
            self.offset = opened.entry
            if opened.change:
                passed.append(opened.change)
        return passed

    def wrote(self, written: Written) -> list[Strand]:
        """Note that a commit is durable; returns its strands that may send now."""
        self.seq = written.commit.seq
        if written.commit.offset:
            self.written_offset = written.commit.offset
        freed = []
        for strand, results, revision in written.strands:
            strand.written(results, revision)
            if strand.dirty:
                self.touch(strand)
            if strand.may_send:
                freed.append(strand)
        return freed

    @property
    def clean(self) -> bool:
        """Tell whether nothing may have been sent that the lane's record does not tell of.

        Neither by us, nor by an earlier holder whose entries we have not all read and asked for.
        """
        unread = entry_order(self.position) < entry_order(self.lease.begun_found)
        open_still = (strand.dirty or strand.phase in (FLYING, DOUBTFUL) for strand in self.strands.values())
        return self.caught_up and not unread and not any(open_still)

    @property
    def quiet(self) -> bool:
        """Tell whether nothing is in flight and nothing waits to be written."""
        return not any(strand.dirty or strand.phase is FLYING for strand in self.touched)


def _over(subscription: Subscription, strand: Strand) -> bool:
    """Tell whether an ended subscription has nothing left to close."""
    return subscription.state is _ENDED and strand.done
