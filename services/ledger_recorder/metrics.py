"""What a ledger recorder counts; each with a sentence."""

from shared.telemetry.metrics import SIZE_BUCKETS, Meter


class Metrics:
    """The recorder's instruments."""

    def __init__(self, meter: Meter) -> None:
        self.recorded = meter.counter("entries_recorded", "Counts entries whose rows are durable.", ("kind",))
        self.buried = meter.counter(
            "entries_buried", "Counts entries set aside because they cannot be recorded.", ("kind",)
        )
        self.batch = meter.histogram(
            "record_batch_entries", "Measures how many entries one transaction wrote.", buckets=SIZE_BUCKETS
        )
        self.seconds = meter.histogram("record_seconds", "Measures how long the database took to write a batch.")
        self.refused = meter.counter("records_put_off", "Counts batches the database did not take at once.")
        self.claimed = meter.counter(
            "entries_claimed", "Counts entries taken over from a recorder that died.", ("kind",)
        )
        self.unread = meter.gauge("entries_unread", "Shows how many entries wait to be read.", ("kind",))
        self.pending = meter.gauge(
            "entries_pending", "Shows how many entries were read and not acknowledged.", ("kind",)
        )
        self.copy_age = meter.gauge("copy_age_seconds", "Shows how old the newest copy of what Redis keeps is.")
        self.copy_seconds = meter.histogram("copy_seconds", "Measures how long a copy of what Redis keeps took.")
