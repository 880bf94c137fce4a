"""Whether a follower's orders earn the partner anything: asked with the partner's own key.

Source: OKX broker documentation, `GET /api/v5/broker/fd/if-rebate`.
"""

from collections.abc import Mapping
from math import inf

import msgspec

from shared.domain.ids import AccountId
from shared.okx import errors, models, protocol
from shared.okx.answers import read_items
from shared.okx.protocol import WayOut
from shared.okx.signing import authorised
from shared.ports import VenueClock
from shared.vault.consent import ConsentRefused, ConsentUnanswered
from shared.vault.credentials import ApiKey, SigningKey


class _Standing(msgspec.Struct, frozen=True):
    type: str | int


_STANDING = msgspec.json.Decoder(models.Reply[_Standing])
_PARTNER = AccountId("partner")


class OkxRebates:
    """`examining.Rebates`: one partner's own account."""

    def __init__(self, ways: Mapping[str, WayOut], partner: ApiKey, venue: VenueClock, answer_s: float = 10.0) -> None:
        self._ways, self._partner, self._venue, self._answer_s = ways, partner, venue, answer_s

    async def standing(self, site: str, key: ApiKey) -> str:
        """Return OKX's `type` of the account a key belongs to.

        Raises:
            ConsentRefused: OKX does not say it to us.
            ConsentUnanswered: no usable answer.
        """
        way = self._ways.get(site)
        if way is None:
            raise ConsentRefused("", f"site {site!r} is not allowed; expected one of {', '.join(self._ways)}")
        request = protocol.if_rebate(key.key.reveal())
        signed = authorised(request, SigningKey(_PARTNER, 0, site, self._partner), self._venue.now_ms())
        try:
            rows = read_items(await way.send(signed, self._answer_s, inf), _STANDING)
        except errors.Refused as error:
            raise ConsentRefused(error.code, str(error)) from None
        except errors.OkxError as error:
            raise ConsentUnanswered(str(error)) from None
        if len(rows) != 1:
            raise ConsentUnanswered(f"the answer has {len(rows)} items; expected one")
        return str(rows[0].type)
