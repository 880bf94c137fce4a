"""Consent in the browser: what an application asks for, what a user answers, and the code in between.

Sources: OKX's broker pages and builder guide; where a code or a shape is not documented it is a setting.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import urlencode

from services.okx_simulator.access.tokens import Tokens, is_client_secret
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.settings import Settings
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.wire.refusals import Refused

SCOPES: Final = {
    "read_only": "read your balances, positions and orders",
    "read_only,trade": "read your account, and place and cancel orders; never withdraw",
    "fast_api": "make one API key of its own in your account, to read and trade with; never withdraw",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an application sent a user here for."""

    scope: str
    redirect_uri: str
    state: str
    challenge: str

    def answer(self, **parameters: str) -> str:
        """Return where the browser goes with an answer."""
        given = {name: value for name, value in {**parameters, "state": self.state}.items() if value}
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}{urlencode(given)}"


@dataclass(frozen=True, slots=True)
class _Code:
    asked: Asked
    account: Account
    expires_ms: int


class Consent:
    """Every authorization code that may still be exchanged."""

    def __init__(self, tokens: Tokens, clock: VenueClock, settings: Settings) -> None:
        self._tokens, self._clock, self._settings = tokens, clock, settings
        self._codes: dict[str, _Code] = {}
        self.fast_api, self.ip_allowed, self.rebate_type = settings.fast_api, True, "0"

    def asked(self, query: Mapping[str, str]) -> Asked:
        """Read what an application asks for.

        Raises:
            Refused: 53010 for a parameter, 53016 for the address to return to, 53017 without the right to fast_api.
        """
        scope = ",".join(sorted(query.get("scope", "").replace(" ", ",").split(",")))
        redirect_uri = query.get("redirect_uri", "")
        if query.get("client_id") != self._settings.client_id or query.get("response_type", "code") != "code":
            raise Refused("53010")
        if redirect_uri not in self._settings.redirect_uris.split(",") or not redirect_uri:
            raise Refused("53016")
        if scope not in SCOPES or query.get("access_type") != "offline":
            raise Refused("53010")
        challenge = query.get("code_challenge", "")
        if challenge and query.get("code_challenge_method") != "S256":
            raise Refused("53010")
        if scope == "fast_api" and (not self.fast_api or challenge):
            raise Refused("53017" if not challenge else "53010")
        return Asked(scope, redirect_uri, query.get("state", ""), challenge)

    def approve(self, asked: Asked, account: Account, host: str) -> str:
        """Make a code for what a user allowed at `host`, and return where its browser goes with it."""
        code = token_urlsafe(24)
        self._codes[code] = _Code(asked, account, self._clock.now_ms() + self._settings.code_life_s * 1_000)
        return asked.answer(code=code, domain=self._site(host))

    def deny(self, asked: Asked, host: str) -> str:
        """Return where the browser goes with a refusal."""
        if self._settings.denied_parameters == "code":
            return asked.answer(code="53001", domain=self._site(host))
        return asked.answer(error="access_denied", domain=self._site(host))

    def _site(self, host: str) -> str:
        scheme = "http" if self._settings.tls_certificate is None else "https"
        return self._settings.site or f"{scheme}://{host}"

    def exchange(self, members: Mapping[str, Any], terminal: str) -> dict[str, object]:
        """Answer a code with a pair; a code works once, whoever brings it.

        Raises:
            Refused: 53014 from an address that is not allowed, 53010 for a wrong client, 53012 for a code that is
                unknown, used or too old, 53009 for a verifier that is not the challenge's.
        """
        status = self._settings.oauth_error_status
        if not self.ip_allowed:
            raise Refused("53014", status=status)
        found = self._codes.pop(str(members.get("code", "")), None)
        if members.get("client_id") != self._settings.client_id:
            raise Refused("53010", status=status)
        if found is None or found.expires_ms <= self._clock.now_ms():
            raise Refused("53012", status=status)
        if found.asked.challenge:
            if not _is_challenge(found.asked.challenge, str(members.get("code_verifier", ""))):
                raise Refused("53009", status=status)
        elif not is_client_secret(self._settings, members.get("client_secret")):
            raise Refused("53010", status=status)
        return self._tokens.issue(found.account, found.asked.scope, terminal if found.asked.challenge else "")


def _is_challenge(challenge: str, verifier: str) -> bool:
    """Compare as RFC 7636, section 4.6, says for S256."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return compare_digest(digest, challenge.encode())
