"""What happens to a lane, step by step."""

from services.follower_worker.lane import Lane
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.domain.fills import TradeEvent
from shared.domain.ids import EntryId
from shared.domain.outcomes import Accepted
from shared.messages.entries import SubscriptionV1, write_subscription
from tests.support.builders import NOON_MS, event, instrument, situation, subscription
from tests.support.lanes import write_all
from tests.support.paper_exchange import report_of

ONE, TWO, THREE = event(0, 10, number=1), event(10, 15, number=2), event(15, 0, number=3)


def apply(taken: Lane, *events: TradeEvent) -> list[Strand]:
    concerned: list[Strand] = []
    for each in events:
        concerned = taken.apply(each, instrument(), NOON_MS)
    return concerned


def send(strand: Strand) -> None:
    named, _ = strand.next(situation(strand.book))
    assert named
    strand.launch(named, NOON_MS + 1_000, NOON_MS)


def finish(taken: Lane, strand: Strand) -> None:
    """Fill whatever a strand wants, until it is at rest."""
    while strand.phase is not Phase.IDLE:
        named, _ = strand.next(situation(strand.book))
        if named:
            strand.launch(named, NOON_MS + 1_000, NOON_MS)
            strand.answered(Accepted("venue-1", NOON_MS))
            strand.settle(report_of(named, named.intent.size))
        taken.touch(strand)
        write_all(taken)


def change(taken: Lane, entry: str, **settings: object) -> SubscriptionV1:
    message = write_subscription(subscription(**settings))  # type: ignore[arg-type]  # settings are the builder's own
    taken.change(EntryId(entry), message)
    return message
