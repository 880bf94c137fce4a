"""One request on its way through the gateway, and what an endpoint is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from services.okx_simulator.access.throttle import Limit
from services.okx_simulator.evidence import OrderRow
from services.okx_simulator.faults import Plan
from services.okx_simulator.venue.accounts import Account
from services.okx_simulator.wire.http import Answer, Request
from services.okx_simulator.wire.refusals import Refused, parameter

NO_PLAN: Final = Plan()


@dataclass(slots=True)
class Call:
    """A request with what has been found out about it."""

    request: Request
    plan: Plan = NO_PLAN
    owner: Account | None = None
    perm: str = ""
    """What the credential it came with may do."""
    rows: list[OrderRow] = field(default_factory=list)
    """Evidence of the orders in it, one row each."""

    @property
    def account(self) -> Account:
        """The account that was let in; only private endpoints may ask."""
        if self.owner is None:
            raise Refused("50114")
        return self.owner

    def members(self) -> dict[str, Any]:
        """Return the body as one JSON object."""
        body = self.json()
        if not isinstance(body, dict):
            raise parameter("body")
        return body

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """Return the body decoded.

        Raises:
            Refused: it is not JSON.
        """
        try:
            return self.request.json()
        except ValueError as error:
            raise parameter("body") from error


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers one method of one path; `limit` is counted before the handler runs."""

    handle: Callable[[Call], Answer]
    private: bool = True
    trades: bool = False
    limit: Limit | None = None
    orders: bool = False
    """Whether it takes orders: those are evidence whatever becomes of the request."""


Routes = dict[str, dict[str, Endpoint]]
"""Path, then method."""
