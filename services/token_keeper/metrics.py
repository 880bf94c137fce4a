"""What a token keeper counts; each with a sentence."""

from shared.telemetry.metrics import Meter


class Metrics:
    """The keeper's instruments."""

    def __init__(self, meter: Meter) -> None:
        self.refreshes = meter.counter("grant_refreshes", "Counts renewals by what became of them.", ("outcome",))
        self.refresh_seconds = meter.histogram("refresh_seconds", "Measures how long OKX took to renew a pair.")
        self.unstored = meter.gauge("pairs_unstored", "Shows how many new pairs wait for the database to take them.")
        self.grants = meter.gauge("grants_count", "Shows how many grants there are by status.", ("kind",))
        self.seconds_to_death = meter.gauge(
            "grant_death_seconds", "Shows how long the live OAuth grant that dies first still lives."
        )
        self.consents_ending = meter.gauge(
            "consents_ending", "Shows how many live grants lose their owner's consent within a day if not renewed."
        )
        self.failed_rounds = meter.counter("keeper_rounds_failed", "Counts rounds that the database cut short.")
