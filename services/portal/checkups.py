"""USE CASE every connected account is looked at again and again: what has changed at the venue is known here.

A changed level or position mode is told to the workers, which open nothing for an account that is not in net mode. Any
number of portals may do this: an account belongs to whoever claims it first. Could not ask is no answer: nothing
changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from services.portal.applicants import Member
from services.portal.examining import Examining, key_of
from services.portal.fitness import Check
from services.portal.metrics import Metrics
from shared.domain.grants import GrantKind
from shared.domain.ids import AccountId
from shared.ports import Clock, CouldNotAsk, GrantUnusable
from shared.vault.consent import Consenting, ConsentRefused, ConsentUnanswered, SeenAccount
from shared.vault.credentials import Credential

_GONE = frozenset({"50119", "50111"})
"""No such key, any more: its owner has deleted it."""
_AT_ONCE = 50
Due = tuple[AccountId, int | None]
"""An account, and when it was last looked at."""
_IDLE_S = 5.0


class Roll(Protocol):
    """Accounts, and what was found of them. ConnectionError from any: the store is away."""

    async def due(self, before_ms: int, most: int) -> Sequence[Due]:
        """Return who is to be looked at, the longest ago first."""

    async def claim(self, due: Due, now_ms: int) -> bool:
        """Take one; False if somebody else did."""

    async def member(self, account: AccountId) -> Member | None:
        """Return an account."""

    async def kind(self, account: AccountId) -> GrantKind | None:
        """Return what kind of grant it has."""

    async def credential(self, account: AccountId) -> Credential:
        """Open its grant. Raises GrantUnusable and CouldNotAsk."""

    async def seen(self, member: Member, seen: SeenAccount, checks: Sequence[Check]) -> None:
        """Write down what was found, and tell the workers if the account is another than it was."""

    async def lost(self, account: AccountId, why: str) -> None:
        """Say that an account's key is gone, and tell whoever caches it."""

    async def complain(self, account: AccountId) -> None:
        """Have a token renewed that the venue does not accept."""


@dataclass(frozen=True, slots=True)
class Checkups:
    """Looks at one account after another."""

    roll: Roll
    venue: Consenting
    examining: Examining
    clock: Clock
    metrics: Metrics
    every_ms: int
    a_second: float

    async def check_for_ever(self) -> None:
        """Look at whoever is due, not faster than allowed, until cancelled."""
        while True:
            try:
                looked = await self.check_some()
            except ConnectionError as error:
                structlog.get_logger().warning("accounts_not_checked", reason=str(error))
                looked = 0
            if not looked:
                await self.clock.sleep(_IDLE_S)

    async def check_some(self) -> int:
        """Look at the next few; returns how many were ours."""
        looked = 0
        for due in await self.roll.due(self.clock.now_ms() - self.every_ms, _AT_ONCE):
            if await self.roll.claim(due, self.clock.now_ms()):
                looked += 1
                self.metrics.checked(await self._check(due[0]))
                await self.clock.sleep(1 / self.a_second)
        return looked

    async def _check(self, account: AccountId) -> str:
        """Look at one account; returns what came of it."""
        member, kind = await self.roll.member(account), await self.roll.kind(account)
        if member is None or kind is None:
            return "gone"
        try:
            credential = await self.roll.credential(account)
            seen = await self.venue.describe(credential)
        except (ConsentUnanswered, CouldNotAsk):
            return "unanswered"
        except GrantUnusable:
            return "gone"
        except ConsentRefused as refused:
            return await self._refused(account, kind, refused)
        checks = await self.examining.examine(member.site, seen, key_of(credential), kind, follows=not member.leads)
        await self.roll.seen(member, seen, checks)
        return "unfit" if checks else "fit"

    async def _refused(self, account: AccountId, kind: GrantKind, refused: ConsentRefused) -> str:
        structlog.get_logger().warning("account_not_shown", account=account, code=refused.code)
        if kind is GrantKind.OAUTH:
            await self.roll.complain(account)
            return "refused"
        if refused.code not in _GONE:
            return "refused"
        await self.roll.lost(account, f"OKX knows the key no more ({refused.code}): its owner has deleted it")
        return "lost"
