"""A worker: takes the lane, reads, raises `begun`, sends, commits; may be paused at any step and go on.

The lane and its strands are the product's own (`services.follower_worker`); what the product awaits is a step here.
"""

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from services.follower_worker.lane import Lane
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from services.follower_worker.telling import tell_placement
from shared.domain.ids import InstId, entry_order
from shared.domain.instruments import UNKNOWN_MARKET, Instrument
from shared.domain.lanes import Lease
from shared.domain.orders import Attempt
from shared.domain.outcomes import (
    Accepted,
    NotPlaced,
    Placement,
    Postponement,
    Refused,
    Unknown,
)
from shared.domain.risk import Account, Situation
from shared.domain.subscriptions import Subscription
from shared.messages.entries import write_subscription
from tests.model.asking import Doubt
from tests.model.holding import Holding, as_if_filled
from tests.model.redis_state import Answer, Redis
from tests.model.rules import Fault, Rule
from tests.model.values import CLOCK_ERROR, DEADLINE, LEASE, Sent, World
from tests.model.venue import Venue

Action = Callable[[], None]
ACCOUNT = Account()
ANSWER_MARGIN = 2
"""Ticks beyond an order's `expTime` after which its sender stops expecting an answer."""


class Worker:
    """One process; `incarnation` tells its lives apart."""

    def __init__(
        self,
        number: int,
        world: World,
        redis: Redis,
        venue: Venue,
        subscriptions: list[Subscription],
        instruments: dict[InstId, Instrument],
    ) -> None:
        self.number, self.incarnation, self.paused_until = number, 0, 0
        self.without_redis_until = self.without_venue_until = 0
        self._world, self._redis, self._venue = world, redis, venue
        self._subscriptions, self._instruments = [write_subscription(each) for each in subscriptions], instruments
        self._clock_error = world.random.choice((-CLOCK_ERROR, 0, CLOCK_ERROR)) if Fault.CLOCK in world.faults else 0
        self._diligence = world.random.choice((0.1, 0.4, 1.0))
        self._holding: Holding | None = None
        self._prepared: tuple[Lane, Strand, Attempt] | None = None

    def _note(self, what: str) -> None:
        if self._world.timeline is not None:
            self._world.note(f"worker {self.number}", what)

    # ---- the venue's clock, estimated

    @property
    def _venue_now(self) -> int:
        return self._world.now + self._clock_error

    def _surely_past(self, venue_time: int) -> bool:
        return self._venue_now - CLOCK_ERROR > venue_time

    @property
    def _latest(self) -> int:
        """Return the latest time the venue's clock may show."""
        return self._venue_now + CLOCK_ERROR * self._world.has(Rule.SINCE_IS_LATEST)

    # ---- what may happen next

    @property
    def dirty(self) -> bool:
        """Tell whether this worker believes that it has something to write."""
        return self._holding is not None and self._holding.dirty

    def crash(self) -> None:
        """Die and come back knowing nothing."""
        self._note("crashes")
        self.incarnation += 1
        self._holding = self._prepared = None
        self.paused_until = 0

    def actions(self) -> list[Action]:
        """List what this worker might do next."""
        prepared: list[Action] = [self._send_prepared] if self._prepared else []
        holding = self._holding
        if holding is None:
            return [*prepared, self._acquire] if self._redis.free and self._reaches_redis else prepared
        actions = prepared + (self._steps_on_redis(holding) if self._reaches_redis else [])
        for _, strand in sorted(holding.lane.strands.items()):
            action = self._strand_action(holding, strand)
            if action:
                actions += [action] * 2
        return actions

    @property
    def _reaches_redis(self) -> bool:
        return self._world.now >= max(self.without_redis_until, self._redis.paused_until) or self._world.healing

    @property
    def _reaches_venue(self) -> bool:
        return self._world.now >= self.without_venue_until or self._world.healing

    def _steps_on_redis(self, holding: Holding) -> list[Action]:
        actions: list[Action] = []
        if holding.dirty:
            actions.append(lambda: self._commit(holding))
        if self._world.healing or self._world.random.random() < self._diligence:
            actions.append(lambda: self._renew(holding.lane))
        if holding.batch:
            actions += [lambda: self._apply(holding)] * 2
        elif not holding.lane.caught_up or self._redis.last != holding.lane.position:
            actions += [lambda: self._read(holding)] * 2
        if not holding.written and holding.lane.quiet and self._world.fault(Fault.RELEASE, 0.1):
            actions.append(lambda: self._release(holding))
        return actions

    def _strand_action(self, holding: Holding, strand: Strand) -> Action | None:
        asks = self._reaches_venue and not self._venue.dead(strand.key.follower)
        match strand.phase:
            case Phase.READY if strand.recheck:
                return (lambda: strand.found_position(self._venue.position(strand.key[:2]))) if asks else None
            case Phase.READY if self._may_send(strand):
                return lambda: self._launch(holding, strand)
            case Phase.FLYING if strand.flight and self._surely_past(strand.flight.expires_ms + ANSWER_MARGIN):
                return lambda: self._answered(holding, strand, Unknown("no answer"))
            case Phase.UNSETTLED if asks:
                return lambda: self._asked(holding, strand, Doubt.settle)
            case Phase.UNKNOWN if asks and self._may_ask(strand):
                return lambda: self._asked(holding, strand, Doubt.decide_unknown)
            case Phase.DOUBTFUL if asks and self._reaches_redis and self._may_ask(strand):
                if holding.has_read_everything(self._redis):
                    return lambda: self._asked(holding, strand, lambda doubt: self._decide_doubtful(holding, doubt))
        return None

    def _may_send(self, strand: Strand) -> bool:
        if self._prepared and self._prepared[1] is strand:
            return False
        return strand.may_send or not self._world.has(Rule.NEXT_AFTER_COMMIT)

    def _may_ask(self, strand: Strand) -> bool:
        return self._surely_past(strand.wait_ms) or not self._world.has(Rule.WAIT_EXP_MAX)

    # ---- the lease

    def _acquire(self) -> None:
        answer = self._redis.acquire(f"token {self._world.next_serial()}", self._venue_now)
        if answer is Answer.EPOCH:
            self._redis.epoch(self._latest)
        elif isinstance(answer, Lease):
            self._take(answer)

    def _take(self, lease: Lease) -> None:
        lane = Lane.found(lease, replace(self._redis.load(), subscriptions=self._subscriptions))
        self._holding = Holding(self._world, lane)
        found = f"offset {lane.offset}, begun {lease.begun_found}"
        self._note(f"takes the lane: {found}, waits until {lease.wait_ms}, since {lease.since_ms}")

    def _renew(self, lane: Lane) -> None:
        answer = self._redis.renew(lane.lease.token, self._venue_now)
        if answer is Answer.EPOCH:
            self._redis.epoch(self._latest)
            answer = self._redis.renew(lane.lease.token, self._venue_now)
        if isinstance(answer, Answer):
            self._drop(f"renewal says {answer}")
        else:
            lane.lease.deadline, lane.lease.exp_max = self._world.now + LEASE, answer

    def _drop(self, why: str) -> None:
        self._note(f"drops the lane: {why}")
        self._holding = None

    def _release(self, holding: Holding) -> None:
        lane = holding.lane
        clean = lane.seq if lane.clean or not self._world.has(Rule.CLEAN_IS_WHOLE) else None
        self._redis.release(lane.lease.token, clean)
        self._drop("released" if clean is None else "released clean")

    # ---- reading

    def _read(self, holding: Holding) -> None:
        unread = self._redis.after(holding.lane.position)
        holding.batch = unread[: self._world.random.choice((1, 2, 4))]
        if not unread:
            holding.lane.caught_up = True

    def _apply(self, holding: Holding) -> None:
        """Raise `begun` to the end of what was read, and fold it."""
        lane, batch = holding.lane, holding.batch
        holding.batch = ()
        if self._redis.raise_begun(lane.lease.token, entry_order(batch[-1].entry)[0]) is not Answer.OK:
            self._drop("begun is refused")
            return
        for event in batch:
            lane.position = event.entry
            lane.apply(event, self._instruments[event.inst_id], self._world.now)

    # ---- sending

    def _launch(self, holding: Holding, strand: Strand) -> None:
        lane = holding.lane
        situation = Situation(
            strand.book,
            lane.subscription(strand.key),
            ACCOUNT,
            self._instruments[strand.key.inst_id],
            UNKNOWN_MARKET,
            self._venue_now,
        )
        named, _ = strand.next(situation)
        if named is None:
            lane.touch(strand)
        elif self._world.now >= lane.lease.deadline and self._world.has(Rule.LEASE_CHECK):
            strand.recall(named)
            self._drop("the lease has run out")
        elif self._world.has(Rule.STAMP_WITH_CHECK) or self._prepared:
            self._send(lane, strand, named, lane.lease)
        else:
            self._prepared = (lane, strand, named)

    def _send_prepared(self) -> None:
        """Send what was checked earlier: the sender wakes up, and stamps with the lease its worker holds by now."""
        assert self._prepared is not None
        lane, strand, named = self._prepared
        self._prepared = None
        self._send(lane, strand, named, self._holding.lane.lease if self._holding else lane.lease)

    def _send(self, lane: Lane, strand: Strand, named: Attempt, lease: Lease) -> None:
        expires = self._venue_now + DEADLINE
        if self._world.has(Rule.EXP_MAX_CAP):
            expires = min(expires, lease.exp_max)
        sent = Sent(named, expires, (self.number, self.incarnation), self._world.next_serial())
        strand.launch(named, expires, self._venue_now)
        if self._holding and self._holding.lane is lane:
            self._holding.in_flight[strand.key] = sent
        self._note(f"sends {sent}{'' if self._reaches_venue else ' (into nowhere)'}")
        if self._reaches_venue:
            self._venue.send(sent)

    def hear(self, sent: Sent, answer: Placement) -> None:
        """Take an answer, if the order is still in flight here."""
        for key, waited in self._holding.in_flight.items() if self._holding else ():
            if waited is sent and self._holding:
                self._answered(self._holding, self._holding.lane.strands[key], answer)
                return

    def _answered(self, holding: Holding, strand: Strand, answer: Placement) -> None:
        sent, flight = holding.in_flight.pop(strand.key), strand.flight
        assert flight is not None
        self._note(f"learns of {sent}: {type(answer).__name__}")
        if isinstance(answer, Unknown) and not self._world.has(Rule.ASK_UNKNOWN):
            answer = NotPlaced(Postponement.NOT_SENT)
        strand.answered(answer)
        if isinstance(answer, Refused):
            holding.lane.tell(strand, tell_placement(strand, flight, answer, 1, self._world.now))
            strand.tries[flight.attempt.intent.leg] += not self._world.has(Rule.REFUSED_KEEPS_NAME)
        if isinstance(answer, Accepted) and not self._world.has(Rule.BOOK_BY_SETTLED):
            strand.settle(as_if_filled(flight.attempt))
        holding.lane.touch(strand)

    # ---- asking

    def _asked(self, holding: Holding, strand: Strand, ask: Callable[[Doubt], bool]) -> None:
        doubt = holding.doubts.setdefault(strand.key, Doubt(self._world, self._venue, strand))
        if ask(doubt):
            holding.in_flight.pop(strand.key, None)
            del holding.doubts[strand.key]
            holding.lane.touch(strand)

    def _decide_doubtful(self, holding: Holding, doubt: Doubt) -> bool:
        key = doubt.strand.key
        decided = doubt.decide_doubtful(holding.lane.subscription(key), self._instruments[key.inst_id])
        if decided:
            book = doubt.strand.book
            self._note(f"resolves {key.follower}/{key.inst_id}: held {book.held}, target {book.target}")
        return decided

    # ---- committing

    def _commit(self, holding: Holding) -> None:
        holding.written = written = holding.written or holding.lane.prepare()
        if written is None:
            return
        if not self._world.has(Rule.OWED_ON_OFFSET):
            written.commit.strands = {
                name: structs.replace(record, phase=None, attempt=None)
                for name, record in written.commit.strands.items()
            }
        token = holding.lane.lease.token
        if self._world.fault(Fault.LOST_REPLY, 0.15):
            self._note(f"commit {written.commit.seq} is delayed on a broken connection")
            self._redis.lingering.append((token, written.commit))
            return
        answer = self._redis.commit(token, written.commit)
        lost = self._world.fault(Fault.LOST_REPLY, 0.15)
        self._note(
            f"commit {written.commit.seq} offset {written.commit.offset}: {answer}{' (reply lost)' if lost else ''}"
        )
        if lost:
            return
        holding.written = None
        if answer in (Answer.OK, Answer.REPEAT):
            holding.lane.wrote(written)
        else:
            self._drop(f"commit says {answer}")
