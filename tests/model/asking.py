"""Asking for a strand's orders by name: the questions of `resolving`, one round a step."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.follower_worker.flights import Found, Probe
from services.follower_worker.strands import Strand
from shared.domain.ids import ClOrdId, EventId, client_order_id
from shared.domain.instruments import Instrument
from shared.domain.outcomes import OrderReport
from shared.domain.subscriptions import Subscription
from tests.model.rules import Rule
from tests.model.values import World
from tests.model.venue import Venue


@dataclass(slots=True)
class Doubt:
    """What has been asked so far for one strand."""

    world: World
    venue: Venue
    strand: Strand
    absent_since: dict[ClOrdId, int] = field(default_factory=dict)

    def exists(self, name: ClOrdId, report: OrderReport | None) -> bool | None:
        """Tell whether an order exists; None while one absent answer is all there is."""
        if report:
            return True
        since = self.absent_since.setdefault(name, self.world.now)
        if self.world.has(Rule.TWO_ABSENT_ANSWERS) and self.world.now - since < self.world.absent_gap:
            return None
        return False

    def settle(self) -> bool:
        """Ask for the accepted order; True when it has settled."""
        report = self._own()
        if report is None or not report.done:
            return False
        self.strand.settle(report)
        return True

    def decide_unknown(self) -> bool:
        """Ask for the order without an answer; True when it has settled or is proven absent."""
        assert self.strand.flight is not None
        report = self._own()
        if self.exists(self.strand.flight.attempt.cl_ord_id, report) is False:
            self.strand.absent()
            return True
        return self.settle()

    def decide_doubtful(self, subscription: Subscription, instrument: Instrument) -> bool:
        """Ask for everything somebody else may have sent; True when the strand is rebuilt from sure answers."""
        own, flight = None, self.strand.flight
        if flight:
            own = self._own()
            unsettled_but_absent = own is None and flight.order_id
            if unsettled_but_absent or (own and not own.done) or self.exists(flight.attempt.cl_ord_id, own) is None:
                return False
        found = self._ask_all(flight.attempt.cl_ord_id if flight and own else None)
        if found is None or not all(each.report.done for each in found):
            return False
        by_event: dict[EventId, list[Found]] = defaultdict(list)
        for each in found:
            by_event[each.event].append(each)
        self.strand.resolve(own, by_event, subscription, instrument)
        return True

    def _own(self) -> OrderReport | None:
        assert self.strand.flight is not None
        return self.venue.ask(self.strand.flight.attempt.cl_ord_id)

    def _ask_all(self, own: ClOrdId | None) -> list[Found] | None:
        """Return every order found by name, or None while an answer is not yet sure."""
        probes = self.strand.probes() if self.world.has(Rule.ASK_IN_DOUBT) else []
        if not self.world.has(Rule.ASK_ALL_NAMES):
            return self._newest(reversed(probes))
        found, sure = [], True
        for probe in probes:
            hits, absent = self._follow(probe, own)
            found += hits
            sure &= absent
        return found if sure else None

    def _newest(self, probes: Iterable[Probe]) -> list[Found] | None:
        """Ask from the newest name back and stop at the first hit: not good enough."""
        for probe in probes:
            hits, absent = self._follow(probe, None)
            if hits:
                return hits[-1:]
            if not absent:
                return None
        return []

    def _follow(self, probe: Probe, own: ClOrdId | None) -> tuple[list[Found], bool]:
        """Ask one event and leg upward until a name is absent; and tell whether it surely is."""
        hits: list[Found] = []
        tries = probe.tries
        while True:
            name = client_order_id(probe.event, self.strand.key.follower, probe.leg, tries)
            report = self.venue.ask(name)
            if report is None:
                return hits, self.exists(name, report) is False
            if name != own:
                hits.append(Found(probe.event, probe.leg, tries, report))
            tries += 1
