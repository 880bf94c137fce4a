"""OAuth: bearer tokens, and the refresh that replaces a pair.

Source: OKX's broker pages and builder guide; what they leave open is a setting.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any, Final

from services.okx_simulator.clock import VenueClock
from services.okx_simulator.settings import Settings
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.wire.refusals import Refused

_CLIENT_MEMBERS: Final = ("grant_type", "client_id", "client_secret", "refresh_token")


@dataclass(slots=True)
class Grant:
    """An account's consent: the pair in force, and how its access token ended if it did."""

    account: Account
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    life_s: int
    expires_ms: int
    refresh_expires_ms: int
    scope: str = "read_only,trade"
    terminal: str = ""
    """The device a PKCE consent is tied to; every request names it in TERMID."""
    ended: str = ""
    replaced_before: str = field(default="", repr=False)
    """The access token this pair came after."""


class Tokens:
    """Every grant by its present tokens, and what the tokens replaced last meet."""

    def __init__(self, clock: VenueClock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._by_access: dict[str, Grant] = {}
        self._by_refresh: dict[str, Grant] = {}
        self._by_uid: dict[str, Grant] = {}
        self._replaced: dict[str, Account] = {}
        """Access tokens replaced last, one for each account: older ones are plainly unknown."""

    def grant(
        self,
        account: Account,
        access_token: str,
        refresh_token: str,
        life_s: int,
        scope: str = "read_only,trade",
        terminal: str = "",
    ) -> Grant:
        """Put a pair in force for an account; an earlier grant of it is forgotten."""
        self.forget(account.uid)
        now_ms = self._clock.now_ms()
        refresh_expires_ms = now_ms + self._settings.refresh_life_s * 1_000
        grant = Grant(
            account, access_token, refresh_token, life_s, now_ms + life_s * 1_000, refresh_expires_ms, scope, terminal
        )
        self._by_access[access_token] = self._by_uid[account.uid] = grant
        if refresh_token:
            self._by_refresh[refresh_token] = grant
        return grant

    def issue(self, account: Account, scope: str, terminal: str) -> dict[str, object]:
        """Answer an authorization code with a pair; one for fast_api has no refresh token (OKX builder guide)."""
        access, refresh = _pair_of(account)
        kept = "" if scope == "fast_api" else refresh
        grant = self.grant(account, access, kept, account.token_life_s, scope, terminal)
        return _told(grant)

    def forget(self, uid: str) -> None:
        """Take an account's grant away; its tokens are unknown from now on."""
        previous = self._by_uid.pop(uid, None)
        if previous is not None:
            self._drop(previous)

    def find(self, access_token: str) -> Account | None:
        """Return whose token it is, without checking that it is still good."""
        grant = self._by_access.get(access_token)
        return None if grant is None else grant.account

    def account_of(self, access_token: str) -> Account:
        """Return the account a bearer token opens; raises as `grant_of`."""
        return self.grant_of(access_token).account

    def grant_of(self, access_token: str, terminal: str = "") -> Grant:
        """Return the grant a bearer token stands for; one of a device is good only with its name.

        Raises:
            Refused: 53000 unknown, 53002 expired, 53003 revoked, 53004 frozen, or the code set for replaced tokens.
        """
        grant = self._by_access.get(access_token)
        if grant is None:
            raise self._dead(self._settings.rotated_token_code if access_token in self._replaced else "53000")
        if grant.ended:
            raise self._dead(grant.ended)
        if grant.expires_ms <= self._clock.now_ms():
            raise self._dead("53002")
        if grant.account.frozen:
            raise self._dead("53004")
        if grant.terminal != terminal:
            raise self._dead("53000")
        return grant

    def refresh(self, members: Mapping[str, Any]) -> dict[str, object]:
        """Replace a pair: the old access token and the old refresh token are dead at once.

        Raises:
            Refused: 53010 for a wrong client or parameter, 53005 for a refresh token not in force, 53002 when it is
                older than its days, 53003 after a revocation, 53004 for a frozen account.
        """
        grant = self._refreshable(members)
        account = grant.account
        renewed = self.grant(account, *_pair_of(account), grant.life_s, grant.scope, grant.terminal)
        self._remember(grant)
        account.refreshes += 1
        return _told(renewed)

    def end(self, uids: Iterable[str], code: str) -> int:
        """Make the access tokens of accounts meet `code` from now on; return how many there were.

        53003 ends the refresh token too: the user took the consent back.
        """
        grants = [self._by_uid[uid] for uid in uids if uid in self._by_uid]
        for grant in grants:
            grant.ended = code
        return len(grants)

    def uids(self) -> list[str]:
        """Return the accounts that ever granted access."""
        return list(self._by_uid)

    def _refreshable(self, members: Mapping[str, Any]) -> Grant:
        settings = self._settings
        given = {name: members.get(name) for name in _CLIENT_MEMBERS}
        grant = self._by_refresh.get(str(given["refresh_token"]))
        of_device = grant is not None and bool(grant.terminal)
        if (
            given["grant_type"] != "refresh_token"
            or given["client_id"] != settings.client_id
            or not (of_device or is_client_secret(settings, given["client_secret"]))
        ):
            raise self._refused("53010")
        if grant is None:
            raise self._refused("53005")
        if grant.ended == "53003":
            raise self._refused("53003")
        if grant.refresh_expires_ms <= self._clock.now_ms():
            raise self._refused("53002")
        if grant.account.frozen:
            raise self._refused("53004")
        return grant

    def _remember(self, replaced: Grant) -> None:
        self._replaced.pop(replaced.replaced_before, None)
        self._replaced[replaced.access_token] = replaced.account
        self._by_uid[replaced.account.uid].replaced_before = replaced.access_token

    def _drop(self, grant: Grant) -> None:
        self._by_access.pop(grant.access_token, None)
        self._by_refresh.pop(grant.refresh_token, None)

    def _dead(self, code: str) -> Refused:
        return Refused(code, status=self._settings.token_error_status)

    def _refused(self, code: str) -> Refused:
        return Refused(code, status=self._settings.oauth_error_status)


def is_client_secret(settings: Settings, given: object) -> bool:
    """Tell whether a client's secret is right, in constant time."""
    return compare_digest(str(given).encode(), settings.client_secret.get_secret_value().encode())


def _pair_of(account: Account) -> tuple[str, str]:
    return f"at-{account.uid}-{token_urlsafe(24)}", f"rt-{account.uid}-{token_urlsafe(24)}"


def _told(grant: Grant) -> dict[str, object]:
    """Spell a pair as the token endpoint does: flat."""
    told: dict[str, object] = {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "token_type": "bearer",
        "expires_in": grant.life_s,
    }
    if not grant.refresh_token:
        del told["refresh_token"]
    return told
