"""One order's life, as the sender sees it: what leaves, under which deadline, and what every answer sets off."""

# mypy: disable-error-code="comparison-overlap"
# Contracts are decimals, and decimals equal whole numbers; mypy holds the two types apart.

import asyncio
from functools import partial

import pytest

from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.pacing import Pace
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from services.follower_worker.submitting import Submitter, Venue
from shared.domain.orders import Attempt
from shared.domain.outcomes import Unknown
from shared.domain.reasons import Reason
from shared.domain.risk import Account
from shared.messages.outcome import OutcomeKind
from shared.ports import Placed
from shared.telemetry.metrics import Meter
from tests.support.builders import NOON_MS, event, instrument, subscription
from tests.support.lanes import followers, lane, strand_of
from tests.support.paper_exchange import Way
from tests.support.sending import ONE, THREE, TWO, Desk, answered, reasons, sending
from tests.support.surroundings import ListedInstruments
from tests.support.waiting import until


async def test_an_accepted_order_is_told_and_asked_for() -> None:
    desk, taken = Desk(), lane(subscription())
    desk.apply(taken, ONE)
    strand = strand_of(taken)
    async with sending(desk):
        await answered(desk, strand, Phase.UNSETTLED)
    assert desk.doubts == [strand]
    (commit,) = desk.commit(taken)
    (outcome,) = commit.outcomes
    assert (outcome.kind, outcome.covers, outcome.size, outcome.event) == (OutcomeKind.ACCEPTED, 1, "10", ONE.id)
    assert commit.offset == ONE.entry


async def test_it_expires_at_the_deadline_or_with_the_lease_if_that_is_earlier() -> None:
    for exp_max, expires in ((NOON_MS + 60_000, NOON_MS + 1_000), (NOON_MS + 300, NOON_MS + 300)):
        desk, taken = Desk(), lane(subscription())
        taken.lease.exp_max = exp_max
        desk.apply(taken, ONE)
        async with sending(desk):
            await answered(desk, strand_of(taken), Phase.UNSETTLED)
        assert [sent.expires_ms for sent in desk.exchange.sent] == [expires]


async def test_it_must_leave_while_the_lease_lasts_whatever_it_waits_for() -> None:
    desk, taken = Desk(), lane(subscription())
    taken.lease.deadline = desk.clock.monotonic() + 77
    desk.apply(taken, ONE)
    async with sending(desk):
        await answered(desk, strand_of(taken), Phase.UNSETTLED)
    assert desk.exchange.leave_before == [taken.lease.deadline]


@pytest.mark.parametrize("lapse", ["deadline", "exp_max"])
async def test_nothing_leaves_under_a_lapsed_lease(lapse: str) -> None:
    desk, taken = Desk(), lane(*followers(2))
    setattr(taken.lease, lapse, desk.clock.monotonic() if lapse == "deadline" else NOON_MS)
    desk.apply(taken, ONE)
    async with sending(desk):
        await until(lambda: not len(desk.ready))
        assert desk.exchange.sent == []
        assert all(strand.phase is Phase.READY for strand in taken.strands.values())
        assert all(strand.book.target == 10 for strand in taken.strands.values())
        assert desk.commit(taken)[-1].offset == ONE.entry


async def test_a_lapsed_lease_that_is_renewed_lets_the_order_go() -> None:
    desk, taken = Desk(), lane(subscription())
    desk.submitter = _with_deadline(desk, 20)
    taken.lease.deadline = -1.0
    desk.apply(taken, ONE)
    async with sending(desk):
        await until(lambda: not len(desk.ready))
        taken.lease.deadline = 1e12
        await answered(desk, strand_of(taken), Phase.UNSETTLED)
    assert len(desk.exchange.sent) == 1


def _with_deadline(desk: Desk, deadline_ms: int) -> Submitter:
    venue = Venue(desk.exchange, ListedInstruments(), desk.venue, lambda _follower: Account())
    return Submitter(venue, desk.clock, desk.ready, Pace(60, 0.01), Metrics(Meter("test")), deadline_ms)


async def test_a_refused_open_is_told_and_not_tried_again() -> None:
    desk, taken = Desk(), lane(subscription())
    desk.exchange.ways.append(Way.REFUSE)
    desk.apply(taken, ONE)
    strand = strand_of(taken)
    async with sending(desk):
        await until(lambda: strand.results == 1)
        assert reasons(desk.commit(taken)) == [OutcomeKind.REFUSED]
        await until(lambda: strand.phase is Phase.IDLE)
    assert (len(desk.exchange.sent), strand.book.target) == (1, 0)


