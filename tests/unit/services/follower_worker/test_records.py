"""A strand written and read again is the same strand, in doubt about what it owed."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.follower_worker.flights import Flight, StrandKey
from services.follower_worker.phases import Phase
from services.follower_worker.records import key_of, read_strand, write_strand
from services.follower_worker.strands import Strand
from shared.domain.books import Book
from shared.domain.fills import Hops
from shared.domain.ids import EntryId, EventId, Leg
from shared.domain.orders import Intent, MarginMode, Opening, OrderType, attempt
from shared.domain.quantities import Contracts, Price
from shared.messages.strand import OwedPhase, decode, encode
from tests.support.builders import BTC, FOLLOWER, LEADER, NOON_MS, event, subscription

KEY = StrandKey(FOLLOWER, BTC, LEADER)

sizes = st.decimals(-1_000_000, 1_000_000, allow_nan=False, allow_infinity=False)
times = st.integers(0, 2**45)
names = st.text(st.characters(exclude_characters="|", codec="utf-8"), max_size=20)
openings = st.lists(st.builds(Opening, names.map(EventId), times, sizes.map(Price), sizes), max_size=3).map(tuple)
books = st.builds(
    Book, sizes.map(Contracts), sizes.map(Contracts), openings, st.decimals(0, 1, allow_nan=False, places=6)
)
intents = st.builds(
    Intent,
    inst_id=st.just(BTC),
    leg=st.sampled_from(Leg),
    change=sizes.map(Contracts),
    type=st.sampled_from(OrderType),
    price=st.none() | sizes.map(Price),
    reduce_only=st.booleans(),
    margin_mode=st.sampled_from(MarginMode),
    openings=openings,
    more=st.booleans(),
)
flights = st.builds(
    Flight,
    st.builds(attempt, intents, st.just(FOLLOWER), names.map(EventId), st.integers(0, 9)),
    times,
    times,
    st.just(0),
    names,
)


@st.composite
def strands(draw: st.DrawFn) -> Strand:
    phase = draw(st.sampled_from([Phase.IDLE, Phase.READY, Phase.UNSETTLED, Phase.UNKNOWN, Phase.DOUBTFUL]))
    strand = Strand(
        KEY,
        book=draw(books),
        phase=phase,
        cursor=EntryId(f"{draw(times)}-{draw(times)}"),
        event=EventId(draw(names)),
        hops=Hops(draw(times), 0, 0),
        covers=draw(st.integers(0, 9)),
        tries={leg: draw(st.integers(0, 9)) for leg in Leg},
        poisoned=draw(st.booleans()),
    )
    if phase in (Phase.UNSETTLED, Phase.UNKNOWN):
        strand.flight = draw(flights)
    if phase is Phase.DOUBTFUL:
        strand.flight = draw(st.none() | flights)
        strand.owing = draw(st.booleans()) or strand.flight is not None
        strand.doubtful = [
            event(0, draw(st.integers(-9, 9)), number=number + 1) for number in range(draw(st.integers(1, 3)))
        ]
        ratios = draw(st.lists(st.integers(1, 9), max_size=len(strand.doubtful)))
        pairs = zip(strand.doubtful, ratios, strict=False)
        strand.under = {each.id: subscription(ratio=ratio, made_ms=ratio) for each, ratio in pairs}
    return strand


@given(strands())
def test_nothing_is_lost_on_the_way_through_redis(strand: Strand) -> None:
    again = read_strand(KEY, decode(encode(write_strand(strand))), NOON_MS)
    for name in ("key", "book", "cursor", "event", "covers", "tries", "flight", "doubtful", "under", "poisoned"):
        assert getattr(again, name) == getattr(strand, name)
    assert write_strand(again) == write_strand(strand) or strand.phase is not Phase.DOUBTFUL


@given(strands())
def test_whatever_was_owed_is_in_doubt_when_found(strand: Strand) -> None:
    again = read_strand(KEY, write_strand(strand), NOON_MS + 5)
    owed = strand.phase is not Phase.IDLE
    assert again.phase is (Phase.DOUBTFUL if owed else Phase.IDLE)
    assert again.wait_ms == (max(NOON_MS + 5, again.flight.expires_ms if again.flight else 0) if owed else 0)


def test_a_strand_still_in_doubt_says_what_it_was_found_with() -> None:
    strand = Strand(KEY, phase=Phase.DOUBTFUL, doubtful=[event(0, 1)])
    assert write_strand(strand).phase is None
    strand.owing = True
    assert write_strand(strand).phase is OwedPhase.REST
    intent = Intent(BTC, Leg.OPEN, Contracts(Decimal(1)), OrderType.MARKET, None, False, MarginMode.CROSS)
    strand.flight = Flight(attempt(intent, FOLLOWER, EventId("e"), 0), NOON_MS, NOON_MS, 1)
    assert write_strand(strand).phase is OwedPhase.UNKNOWN
    strand.flight = Flight(strand.flight.attempt, NOON_MS, NOON_MS, 1, "venue-1")
    assert write_strand(strand).phase is OwedPhase.UNSETTLED


@given(strands())
def test_from_a_holder_that_left_nothing_on_its_way_it_goes_on_where_it_stood(strand: Strand) -> None:
    again = read_strand(KEY, decode(encode(write_strand(strand))), NOON_MS, clean=True)
    if strand.phase is Phase.DOUBTFUL:
        assert again.phase is Phase.DOUBTFUL
        return
    assert (again.phase, again.owing) == (strand.phase, False)
    assert again.wait_ms == (strand.flight.expires_ms if strand.flight else 0)


def test_a_field_name_is_read_back() -> None:
    assert key_of(Strand(KEY).name) == KEY
