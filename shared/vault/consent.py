"""How a grant begins: what the venue gives for an owner's consent, what it shows of the account, why it says no."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from shared.vault.credentials import ApiKey, Credential
from shared.vault.secret import Secret


class ConsentRefused(Exception):
    """The venue says no; `code` says to what (okx-api facts, 53xxx codes)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"the venue refuses: {code} {message}".rstrip())
        self.code = code


class ConsentUnanswered(Exception):
    """No usable answer came: whether anything came of it is not known, and the owner begins again."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What an authorization code was exchanged for; a consent to Fast API brings no refresh token."""

    access: Secret
    refresh: Secret | None
    lives_ms: int
    terminal_id: str | None = None


@dataclass(frozen=True, slots=True)
class SeenAccount:
    """An account as the venue describes it; modes in its own words."""

    uid: str
    main_uid: str
    level: str
    position_mode: str
    permissions: frozenset[str]
    """Of the credential it was looked at with."""
    addresses: str
    """Those a key is bound to; empty for tokens and unbound keys."""
    equity: Decimal | None
    """In US dollars; None where the venue does not say."""


class Consenting(Protocol):
    """The venue's side of a consent. Nothing here is repeated by itself.

    Everything raises ConsentRefused and ConsentUnanswered.
    """

    async def exchange(self, site: str, code: str, verifier: Secret | None, terminal: str | None) -> Granted:
        """Exchange an authorization code, once; by PKCE with its verifier and for its device, else with our secret."""

    async def make_key(self, site: str, granted: Granted, label: str, passphrase: Secret) -> ApiKey:
        """Make our one key in the account, in place of an earlier one of ours, bound to our addresses."""

    async def delete_key(self, site: str, granted: Granted) -> bool:
        """Delete our one key in the account; False if there was none."""

    async def describe(self, credential: Credential) -> SeenAccount:
        """Look at the account a credential opens."""
