"""Kill switches: who may not open any more, and who is to be closed out, until the switch is lifted. Pure.

A switch concerns everybody, the followers of one leader, one follower, or one instrument. `stop_opens` denies every
opening that has not left yet; `flatten` does that and closes what followers hold because of us. Closes always go.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.fills import EventKind, Hops, PosSide, TradeEvent
from shared.domain.ids import AccountId, EntryId, EventId, InstId
from shared.domain.instruments import InstType
from shared.domain.quantities import ZERO, Contracts, Price

_WHOLE = Contracts(Decimal(1))


class Scope(StrEnum):
    """Whom a switch concerns."""

    PLATFORM = "platform"
    LEADER = "leader"
    FOLLOWER = "follower"
    INSTRUMENT = "instrument"
    OWN = "own"
    """One follower too, thrown by its owner: operators' switches are not theirs to lift, nor the other way round."""


class Action(StrEnum):
    """What a switch does."""

    STOP_OPENS = "stop_opens"
    FLATTEN = "flatten"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class Switch:
    """One throw of a switch; the newest of a scope and name is in force. `name` is empty for the platform."""

    scope: Scope
    name: str
    action: Action
    made_ms: int

    @property
    def id(self) -> str:
        """Return the identity a repeated publication is known by."""
        return f"switch:{self.scope}:{self.name}:{self.made_ms}"

    def concerns(self, follower: AccountId, leader: AccountId, inst_id: InstId) -> bool:
        """Tell whether a copy falls under it."""
        match self.scope:
            case Scope.PLATFORM:
                return True
            case Scope.LEADER:
                return self.name == leader
            case Scope.INSTRUMENT:
                return self.name == inst_id
            case Scope.FOLLOWER | Scope.OWN:
                return self.name == follower


def close_out(name: str, entry: EntryId, leader: AccountId, inst_id: InstId, at_ms: int) -> TradeEvent:
    """Return the event that a command to close stands for: as if the leader had left the instrument.

    So it is folded, ordered, named, asked for and recovered as every close is. `name` tells commands of one account
    apart; the leader and the instrument belong to the event's id, because an order's name knows neither.
    """
    return TradeEvent(
        entry=entry,
        id=EventId(f"{name}:{leader}:{inst_id}"),
        kind=EventKind.COMMAND,
        leader=leader,
        inst_id=inst_id,
        inst_type=InstType.SWAP,
        pos_side=PosSide.NET,
        before=_WHOLE,
        after=ZERO,
        price=Price(ZERO),
        category="",
        late=False,
        vouched=True,
        hops=Hops(at_ms, at_ms, at_ms),
    )
