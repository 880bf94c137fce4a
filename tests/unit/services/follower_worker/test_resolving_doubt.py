"""What an earlier holder may have sent is asked for by every name before anything is concluded."""

# mypy: disable-error-code="comparison-overlap"
# Contracts are decimals, and decimals equal whole numbers; mypy holds the two types apart.

from decimal import Decimal

from msgspec.structs import replace

from services.follower_worker.phases import Phase
from shared.domain.ids import Leg, client_order_id
from shared.domain.outcomes import OrderState
from shared.domain.quantities import Contracts
from shared.messages.outcome import OutcomeKind
from tests.support.asking import ACCEPTED, CLOSE, ONE, TWO, Asking, asking, doubted, flown, planned, told
from tests.support.builders import FOLLOWER, LEADER, NOON_MS, instrument, subscription
from tests.support.bus import SetVenueClock
from tests.support.lanes import lane
from tests.support.waiting import until


class TestDoubtful:
    async def test_what_nobody_sent_is_decided_afresh(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE, TWO)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (15, 0)
        names = {client_order_id(each.id, FOLLOWER, leg, 0) for each in (ONE, TWO) for leg in Leg}
        assert set(desk.exchange.asked) == names
        assert len(desk.exchange.asked) == 2 * len(names)

    async def test_an_order_for_the_last_event_covers_the_earlier(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE, TWO)
        desk.fill(planned(ONE, TWO), 15)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (15, 15)
        (adopted,) = told(taken)
        assert (adopted.kind, adopted.event, adopted.filled) == (OutcomeKind.SETTLED, TWO.id, "15")

    async def test_several_orders_are_all_found_before_anything_is_concluded(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE, CLOSE)
        opened = planned(ONE)
        desk.fill(opened, 10)
        for tries, (size, filled) in enumerate(((10, 6), (4, 4))):
            name = client_order_id(CLOSE.id, FOLLOWER, Leg.CLOSE, tries)
            change = Contracts(Decimal(-size))
            close = replace(opened, cl_ord_id=name, intent=replace(opened.intent, leg=Leg.CLOSE, change=change))
            desk.fill(close, filled)
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.flat, strand.tries[Leg.CLOSE]) == (True, 2)
        assert len(told(taken)) == 3

    async def test_one_still_working_is_waited_for(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        named = planned(ONE)
        desk.fill(named, 3, OrderState.PARTIALLY_FILLED)
        async with asking(desk, taken, strand):
            await until(lambda: desk.exchange.asked.count(named.cl_ord_id) > 2)
            assert strand.phase is Phase.DOUBTFUL
            desk.fill(named, 10)
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_its_own_accepted_order_is_never_believed_absent(self) -> None:
        desk, taken = Asking(), lane(subscription())
        strand, named = flown(taken, ONE, ACCEPTED)
        strand.doubt(NOON_MS)
        async with asking(desk, taken, strand):
            await until(lambda: len(desk.exchange.asked) > 1)
            assert strand.phase is Phase.DOUBTFUL
            desk.fill(named, 10)
            await desk.resolved(strand)
        assert strand.book.held == 10

    async def test_nothing_is_asked_before_the_last_holders_orders_have_expired(self) -> None:
        desk = Asking(venue=SetVenueClock(NOON_MS + 3_000))
        taken, strand = doubted(ONE)
        async with asking(desk, taken, strand):
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            desk.venue.at_ms += 1
            await desk.resolved(strand)

    async def test_nothing_is_asked_before_the_lane_follows_the_reader(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        taken.caught_up = False
        async with asking(desk, taken, strand):
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            taken.caught_up = True
            await desk.resolved(strand)

    async def test_after_redis_forgot_the_leader_is_published_and_read_first(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        async with asking(desk, taken):
            desk.bus.redis.restart()
            await desk.bus.renew_epoch(NOON_MS)
            desk.resolver.add(taken, strand)
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            await desk.confirm()
            last = desk.bus.redis.add(b"not read yet")
            taken.confirmed[LEADER] = last
            await desk.looked_thrice()
            assert desk.exchange.asked == []
            taken.position = last
            await desk.resolved(strand)

    async def test_an_event_that_arrives_meanwhile_is_asked_for_before_anything_is_concluded(self) -> None:
        desk = Asking()
        taken, strand = doubted(ONE)
        whole = desk.exchange.has_fill

        async def has_fill(*about: object) -> bool:
            if len(strand.doubtful) == 1:
                taken.apply(TWO, instrument(), NOON_MS)
                desk.fill(planned(ONE, TWO), 15)
            return await whole(*about)  # type: ignore[arg-type]  # passed on as they came

        desk.exchange.has_fill = has_fill  # type: ignore[method-assign,assignment]  # the event comes while we ask
        async with asking(desk, taken, strand):
            await desk.resolved(strand)
        assert (strand.book.target, strand.book.held) == (15, 15)
