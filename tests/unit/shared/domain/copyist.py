"""One follower copying one leader on one instrument: a strand in miniature, with a venue that does as it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from shared.domain.books import FLAT, Book, fold, observed, settled, withdrawn
from shared.domain.fills import TradeEvent
from shared.domain.instruments import UNKNOWN_MARKET, Instrument, Market
from shared.domain.orders import Intent
from shared.domain.planning import decide
from shared.domain.quantities import plain, sign
from shared.domain.reasons import Skip
from shared.domain.risk import Account, Situation
from shared.domain.subscriptions import Subscription
from tests.support.builders import NOON_MS, Number, event, instrument, subscription

MOST_ORDERS = 200
"""More orders than this without a new event means that deciding does not come to rest."""


HALF = subscription(ratio="0.5")
"""The follower of most examples holds half of what the leader holds."""


@dataclass(slots=True)
class Copyist:
    """Folds on receipt, decides when idle, settles what was placed. `position` is what the venue says."""

    subscription: Subscription
    instrument: Instrument
    account: Account = field(default_factory=Account)
    market: Market = UNKNOWN_MARKET
    now_ms: int = NOON_MS
    book: Book = FLAT
    position: Decimal = Decimal(0)
    flying: Intent | None = None
    orders: list[Intent] = field(default_factory=list)
    skips: list[Skip] = field(default_factory=list)

    def receive(self, event: TradeEvent) -> Skip | None:
        """Fold an event, whatever is in flight."""
        self.book, skip = fold(self.book, event, self.subscription, self.instrument)
        self.skips += [skip] if skip else []
        return skip

    @property
    def situation(self) -> Situation:
        return Situation(self.book, self.subscription, self.account, self.instrument, self.market, self.now_ms)

    def start(self) -> tuple[Intent | None, Sequence[Skip]]:
        """Decide; an order that comes of it is in flight from here on."""
        assert self.flying is None, "the previous order is not done"
        decision = decide(self.situation)
        self.book, self.flying = decision.book, decision.intent
        self.skips += decision.skips
        self.orders += [decision.intent] if decision.intent else []
        return decision.intent, decision.skips

    def finish(self, filled: Decimal | None = None) -> None:
        """End the order in flight, filled whole unless told otherwise."""
        intent = self._landed()
        size = intent.size if filled is None else filled
        self.position += size * sign(intent.change)
        self.book = settled(self.book, intent, size)

    def vanish(self) -> None:
        """Learn that the order in flight does not exist."""
        self.book = withdrawn(self.book, self._landed())

    def observe(self, position: Decimal) -> None:
        """Read the account: it holds this."""
        self.book, self.position = observed(self.book, position), position

    def rest(self) -> None:
        """Decide and fill until there is nothing to do: a quiet point."""
        if self.flying:
            self.finish()
        for _ in range(MOST_ORDERS):
            intent, _ = self.start()
            if intent is None:
                return
            self.finish()
        raise AssertionError(f"{MOST_ORDERS} orders and still not at rest: {self.book}, last {self.orders[-1]}")

    def copy_all(self, events: Sequence[TradeEvent]) -> "Copyist":
        """Copy events one by one, each to a quiet point."""
        for each in events:
            self.receive(each)
            self.rest()
        return self

    def _landed(self) -> Intent:
        assert self.flying is not None, "nothing is in flight"
        intent, self.flying = self.flying, None
        return intent


def leader_at(*positions: Number) -> list[TradeEvent]:
    """Tell a history by the positions the leader went through, from none."""
    return [event(*pair, number=number) for number, pair in enumerate(pairwise([0, *positions]), 1)]


def copied(events: Sequence[TradeEvent], settings: Subscription = HALF, on: Instrument | None = None) -> Copyist:
    """Copy a whole history, event by event, in lots of one contract unless told otherwise."""
    return Copyist(settings, on or instrument()).copy_all(events)


def placed(copyist: Copyist) -> list[str]:
    """Spell every order so far as leg and signed size."""
    return [f"{order.leg} {plain(order.change)}" for order in copyist.orders]
