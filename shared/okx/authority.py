"""Acting for an account with its credential, and once more with a newer one where that is not accepted.

A request whose credential is not accepted was not executed, so it may go again, once: the grant is read anew, and if a
refresh is in flight its outcome is waited for, up to a bound.

When is a grant dead? The store may say so; OKX may refuse a newer credential too; or OKX calls a token revoked for
longer than any refresh takes. A single "revoked" proves nothing: a token just replaced by a refresh may meet it too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from shared.domain.ids import AccountId
from shared.domain.outcomes import Category
from shared.okx import codes, errors
from shared.okx.venue_clock import OkxVenueClock
from shared.ports import Clock, CouldNotAsk, GrantUnusable
from shared.vault.credentials import Credential, Credentials

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RenewalLimits:
    """How long a newer credential is waited for; seconds."""

    join_refresh_s: float = 2.0
    reread_s: float = 0.1
    """The pause before the second look; each further one is twice as long."""
    revoked_s: float = 10.0
    """How long a token may be called revoked before its grant counts as dead: longer than a refresh and its storing."""


class Authority:
    """Credentials in use."""

    def __init__(
        self,
        credentials: Credentials,
        venue: OkxVenueClock,
        clock: Clock,
        limits: RenewalLimits = RenewalLimits(),
        *,
        on_rejected: Callable[[AccountId, int], None] = lambda _account, _version: None,
    ) -> None:
        """Act with these credentials; `on_rejected` hears which version the venue no longer accepts. Must not block."""
        self._credentials = credentials
        self._venue = venue
        self._clock = clock
        self._limits = limits
        self._on_rejected = on_rejected
        self._revoked: dict[AccountId, tuple[int, float]] = {}
        """Accounts whose token is called revoked: its version, and since when."""

    def cached(self, account: AccountId) -> Credential | None:
        """Return the account's credential if it is in memory. Never blocks."""
        return self._credentials.cached(account)

    async def credential(self, account: AccountId) -> Credential:
        """Return the account's credential, from memory if it is there. Raises as `Credentials.read`."""
        return self._credentials.cached(account) or await self._credentials.read(account)

    async def newer(self, credential: Credential, code: str, most_s: float | None = None) -> Credential | None:
        """Return what may be accepted where `credential` was not, or None if nothing comes up in time.

        Raises:
            GrantUnusable: the account has no grant any more.
        """
        if code in codes.CLOCK_IS_OFF:
            return await self._with_better_time(credential)
        limit_s = self._limits.join_refresh_s if most_s is None else min(most_s, self._limits.join_refresh_s)
        until, pause_s = self._clock.monotonic() + limit_s, self._limits.reread_s
        while True:
            try:
                read = await self._credentials.read(credential.account)
            except CouldNotAsk:
                return None
            if read.version != credential.version:
                return read
            self._on_rejected(credential.account, credential.version)
            if self._clock.monotonic() + pause_s > until:
                return None
            await self._clock.sleep(pause_s)
            pause_s *= 2

    async def ask(self, account: AccountId, question: Callable[[Credential], Awaitable[T]]) -> T:
        """Ask for an account, once more if its credential is not accepted.

        Raises:
            CouldNotAsk: no usable answer.
            GrantUnusable: the account cannot be asked.
        """
        credential = await self.credential(account)
        try:
            return await question(credential)
        except errors.Unauthorised as refused:
            return await self.ask_again(credential, refused, question)
        except errors.OkxError as error:
            raise no_answer(error) from error

    async def ask_again(
        self, credential: Credential, refused: errors.Unauthorised, question: Callable[[Credential], Awaitable[T]]
    ) -> T:
        """Ask with a newer credential where this one was not accepted. Raises as `ask`."""
        newer = await self.newer(credential, refused.code)
        if newer:
            try:
                return await question(newer)
            except errors.Unauthorised as again:
                refused = again
            except errors.OkxError as error:
                raise no_answer(error) from error
        dead = self.is_dead(newer or credential, refused.code, renewed=newer is not None)
        raise (GrantUnusable if dead else CouldNotAsk)(str(refused)) from refused

    def is_dead(self, credential: Credential, code: str, *, renewed: bool) -> bool:
        """Tell whether a credential OKX did not accept proves its grant dead; `renewed` if it was the newer one."""
        if renewed and code in codes.HOPELESS:
            return True
        if code != codes.REVOKED:
            return False
        now_s, known = self._clock.monotonic(), self._revoked.get(credential.account)
        if known is None or known[0] != credential.version:
            self._revoked[credential.account] = known = credential.version, now_s
        return now_s - known[1] >= self._limits.revoked_s

    def forget(self, account: AccountId) -> None:
        """Read the account's grant anew at its next use. Idempotent."""
        self._credentials.forget(account)

    async def _with_better_time(self, credential: Credential) -> Credential | None:
        """Learn the venue's time now: a signature made with it may be accepted."""
        try:
            await self._venue.measure()
        except errors.OkxError:
            return None
        return credential


def no_answer(error: errors.OkxError) -> CouldNotAsk | GrantUnusable:
    """Return what a question without a usable answer means, where the credential was accepted."""
    dead = isinstance(error, errors.Refused) and error.category is Category.GRANT_DEAD
    return GrantUnusable(str(error)) if dead else CouldNotAsk(str(error))
