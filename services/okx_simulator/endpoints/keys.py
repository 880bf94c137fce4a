"""Fast API: with a user's fresh consent the partner makes one API key in the account, or deletes it.

Source: OKX builder guide (okx/builder-integration-demo), error code tables of OKX's reference.
"""

import re
from secrets import token_hex
from typing import Final

from services.okx_simulator.access.consent import Consent
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.settings import Settings
from services.okx_simulator.venue.accounts import Accounts, Credentials
from services.okx_simulator.wire.http import Answer, envelope
from services.okx_simulator.wire.refusals import Refused, empty, parameter

_PERMS: Final = ("read_only", "trade", "read_only,trade")
_MOST_LABEL: Final = 50
_MOST_IPS: Final = 20
_KINDS: Final = ("[A-Z]", "[a-z]", "[0-9]", r"[^A-Za-z0-9\s]")


class KeyDesk:
    """Makes and deletes keys."""

    def __init__(self, accounts: Accounts, consent: Consent, settings: Settings) -> None:
        self._accounts, self._consent, self._settings = accounts, consent, settings

    def routes(self) -> Routes:
        """Return both endpoints."""
        return {
            "/api/v5/users/oauth/apikey": {"POST": Endpoint(self.make)},
            "/api/v5/users/oauth/delete-apikey": {"POST": Endpoint(self.delete)},
        }

    def make(self, call: Call) -> Answer:
        """Make the one key."""
        self._check(call)
        members = call.members()
        label, passphrase = str(members.get("label") or ""), str(members.get("passphrase") or "")
        perm, bind, ips = str(members.get("perm") or ""), members.get("bindApp"), str(members.get("ip") or "")
        if not label or len(label) > _MOST_LABEL:
            raise empty("label") if not label else parameter("label")
        if not is_passphrase(passphrase):
            raise Refused("59505")
        if perm not in _PERMS:
            raise parameter("perm")
        if len(ips.split(",")) > _MOST_IPS:
            raise parameter("ip")
        if bind and not self._settings.app_ips:
            raise Refused("50118")
        if call.account.fast_key is not None:
            raise Refused("50116")
        key = Credentials(token_hex(18), token_hex(16).upper(), passphrase, perm, label, ips, bool(bind))
        self._accounts.put_fast_key(call.account, key)
        row = {"label": label, "apiKey": key.api_key, "secretKey": key.secret_key, "passphrase": passphrase}
        return envelope([{**row, "perm": perm, "bindApp": bool(bind)}])

    def delete(self, call: Call) -> Answer:
        """Delete the one key."""
        self._check(call)
        if call.account.fast_key is None:
            raise Refused("59506")
        self._accounts.put_fast_key(call.account, None)
        return envelope([{"result": True}])

    def _check(self, call: Call) -> None:
        if call.perm != "fast_api":
            raise Refused("53013")
        if not self._consent.fast_api:
            raise Refused("53017")


def is_passphrase(text: str) -> bool:
    """Tell whether a passphrase is 8 to 32 characters with upper and lower case, a digit and a special one."""
    return 8 <= len(text) <= 32 and all(re.search(kind, text) for kind in _KINDS)  # noqa: PLR2004 - OKX's own bounds
