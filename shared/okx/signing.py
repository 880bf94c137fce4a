"""Credentials turned into header lines and login arguments; no I/O here.

Bearer: OKX-Connect documentation (docs-v5/broker_en). HMAC: D#overview-rest-authentication, D#overview-websocket-login.
"""

import base64
import hmac
from datetime import UTC, datetime

from shared.okx.frames import LoginArgument
from shared.okx.protocol import Request
from shared.ports import GrantUnusable
from shared.vault.credentials import ApiKey, BearerToken, Credential
from shared.vault.secret import Secret

_LOGIN_PATH = "/users/self/verify"


def signature(secret: Secret, text: str) -> str:
    """Return Base64 of HMAC-SHA256 of `text`."""
    return base64.b64encode(hmac.digest(secret.reveal().encode(), text.encode(), "sha256")).decode()


def timestamp(at_ms: int) -> str:
    """Spell Unix milliseconds as OKX signs them: ISO 8601 in UTC with three fractional digits."""
    seconds, milliseconds = divmod(at_ms, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z"


def authorised(request: Request, credential: Credential, at_ms: int) -> Request:
    """Return the request with what proves the account; `at_ms` is venue time and must be less than 30 s off.

    Raises:
        GrantUnusable: the credential holds characters that no header can carry.
    """
    if isinstance(credential, BearerToken):
        lines = bearer_lines(credential)
    else:
        lines = _signed(request, credential.key, timestamp(at_ms))
    return Request(request.method, request.path, request.headers + lines, request.body)


def bearer_lines(credential: BearerToken) -> bytes:
    """Return the header lines of a token; the same for every request.

    Raises:
        GrantUnusable: the token holds characters that no header can carry.
    """
    lines = b"Authorization: Bearer %b\r\nContent-Type: application/json\r\n" % _header(credential.token.reveal())
    if credential.terminal_id is None:
        return lines
    return lines + b"TERMID: %b\r\n" % _header(credential.terminal_id)


def login(key: ApiKey, at_ms: int) -> LoginArgument:
    """Return the argument of a socket login; its time is in whole seconds."""
    at = str(at_ms // 1_000)
    return LoginArgument(
        apiKey=key.key.reveal(),
        passphrase=key.passphrase.reveal(),
        timestamp=at,
        sign=signature(key.secret, f"{at}GET{_LOGIN_PATH}"),
    )


def _signed(request: Request, key: ApiKey, at: str) -> bytes:
    prehash = f"{at}{request.method}{request.path}{request.body.decode()}"
    return (
        b"OK-ACCESS-KEY: %b\r\nOK-ACCESS-SIGN: %b\r\nOK-ACCESS-TIMESTAMP: %b\r\nOK-ACCESS-PASSPHRASE: %b\r\n"
        b"Content-Type: application/json\r\n"
        % (
            _header(key.key.reveal()),
            signature(key.secret, prehash).encode(),
            at.encode(),
            _header(key.passphrase.reveal()),
        )
    )


def _header(text: str) -> bytes:
    if not text.isascii() or "\r" in text or "\n" in text:
        raise GrantUnusable("the credential holds characters that no header can carry; the account has to consent anew")
    return text.encode()
