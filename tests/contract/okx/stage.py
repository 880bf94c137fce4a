"""Our clients opened against the paper OKX, and accounts of a test's own on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from shared.clock import SystemClock
from shared.domain.ids import AccountId, EventId, InstId, Leg
from shared.domain.orders import Attempt, Intent, MarginMode, OrderType, attempt
from shared.domain.quantities import Contracts
from shared.okx.authority import Authority, RenewalLimits
from shared.okx.exchange import ExchangeLimits, OkxExchange
from shared.okx.feed import OkxFeed
from shared.okx.history import OkxHistory
from shared.okx.pool import WireLimits
from shared.okx.rest import Patience, Rest, SiteWays
from shared.okx.socket import ConnectGate, SocketLimits
from shared.okx.transport import Transport
from shared.okx.venue_clock import OkxVenueClock
from shared.okx.wire import Wire
from shared.ports import GrantUnusable
from shared.vault.credentials import ApiKey, BearerToken, Credential, SigningKey
from shared.vault.secret import Secret
from tests.support.simulator import RunningSimulator, people

BTC = InstId("BTC-USDT-SWAP")
TAG = "ABCDEF0123456789"
ANSWER_S = 1.5
SOCKET = SocketLimits(connect_s=5, answer_s=5, ping_s=0.4, silence_s=1.6)


class Held:
    """`Credentials` kept in a dictionary; `stored` is what a read finds."""

    def __init__(self) -> None:
        self.stored: dict[AccountId, Credential] = {}
        self.kept: dict[AccountId, Credential] = {}

    def cached(self, account: AccountId) -> Credential | None:
        return self.kept.get(account)

    async def read(self, account: AccountId) -> Credential:
        if account not in self.stored:
            raise GrantUnusable(f"{account} has no grant")
        self.kept[account] = self.stored[account]
        return self.kept[account]

    def forget(self, account: AccountId) -> None:
        self.kept.pop(account, None)


@dataclass
class Stage:
    """Everything of ours that speaks to the simulator."""

    simulator: RunningSimulator
    wire: Wire
    transport: Transport
    rest: Rest
    venue: OkxVenueClock
    credentials: Held
    authority: Authority
    exchange: OkxExchange
    gate: ConnectGate
    clock: SystemClock
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _events: "count[int]" = field(default_factory=lambda: count(1))

    async def follower(self, usdt: str = "1000000") -> AccountId:
        """Make an account that gave us an OAuth token."""
        [person] = people(1, first=next(self._numbers))
        await self.simulator.add_accounts({**person, "balances": {"USDT": usdt}})
        account = AccountId(person["uid"])
        self.credentials.stored[account] = BearerToken(account, 1, "www", Secret(person["access_token"]))
        return account

    async def leader(self) -> AccountId:
        """Make an account that gave us an API key."""
        [person] = people(1, role="leader", first=next(self._numbers))
        await self.simulator.add_accounts(person)
        account = AccountId(person["uid"])
        key = ApiKey(Secret(person["api_key"]), Secret(person["secret_key"]), Secret(person["passphrase"]))
        self.credentials.stored[account] = SigningKey(account, 1, "www", key)
        return account

    def order(self, follower: AccountId, size: str, *, reduce_only: bool = False) -> Attempt:
        """Name a market order; each has an event of its own."""
        intent = Intent(BTC, Leg.OPEN, Contracts(Decimal(size)), OrderType.MARKET, None, reduce_only, MarginMode.CROSS)
        return attempt(intent, follower, EventId(f"event-{next(self._events)}"), 0)

    def deadline(self, in_ms: int = 1_000) -> int:
        return self.venue.now_ms() + in_ms

    def feed(self, leader: AccountId) -> OkxFeed:
        address = f"{self.simulator.ws_url}/private"
        return OkxFeed(leader, address, self.authority, self.venue, self.clock, self.gate, SOCKET)

    def history(self, leader: AccountId) -> OkxHistory:
        return OkxHistory(leader, self.rest, self.authority, self.venue)


@asynccontextmanager
async def staged(simulator: RunningSimulator) -> AsyncIterator[Stage]:
    """Open our clients; the venue's clock has been heard once."""
    clock, credentials = SystemClock(), Held()
    async with (
        Wire(simulator.rest_url, clock, WireLimits(connections=50)) as wire,
        Transport(simulator.rest_url) as transport,
    ):
        venue = OkxVenueClock(transport, clock)
        await venue.measure()
        rest = Rest(transport, clock, venue, Patience(answer_s=ANSWER_S, tries=2, first_ms=10))
        authority = Authority(credentials, venue, clock, RenewalLimits(join_refresh_s=0.5, reread_s=0.02))
        ways = {"www": SiteWays(wire, rest)}
        exchange = OkxExchange(ways, authority, venue, TAG, ExchangeLimits(answer_s=ANSWER_S))
        yield Stage(
            simulator, wire, transport, rest, venue, credentials, authority, exchange, ConnectGate(clock), clock
        )
