"""The partner's own questions: whether an account's orders earn it a rebate.

Source: OKX broker documentation, `GET /api/v5/broker/fd/if-rebate`.
"""

from services.okx_simulator.access.consent import Consent
from services.okx_simulator.calls import Call, Endpoint, Routes
from services.okx_simulator.venue.accounts import Accounts
from services.okx_simulator.wire.http import Answer, envelope
from services.okx_simulator.wire.refusals import Refused, empty, parameter


class BrokerDesk:
    """Answers partners; here every account with a key is one."""

    def __init__(self, accounts: Accounts, consent: Consent) -> None:
        self._accounts, self._consent = accounts, consent

    def routes(self) -> Routes:
        """Return the endpoint."""
        return {"/api/v5/broker/fd/if-rebate": {"GET": Endpoint(self.if_rebate)}}

    def if_rebate(self, call: Call) -> Answer:
        """Say of which type the account of a key is."""
        query = call.request.query()
        if not query.get("apiKey"):
            raise empty("apiKey")
        if query.get("brokerType") not in ("api", "oauth"):
            raise parameter("brokerType")
        if query["apiKey"] not in self._accounts.by_key:
            raise Refused("50119")
        return envelope([{"type": self._consent.rebate_type}])
