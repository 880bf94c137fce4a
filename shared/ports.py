"""What use cases ask of the world: every Protocol two rooms share.

Expected results are values. The exceptions here mean "I could not find out", never "no".
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from shared.domain.fills import Fill
from shared.domain.ids import AccountId, ClOrdId, EntryId, InstId
from shared.domain.instruments import Instrument, Market
from shared.domain.lanes import Lane, Lease
from shared.domain.orders import Attempt
from shared.domain.outcomes import OrderReport, Placement
from shared.domain.quantities import Contracts
from shared.messages.lane import Commit, LaneRecord, Written


class CouldNotAsk(Exception):
    """The venue gave no usable answer to a question; nothing was learned. Ask again later."""


class GrantUnusable(Exception):
    """The account's grant is dead or missing; nothing can be asked or placed for it until it is renewed by consent."""


class Clock(Protocol):
    """Time on this host."""

    def now_ms(self) -> int:
        """Return Unix milliseconds."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; the only way to wait for time."""


class VenueClock(Protocol):
    """Time at the venue, as well as we can tell."""

    def now_ms(self) -> int:
        """Return the venue's Unix milliseconds, estimated."""

    def surely_past(self, venue_ms: int) -> bool:
        """Tell whether the venue's clock has passed `venue_ms`, even if the estimate is wrong by its whole error."""


Placed = Callable[[Placement], None]
"""Is told, once, what became of an order. Must not raise."""


Shown = OrderReport | CouldNotAsk | GrantUnusable | None
"""What came of a question for an order: the order, none of that name, or why nobody knows."""
Inquired = Callable[[Shown], None]
"""Is told, once, what came of a question. Must not raise."""


class Exchange(Protocol):
    """A follower's account at the venue, in our words."""

    def launch(self, attempt: Attempt, expires_ms: int, leave_before: float, placed: Placed) -> None:
        """Send one order that the venue refuses after `expires_ms` (venue milliseconds), and return at once.

        `placed` is called once with what became of it, perhaps before this returns. Never raises for the venue's sake
        and never sends twice, except that an answer which proves the token expired makes it re-read the grant and send
        once more. Nothing leaves at or after `leave_before` (monotonic seconds), whatever had to be waited for.
        """

    async def place(self, attempt: Attempt, expires_ms: int, leave_before: float = inf) -> Placement:
        """Do as `launch` does, and wait for what becomes of it."""

    async def ask(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId) -> OrderReport | None:
        """Return the latest order of that name, or None if the venue shows none.

        Raises:
            CouldNotAsk: no usable answer.
            GrantUnusable: the account cannot be asked.
        """

    def inquire(self, follower: AccountId, inst_id: InstId, cl_ord_id: ClOrdId, inquired: Inquired) -> None:
        """Ask as `ask` does and return at once; `inquired` is called once, perhaps before this returns.

        What `ask` raises it is told. Costs no task unless something must be waited for first.
        """

    async def has_fill(
        self, follower: AccountId, inst_id: InstId, names: Collection[ClOrdId], since_ms: int = 0
    ) -> bool:
        """Tell whether any recent fill of the account, at or after `since_ms`, carries one of these names.

        Raises as `ask`.
        """

    async def position(self, follower: AccountId, inst_id: InstId) -> Contracts:
        """Return the account's signed net position, zero if it has none. Raises as `ask`."""

    async def positions(self, follower: AccountId) -> Mapping[InstId, Contracts]:
        """Return every signed net position of the account; one read. Raises as `ask`."""


class Instruments(Protocol):
    """Reference data and prices, kept fresh in the background."""

    def find(self, inst_id: InstId) -> Instrument | None:
        """Return an instrument, or None if the venue does not list it. Never blocks."""

    def market(self, inst_id: InstId) -> Market:
        """Return what is known of its price now. Never blocks."""


@dataclass(frozen=True, slots=True)
class FeedJoined:
    """The socket is logged in and subscribed; whatever happened before must be read from history first."""


@dataclass(frozen=True, slots=True)
class FeedFill:
    """A push that carries a fill."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class FeedHint:
    """A push that may hide a fill (no trade id); only history can tell."""

    why: str


@dataclass(frozen=True, slots=True)
class FeedLost:
    """The socket is gone or silent; it is being rejoined."""

    why: str
    after_s: float = field(default=0.0, compare=False)
    """How long after its last sign of life that was noticed; 0 where it was never joined."""


FeedSignal = FeedJoined | FeedFill | FeedHint | FeedLost


class LeaderFeed(Protocol):
    """A leader's private socket."""

    def signals(self) -> AsyncIterator[FeedSignal]:
        """Yield what the socket says, for ever, rejoining by itself; ends only when its task is cancelled."""


class LeaderHistory(Protocol):
    """A leader's account by REST: the truth the socket is compared with."""

    async def fills_since(self, since_ms: int) -> Sequence[Fill]:
        """Return every fill at or after `since_ms`, oldest first by the venue's own sequence, over all pages.

        Raises:
            CouldNotAsk: no usable answer.
            GrantUnusable: the leader's key no longer works.
        """

    async def positions(self) -> dict[InstId, Contracts]:
        """Return the signed net position per instrument. Raises as `fills_since`."""


class Leases(Protocol):
    """Who holds which lane."""

    async def beat(self, worker: str) -> int:
        """Show a sign of life and return how many workers are alive."""

    async def leave(self, worker: str) -> None:
        """Take back the sign of life."""

    async def acquire(self, lane: Lane) -> Lease | None:
        """Take a lane nobody holds; None if somebody does."""

    async def renew(self, leases: Sequence[Lease]) -> list[Lease]:
        """Extend leases in place; return the lost ones."""

    async def soonest_s(self) -> float:
        """Return in how many seconds the first of all leases would run out, 0 if a lane is free already."""

    async def release(self, lease: Lease, clean: int | None = None) -> None:
        """Give a lane back; `clean` is the last commit's number if nothing may have been sent it does not tell of."""


class LaneStore(Protocol):
    """A lane's state: loaded once, then only written, one token-checked step at a time."""

    async def load(self, lane: Lane) -> LaneRecord:
        """Read everything a lane keeps."""

    async def raise_begun(self, leases: Sequence[Lease], entry: EntryId) -> list[bool]:
        """Record that something may leave up to `entry`; False where nothing may."""

    async def commit(self, lease: Lease, commit: Commit) -> Written:
        """Write one step; repeating it changes nothing."""


class Trades(Protocol):
    """The stream of entries."""

    async def last(self) -> EntryId:
        """Return the id of the newest entry ever added."""

    async def confirmed(self, leader: AccountId) -> bool:
        """Tell whether everything known of a leader has been published since Redis may have forgotten."""

    async def after(self, entry: EntryId, upto: EntryId, count: int) -> list[tuple[EntryId, bytes]]:
        """Read entries after one, up to and including another."""

    async def bury(self, entry: EntryId, payload: bytes, reason: str) -> None:
        """Set an undecodable entry aside."""