async def test_a_refused_close_has_the_account_read_before_it_goes_again() -> None:
    desk, taken = Desk(), lane(subscription())
    strand = await holding(desk, taken)
    desk.exchange.ways.append(Way.REFUSE)
    desk.apply(taken, THREE)
    async with sending(desk):
        await until(lambda: strand.recheck)
        assert desk.commit(taken)
        await until(lambda: strand in desk.doubts)
        sent = len(desk.exchange.sent)
        desk.doubts.clear()
        strand.found_position(strand.book.held)
        desk.ready.put(taken, strand)
        await answered(desk, strand, Phase.UNSETTLED)
    assert len(desk.exchange.sent) == sent + 1
    assert desk.exchange.sent[-1].name == desk.exchange.sent[-2].name


async def holding(desk: Desk, taken: Lane) -> Strand:
    """Let the lane's strand hold what the first event opened, at rest."""
    desk.apply(taken, ONE)
    strand = strand_of(taken)
    async with sending(desk):
        await answered(desk, strand, Phase.UNSETTLED)
        assert strand.flight
        strand.settle(desk.exchange.orders[strand.key.follower, strand.flight.attempt.cl_ord_id])
        taken.touch(strand)
        desk.commit(taken)
        await until(lambda: strand.phase is Phase.IDLE)
        desk.commit(taken)
    desk.doubts.clear()
    return strand


@pytest.mark.parametrize("way", [Way.THROTTLE, Way.NOT_SENT])
async def test_what_was_not_placed_goes_again_under_its_name_and_holds_up_no_offset(way: Way) -> None:
    desk, taken = Desk(), lane(subscription())
    desk.exchange.ways.append(way)
    desk.apply(taken, ONE)
    strand = strand_of(taken)
    async with sending(desk):
        await until(lambda: strand.failures == 1)
        commits = desk.commit(taken)
        assert commits[-1].offset == ONE.entry
        await desk.clock.advance(1)
        await answered(desk, strand, Phase.UNSETTLED)
    assert len({sent.name for sent in desk.exchange.sent}) == 1
    assert len(desk.exchange.sent) == 2


@pytest.mark.parametrize("way", [Way.VANISH, Way.FILL_UNHEARD, Way.DUPLICATE])
async def test_an_order_that_may_exist_is_asked_for_and_never_sent_again_by_itself(way: Way) -> None:
    desk, taken = Desk(), lane(subscription())
    desk.exchange.ways.append(way)
    desk.apply(taken, ONE)
    strand = strand_of(taken)
    async with sending(desk):
        await answered(desk, strand, Phase.UNKNOWN)
        assert desk.commit(taken)[-1].offset == ONE.entry
        await until(lambda: not len(desk.ready))
    assert (len(desk.exchange.sent), desk.doubts) == (1, [strand])


async def test_the_next_order_leaves_only_after_the_commit() -> None:
    desk, taken = Desk(), lane(subscription())
    strand = await holding(desk, taken)
    desk.apply(taken, TWO)
    async with sending(desk):
        await answered(desk, strand, Phase.UNSETTLED)
        assert strand.flight
        strand.settle(desk.exchange.orders[strand.key.follower, strand.flight.attempt.cl_ord_id])
        taken.touch(strand)
        desk.apply(taken, THREE)
        await until(lambda: not len(desk.ready))
        assert len(desk.exchange.sent) == 2
        desk.commit(taken)
        await until(lambda: len(desk.exchange.sent) == 3)


async def test_an_open_waits_for_the_followers_close_and_then_goes() -> None:
    eth = instrument(inst_id="ETH")
    desk, taken = Desk(listed=(instrument(), eth)), lane(subscription())
    closing = await holding(desk, taken)
    desk.exchange.choose = lambda attempt: Way.HANG_FILLED if attempt.intent.reduce_only else None
    desk.apply(taken, THREE)
    desk.apply(taken, event(0, 4, number=4, inst_id="ETH"))
    async with sending(desk):
        await until(lambda: closing.phase is Phase.FLYING)
        await until(lambda: any(commit.strands for commit in desk.commit(taken)))
        assert [sent.inst_id for sent in desk.exchange.sent[1:]] == [closing.key.inst_id]
        assert closing.flight
        report = desk.exchange.orders[closing.key.follower, closing.flight.attempt.cl_ord_id]
        closing.settle(report)
        await until(lambda: "ETH" in [sent.inst_id for sent in desk.exchange.sent])


