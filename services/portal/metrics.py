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
