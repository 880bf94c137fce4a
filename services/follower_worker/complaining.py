"""USE CASE a token the venue no longer accepts is reported to whoever renews grants, long before its time is up.

A complaint is a hint: what is lost is made again by the next order or question of that account.
"""

import asyncio
from typing import Protocol

from shared.domain.ids import AccountId
from shared.messages.notices import GrantChange, GrantNotice
from shared.ports import Clock

_AGAIN_S = 2.0
"""How soon the same version is complained of again: a renewal takes less."""
_MOST = 10_000
"""Complaints waiting at most; beyond them the venue is refusing everybody, and one more says nothing new."""


class Notices(Protocol):
    """Where keepers listen."""

    async def announce(self, notice: GrantNotice) -> None:
        """Tell whoever listens now."""


class Complaints:
    """Says of each rejected version that it is, now and again."""

    def __init__(self, notices: Notices, clock: Clock, unreachable: tuple[type[Exception], ...]) -> None:
        self._notices, self._clock, self._unreachable = notices, clock, unreachable
        self._said: dict[AccountId, tuple[int, float]] = {}
        self._waiting: asyncio.Queue[GrantNotice] = asyncio.Queue(_MOST)

    def rejected(self, account: AccountId, version: int) -> None:
        """Take note of a version the venue refused. Never blocks; repeating it within two seconds says nothing."""
        now, last = self._clock.monotonic(), self._said.get(account)
        if self._waiting.full() or (last is not None and last[0] == version and now - last[1] < _AGAIN_S):
            return
        self._said[account] = version, now
        self._waiting.put_nowait(GrantNotice(account, version, GrantChange.REJECTED))

    async def announce_for_ever(self) -> None:
        """Pass complaints on; one that cannot be passed on is dropped."""
        while True:
            notice = await self._waiting.get()
            try:
                await self._notices.announce(notice)
            except self._unreachable:
                self._said.pop(AccountId(notice.account), None)
