"""Redis: one state, one server at a time, and the steps that change it. Each method is one Lua step, atomic."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from shared.domain.fills import TradeEvent
from shared.domain.ids import STREAM_START, EntryId, EventId, InstId, entry_order
from shared.domain.lanes import Lane, Lease
from shared.domain.quantities import Contracts
from shared.messages.lane import Commit, LaneRecord
from shared.messages.outcome import OutcomeKind
from shared.messages.strand import StrandV1
from tests.model.rules import Rule
from tests.model.values import LEASE, World

LANE = Lane(0)


class Answer(StrEnum):
    """What a step says besides its values."""

    OK = "ok"
    REPEAT = "repeat"
    LOST = "lost"
    GAP = "gap"
    EPOCH = "epoch"
    STALE = "stale"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Publication:
    """What a watcher wants to publish, and the version it computed from."""

    version: int
    run_id: int
    events: tuple[TradeEvent, ...]
    positions: dict[InstId, Contracts]


@dataclass(slots=True)
class Memory:
    """Everything a server keeps, and everything it may lose."""

    run_id: int
    last_number: int = 0
    stream: tuple[TradeEvent, ...] = ()
    version: int = 0
    positions: dict[InstId, Contracts] = field(default_factory=dict)
    published: frozenset[EventId] = frozenset()
    whole: int | None = None
    offset: EntryId = STREAM_START
    begun: int | None = None
    exp_max: int = 0
    seq: int = 0
    records: dict[str, StrandV1] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    token: str | None = None
    lease_until: int = 0
    counter: int = 0
    epoch_run_id: int | None = None
    clean: tuple[int, int] | None = None
    since: int = 0

    def copied(self) -> "Memory":
        return replace(self, positions=dict(self.positions), records=dict(self.records))


class Redis:
    """The steps, on the memory of the server that is up."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.memory = Memory(run_id=1)
        self.snapshots: list[Memory] = []
        self.lingering: list[tuple[str, Commit]] = []
        self.paused_until = 0

    # ---- what happens to the server

    def remember(self) -> None:
        """Keep a snapshot a later server may come up with."""
        self.snapshots = [*self.snapshots[-15:], self.memory.copied()]

    def restart(self, memory: Memory) -> None:
        """Come up as another server with an older memory; what was on its way to the old one is gone."""
        numbers_go_on = self._world.random.random() < 0.5
        last = max(memory.last_number, self.memory.last_number) if numbers_go_on else memory.last_number
        self.memory = replace(memory.copied(), run_id=self.memory.run_id + 1, last_number=last)
        self.snapshots, self.lingering = [], []

    # ---- steps

    @property
    def _another_server(self) -> bool:
        return self.memory.epoch_run_id != self.memory.run_id

    def epoch(self, venue_now: int) -> None:
        """Note that this server is another one: void the lease, trust nothing older than now."""
        if not self._another_server:
            return
        self.memory.epoch_run_id = self.memory.run_id
        self.memory.since = venue_now
        if self._world.has(Rule.EPOCH_VOIDS_LEASES):
            self.memory.token = None
        self._world.note("redis", f"epoch: since {venue_now}")

    def held_by(self, token: str) -> bool:
        """Tell whether a token is on the lane."""
        return self.memory.token == token and self._world.now < self.memory.lease_until

    @property
    def free(self) -> bool:
        """Tell whether trying to take the lane would change anything."""
        memory = self.memory
        return self._another_server or memory.token is None or self._world.now >= memory.lease_until

    def acquire(self, random_token: str, venue_now: int) -> Lease | Answer:
        """Take the lane if nobody holds it."""
        memory, now = self.memory, self._world.now
        if self._another_server:
            return Answer.EPOCH
        if memory.token is not None and now < memory.lease_until:
            return Answer.HELD
        memory.counter += 1
        memory.token = random_token if self._world.has(Rule.UNIQUE_TOKEN) else str(memory.counter)
        memory.lease_until = now + LEASE
        clean, memory.clean = self._is_clean(memory), None
        begun = 0 if clean else memory.last_number if memory.begun is None else memory.begun
        wait = max(memory.exp_max, memory.since + LEASE)
        since = memory.since if self._world.has(Rule.SINCE_AFTER_EPOCH) else 0
        memory.exp_max = max(memory.exp_max, venue_now + LEASE)
        return Lease(LANE, memory.token, now + LEASE, memory.exp_max, entry_id(begun), wait, since, clean)

    def _is_clean(self, memory: Memory) -> bool:
        return memory.clean == (memory.run_id, memory.seq)

    def load(self) -> LaneRecord:
        """Read the lane; its subscriptions are preset."""
        memory = self.memory
        return LaneRecord(memory.offset, memory.seq, dict(memory.records), (), ())

    def renew(self, token: str, venue_now: int) -> int | Answer:
        """Extend the lease and return the raised `exp_max`."""
        memory = self.memory
        if self._another_server:
            return Answer.EPOCH
        if not self.held_by(token):
            return Answer.LOST
        memory.lease_until = self._world.now + LEASE
        memory.exp_max = max(memory.exp_max, venue_now + LEASE)
        return memory.exp_max

    @property
    def republished(self) -> bool:
        """Tell whether the leader was published to this server since it came up."""
        return self.memory.whole == self.memory.run_id

    def release(self, token: str, clean: int | None) -> None:
        """Give the lane back; `clean` is the last commit's number if nothing is on its way that it does not tell of."""
        if self.held_by(token):
            self.memory.token = None
            self.memory.clean = None if clean is None else (self.memory.run_id, clean)

    def raise_begun(self, token: str, number: int) -> Answer:
        """Note that something may leave for every entry up to one."""
        memory = self.memory
        if not self._world.has(Rule.BEGUN_FENCED):
            memory.begun = number
            return Answer.OK
        if not self.held_by(token):
            return Answer.LOST
        memory.begun = max(memory.begun or 0, number)
        return Answer.OK

    def commit(self, token: str, commit: Commit) -> Answer:
        """Write strands, outcomes and the offset, once."""
        memory = self.memory
        if self._world.has(Rule.TOKEN_IN_COMMIT) and not self.held_by(token):
            return Answer.LOST
        if self._world.has(Rule.EPOCH_IN_COMMIT) and self._another_server:
            return Answer.LOST
        if self._world.has(Rule.COMMIT_SEQ):
            if commit.seq <= memory.seq:
                return Answer.REPEAT
            if commit.seq != memory.seq + 1:
                return Answer.GAP
        memory.seq, memory.offset = commit.seq, commit.offset or memory.offset
        memory.records.update(commit.strands)
        for name in commit.forgotten:
            memory.records.pop(name, None)
        memory.refused |= {each.cl_ord_id for each in commit.outcomes if each.kind is OutcomeKind.REFUSED}
        return Answer.OK

    def publish(self, publication: Publication) -> Answer:
        """Add a leader's entries, unless somebody published since the position they were computed from."""
        memory = self.memory
        if self._another_server:
            return Answer.EPOCH
        if self._world.has(Rule.CAS_POSITION) and memory.version != publication.version:
            return Answer.STALE
        if self._world.has(Rule.VERSION_OF_SERVER) and memory.run_id != publication.run_id:
            return Answer.STALE
        for event in publication.events:
            if event.id in memory.published and self._world.has(Rule.PUBLISHER_DEDUPE):
                continue
            memory.last_number += 1
            memory.stream = (*memory.stream, replace(event, entry=entry_id(memory.last_number)))
            memory.published |= {event.id}
        memory.positions.update(publication.positions)
        memory.version += 1
        memory.whole = memory.run_id
        return Answer.OK

    @property
    def last(self) -> EntryId:
        """Return the last entry's id."""
        return entry_id(self.memory.last_number)

    def after(self, entry: EntryId) -> tuple[TradeEvent, ...]:
        """Read the stream from an entry on."""
        stream = self.memory.stream
        first = len(stream)
        while first and entry_order(stream[first - 1].entry) > entry_order(entry):
            first -= 1
        return stream[first:]


def entry_id(number: int) -> EntryId:
    """Spell an entry's number as Redis does."""
    return EntryId(f"{number}-0")
