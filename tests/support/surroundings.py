"""What a worker is told of instruments and followers, as a test has it."""

from collections.abc import Collection
from dataclasses import dataclass, field

from shared.domain.ids import AccountId, InstId
from shared.domain.instruments import UNKNOWN_MARKET, Instrument, Market
from shared.domain.risk import Account
from tests.support.builders import instrument


class ListedInstruments:
    """Implements ports.Instruments for what it is given."""

    def __init__(self, *listed: Instrument) -> None:
        self._listed = {each.inst_id: each for each in listed or (instrument(),)}

    def find(self, inst_id: InstId) -> Instrument | None:
        return self._listed.get(inst_id)

    def market(self, inst_id: InstId) -> Market:
        del inst_id
        return UNKNOWN_MARKET


@dataclass
class KnownFollowers:
    """Implements copying.Followers: whoever was ensured is known; the others open nothing."""

    account: Account = field(default_factory=Account)
    ensured: list[AccountId] = field(default_factory=list)

    async def ensure(self, followers: Collection[AccountId]) -> None:
        self.ensured += followers

    def find(self, follower: AccountId) -> Account:
        return self.account if follower in self.ensured else Account(net_mode=False)
