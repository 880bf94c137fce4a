"""Renewing an OAuth pair at OKX (OKX-Connect documentation; okx/builder-integration-demo, integration guide).

The endpoint answers flat, outside the usual envelope; a failure has the envelope. Path, encoding and the codes of
failures are not documented publicly, hence the settings, and hence `RefreshUnanswered` for whatever is not understood.
"""

from collections.abc import Mapping

import msgspec

from shared.domain.outcomes import Category
from shared.okx import errors, models
from shared.okx.answers import failure
from shared.okx.protocol import Encoding, Request, Response, WayOut, ask_token
from shared.vault.credentials import GrantRefused, RefreshPostponed, RefreshUnanswered, TokenPair
from shared.vault.secret import Secret

_REPLY = msgspec.json.Decoder(models.TokenReply)
_ENVELOPE = msgspec.json.Decoder(models.Reply[msgspec.Raw])


class OkxOAuth:
    """`vault.credentials.Renewal`."""

    def __init__(
        self,
        ways: Mapping[str, WayOut],
        client_id: str,
        client_secret: Secret,
        *,
        path: str = "/v5/users/oauth/token",
        encoding: Encoding = "json",
        answer_s: float = 10.0,
    ) -> None:
        """Serve pairs of these sites as one partner application."""
        self._ways = ways
        self._client_id = client_id
        self._client_secret = client_secret
        self._path = path
        self._encoding: Encoding = encoding
        self._answer_s = answer_s

    async def refresh(self, site: str, pair: TokenPair) -> TokenPair:
        """Exchange a pair's refresh token for a new pair; see `Renewal.refresh`."""
        way = self._ways.get(site)
        if way is None:
            raise RefreshPostponed(f"site {site!r} is not allowed; expected one of {', '.join(self._ways)}")
        try:
            response = await way.send(self._request(pair.refresh), self._answer_s)
        except errors.NotSent as error:
            raise RefreshPostponed(str(error)) from error
        except errors.Unanswered as error:
            raise RefreshUnanswered(str(error)) from error
        return _pair(response, pair)

    def _request(self, refresh: Secret) -> Request:
        form = {
            "grant_type": "refresh_token",
            "client_id": self._client_id,
            "client_secret": self._client_secret.reveal(),
            "refresh_token": refresh.reveal(),
        }
        return ask_token(self._path, self._encoding, form)


def _pair(response: Response, old: TokenPair) -> TokenPair:
    try:
        reply = _REPLY.decode(response.body)
        # A reply without a refresh token leaves the old one in force (RFC 6749, section 6).
        refresh = Secret(reply.refresh_token) if reply.refresh_token else old.refresh
        return TokenPair(Secret(reply.access_token), refresh, int(reply.expires_in) * 1_000)
    except (msgspec.MsgspecError, ValueError):
        raise _why_none(response) from None


def _why_none(response: Response) -> Exception:
    """Read a failure's code before its status; what is not understood may have renewed the pair."""
    try:
        envelope = _ENVELOPE.decode(response.body)
    except msgspec.MsgspecError:
        return RefreshUnanswered(f"HTTP {response.status}: neither a pair nor a code")
    match failure(response.status, str(envelope.code), envelope.msg):
        case errors.Throttled() as error:
            return RefreshPostponed(str(error))
        case errors.Unauthorised(code=code):
            return GrantRefused(code, envelope.msg)
        case errors.Refused(code=code, category=Category.GRANT_DEAD):
            return GrantRefused(code, envelope.msg)
        case errors.Refused(category=Category.FLEET | Category.LATER) as error:
            return RefreshPostponed(str(error))
        case error:
            return RefreshUnanswered(str(error))
