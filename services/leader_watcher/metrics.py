"""What a leader watcher counts; each with a sentence."""

from shared.telemetry.metrics import Meter


class Metrics:
    """The watcher's instruments."""

    def __init__(self, meter: Meter) -> None:
        self.published = meter.counter(
            "fills_published", "Counts fills published first by this watcher, by source.", ("kind",)
        )
        self.missed = meter.counter("fills_missed_by_socket", "Counts fills that only REST showed.")
        self.adjustments = meter.counter("adjustments_published", "Counts position differences published.")
        self.lost = meter.counter("feed_losses", "Counts times a leader's socket was lost or silent.")
        self.loss_noticed = meter.histogram(
            "feed_loss_seconds", "Measures how long after its last sign of life a lost or silent socket was noticed."
        )
        self.leaders = meter.gauge("leaders_watched", "Shows how many leaders this watcher watches.")
        self.joined = meter.gauge("feeds_joined", "Shows how many leaders' sockets are subscribed.")
        self.unreadable = meter.counter("history_failures", "Counts comparisons with REST that failed.", ("reason",))
        self.strange = meter.counter("strange_pushes", "Counts pushes we have no word for, by reason.", ("reason",))
        self.ours = meter.counter("fills_of_our_orders", "Counts fills not led because we placed their order.")
        hops = meter.histogram("publish_seconds", "Measures how long a fill took between two stations.", ("hop",))
        self.fill_to_seen = hops.labels("filled_to_seen")
        self.seen_to_published = hops.labels("seen_to_published")
