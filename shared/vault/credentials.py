"""What a grant opens to: the secrets that let us act for an account, and how an opened grant is had.

`TokenPair` and `ApiKey` are what is sealed at rest; a `Credential` is one of them opened for use, with what a request
needs beside it. Its `version` grows with every renewal, so that two readers can tell which of them is behind.
"""

from dataclasses import dataclass
from typing import Protocol

from shared.domain.ids import AccountId
from shared.vault.secret import Secret


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An OAuth pair and how long its access token lives, counted from the answer that brought it."""

    access: Secret
    refresh: Secret
    lives_ms: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key with what signs its requests; the key itself is treated as a secret too."""

    key: Secret
    secret: Secret
    passphrase: Secret


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token opened for use; `terminal_id` only where the consent was given to a device (PKCE)."""

    account: AccountId
    version: int
    site: str
    token: Secret
    terminal_id: str | None = None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An API key opened for use."""

    account: AccountId
    version: int
    site: str
    key: ApiKey


Credential = BearerToken | SigningKey


class Credentials(Protocol):
    """Opened grants, by account."""

    def cached(self, account: AccountId) -> Credential | None:
        """Return the credential if it is in memory. Never blocks."""

    async def read(self, account: AccountId) -> Credential:
        """Read the credential from where it is stored and keep it for `cached`.

        Raises:
            GrantUnusable: the account has no grant that may be used.
            CouldNotAsk: the store gave no answer.
        """

    def forget(self, account: AccountId) -> None:
        """Drop what `cached` would return: the next use reads again. Idempotent."""


class GrantRefused(Exception):
    """The venue will not renew the pair: its refresh token is used up, expired or withdrawn. Only consent helps."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"the venue refuses to renew the pair: {code} {message}".rstrip())
        self.code = code


class RefreshPostponed(Exception):
    """Nothing was renewed, and not because of this pair: the same refresh token may be used again later."""


class RefreshUnanswered(Exception):
    """The request left and its outcome is not known: the pair may have been renewed without us."""


class Renewal(Protocol):
    """The venue's side of renewing a pair."""

    async def refresh(self, site: str, pair: TokenPair) -> TokenPair:
        """Exchange a pair's refresh token for a new pair, once; from the answer on the old access token is dead.

        Raises:
            GrantRefused: the pair will never be renewed.
            RefreshPostponed: nothing happened; try again later.
            RefreshUnanswered: it may or may not have happened.
        """
