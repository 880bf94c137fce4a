"""What a follower worker counts; each with a sentence."""

from shared.domain.outcomes import Accepted, Category, NotPlaced, Placement, Postponement, Refused
from shared.domain.reasons import Reason
from shared.telemetry.metrics import Meter


class Metrics:
    """The worker's instruments; children are made once, so the hot path looks nothing up."""

    def __init__(self, meter: Meter) -> None:
        possible = [("accepted", ""), ("unknown", "")]
        possible += [("refused", each.value) for each in Category]
        possible += [("not_placed", each.value) for each in Postponement]
        answers = meter.counts(
            "orders_answered", "Counts orders by what became of them.", ("outcome", "category"), possible
        )
        self._accepted, self._unknown = answers["accepted", ""], answers["unknown", ""]
        self._refused = {each: answers["refused", each.value] for each in Category}
        self._not_placed = {each: answers["not_placed", each.value] for each in Postponement}
        stations = ("published_to_read", "filled_to_sent", "sent_to_answered")
        hops = meter.tallies("hop_seconds", "Measures how long a copy took between two stations.", "hop", stations)
        self.read, self._fill_to_sent, self._answer = (hops[each] for each in stations)
        skips = meter.counter("copies_skipped", "Counts events not copied, by reason.", ("reason",))
        self._skips = {each: skips.labels(each.value) for each in Reason}
        self.entries = meter.counter("entries_read", "Counts entries of the stream, by kind.", ("kind",))
        self.dead = meter.counter("entries_dead", "Counts entries nobody could decode.")
        self.settled = meter.counts("orders_settled", "Counts orders whose end was learned.")[()]
        self.adopted = meter.counter("orders_adopted", "Counts orders found that an earlier holder had sent.")
        self.asked_in_doubt = meter.counter("asks_in_doubt", "Counts questions for orders that may exist.")
        self.unanswered = meter.counter("asks_unanswered", "Counts questions for orders that got no usable answer.")
        self.accepted_but_absent = meter.counter(
            "orders_vanished", "Counts answers that did not show an order the venue had accepted."
        )
        self.lanes = meter.gauge("lanes_held", "Shows how many lanes this worker holds.")
        self.doubts = meter.gauge("strands_in_doubt", "Shows how many strands are being asked for.")
        self.ready = meter.gauge("strands_ready", "Shows how many strands wait to send.")
        self.lanes_lost = meter.counter("lanes_lost", "Counts lanes given up without a drain.", ("reason",))
        self.strange = meter.counter("strange_market_data", "Counts market data that cannot be used.", ("reason",))
        self.commits = meter.counter("commits_written", "Counts commits by what became of them.", ("outcome",))

        self.switches = meter.gauge("switches_in_force", "Shows how many kill switches this worker follows.")

        self.drifting = meter.gauge("strands_drifting", "Shows how many strands disagree with the account.", ("kind",))
        self.drift_reads = meter.counter("drift_reads", "Counts comparisons with accounts.", ("outcome",))
        self.drift_repairs = meter.counter("drift_repairs", "Counts books changed for a drift.", ("kind",))

    def skipped(self, reason: Reason) -> None:
        """Count a skip."""
        self._skips[reason].inc()

    def sent(self, milliseconds: int) -> None:
        """Measure the time from the leader's fill to the order leaving."""
        self._fill_to_sent.note(milliseconds / 1000)

    def answered(self, placement: Placement, milliseconds: int) -> None:
        """Count an answer and how long it took."""
        self._answer.note(milliseconds / 1000)
        match placement:
            case Accepted():
                self._accepted.inc()
            case Refused(category=category):
                self._refused[category].inc()
            case NotPlaced(why):
                self._not_placed[why].inc()
            case _:
                self._unknown.inc()
