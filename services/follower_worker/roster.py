"""USE CASE what must be known of a follower before an order leaves for it: its account, its grant, its fence.

Two things are proven once per grant. The fence: an order too small to place, already expired, must be refused because
it expired; a grant without that proof still trades, but its orders in doubt are treated as if the venue kept no
deadline. The tag: an order too small to place, not expired, must be refused with our tag repeated; without it orders
earn nothing, which operators must know.
"""

import asyncio
from collections.abc import Awaitable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from secrets import token_hex
from typing import Protocol

import structlog

from shared.domain.ids import AccountId, EventId, InstId, Leg
from shared.domain.instruments import Instrument
from shared.domain.orders import Intent, MarginMode, OrderType, attempt
from shared.domain.outcomes import Category, NotPlaced, Placement, Postponement, Refused, Unknown
from shared.domain.quantities import Contracts
from shared.domain.risk import Account
from shared.messages.notices import GrantChange, GrantNotice
from shared.ports import Clock, Exchange, Instruments, VenueClock

_UNREADY = Account(net_mode=False, reduce_only=False, fenced=False)
"""An account nobody knows: it opens nothing."""
_PROOF_AGE_MS, _PROOF_LIFE_MS = 60_000, 5_000
_PROOFS_AT_ONCE = 32
_REFRESH_S, _REFRESHED_AT_ONCE = 1.0, 100
"""Accounts read again, and how often: a hundred thousand take a quarter of an hour, and an order never notices."""
_PROOF_TRIES, _PROVE_AGAIN_S = 30, 1.0
"""How often, and how soon again, a proof is tried that got no answer."""


