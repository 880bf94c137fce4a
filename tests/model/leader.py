"""A leader's history, as the venue would show it, and the two watchers that publish it."""

from dataclasses import dataclass
from random import Random

from shared.domain.fills import EventKind, Hops, PosSide, TradeEvent
from shared.domain.ids import STREAM_START, EventId, InstId, fill_event_id
from shared.domain.instruments import InstType
from shared.domain.quantities import ZERO, Contracts, Price
from tests.model.redis_state import Answer, Publication, Redis
from tests.model.rules import Fault, Rule
from tests.model.values import LEADER, World, index_of


@dataclass(frozen=True, slots=True)
class LeaderFill:
    """One fill: signed contracts."""

    index: int
    inst_id: InstId
    change: Contracts
    at: int


def draw_history(random: Random, inst_ids: tuple[InstId, ...], length: int) -> list[tuple[InstId, Contracts]]:
    """Draw opens, partial closes, full closes and flips; every instrument is flat in the end more often than not."""
    position = dict.fromkeys(inst_ids, ZERO)
    history: list[tuple[InstId, Contracts]] = []
    for _ in range(length):
        inst_id = random.choice(inst_ids)
        change = _draw_change(random, position[inst_id])
        position[inst_id] = Contracts(position[inst_id] + change)
        history.append((inst_id, change))
    flattened = [inst_id for inst_id in inst_ids if position[inst_id] and random.random() < 0.6]
    return history + [(inst_id, Contracts(-position[inst_id])) for inst_id in flattened]


def _draw_change(random: Random, held: Contracts) -> Contracts:
    if not held:
        return Contracts(ZERO + random.choice((-1, 1)) * random.randint(1, 6))
    way = 1 if held > 0 else -1
    kind = random.choice(("open", "partial", "full", "flip"))
    if kind == "open":
        return Contracts(ZERO + way * random.randint(1, 4))
    if kind == "partial" and abs(held) > 1:
        return Contracts(ZERO - way * random.randint(1, int(abs(held)) - 1))
    if kind == "flip":
        return Contracts(-held - way * random.randint(1, 4))
    return Contracts(-held)


class Leader:
    """Trades as the schedule lets it; its history is what REST shows, for ever."""

    def __init__(self, world: World, planned: list[tuple[InstId, Contracts]]) -> None:
        self._world, self._planned = world, planned
        self.fills: list[LeaderFill] = []
        self.watchers: list[Watcher] = []

    @property
    def finished(self) -> bool:
        return len(self.fills) == len(self._planned)

    def trade(self) -> None:
        """Make the next fill."""
        if self.finished:
            return
        index = len(self.fills)
        inst_id, change = self._planned[index]
        self.fills.append(LeaderFill(index, inst_id, change, self._world.now))
        for watcher in self.watchers:
            watcher.pushed(self.fills[-1])
        self._world.note("leader", f"e{index} {inst_id} {change:+}")


class Watcher:
    """Reads state and history, or takes a push, then publishes what is missing; the other watcher may be faster."""

    def __init__(self, world: World, redis: Redis, leader: Leader, name: str) -> None:
        self._world, self._redis, self._leader, self._name = world, redis, leader, name
        self._prepared: Publication | None = None
        self._completes = False
        """Whether what is prepared is everything REST showed since the socket was joined."""
        self._published: set[EventId] = set()
        self._joined = self._backfilled = False
        self._pushes: list[LeaderFill] = []
        self.down_until = 0
        leader.watchers.append(self)

    def pushed(self, fill: LeaderFill) -> None:
        """Hear of a fill, once or twice, if the socket is joined."""
        if self._joined:
            self._pushes += [fill] * (2 if self._world.fault(Fault.REPEATED, 0.3) else 1)

    def lose_socket(self) -> None:
        """Hear nothing until joined again; what was on its way is gone."""
        self._world.note(self._name, "loses its socket")
        self._joined, self._pushes = False, []

    def step(self) -> None:
        """Join, compute what to publish, or publish what was computed."""
        if self.down_until > self._world.now:
            return
        if not self._joined:
            self._joined, self._backfilled, self._completes = True, False, False
        elif self._prepared is None:
            self._prepared = self._take_push() if self._may_take_push() else self._compute()
        elif self._world.now >= self._redis.paused_until or self._world.healing:
            self._publish(self._prepared)

    def _publish(self, prepared: Publication) -> None:
        answer = self._redis.publish(prepared)
        what = " ".join(f"e{index_of(event.id)} {event.before}->{event.after}" for event in prepared.events)
        self._world.note(self._name, f"publish {what}: {answer}")
        if answer is Answer.OK:
            self._published |= {event.id for event in prepared.events}
            self._backfilled |= self._completes
        self._prepared = None

    def _may_take_push(self) -> bool:
        if not self._pushes or self._redis.memory.whole != self._redis.memory.run_id:
            return False
        waits = self._world.has(Rule.PUSHES_WAIT) and not self._backfilled
        return not waits and self._world.random.random() < 0.7

    def _take_push(self) -> Publication | None:
        fill, memory = self._pushes.pop(0), self._redis.memory
        self._completes = False
        return self._publication([fill]) if _id(fill) not in memory.published else None

    def _compute(self) -> Publication | None:
        memory = self._redis.memory
        if not self._world.has(Rule.BACKFILL) and memory.whole == memory.run_id:
            return None
        known = memory.published if self._world.has(Rule.PUBLISHER_DEDUPE) else self._published
        missing = [each for each in self._leader.fills if _id(each) not in known]
        whole = memory.whole != memory.run_id and self._world.has(Rule.FORGOTTEN_AT_ONCE)
        batch = missing if whole else missing[: self._world.random.choice((1, 1, 2, 4))]
        self._completes = len(batch) == len(missing)
        if not batch and memory.whole == memory.run_id:
            self._backfilled = True
            return None
        return self._publication(batch)

    def _publication(self, batch: list[LeaderFill]) -> Publication:
        memory, positions = self._redis.memory, dict(self._redis.memory.positions)
        events: list[TradeEvent] = []
        for fill in batch:
            before = positions.get(fill.inst_id, ZERO)
            positions[fill.inst_id] = Contracts(before + fill.change)
            events.append(_event(fill, before, positions[fill.inst_id]))
        return Publication(memory.version, memory.run_id, tuple(events), positions)


def _id(fill: LeaderFill) -> EventId:
    return fill_event_id(LEADER, fill.inst_id, str(fill.index))


def _event(fill: LeaderFill, before: Contracts, after: Contracts) -> TradeEvent:
    return TradeEvent(
        entry=STREAM_START,
        id=fill_event_id(LEADER, fill.inst_id, str(fill.index)),
        kind=EventKind.FILL,
        leader=LEADER,
        inst_id=fill.inst_id,
        inst_type=InstType.SWAP,
        pos_side=PosSide.NET,
        before=before,
        after=after,
        price=Price(ZERO + 100),
        category="normal",
        late=False,
        vouched=True,
        hops=Hops(fill.at, fill.at, fill.at),
    )
