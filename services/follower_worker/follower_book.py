"""`roster.Book` over the database: what planning must know of followers, and their grants."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from shared.domain.ids import AccountId
from shared.domain.risk import Account
from shared.store.accounts import Account as StoredAccount
from shared.store.followers import Followers
from shared.vault.credentials import Credential

_REDUCE_ONLY_LEVELS = frozenset({"2", "3"})
"""Account levels that take `reduceOnly` on swaps in net mode (D#order-book-trading-trade-post-place-order)."""


class Proofs(Protocol):
    """Where proofs are remembered."""

    async def mark_fenced(self, account: AccountId, version: int) -> bool:
        """Remember that the fence was proven for this version of a grant; False if it has moved on."""

    async def mark_tagged(self, account: AccountId, version: int, *, tagged: bool) -> bool:
        """Remember whether the tag was repeated to this version of a grant; False if it has moved on."""


class Opened(Protocol):
    """Grants opened into memory."""

    def cached(self, account: AccountId) -> Credential | None:
        """Return what an account's requests are signed with, if it is open."""

    async def warm(self, wanted: Sequence[AccountId]) -> int:
        """Open these; returns how many there are."""


class FollowerBook:
    """Followers as they are stored."""

    def __init__(self, followers: Followers, grants: Proofs, opened: Opened) -> None:
        self._followers, self._grants, self._opened = followers, grants, opened

    async def accounts(self, wanted: Sequence[AccountId]) -> Mapping[AccountId, Account]:
        """Return what planning must know of these accounts."""
        fenced = await self._followers.fenced(wanted)
        found = await self._followers.find(wanted)
        return {each: _account(stored, fenced=each in fenced) for each, stored in found.items()}

    async def open_grants(self, wanted: Sequence[AccountId]) -> None:
        """Open their grants into memory."""
        await self._opened.warm(wanted)

    def version(self, account: AccountId) -> int:
        """Return which version of an account's grant is open, 0 if none is."""
        opened = self._opened.cached(account)
        return opened.version if opened else 0

    async def mark_fenced(self, account: AccountId, version: int) -> bool:
        """Remember that the fence was proven; False if the grant has moved on."""
        return await self._grants.mark_fenced(account, version)

    async def mark_tagged(self, account: AccountId, version: int, *, tagged: bool) -> bool:
        """Remember whether the venue repeated our tag; False if the grant has moved on."""
        return await self._grants.mark_tagged(account, version, tagged=tagged)


def _account(stored: StoredAccount, *, fenced: bool) -> Account:
    return Account(
        net_mode=stored.position_mode == "net_mode",
        reduce_only=stored.account_level in _REDUCE_ONLY_LEVELS,
        fenced=fenced,
    )