class Book(Protocol):
    """Where followers are written down."""

    async def accounts(self, wanted: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Return what planning must know of these accounts."""

    async def open_grants(self, wanted: Sequence[AccountId]) -> None:
        """Open their grants into memory."""

    def version(self, account: AccountId) -> int:
        """Return which version of an account's grant is open, 0 if none is. Never blocks."""

    async def mark_fenced(self, account: AccountId, version: int) -> bool:
        """Remember that the fence was proven for this version of the account's grant; False if it has moved on."""

    async def mark_tagged(self, account: AccountId, version: int, *, tagged: bool) -> bool:
        """Remember whether the venue repeated our tag to this version of the account's grant; as `mark_fenced`."""


class Roster:
    """The followers of the lanes in hand, in memory."""

    def __init__(
        self,
        book: Book,
        exchange: Exchange,
        instruments: Instruments,
        venue: VenueClock,
        proof_instrument: InstId,
        tag: str,
    ) -> None:
        self._book, self._exchange, self._instruments, self._venue = book, exchange, instruments, venue
        self._proof_instrument, self._tag = proof_instrument, tag
        self._known: dict[AccountId, Account] = {}
        self._loading = asyncio.Lock()
        self._unanswered: dict[AccountId, int] = {}
        """How often the fence of a grant was asked about without an answer that decides."""

    def account(self, follower: AccountId) -> Account:
        """Return a follower's account; one not loaded yet opens nothing. Never blocks."""
        return self._known.get(follower, _UNREADY)

    def proving(self, follower: AccountId) -> bool:
        """Tell whether a fence is still being proven: that it is not says nothing yet. Never blocks."""
        return follower in self._unanswered

    async def prove_for_ever(self, clock: Clock) -> None:
        """Repeat proofs that nobody answered: a moment's trouble must not make a grant unfenced for good."""
        while True:
            await clock.sleep(_PROVE_AGAIN_S)
            await self._prove_all(iter(list(self._unanswered)))

    async def refresh_for_ever(self, clock: Clock) -> None:
        """Read again what is known, a few accounts at a time: what a lost notice told of is learned all the same."""
        left: list[AccountId] = []
        while True:
            await clock.sleep(_REFRESH_S)
            left = left or list(self._known)
            some, left = left[:_REFRESHED_AT_ONCE], left[_REFRESHED_AT_ONCE:]
            try:
                await self._refresh(some)
            except ConnectionError as error:
                structlog.get_logger().warning("followers_not_refreshed", reason=str(error))

    async def _refresh(self, some: Sequence[AccountId]) -> None:
        """Learn what was changed of accounts in hand; where that was the grant, learn everything anew.

        What was read may be older than a new grant: it can take a proof away, and never gives one.
        """
        found = await self._book.accounts(some)
        consented = [each for each in found if self._known[each].fenced and not found[each].fenced]
        for each, account in found.items():
            self._known[each] = replace(account, fenced=account.fenced and self._known[each].fenced)
        if consented:
            await self._load(consented)

    def __len__(self) -> int:
        return len(self._known)

    async def heard(self, notice: GrantNotice) -> None:
        """Open a grant again that has changed, if it is one of ours; after a new consent learn everything anew."""
        account = AccountId(notice.account)
        if account not in self._known or notice.change is GrantChange.REJECTED:
            return
        if notice.change is GrantChange.CONSENTED:
            # Before the new grant is opened: what was proven with the old one says nothing about it.
            self._known[account] = replace(self._known[account], fenced=False)
            await self._load([account])
        elif notice.change is GrantChange.ACCOUNT:
            await self._refresh([account])
        else:
            await self._book.open_grants([account])

    async def ensure(self, followers: Collection[AccountId]) -> None:
        """Load accounts and open grants that are not in memory yet, and prove fences that are not.

        Repeating it is cheap.
        """
        async with self._loading:
            missing = [each for each in dict.fromkeys(followers) if each not in self._known]
            if missing:
                await self._load(missing)

    async def _load(self, missing: Sequence[AccountId]) -> None:
        found = await self._book.accounts(missing)
        await self._book.open_grants(missing)
        self._known |= found
        if absent := [each for each in missing if each not in found]:
            structlog.get_logger().error("followers_unknown", count=len(absent), first=absent[0])
        await self._prove_all(each for each in missing if each in found and not found[each].fenced)

    async def _remembered(self, follower: AccountId, remembering: Awaitable[bool]) -> bool:
        """Write a proof down; False if the grant has moved on since.

        Without a database it holds for this process, and is made again by the next.
        """
        try:
            return await remembering
        except ConnectionError as error:
            structlog.get_logger().warning("proof_not_remembered", account=follower, reason=str(error))
            return True

    async def _prove_all(self, unproven: Iterator[AccountId]) -> None:
        async def prove_some() -> None:
            for follower in unproven:
                await self._prove(follower)

        async with asyncio.TaskGroup() as group:
            for _ in range(_PROOFS_AT_ONCE):
                group.create_task(prove_some())

    async def _prove(self, follower: AccountId) -> None:
        """Prove the fence of a follower's grant, then its tag.

        What was answered while the grant moved on proves nothing of it, and is asked anew.
        """
        instrument, version = self._instruments.find(self._proof_instrument), self._book.version(follower)
        if instrument is None:
            return
        expired = await self._place_too_small(follower, instrument, "fence", -_PROOF_AGE_MS)
        held = isinstance(expired, NotPlaced) and expired.why is Postponement.EXPIRED
        moved = self._book.version(follower) != version
        if held and not moved:
            remembered = await self._remembered(follower, self._book.mark_fenced(follower, version))
            moved = not remembered or self._book.version(follower) != version
        if (moved or _undecided(expired)) and self._proves_again(follower):
            return
        if held and not moved:
            self._known[follower] = replace(self._known[follower], fenced=True)
        else:
            structlog.get_logger().warning("fence_not_proven", account=follower, answer=type(expired).__name__)
        if await self._prove_tag(follower, instrument, version) or not self._proves_again(follower):
            self._unanswered.pop(follower, None)

    async def _prove_tag(self, follower: AccountId, instrument: Instrument, version: int) -> bool:
        """Learn whether the venue repeats our tag; False if the grant has moved on since."""
        refused = await self._place_too_small(follower, instrument, "tag", _PROOF_LIFE_MS)
        if not (isinstance(refused, Refused) and refused.category is Category.PARAMETER):
            structlog.get_logger().warning("tag_not_proven", account=follower, answer=type(refused).__name__)
            return True
        tagged = refused.tag == self._tag
        if not tagged:
            structlog.get_logger().error("tag_not_repeated", account=follower, told=refused.tag[:32])
        return await self._remembered(follower, self._book.mark_tagged(follower, version, tagged=tagged))

    def _proves_again(self, follower: AccountId) -> bool:
        """Have the proof made again soon, unless that was tried too often."""
        tries = self._unanswered.get(follower, 0) + 1
        if tries >= _PROOF_TRIES:
            return False
        self._unanswered[follower] = tries
        return True

    async def _place_too_small(self, follower: AccountId, instrument: Instrument, why: str, lives_ms: int) -> Placement:
        """Place an order that no venue can fill: a tenth of the smallest there is."""
        intent = Intent(
            inst_id=instrument.inst_id,
            leg=Leg.OPEN,
            change=Contracts(instrument.minimum / Decimal(10)),
            type=OrderType.MARKET,
            price=None,
            reduce_only=False,
            margin_mode=MarginMode.CROSS,
        )
        named = attempt(intent, follower, EventId(f"{why}:{token_hex(8)}"), 0)
        return await self._exchange.place(named, self._venue.now_ms() + lives_ms)


def _undecided(answer: Placement) -> bool:
    """Tell whether an answer says nothing of the fence: none came, or the order was not looked at."""
    if isinstance(answer, NotPlaced):
        return answer.why is not Postponement.EXPIRED
    return isinstance(answer, Unknown) or (isinstance(answer, Refused) and answer.category is Category.GRANT_DEAD)
