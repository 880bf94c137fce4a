"""What every session shares."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from services.okx_simulator.access.throttle import Throttle
from services.okx_simulator.clock import VenueClock
from services.okx_simulator.faults import Faults
from services.okx_simulator.settings import Settings
from services.okx_simulator.streaming.channels import Subscription
from services.okx_simulator.streaming.connection import WsConnection
from services.okx_simulator.streaming.order_entry import OrderEntry
from services.okx_simulator.venue.accounts import Account, Accounts
from services.okx_simulator.venue.instruments import Market


class OpenSession(Protocol):
    """A session that is open, as far as others need it."""

    account: Account | None
    connection: WsConnection
    subscriptions: dict[str, Subscription]

    def push(self, subscription: Subscription, data: list[Any], **members: object) -> None:
        """Send rows of a channel."""

    def notice(self, cut_after_s: float) -> None:
        """Announce an upgrade of the service, and cut the connection that much later."""


@dataclass(slots=True)
class Venue:
    """The venue as sessions see it, and the sessions as the venue sees them."""

    settings: Settings
    clock: VenueClock
    accounts: Accounts
    market: Market
    throttle: Throttle
    faults: Faults
    entry: OrderEntry
    sessions: dict[OpenSession, None] = field(default_factory=dict)
    _conn_ids: Iterator[int] = field(default_factory=lambda: count(0xA4D3AE55))

    def new_conn_id(self) -> str:
        """Return an id for one connection."""
        return f"{next(self._conn_ids):08x}"

    def sessions_of(self, uids: Iterable[str] | None) -> list[OpenSession]:
        """Return the sessions logged in as some accounts, or all sessions."""
        if uids is None:
            return list(self.sessions)
        wanted = set(uids)
        return [session for session in self.sessions if session.account and session.account.uid in wanted]
