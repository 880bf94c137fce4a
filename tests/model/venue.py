"""The venue: takes orders late, out of order and after their sender died; refuses them after `expTime`.

Never kinder than OKX: a name is unique among pending orders only, so a doubled one fills twice.
"""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain.ids import AccountId, ClOrdId, Leg
from shared.domain.outcomes import (
    Accepted,
    Category,
    NotPlaced,
    OrderReport,
    OrderState,
    Placement,
    Postponement,
    Refused,
    Unknown,
)
from shared.domain.quantities import ZERO, Contracts, sign
from tests.model.rules import Fault, Rule
from tests.model.values import AccountKey, Sent, World


@dataclass(slots=True)
class Order:
    """An order the venue took."""

    sent: Sent
    visible: int
    filled: Decimal = Decimal(0)
    will_fill: Decimal = Decimal(0)
    done: bool = False

    @property
    def report(self) -> OrderReport:
        """Return what GET shows of it."""
        intent = self.sent.attempt.intent
        state = (
            OrderState.LIVE
            if not self.done
            else OrderState.FILLED
            if self.filled == intent.size
            else OrderState.CANCELED
        )
        return OrderReport(
            self.sent.attempt.cl_ord_id,
            "1",
            intent.side,
            state,
            intent.size,
            Contracts(self.filled),
            None,
            Decimal(0),
            "",
            0,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that happened at the venue, in its order: an order with all that it will fill, or a refusal."""

    sent: Sent
    accepted: bool
    filled: Decimal
    position: Contracts


class Venue:
    """Accounts, orders and what is on its way to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.arriving: list[Sent] = []
        self.leaving: list[tuple[Sent, Placement]] = []
        self.positions: dict[AccountKey, Contracts] = {}
        self.orders: dict[ClOrdId, list[Order]] = {}
        self.live: list[Order] = []
        self.evidence: list[Evidence] = []
        self.dead_until: dict[AccountId, int] = {}

    def dead(self, follower: AccountId) -> bool:
        """Tell whether a follower's grant is no good just now."""
        return not self._world.healing and self.dead_until.get(follower, 0) > self._world.now

    def send(self, sent: Sent) -> None:
        """Put an order on its way; the connection may break while it is."""
        self.arriving.append(sent)
        if self._world.fault(Fault.LOST_ANSWER, 0.15):
            self.leaving.append((sent, Unknown("reset")))
        if Fault.UNFENCED in self._world.faults:
            self._arrives(self.arriving.pop())

    def take_any(self) -> None:
        """Let one order arrive, whichever."""
        self._arrives(self.arriving.pop(self._world.random.randrange(len(self.arriving))))

    def _arrives(self, sent: Sent) -> None:
        answer = self._take(sent)
        lost = self._world.fault(Fault.LOST_ANSWER, 0.3)
        what = f"{sent}: {type(answer).__name__}{' (answer lost)' if lost else ''}"
        self._world.note("venue", f"{what}, position {self.position(sent.key)}")
        if not lost:
            self.leaving.append((sent, answer))
        elif self._world.random.random() < 0.5:
            self.leaving.append((sent, Unknown("reset")))

    def position(self, key: AccountKey) -> Contracts:
        """Return a follower's signed position."""
        return self.positions.get(key, ZERO)

    def _take(self, sent: Sent) -> Placement:
        fenced = self._world.has(Rule.VENUE_FENCE) and Fault.UNFENCED not in self._world.faults
        if fenced and self._world.now > sent.expires:
            return NotPlaced(Postponement.EXPIRED)
        if self._world.fault(Fault.THROTTLED, 0.2):
            return NotPlaced(Postponement.THROTTLED)
        position, intent = self.position(sent.key), sent.attempt.intent
        if self.dead(sent.attempt.follower):
            self.evidence.append(Evidence(sent, accepted=False, filled=Decimal(0), position=position))
            return Refused("53003", "", Category.GRANT_DEAD, "")
        nothing_to_close = intent.leg is Leg.CLOSE and position * intent.change >= 0
        if nothing_to_close or self._world.fault(Fault.REFUSED, 0.3):
            self.evidence.append(Evidence(sent, accepted=False, filled=Decimal(0), position=position))
            return Refused("1", "", Category.NOTHING_TO_CLOSE if nothing_to_close else Category.FUNDS, "")
        most = min(abs(position), intent.size) if intent.leg is Leg.CLOSE else intent.size
        if self._world.fault(Fault.PARTIAL, 0.4):
            most = Contracts(Decimal(self._world.random.randint(0, int(most))))
        self._accept(sent, most)
        return Accepted("1", self._world.now)

    def _accept(self, sent: Sent, most: Decimal) -> None:
        order = Order(sent, self._world.now + self._world.random.randint(0, self._world.lag), will_fill=most)
        self.orders.setdefault(sent.attempt.cl_ord_id, []).append(order)
        slowly = self._world.fault(Fault.PARTIAL, 0.5)
        self._fill(order, Decimal(self._world.random.randint(0, int(most))) if slowly else most)
        whole = self.position(sent.key) + (most - order.filled) * sign(sent.attempt.intent.change)
        self.evidence.append(Evidence(sent, accepted=True, filled=most, position=Contracts(whole)))
        order.done = order.filled == most
        if not order.done:
            self.live.append(order)

    def _fill(self, order: Order, amount: Decimal) -> None:
        key = order.sent.key
        order.filled += amount
        self.positions[key] = Contracts(self.position(key) + amount * sign(order.sent.attempt.intent.change))

    def finish_any(self) -> None:
        """Let one live order end: the rest of what it gets fills."""
        order = self.live.pop(self._world.random.randrange(len(self.live)))
        self._fill(order, order.will_fill - order.filled)
        order.done = True

    def ask(self, name: ClOrdId) -> OrderReport | None:
        """Return the latest order of a name the venue shows by now."""
        shown = [each for each in self.orders.get(name, ()) if each.visible <= self._world.now]
        return shown[-1].report if shown else None
