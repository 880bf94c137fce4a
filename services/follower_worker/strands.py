"""A strand: one follower x instrument x leader, served one order at a time. Pure: no clock, no venue, no Redis.

           receive                next                 launched/answered
    IDLE ──────────▶ READY ─────────────────▶ FLYING ─────────────────────▶ UNSETTLED (accepted) ── settled ──▶ READY
      ▲                │ no order               │ NotPlaced: READY again      │
      └────────────────┘                        │ Refused: READY              └ UNKNOWN ── settled | absent ──▶ READY

    DOUBTFUL: somebody else may have sent for it ── resolved ──▶ READY

Two rules live here. A strand sends only when every result it has recorded is committed (`may_send`), and a strand in
flight is never committed (`committable`): so whatever Redis says is decided was answered, and whatever was sent but not
committed is found by its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from services.follower_worker.flights import Flight, Found, Probe, StrandKey, adopt
from services.follower_worker.phases import DOUBTFUL, FLYING, IDLE, READY, UNKNOWN, UNSETTLED, Phase
from services.follower_worker.undecided import OpenEntry
from shared.domain.books import FLAT, Book, fold, left_of, observed, settled, withdrawn
from shared.domain.fills import Hops, TradeEvent
from shared.domain.ids import CLOSE, OPEN, STREAM_START, EntryId, EventId, Leg
from shared.domain.instruments import Instrument
from shared.domain.orders import Attempt, Opening, attempt
from shared.domain.outcomes import Accepted, Category, NotPlaced, OrderReport, Placement, Refused, Unknown
from shared.domain.planning import Decision, decide
from shared.domain.quantities import ZERO, Contracts
from shared.domain.reasons import Reason, Skip, numbers
from shared.domain.risk import Situation
from shared.domain.subscriptions import Subscription
from shared.messages.outcome import OutcomeV1

NO_EVENT = EventId("")
_NO_HOPS = Hops(0, 0, 0)


@dataclass(slots=True)
class Strand:
    """The working copy of one strand's record; written back whole by a commit."""

    key: StrandKey
    book: Book = FLAT
    phase: Phase = IDLE
    cursor: EntryId = STREAM_START
    event: EventId = NO_EVENT
    hops: Hops = _NO_HOPS
    read_ms: int = 0
    covers: int = 0
    tries: dict[Leg, int] = field(default_factory=lambda: {CLOSE: 0, OPEN: 0})
    flight: Flight | None = None
    owing: bool = False
    """In doubt because a record said so, not only because entries may have been sent."""
    doubtful: list[TradeEvent] = field(default_factory=list)
    fresh: set[EventId] = field(default_factory=set)
    """Doubtful events that nobody can have acted on: they came when this lane was ours and the strand in doubt."""
    under: dict[EventId, Subscription] = field(default_factory=dict)
    """The settings in force for each doubtful event."""
    wait_ms: int = 0
    recheck: bool = False
    """The account must be read before the next close: the last one was refused."""
    poisoned: bool = False
    missed: tuple[Opening, ...] = ()
    """Openings the venue refused since the strand was taken, as far as the leader still holds them; not written."""
    reconciling: bool = False
    """Somebody asked for the book to be brought down to what account and leader allow, and for the poison to end."""
    queued: bool = False
    touched: bool = False
    """The record is behind, and the lane knows."""
    waiting: list[OpenEntry] = field(default_factory=list)
    """Entries that wait for this strand's decision to be written."""
    outcomes: list[OutcomeV1] = field(default_factory=list)
    """What happened since the last commit."""
    name: str = field(init=False)
    """The field its record is kept under."""
    results: int = 0
    committed: int = 0
    revision: int = 0
    written_revision: int = 0
    failures: int = 0

    def __post_init__(self) -> None:
        self.name = "|".join(self.key)

    @property
    def dirty(self) -> bool:
        """Tell whether the record in Redis is behind."""
        return self.revision != self.written_revision

    @property
    def may_send(self) -> bool:
        """Tell whether an order may leave: there is something to decide and nothing undurable behind it."""
        return self.phase is READY and self.committed == self.results

    @property
    def committable(self) -> bool:
        """Tell whether the record may be written: nothing is on its way whose answer we still expect."""
        return self.revision != self.written_revision and self.phase is not FLYING

    @property
    def closing(self) -> bool:
        """Tell whether a close is about to leave or under way; one that keeps failing holds up nobody."""
        if self.failures:
            return False
        if self.flight:
            return self.phase in (FLYING, UNSETTLED) and self.flight.attempt.intent.leg is CLOSE
        return self.phase is READY and self.book.closes

    @property
    def done(self) -> bool:
        """Tell whether the strand may be forgotten once its lane's offset has passed it."""
        return self.phase is IDLE and self.book.flat and not self.dirty and self.committed == self.results

    def receive(
        self, event: TradeEvent, subscription: Subscription, instrument: Instrument, read_ms: int
    ) -> Skip | None:
        """Take an event in stream order: into the book, or among the doubtful if somebody may have acted on it."""
        self.cursor = event.entry
        if self.phase is DOUBTFUL:
            self.doubtful.append(event)
            self.under[event.id] = subscription
            self.revision += 1
            return None
        self.read_ms = read_ms
        skip = self._fold(event, subscription, instrument)
        if self.phase is IDLE:
            self.phase = READY
        elif self.phase in (UNSETTLED, UNKNOWN):
            self.revision += 1
        return skip

    def _fold(self, event: TradeEvent, subscription: Subscription, instrument: Instrument) -> Skip | None:
        self.book, skip = fold(self.book, event, subscription, instrument)
        self.missed = left_of(self.missed, event, instrument)
        self.event, self.hops = event.id, event.hops
        self.tries = {CLOSE: 0, OPEN: 0}
        self.covers += skip is None
        return skip

    def pass_over(self, event: TradeEvent) -> None:
        """Let an event go by without touching the book; the caller records why."""
        self.cursor = event.entry
        if self.phase is DOUBTFUL:
            return
        self.event, self.hops, self.tries = event.id, event.hops, {CLOSE: 0, OPEN: 0}
        self._record_result()

    def next(self, at: Situation) -> tuple[Attempt | None, tuple[Skip, ...]]:
        """Decide: an attempt to launch at once, or none; and what was skipped."""
        decision = decide(at)
        if decision.intent is None:
            return None, self._rest(decision)
        self.book = decision.book
        named = attempt(decision.intent, self.key.follower, self.event, self.tries[decision.intent.leg])
        return named, decision.skips

    def rest(self, at: Situation) -> tuple[Skip, ...]:
        """Come to rest now if there is nothing to order, so that one commit says both; returns what was skipped."""
        decision = decide(at)
        return () if decision.intent else self._rest(decision)

    def _rest(self, decision: Decision) -> tuple[Skip, ...]:
        skips = decision.skips
        self.book, self.phase, self.failures = decision.book, IDLE, 0
        if self.covers and all(skip.event != self.event for skip in skips):
            skips = (*skips, Skip(self.event, Reason.NETTED, numbers(target=self.book.target, held=self.book.held)))
        self.covers = 0
        self._record_result()
        return skips

    def launch(self, named: Attempt, expires_ms: int, sent_ms: int) -> None:
        """Note that an attempt is leaving now."""
        self.phase, self.flight = FLYING, Flight(named, expires_ms, sent_ms, self.covers)
        self.covers = 0

    def recall(self, named: Attempt) -> None:
        """Take an attempt back that does not exist at the venue."""
        self.covers += self.flight.covers if self.flight else 0
        self.book, self.phase, self.flight = withdrawn(self.book, named.intent), READY, None

    def answered(self, placement: Placement) -> None:
        """Take the venue's answer, or the lack of one."""
        flight, doubted = self._flight(), self.phase is DOUBTFUL
        match placement:
            case Accepted(order_id):
                self._tried(flight.attempt)
                self.flight, self.phase, self.failures = flight.accepted(order_id), UNSETTLED, 0
            case Unknown():
                self.phase, self.wait_ms = UNKNOWN, flight.expires_ms
            case NotPlaced():
                self.recall(flight.attempt)
                self.failures += 1
            case Refused(category=Category.DUPLICATE):
                self.phase, self.wait_ms = UNKNOWN, flight.expires_ms
            case Refused():
                self._refused(flight.attempt)
        if not isinstance(placement, NotPlaced):
            self._record_result()
        if doubted:
            self.doubt(flight.expires_ms)
            self.postpone()

    def _refused(self, named: Attempt) -> None:
        """Take a definitive no. The name is not used up: names that exist have no gaps between them."""
        self.flight, self.phase = None, READY
        self.failures += 1
        if named.intent.leg is OPEN:
            self.book = settled(self.book, named.intent, Decimal(0))
        else:
            self.recheck = True

    def settle(self, report: OrderReport) -> None:
        """Take the end of the order in flight."""
        flight = self._flight()
        if self.phase is UNKNOWN:
            self._tried(flight.attempt)
        self.book = settled(self.book, flight.attempt.intent, report.filled)
        self.flight, self.phase, self.failures = None, READY, 0
        self._record_result()

    def absent(self) -> None:
        """Take the proof that the order in flight does not exist."""
        self.recall(self._flight().attempt)
        self._record_result()

    def found_position(self, position: Contracts) -> None:
        """Take what the account really holds, after a refused close."""
        self.book, self.recheck = observed(self.book, position), False

    def open_nothing(self) -> list[EventId]:
        """Give up what would open and keep what would close; returns the events given up."""
        book, given_up = self.book, [opening.event for opening in self.book.openings]
        target = book.target if book.closes else book.held
        self.book = replace(book, target=ZERO if target * book.held < 0 else target, openings=())
        return given_up

    def doubt(self, wait_ms: int) -> None:
        """Note that somebody else may have acted for this strand until the venue's clock passes `wait_ms`."""
        expires_ms = self.flight.expires_ms if self.flight else 0
        self.phase, self.wait_ms = DOUBTFUL, max(self.wait_ms, wait_ms, expires_ms)

    def postpone(self) -> None:
        """Have the record written although nothing was decided: a strand that waits must not hold the offset back."""
        self.revision += 1

    def probes(self) -> list[Probe]:
        """List the names to ask for, both legs each: the event at the cursor if owed, and what may have been sent."""
        known = [Probe(self.event, leg, self.tries[leg]) for leg in Leg] if self.owing and self.event else []
        return known + [Probe(event.id, leg, 0) for event in self.doubtful if event.id not in self.fresh for leg in Leg]

    def resolve(
        self,
        own: OrderReport | None,
        found: Mapping[EventId, list[Found]],
        subscription: Subscription,
        instrument: Instrument,
    ) -> list[Skip]:
        """Rebuild the book from what the venue shows: adopt every found order in the order it must have been sent."""
        if self.flight:
            if own:
                self._tried(self.flight.attempt)
                self.book = settled(self.book, self.flight.attempt.intent, own.filled)
            else:
                self.book = withdrawn(self.book, self.flight.attempt.intent)
            self.flight = None
        skips = []
        self._adopt(found.get(self.event, []), instrument)
        for event in self.doubtful:
            skip = self._fold(event, self.under.get(event.id, subscription), instrument)
            skips += [skip] if skip else []
            self._adopt(found.get(event.id, []), instrument)
        self.doubtful, self.fresh, self.under, self.owing, self.phase = [], set(), {}, False, READY
        self._record_result()
        return skips

    def _adopt(self, orders: list[Found], instrument: Instrument) -> None:
        self.book, self.covers = adopt(self.book, self.tries, orders, instrument), 0 if orders else self.covers

    def written(self, results: int, revision: int) -> None:
        """Take note that a commit made everything up to `results` and `revision` durable; told in the order written."""
        self.committed, self.written_revision = results, revision

    def _tried(self, named: Attempt) -> None:
        if named.event == self.event:
            self.tries[named.intent.leg] = named.tries + 1

    def _record_result(self) -> None:
        self.results += 1
        self.revision += 1

    def _flight(self) -> Flight:
        if self.flight is None:
            raise RuntimeError(f"{self.key} has nothing in flight in phase {self.phase}; an answer was delivered twice")
        return self.flight
