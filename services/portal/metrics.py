"""What a portal counts; each with a sentence."""

from services.portal.journeys import FLEET, Trouble
from shared.domain.grants import GrantKind
from shared.telemetry.metrics import Meter


class Metrics:
    """The portal's instruments."""

    def __init__(self, meter: Meter) -> None:
        self._connected = meter.counter("accounts_connected", "Counts accounts let in, by kind of grant.", ("kind",))
        self._refused = meter.counter("consents_refused", "Counts accounts not let in, by why.", ("reason",))
        self._fleet = meter.counter(
            "consents_blocked", "Counts consents that OKX refuses to us, not to the owner: every account is affected."
        )
        self._checks = meter.counter(
            "account_checks", "Counts looks at connected accounts, by what came of them.", ("outcome",)
        )
        self._deliveries = meter.counter(
            "webhook_deliveries", "Counts tries to send a message to a webhook, by what came of them.", ("outcome",)
        )
        self._waiting = meter.gauge("webhook_messages_waiting", "Shows how many messages wait to be taken.")
        self._oldest = meter.gauge("webhook_oldest_seconds", "Shows how long the oldest of them has waited.")
        self._watching = meter.gauge("live_connections", "Shows how many connections follow what happens.")
        for trouble in Trouble:
            self._refused.labels(trouble.value)

    def connected(self, kind: GrantKind) -> None:
        """Count an account that is in."""
        self._connected.labels(kind.value).inc()

    def refused(self, trouble: Trouble) -> None:
        """Count one that is not."""
        self._refused.labels(trouble.value).inc()
        if trouble in FLEET:
            self._fleet.inc()

    def checked(self, outcome: str) -> None:
        """Count a look at an account."""
        self._checks.labels(outcome).inc()

    def delivered(self, outcome: str) -> None:
        """Count a try to deliver."""
        self._deliveries.labels(outcome).inc()

    def backlog(self, waiting: int, oldest_ms: int) -> None:
        """Show what waits to be delivered."""
        self._waiting.set(waiting)
        self._oldest.set(oldest_ms / 1_000)

    def watching(self, connections: int) -> None:
        """Show how many follow what happens."""
        self._watching.set(connections)
