"""Who is calling: a bearer token or an HMAC signature, checked in the order OKX's codes suggest."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Final

from services.okx_simulator.access.tokens import Tokens
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.venue.accounts import Account, Accounts
from services.okx_simulator.wire.http import Request
from services.okx_simulator.wire.refusals import Refused

_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z").fullmatch
_KEY: Final = re.compile(r"[A-Za-z0-9-]{1,64}").fullmatch
_SKEW_MS: Final = 30_000
_REQUIRED: Final = (
    ("ok-access-key", "50103"),
    ("ok-access-passphrase", "50104"),
    ("ok-access-sign", "50106"),
    ("ok-access-timestamp", "50107"),
)


class Gate:
    """Lets accounts in."""

    def __init__(self, clock: VenueClock, accounts: Accounts, tokens: Tokens, *, simulated_trading: bool) -> None:
        self._clock = clock
        self._accounts = accounts
        self._tokens = tokens
        self._simulated = simulated_trading

    def seems(self, headers: dict[str, str]) -> Account | None:
        """Return the account the headers name, without checking that they may."""
        authorization = headers.get("authorization", "")
        if authorization:
            return self._tokens.find(authorization.removeprefix("Bearer "))
        account, _ = self._accounts.by_key.get(headers.get("ok-access-key", ""), (None, None))
        return account

    def admit(self, request: Request, *, trades: bool) -> tuple[Account, str]:
        """Return the caller's account and what it may do here.

        Raises:
            Refused: a 501xx code for a key, a 530xx code for a token; `trades` asks for that permission too.
        """
        headers = request.headers
        self._check_environment(headers)
        authorization = headers.get("authorization")
        if authorization is None:
            (account, perm), missing = self._by_key(request), "50120"
        else:
            (account, perm), missing = self._by_token(authorization, headers.get("termid", "")), "53013"
        if trades and not ("trade" in perm and "trade" in account.perm):
            raise Refused(missing)
        return account, perm

    def _check_environment(self, headers: dict[str, str]) -> None:
        if (headers.get("x-simulated-trading") == "1") != self._simulated:
            raise Refused("50101")

    def _by_token(self, authorization: str, terminal: str) -> tuple[Account, str]:
        if not authorization.startswith("Bearer ") or len(authorization) == len("Bearer "):
            raise Refused("50114")
        grant = self._tokens.grant_of(authorization[len("Bearer ") :], terminal)
        return grant.account, grant.scope

    def _by_key(self, request: Request) -> tuple[Account, str]:
        headers = request.headers
        for name, code in _REQUIRED:
            if not headers.get(name):
                raise Refused(code)
        timestamp = headers["ok-access-timestamp"]
        self._check_age(timestamp)
        key = headers["ok-access-key"]
        if _KEY(key) is None:
            raise Refused("50111")
        account, credentials = self._accounts.by_key.get(key, (None, None))
        if account is None or credentials is None:
            raise Refused("50119")
        if credentials.ip and request.peer not in credentials.ip.split(","):
            raise Refused("50110")
        if not hmac.compare_digest(credentials.passphrase.encode(), headers["ok-access-passphrase"].encode()):
            raise Refused("50105")
        text = f"{timestamp}{request.method}{request.target}".encode() + request.body
        if not signed(credentials.secret_key, text, headers["ok-access-sign"]):
            raise Refused("50113")
        return account, credentials.perm or account.perm

    def _check_age(self, timestamp: str) -> None:
        if _TIMESTAMP(timestamp) is None:
            raise Refused("50112")
        try:
            moment = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise Refused("50112") from error
        if abs(moment.timestamp() * 1_000 - self._clock.now_ms()) > _SKEW_MS:
            raise Refused("50102")


def signed(secret_key: str, text: bytes, signature: str) -> bool:
    """Tell whether `signature` is the Base64 HMAC-SHA256 of `text` (OKX reference, #overview-rest-authentication)."""
    expected = base64.b64encode(hmac.digest(secret_key.encode(), text, hashlib.sha256))
    return hmac.compare_digest(expected, signature.encode())
