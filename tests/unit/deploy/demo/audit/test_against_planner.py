"""Auditor and planner share no code; on random histories, conflated at random, they agree, until something is lost."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random

import pytest

from deploy.demo.audit.evidence import AuditSettings, Claim, Evidence, LeaderFill, Order
from deploy.demo.audit.evidence import Instrument as AuditedInstrument
from deploy.demo.audit.evidence import Subscription as AuditedSubscription
from deploy.demo.audit.report import Report, Word
from deploy.demo.audit.verdict import audit
from shared.domain.books import FLAT, Book, fold, settled, withdrawn
from shared.domain.fills import EventKind, Hops, PosSide, TradeEvent
from shared.domain.ids import AccountId, EntryId, EventId, InstId, Leg, client_order_id
from shared.domain.instruments import UNKNOWN_MARKET, Instrument, InstType
from shared.domain.planning import decide
from shared.domain.quantities import Contracts, Price
from shared.domain.reasons import Reason, Skip
from shared.domain.risk import Account, Situation
from shared.domain.subscriptions import BelowMinimum, FixedRatio, Subscription, SubscriptionState

SWAP = InstId("BTC-USDT-SWAP")
TAG = "partner1"
NO_EVENT = EventId("")


def instrument(minimum: str, largest: str) -> Instrument:
    lot = Contracts(Decimal("0.01"))
    most = Contracts(Decimal(largest))
    return Instrument(
        SWAP,
        InstType.SWAP,
        True,
        Decimal("0.01"),
        lot,
        Contracts(Decimal(minimum)),
        Price(Decimal("0.1")),
        most,
        most,
        True,
    )


@dataclass
class Planned:
    """A follower driven by the planner, with orders in flight while the leader goes on."""

    random: Random
    subscription: Subscription
    instrument: Instrument
    book: Book = FLAT
    position: Decimal = Decimal(0)
    now_ms: int = 1_700_000_000_000
    covers: int = 0
    fills: list[LeaderFill] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    event: EventId = NO_EVENT
    drops: int = -1
    """The order that never arrives although the follower believes it did."""
    sent: int = 0
    absents: bool = False
    """Whether some orders turn out not to exist, so that the follower decides again, with what happened meanwhile."""
    tries: dict[Leg, int] = field(default_factory=dict)

    def leader(self, after: Decimal) -> None:
        """Let the leader move; the follower folds it at once."""
        self.now_ms += self.random.randrange(1, 50)
        before = self.fills[-1].after if self.fills else Decimal(0)
        self.event = EventId(f"lead:{SWAP}:{len(self.fills)}")
        self.fills.append(LeaderFill(self.event, "lead", SWAP, self.now_ms, before, after))
        happened = TradeEvent(
            entry=EntryId(f"{self.now_ms}-{len(self.fills)}"),
            id=self.event,
            kind=EventKind.FILL,
            leader=AccountId("lead"),
            inst_id=SWAP,
            inst_type=InstType.SWAP,
            pos_side=PosSide.NET,
            before=Contracts(before),
            after=Contracts(after),
            price=Price(Decimal(100)),
            category="normal",
            late=False,
            vouched=True,
            hops=Hops(self.now_ms, self.now_ms, self.now_ms),
        )
        self.book, skip = fold(self.book, happened, self.subscription, self.instrument)
        self.covers += skip is None
        self.tries = {}
        self._claim((skip,) if skip else ())

    def serve(self, leader_moves: Iterator[Decimal]) -> None:
        """Decide until nothing is left to do; meanwhile the leader may move, and an opening may fill in part."""
        while True:
            market = UNKNOWN_MARKET
            at = Situation(self.book, self.subscription, Account(), self.instrument, market, self.now_ms)
            decision = decide(at)
            self.book = decision.book
            self._claim(decision.skips)
            if decision.intent is None:
                if self.covers and all(skip.event != self.event for skip in decision.skips):
                    self._claim((Skip(self.event, Reason.NETTED),))
                self.covers = 0
                return
            intent = decision.intent
            if self.absents and self.random.random() < 0.25:
                self._meanwhile(leader_moves)
                self.book = withdrawn(self.book, intent)
                continue
            self.covers = 0
            partly = intent.leg is Leg.OPEN and not intent.more and self.random.random() < 0.2
            partly = partly and self.sent != self.drops
            filled = self.instrument.round_size(intent.size * Decimal("0.4")) if partly else intent.size
            self._order(intent.leg, intent.change, filled)
            self._meanwhile(leader_moves)
            self.book = settled(self.book, intent, filled)

    def _meanwhile(self, leader_moves: Iterator[Decimal]) -> None:
        while self.random.random() < 0.4 and (after := next(leader_moves, None)) is not None:
            self.leader(after)

    def _order(self, leg: Leg, change: Decimal, filled: Decimal) -> None:
        self.now_ms += self.random.randrange(1, 20)
        tries = self.tries.get(leg, 0)
        self.tries[leg] = tries + 1
        self.sent += 1
        if self.sent - 1 == self.drops:
            return
        before, self.position = self.position, self.position + filled.copy_sign(change)
        name = client_order_id(self.event, AccountId("follower"), leg, tries)
        self.orders.append(
            Order(
                len(self.orders),
                self.now_ms * 1_000,
                "follower",
                SWAP,
                change,
                name,
                TAG,
                True,
                "0",
                filled,
                before,
                self.position,
            )
        )

    def _claim(self, skips: tuple[Skip, ...]) -> None:
        for skip in skips:
            self.claims.append(Claim("follower", "lead", SWAP, skip.event, skip.reason.value, self.now_ms))

    def audit(self) -> Report:
        """Audit what happened."""
        most = self.instrument.max_market
        rules = AuditedInstrument(SWAP, self.instrument.lot, self.instrument.minimum, most, most)
        subscription = AuditedSubscription(
            "follower", "lead", self.subscription.sizing.ratio, self.subscription.below_minimum.value
        )
        evidence = Evidence(self.orders, [], {"follower": {SWAP: self.position}})
        return audit(evidence, self.fills, [subscription], self.claims, AuditSettings(TAG, {SWAP: rules}))


def leader_moves(random: Random, count: int) -> Iterator[Decimal]:
    """Yield positions of a leader: opens, adds, partial closes, flips, full closes."""
    at = Decimal(0)
    for _ in range(count):
        step = Decimal(random.randrange(1, 400)) / 100
        move = random.choice(("add", "add", "reduce", "flat", "flip")) if at else "add"
        side = (1 if at > 0 else -1) if at else random.choice((1, -1))
        match move:
            case "add":
                at += side * step
            case "reduce":
                at -= side * min(step, abs(at))
            case "flat":
                at = Decimal(0)
            case "flip":
                at = -side * step
        yield at


def planned(seed: int, drops: int = -1, absents: bool = False) -> Planned:
    """Let a follower copy a random leader."""
    random = Random(seed)
    ratio = Decimal(random.choice(("1", "0.5", "0.333", "0.07", "0.013", "0.004", "2.5")))
    subscription = Subscription(
        AccountId("follower"), AccountId("lead"), 1, SubscriptionState.ACTIVE, FixedRatio(ratio),
        random.choice(list(BelowMinimum)), None,
    )  # fmt: skip
    listed = instrument(random.choice(("0.01", "0.01", "0.05")), random.choice(("1000", "2")))
    run = Planned(random, subscription, listed, drops=drops, absents=absents)
    moves = leader_moves(random, random.randrange(1, 40))
    for after in moves:
        run.leader(after)
        if random.random() < 0.8:
            run.serve(moves)
    run.serve(moves)
    return run


@pytest.mark.parametrize("absents", [False, True])
@pytest.mark.parametrize("block", range(2))
def test_honest_planning_passes(block: int, absents: bool) -> None:
    for seed in range(block * 250, (block + 1) * 250):
        findings = planned(seed, absents=absents).audit().findings
        assert not findings, f"seed {seed}: {findings[0]}"


def test_an_order_sent_twice_is_always_found() -> None:
    for seed in range(200):
        run = planned(seed)
        if run.orders:
            sent = run.random.choice(run.orders)
            run.orders.append(replace(sent, before=run.position, after=run.position + sent.change))
            assert run.audit().counts[Word.DOUBLED], f"seed {seed}"


def test_an_order_that_never_arrived_is_always_found() -> None:
    """Whether as a fill not copied or as a position too small depends on what came after it.

    Orders within the tolerance, one minimum, may be made up for by the next one and are left out.
    """
    found = 0
    for seed in range(400):
        honest = planned(seed)
        large = [n for n, order in enumerate(honest.orders) if abs(order.change) > 2 * honest.instrument.minimum]
        if large:
            run = planned(seed, drops=Random(seed).choice(large))
            assert not run.audit().clean, f"seed {seed}"
            found += 1
    assert found > 200
