"""USE CASE try a leader before following: the settings wanted, on what the leader did, planned as it would be live."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from services.portal.applicants import Member
from services.portal.subscribing import blank, with_settings
from shared.domain.fills import TradeEvent
from shared.domain.ids import AccountId, InstId
from shared.domain.instruments import Instrument
from shared.domain.preview import Preview, preview
from shared.domain.risk import Account
from shared.domain.subscriptions import Problem, Subscription, SubscriptionState, problems
from shared.ports import Clock

MOST_EVENTS = 5_000
"""The newest of a leader that are planned: some tenths of a second."""
_DAY_MS = 86_400_000


class Past(Protocol):
    """What leaders did, and who their followers are. ConnectionError: the store is away."""

    async def events(self, leader: AccountId, since_ms: int, most: int) -> Sequence[TradeEvent]:
        """Return a leader's events since a moment, oldest first, the newest `most` of them."""

    async def member(self, account: AccountId) -> Member | None:
        """Return an account."""

    async def subscription(self, follower: AccountId, leader: AccountId) -> Subscription | None:
        """Return a subscription as it is."""


class Rules(Protocol):
    """The venue's instruments."""

    async def known(self) -> Mapping[InstId, Instrument]:
        """Return every instrument. Raises CouldNotAsk."""


class Previewing:
    """Plans the past. Reads alone; nothing is stored or sent."""

    def __init__(self, past: Past, rules: Rules, clock: Clock) -> None:
        self._past, self._rules, self._clock = past, rules, clock

    async def look(
        self, follower: AccountId, leader: AccountId, settings: Mapping[str, Any], days: int, leverage: Decimal
    ) -> Preview | Sequence[Problem]:
        """Return what the last days would have meant, or what is wrong with the settings.

        Settings left out are those of the subscription there is, else the defaults, with a ratio of 1.

        Raises:
            CouldNotAsk: the venue did not list its instruments.
        """
        stored = await self._past.subscription(follower, leader) or blank(follower, leader, Decimal(1))
        wanted = replace(with_settings(stored, settings), state=SubscriptionState.ACTIVE)
        wrong = problems(wanted)
        if wrong:
            return wrong
        since_ms = self._clock.now_ms() - days * _DAY_MS
        events = await self._past.events(leader, since_ms, MOST_EVENTS)
        member, instruments = await self._past.member(follower), await self._rules.known()
        account = Account(net_mode=member is not None and member.position_mode == "net_mode")
        return await asyncio.to_thread(preview, wanted, account, instruments, events, leverage)
