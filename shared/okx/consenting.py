"""What a consent begins with at OKX: code for token, token for key, and a look at the account; never an order.

Sources: OKX-Connect documentation, okx/builder-integration-demo (integration guide). Nothing here is repeated: a code
works once, and a key that was made without an answer is deleted by the next try.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import inf
from typing import TypeVar

import msgspec

from shared.domain.ids import AccountId
from shared.okx import errors, models, protocol
from shared.okx.answers import failure, read_items
from shared.okx.protocol import POST, Encoding, Request, Response, WayOut
from shared.okx.signing import authorised
from shared.ports import GrantUnusable, VenueClock
from shared.vault.consent import ConsentRefused, ConsentUnanswered, Granted, SeenAccount
from shared.vault.credentials import ApiKey, BearerToken, Credential
from shared.vault.secret import Secret

T = TypeVar("T")

_NO_KEY = "59506"
_NOBODY = AccountId("")


class _MadeKey(msgspec.Struct, frozen=True):
    apiKey: str  # noqa: N815 - OKX's own field names
    secretKey: str  # noqa: N815
    passphrase: str

    def __repr__(self) -> str:
        return "_MadeKey(***)"


_TOKEN = msgspec.json.Decoder(models.TokenReply)
_ENVELOPE = msgspec.json.Decoder(models.Reply[msgspec.Raw])
_KEY = msgspec.json.Decoder(models.Reply[_MadeKey])
_CONFIG = msgspec.json.Decoder(models.Reply[models.AccountConfig])
_BALANCE = msgspec.json.Decoder(models.Reply[models.Balance])


@dataclass(frozen=True, slots=True)
class Application:
    """The partner's OAuth application, and how its token endpoint is spoken to."""

    client_id: str
    client_secret: Secret
    path: str = "/v5/users/oauth/token"
    encoding: Encoding = "json"
    redirect_uri: str = ""
    """Sent with the code where OKX wants it; empty leaves it out."""
    addresses: str = ""
    """Comma-separated: what keys we make are bound to, beside the application's own list."""


class OkxConsent:
    """`vault.consent.Consenting`: one partner application on the allowed sites."""

    def __init__(
        self, ways: Mapping[str, WayOut], application: Application, venue: VenueClock, answer_s: float = 10.0
    ) -> None:
        self._ways, self._application, self._venue, self._answer_s = ways, application, venue, answer_s

    async def exchange(self, site: str, code: str, verifier: Secret | None, terminal: str | None) -> Granted:
        """Exchange an authorization code; see `Consenting.exchange`."""
        application = self._application
        form = {"grant_type": "authorization_code", "code": code, "client_id": application.client_id}
        if verifier is None:
            form["client_secret"] = application.client_secret.reveal()
        else:
            form["code_verifier"] = verifier.reveal()
        if application.redirect_uri:
            form["redirect_uri"] = application.redirect_uri
        headers = b"TERMID: %b\r\n" % terminal.encode() if terminal else b""
        response = await self._send(site, protocol.ask_token(application.path, application.encoding, form, headers))
        try:
            reply = _TOKEN.decode(response.body)
            refresh = Secret(reply.refresh_token) if reply.refresh_token else None
            return Granted(Secret(reply.access_token), refresh, int(reply.expires_in) * 1_000, terminal)
        except (msgspec.MsgspecError, ValueError):
            raise _why_not(response) from None

    async def make_key(self, site: str, granted: Granted, label: str, passphrase: Secret) -> ApiKey:
        """Make our one key in the account; see `Consenting.make_key`."""
        await self.delete_key(site, granted)
        body = {"label": label, "passphrase": passphrase.reveal(), "perm": "read_only,trade", "bindApp": True}
        if self._application.addresses:
            body["ip"] = self._application.addresses
        request = Request(POST, "/api/v5/users/oauth/apikey", b"", msgspec.json.encode(body))
        made = _first(await self._asked(site, request, bearer(site, granted), _KEY))
        return ApiKey(Secret(made.apiKey), Secret(made.secretKey), passphrase)

    async def delete_key(self, site: str, granted: Granted) -> bool:
        """Delete our one key in the account; see `Consenting.delete_key`."""
        request = Request(POST, "/api/v5/users/oauth/delete-apikey", b"", b"{}")
        try:
            await self._asked(site, request, bearer(site, granted), _ENVELOPE)
        except ConsentRefused as refused:
            if refused.code == _NO_KEY:
                return False
            raise
        return True

    async def describe(self, credential: Credential) -> SeenAccount:
        """Look at the account a credential opens; see `Consenting.describe`."""
        config = _first(await self._asked(credential.site, protocol.account_config(), credential, _CONFIG))
        balance = _first(await self._asked(credential.site, protocol.balance(), credential, _BALANCE))
        return SeenAccount(
            config.uid,
            config.mainUid,
            config.acctLv,
            config.posMode,
            frozenset(config.perm.split(",")),
            config.ip,
            _number(balance.totalEq),
        )

    async def _asked(
        self, site: str, request: Request, credential: Credential, decoder: msgspec.json.Decoder[models.Reply[T]]
    ) -> list[T]:
        try:
            signed = authorised(request, credential, self._venue.now_ms())
        except GrantUnusable as error:
            raise ConsentRefused("", str(error)) from None
        response = await self._send(site, signed)
        try:
            return read_items(response, decoder)
        except errors.OkxError as error:
            raise _named(error) from None

    async def _send(self, site: str, request: Request) -> Response:
        way = self._ways.get(site)
        if way is None:
            raise ConsentRefused("", f"site {site!r} is not allowed; expected one of {', '.join(self._ways)}")
        try:
            return await way.send(request, self._answer_s, inf)
        except errors.OkxError as error:
            raise ConsentUnanswered(str(error)) from None


def bearer(site: str, granted: Granted, account: AccountId = _NOBODY) -> BearerToken:
    """Open a consent for use; before anything is known of its account it is nobody's."""
    return BearerToken(account, 0, site, granted.access, granted.terminal_id)


def _why_not(response: Response) -> Exception:
    """Read a failure's code before its status."""
    try:
        envelope = _ENVELOPE.decode(response.body)
    except msgspec.MsgspecError:
        return ConsentUnanswered(f"HTTP {response.status}: neither a token nor a code")
    return _named(failure(response.status, str(envelope.code), envelope.msg))


def _named(error: errors.OkxError) -> Exception:
    if isinstance(error, errors.Refused | errors.Unauthorised):
        return ConsentRefused(error.code, getattr(error, "message", "") or str(error))
    return ConsentUnanswered(str(error))


def _first(items: list[T]) -> T:
    if len(items) != 1:
        raise ConsentUnanswered(f"the answer has {len(items)} items; expected one")
    return items[0]


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None
