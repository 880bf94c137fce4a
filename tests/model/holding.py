"""What a worker believes of the lane it holds, beyond the product's own working copy of it."""

from dataclasses import dataclass, field
from decimal import Decimal

from services.follower_worker.flights import StrandKey
from services.follower_worker.lane import Lane
from services.follower_worker.records import Written
from shared.domain.fills import TradeEvent
from shared.domain.ids import entry_order
from shared.domain.orders import Attempt
from shared.domain.outcomes import OrderReport, OrderState
from tests.model.asking import Doubt
from tests.model.redis_state import Redis
from tests.model.rules import Rule
from tests.model.values import LEADER, Sent, World


@dataclass(slots=True)
class Holding:
    """A lane in hand: what was read and not yet folded, the commit on its way, what is in flight, what is asked for."""

    world: World
    lane: Lane
    batch: tuple[TradeEvent, ...] = ()
    written: Written | None = None
    in_flight: dict[StrandKey, Sent] = field(default_factory=dict)
    doubts: dict[StrandKey, Doubt] = field(default_factory=dict)

    @property
    def dirty(self) -> bool:
        """Tell whether there is something to write, as far as the worker knows."""
        behind = self.lane.offset != self.lane.written_offset
        return behind or self.written is not None or any(each.dirty for each in self.lane.strands.values())

    def has_read_everything(self, redis: Redis) -> bool:
        """Tell whether every event somebody may have acted on has been read; as `resolving` does."""
        lane = self.lane
        if not self.world.has(Rule.READ_BEFORE_ASKING):
            return True
        if not lane.caught_up:
            return False
        if LEADER not in lane.confirmed:
            if self.world.has(Rule.REPUBLISHED_FIRST) and not redis.republished:
                return False
            lane.confirmed[LEADER] = redis.last
        return entry_order(lane.position) >= entry_order(lane.confirmed[LEADER])


def as_if_filled(named: Attempt) -> OrderReport:
    """Report an order as if what was accepted had filled: not good enough."""
    intent = named.intent
    return OrderReport(
        named.cl_ord_id, "1", intent.side, OrderState.FILLED, intent.size, intent.size, None, Decimal(0), "", 0
    )