async def test_a_follower_at_its_limit_waits_and_others_do_not() -> None:
    desk, taken = Desk(orders_a_window=1), lane(*followers(2))
    desk.apply(taken, ONE)
    first = strand_of(taken, "follower-0")
    async with sending(desk):
        await until(lambda: len(desk.exchange.sent) == 2)
        assert first.flight
        first.settle(desk.exchange.orders[first.key.follower, first.flight.attempt.cl_ord_id])
        taken.touch(first)
        desk.commit(taken)
        desk.apply(taken, TWO)
        await until(lambda: not len(desk.ready))
        assert len(desk.exchange.sent) == 2
        assert first.phase in (Phase.READY, Phase.IDLE)


async def test_an_instrument_that_is_not_listed_any_more_is_tried_later_and_holds_up_no_offset() -> None:
    desk, taken = Desk(listed=(instrument(inst_id="ETH"),)), lane(subscription())
    desk.apply(taken, ONE)
    async with sending(desk):
        await until(lambda: desk.commit(taken))
    assert (desk.exchange.sent, taken.offset) == ([], ONE.entry)


async def test_what_breaks_in_the_air_is_asked_for_and_the_sender_lives() -> None:
    desk, taken = Desk(), lane(*followers(2))
    desk.exchange.choose = lambda attempt: Way.BREAK if attempt.follower == "follower-0" else None
    desk.apply(taken, ONE)
    broken, fine = (strand_of(taken, f"follower-{number}") for number in range(2))
    async with sending(desk):
        await answered(desk, fine, Phase.UNSETTLED)
        await until(lambda: broken.phase is Phase.DOUBTFUL)
    assert broken.poisoned
    assert broken in desk.doubts
    assert desk.commit(taken)[-1].offset == ONE.entry


async def test_what_breaks_while_deciding_opens_nothing_more_and_says_so_once() -> None:
    desk, taken = Desk(), lane(subscription())
    desk.apply(taken, ONE)
    strand = strand_of(taken)
    desk.submitter = _that_breaks(desk)
    async with sending(desk):
        await until(lambda: strand.poisoned)
        commits = desk.commit(taken)
    assert reasons(commits) == [Reason.POISON]
    assert commits[-1].offset == ONE.entry
    assert desk.exchange.sent == []


def _that_breaks(desk: Desk) -> Submitter:
    def accounts(_follower: str) -> Account:
        raise LookupError("ours")

    venue = Venue(desk.exchange, ListedInstruments(), desk.venue, accounts)
    return Submitter(venue, desk.clock, desk.ready, Pace(60, 0.01), Metrics(Meter("test")), 1_000)


async def test_a_poisoned_strand_still_closes() -> None:
    desk, taken = Desk(), lane(subscription())
    strand = await holding(desk, taken)
    strand.poisoned = True
    desk.apply(taken, TWO)
    async with sending(desk):
        await until(lambda: strand.phase is Phase.IDLE and strand.dirty)
        assert reasons(desk.commit(taken)) == [Reason.CLOSE_ONLY]
        desk.apply(taken, THREE)
        await answered(desk, strand, Phase.UNSETTLED)
    assert [sent.change for sent in desk.exchange.sent] == [10, -10]


def nobody_waits(desk: Desk) -> bool:
    return not len(desk.ready)


async def test_nothing_is_sent_for_a_lane_that_is_lost_or_draining() -> None:
    for flag in ("lost", "draining"):
        desk, taken = Desk(), lane(subscription())
        desk.apply(taken, ONE)
        setattr(taken, flag, True)
        async with sending(desk):
            await until(partial(nobody_waits, desk))
        assert desk.exchange.sent == []


async def test_a_place_is_given_back_once_however_a_launch_ends() -> None:
    """Told and failed at once, it must not let more into the air than there are connections."""
    desk, taken = Desk(), lane(*followers(8))
    launch = desk.exchange.launch

    def told_and_failed(attempt: Attempt, expires_ms: int, leave_before: float, placed: Placed) -> None:
        if attempt.follower == "follower-0":
            placed(Unknown("no answer"))
            raise ZeroDivisionError("ours")
        launch(attempt, expires_ms, leave_before, placed)

    desk.exchange.launch = told_and_failed  # type: ignore[method-assign]
    desk.exchange.choose = lambda _attempt: Way.HANG
    desk.apply(taken, ONE)
    async with sending(desk):
        desk.ready.put(taken, strand_of(taken, "follower-0"))
        await until(lambda: desk.exchange.in_the_air == 4)
        for _ in range(5):
            await asyncio.sleep(0)
    assert len(desk.exchange.sent) == 4
