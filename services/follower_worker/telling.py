"""Put what happened to a strand into words: the messages of the stream `outcomes`."""

from hashlib import blake2b

from msgspec.structs import replace

from services.follower_worker.flights import Flight, Found
from services.follower_worker.strands import Strand
from shared.domain.drift import DRIFT_REMEDIES, Drift
from shared.domain.ids import AccountId, EventId
from shared.domain.orders import Attempt, Intent
from shared.domain.outcomes import Accepted, NotPlaced, OrderReport, Placement, Refused, Unknown
from shared.domain.quantities import plain
from shared.domain.reasons import REMEDIES, Skip
from shared.messages.outcome import ACCEPTED, SETTLED, HopTimes, OutcomeKind, OutcomeV1


def skip_name(event: EventId, follower: AccountId) -> str:
    """Name a skip: one per event and follower, never the name of an order."""
    return blake2b(f"{event}|{follower}|skip|0".encode(), digest_size=16).hexdigest()


def tell_skip(strand: Strand, skip: Skip, version: int, at_ms: int) -> OutcomeV1:
    """Say that an event is not copied, and why."""
    return OutcomeV1(
        cl_ord_id=skip_name(skip.event, strand.key.follower),
        kind=OutcomeKind.SKIPPED,
        at_ms=at_ms,
        follower=strand.key.follower,
        leader=strand.key.leader,
        inst_id=strand.key.inst_id,
        event=skip.event,
        version=version,
        reason=skip.reason.value,
        remedy=REMEDIES[skip.reason],
        numbers=dict(skip.numbers),
        target=plain(strand.book.target),
        held=plain(strand.book.held),
        hops=_hops(strand),
    )


def tell_drift(strand: Strand, drift: Drift, version: int, at_ms: int, *, acts: bool) -> OutcomeV1:
    """Say that account, book and leader disagree, and whether the book is changed for it."""
    told = blake2b(f"{strand.event}|{strand.key.follower}|{drift.kind}|{at_ms}".encode(), digest_size=16).hexdigest()
    return OutcomeV1(
        cl_ord_id=told,
        kind=OutcomeKind.DRIFTED,
        at_ms=at_ms,
        follower=strand.key.follower,
        leader=strand.key.leader,
        inst_id=strand.key.inst_id,
        event=strand.event,
        version=version,
        reason=drift.kind.value,
        remedy=DRIFT_REMEDIES[drift.kind],
        numbers=dict(drift.numbers),
        message="the book was changed" if acts else "reported",
        target=plain(strand.book.target),
        held=plain(strand.book.held),
        hops=_hops(strand),
    )


def tell_placement(strand: Strand, flight: Flight, placement: Placement, version: int, at_ms: int) -> OutcomeV1:
    """Say what the venue answered."""
    hops = _hops(strand, sent_ms=flight.sent_ms, answered_ms=at_ms)
    match placement:
        case Accepted(order_id):
            return _tell_attempt(strand, flight, ACCEPTED, version, at_ms, hops, order_id=order_id)
        case Refused(code, sub_code, category, message):
            said = {"code": code, "sub_code": sub_code, "category": category.value, "message": message}
            return _tell_attempt(strand, flight, OutcomeKind.REFUSED, version, at_ms, hops, **said)
        case NotPlaced(why, code):
            return _tell_attempt(strand, flight, OutcomeKind.ABSENT, version, at_ms, hops, message=why.value, code=code)
        case Unknown(evidence, code):
            return _tell_attempt(strand, flight, OutcomeKind.UNKNOWN, version, at_ms, hops, message=evidence, code=code)


def tell_settled(strand: Strand, flight: Flight, report: OrderReport, version: int, at_ms: int) -> OutcomeV1:
    """Say what an order filled."""
    hops = _hops(strand, sent_ms=flight.sent_ms, settled_ms=at_ms)
    return _tell_attempt(strand, flight, SETTLED, version, at_ms, hops, **_filled(report))


def tell_absent(strand: Strand, flight: Flight, version: int, at_ms: int) -> OutcomeV1:
    """Say that an order in doubt does not exist."""
    why = "asked for after its expiry and shown by nothing: it was never placed"
    hops = _hops(strand, sent_ms=flight.sent_ms)
    return _tell_attempt(strand, flight, OutcomeKind.ABSENT, version, at_ms, hops, message=why)


def tell_adopted(strand: Strand, found: Found, version: int, at_ms: int) -> OutcomeV1:
    """Say that an order somebody else sent was found and taken into the book."""
    base = OutcomeV1(
        cl_ord_id=found.report.cl_ord_id,
        kind=OutcomeKind.SETTLED,
        at_ms=at_ms,
        follower=strand.key.follower,
        leader=strand.key.leader,
        inst_id=strand.key.inst_id,
        event=found.event,
        leg=found.leg.value,
        tries=found.tries,
        version=version,
        side=found.report.side.value,
        size=plain(found.report.size),
        message="adopted: sent by an earlier holder of the lane",
        target=plain(strand.book.target),
        held=plain(strand.book.held),
        hops=HopTimes(settled_ms=at_ms),
    )
    return replace(base, **_filled(found.report))


def _tell_attempt(
    strand: Strand, flight: Flight, kind: OutcomeKind, version: int, at_ms: int, hops: HopTimes, **facts: str
) -> OutcomeV1:
    named: Attempt = flight.attempt
    intent, book = named.intent, strand.book
    # In the order of the fields: nineteen keywords cost five times as much, for every order twice.
    return OutcomeV1(
        named.cl_ord_id,
        kind,
        at_ms,
        strand.key.follower,
        strand.key.leader,
        strand.key.inst_id,
        named.event,
        intent.leg,
        named.tries,
        flight.covers,
        version,
        intent.side,
        plain(intent.size),
        intent.type,
        "" if intent.price is None else plain(intent.price),
        _trims(intent) if intent.trims else {},
        plain(book.target),
        plain(book.held),
        hops,
        **facts,
    )


def _trims(intent: Intent) -> dict[str, str]:
    """Spell what bounded the order, each figure under its reason."""
    return {f"{trim.reason.value}.{name}": value for trim in intent.trims for name, value in trim.numbers.items()}


def _filled(report: OrderReport) -> dict[str, str]:
    return {
        "order_id": report.order_id,
        "filled": plain(report.filled),
        "average": "" if report.average is None else plain(report.average),
        "fee": plain(report.fee),
        "fee_currency": report.fee_currency,
    }


def _hops(strand: Strand, sent_ms: int = 0, answered_ms: int = 0, settled_ms: int = 0) -> HopTimes:
    hops = strand.hops
    return HopTimes(hops.filled_ms, hops.seen_ms, hops.published_ms, strand.read_ms, sent_ms, answered_ms, settled_ms)
