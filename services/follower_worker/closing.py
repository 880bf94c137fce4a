"""Commands to close, as a lane is given them: whose positions, and the event each of them stands for."""

from collections.abc import Callable
from dataclasses import dataclass

from services.follower_worker.flights import StrandKey
from shared.domain.fills import TradeEvent
from shared.domain.ids import AccountId, EntryId
from shared.domain.switches import close_out
from shared.messages.entries import SubscriptionV1, SwitchV1, read_switch


@dataclass(frozen=True, slots=True)
class Closing:
    """One command to close."""

    entry: EntryId
    name: str
    """Tells it apart from every other command of the same account."""
    at_ms: int
    concerns: Callable[[StrandKey], bool]

    def event(self, key: StrandKey) -> TradeEvent:
        """Return what it means to one strand."""
        return close_out(self.name, self.entry, key.leader, key.inst_id, self.at_ms)


def by_switch(entry: EntryId, message: SwitchV1, at_ms: int) -> Closing:
    """Close everything a kill switch concerns."""
    switch = read_switch(message)
    name = f"close:{switch.scope.value}:{switch.made_ms}"
    return Closing(entry, name, at_ms, lambda key: switch.concerns(key.follower, key.leader, key.inst_id))


def by_ending(entry: EntryId, message: SubscriptionV1, at_ms: int) -> Closing:
    """Close what is held because of a subscription that has ended."""
    pair = AccountId(message.follower), AccountId(message.leader)
    return Closing(entry, f"close:v{message.version}", at_ms, lambda key: (key.follower, key.leader) == pair)
