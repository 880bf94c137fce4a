"""Everything the pages and the API do, behind one port each: what the routes are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request

from services.portal.applicants import Member
from services.portal.connecting import Connecting
from services.portal.leaving import Leaving
from services.portal.live import Live
from services.portal.partnering import Partnering
from services.portal.previewing import Previewing
from services.portal.subscribing import Changed, Subscribing
from services.portal.switching import Switching
from shared.domain.grants import GrantLife
from shared.domain.ids import AccountId
from shared.domain.subscriptions import Subscription


class Records(Protocol):
    """What is written down of accounts. ConnectionError from any: the store is away."""

    async def member(self, account: AccountId) -> Member | None:
        """Return an account."""

    async def members(self) -> Sequence[Member]:
        """Return every account."""

    async def lives(self) -> Mapping[AccountId, GrantLife]:
        """Return what is known of every grant, without its secrets."""

    async def life(self, account: AccountId) -> GrantLife | None:
        """Return what is known of an account's grant."""

    async def subscriptions(self, follower: AccountId) -> Sequence[Subscription]:
        """Return what an account follows."""

    async def copies(
        self, follower: AccountId, before: tuple[int, str] | None, most: int, outcome: str | None
    ) -> Sequence[dict[str, Any]]:
        """Return copies before a place, newest first."""

    async def positions(self, follower: AccountId) -> Sequence[dict[str, Any]]:
        """Return what an account holds because of its leaders, as the ledger knows it."""

    async def findings(self, account: AccountId) -> Sequence[Mapping[str, str]]:
        """Return what was found of an account last, each with its remedy."""

    async def unfit(self) -> Mapping[AccountId, Sequence[Mapping[str, str]]]:
        """Return what was found last of every account with something to put right."""

    async def proofs(self) -> Mapping[AccountId, tuple[bool, bool | None]]:
        """Return of every grant whether its fence, and whether its tag, was proven."""

    async def note(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        """Write down what somebody did, for good; no secrets."""

    async def deeds(self, most: int, before: int | None) -> Sequence[dict[str, Any]]:
        """Return what was done, newest first."""

    async def let_lead(self, account: AccountId, leads: bool) -> bool:
        """Say whether an account may be followed; False if there is none of that name."""


@dataclass(frozen=True, slots=True)
class House:
    """The portal behind its routes."""

    connecting: Connecting
    subscribing: Subscribing
    leaving: Leaving
    switching: Switching
    previewing: Previewing
    partnering: Partnering
    live: Live
    records: Records
    sites: Sequence[str]
    refresh_life_ms: int

    async def change(
        self, account: AccountId, leader: AccountId, settings: Mapping[str, Any], actor: str = ""
    ) -> Changed:
        """Change a subscription and write down who did, its follower unless named; raises as `Subscribing.change`."""
        changed = await self.subscribing.change(account, leader, settings)
        if changed.new:
            told = {name: str(value) for name, value in settings.items()}
            told |= {"follower": account} if actor else {}
            await self.records.note(actor or account, "subscription", leader, told)
        return changed


def house_of(request: Request) -> House:
    """Return the application's house."""
    house: House = request.app.state.house
    return house
