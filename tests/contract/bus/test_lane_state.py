"""A commit is one step: applied once, by the holder, on the state it knows."""

from decimal import Decimal

import pytest
from msgspec import structs
from redis.asyncio import Redis

from shared.domain.ids import STREAM_START, EntryId
from shared.domain.lanes import Lane, Lease
from shared.messages.entries import write_subscription
from shared.messages.lane import Commit, Written
from shared.messages.outcome import OutcomeKind, OutcomeV1
from shared.messages.strand import OpeningV1, OwedPhase, StrandV1
from tests.support.builders import NOON_MS, subscription
from tests.support.bus import Bus, RealBus

LANE = Lane(0)
FIRST = EntryId("5-1")
RECORD = StrandV1(
    cursor=FIRST,
    event="leader:BTC-USDT-SWAP:1",
    event_ms=NOON_MS,
    tries=(0, 2),
    target=Decimal("0.30000000000000000000000001"),
    held=Decimal("-2.5"),
    kept=Decimal("0.1"),
    openings=(OpeningV1("leader:BTC-USDT-SWAP:1", NOON_MS, Decimal("64000.1"), Decimal("0.3")),),
    phase=OwedPhase.REST,
)


def outcome(name: str) -> OutcomeV1:
    return OutcomeV1(name, OutcomeKind.ACCEPTED, NOON_MS, "f", "l", "BTC-USDT-SWAP", "e")


@pytest.fixture
async def lease(bus: Bus) -> Lease:
    await bus.renew_epoch(NOON_MS)
    lease = await bus.leases().acquire(LANE)
    assert lease
    return lease


async def test_a_lane_nobody_wrote_is_empty(bus: Bus) -> None:
    record = await bus.store.load(LANE)
    assert (record.offset, record.seq, record.strands, record.subscriptions, record.unreadable) == (
        STREAM_START,
        0,
        {},
        [],
        [],
    )


async def test_what_is_committed_is_found_by_the_next_holder(bus: Bus, lease: Lease) -> None:
    settings = write_subscription(subscription(ratio="0.1", slippage_cap="0.005"))
    commit = Commit(1, FIRST, {"f|BTC-USDT-SWAP|l": RECORD}, [], [settings], [outcome("a"), outcome("b")])
    assert await bus.store.commit(lease, commit) is Written.OK
    found = await bus.store.load(LANE)
    assert (found.offset, found.seq) == (FIRST, 1)
    assert found.strands == {"f|BTC-USDT-SWAP|l": RECORD}
    assert found.subscriptions == [settings]
    assert [each.cl_ord_id for each in await bus.outcomes()] == ["a", "b"]


async def test_a_line_break_in_a_value_is_no_end_of_it(bus: Bus, lease: Lease) -> None:
    """What is written goes to the server as lines; the venue's words may hold anything."""
    broken = structs.replace(outcome("a"), message="too\nlarge\r\n\u2028")
    record = structs.replace(RECORD, event="leader\n:1")
    assert (
        await bus.store.commit(lease, Commit(1, FIRST, {"f|i|l": record}, outcomes=[broken, outcome("b")]))
        is Written.OK
    )
    assert (await bus.store.load(LANE)).strands == {"f|i|l": record}
    assert await bus.outcomes() == [broken, outcome("b")]


async def test_a_commit_repeated_changes_nothing(bus: Bus, lease: Lease) -> None:
    commit = Commit(1, FIRST, {"x|i|l": RECORD}, outcomes=[outcome("a")])
    assert await bus.store.commit(lease, commit) is Written.OK
    assert await bus.store.commit(lease, commit) is Written.REPEAT
    assert [each.cl_ord_id for each in await bus.outcomes()] == ["a"]
    assert (await bus.store.load(LANE)).seq == 1


async def test_a_commit_from_a_memory_newer_than_the_lane_is_refused(bus: Bus, lease: Lease) -> None:
    assert await bus.store.commit(lease, Commit(2, FIRST, {"x|i|l": RECORD}, outcomes=[outcome("a")])) is Written.GAP
    assert (await bus.store.load(LANE)).strands == {}
    assert await bus.outcomes() == []


async def test_a_commit_under_a_lost_lease_is_refused(bus: Bus, lease: Lease) -> None:
    await bus.leases().release(lease)
    assert await bus.store.commit(lease, Commit(1, FIRST, outcomes=[outcome("a")])) is Written.LOST
    other = await bus.leases().acquire(LANE)
    assert other
    assert await bus.store.commit(lease, Commit(1, FIRST, outcomes=[outcome("a")])) is Written.LOST
    assert await bus.store.commit(other, Commit(1, FIRST)) is Written.OK
    assert await bus.outcomes() == []


async def test_without_an_offset_the_lane_keeps_the_one_it_has(bus: Bus, lease: Lease) -> None:
    await bus.store.commit(lease, Commit(1, FIRST))
    await bus.store.commit(lease, Commit(2, None, {"x|i|l": RECORD}))
    found = await bus.store.load(LANE)
    assert (found.offset, found.seq) == (FIRST, 2)
    assert await bus.store.offsets(4) == [FIRST, STREAM_START, STREAM_START, STREAM_START]


async def test_forgotten_records_are_gone_and_others_stay(bus: Bus, lease: Lease) -> None:
    await bus.store.commit(lease, Commit(1, None, {"x|i|l": RECORD, "y|i|l": RECORD}))
    await bus.store.commit(lease, Commit(2, None, {"z|i|l": RECORD}, forgotten=["x|i|l"]))
    assert set((await bus.store.load(LANE)).strands) == {"y|i|l", "z|i|l"}
    assert (await bus.facts(LANE)).fields == {"strand:y|i|l", "strand:z|i|l"}


async def test_a_newer_version_of_a_subscription_takes_the_place_of_the_older(bus: Bus, lease: Lease) -> None:
    older, newer = (write_subscription(subscription(version=version)) for version in (1, 2))
    await bus.store.commit(lease, Commit(1, subscriptions=[older]))
    await bus.store.commit(lease, Commit(2, subscriptions=[newer]))
    assert (await bus.store.load(LANE)).subscriptions == [newer]


async def test_a_commit_touches_neither_begun_nor_the_latest_expiry(bus: Bus, lease: Lease) -> None:
    await bus.store.raise_begun([lease], EntryId("9-9"))
    await bus.store.commit(lease, Commit(1, FIRST))
    facts = await bus.facts(LANE)
    assert (facts.begun, facts.exp_max) == ("9-9", lease.exp_max)


async def test_as_many_records_as_a_commit_may_carry_are_written_in_one_step(bus: Bus, lease: Lease) -> None:
    many = {f"follower-{number}|BTC-USDT-SWAP|l": RECORD for number in range(256)}
    outcomes = [outcome(str(number)) for number in range(1_000)]
    assert await bus.store.commit(lease, Commit(1, FIRST, many, outcomes=outcomes)) is Written.OK
    assert set((await bus.store.load(LANE)).strands) == many.keys()
    assert len(await bus.outcomes()) == 1_000


async def test_a_damaged_record_is_told_and_the_others_are_found(redis_client: Redis, installation: str) -> None:
    bus = RealBus(redis_client, installation)
    await bus.renew_epoch(NOON_MS)
    lease = await bus.leases().acquire(LANE)
    assert lease
    await bus.store.commit(lease, Commit(1, FIRST, {"x|i|l": RECORD}))
    await redis_client.hset(bus.keys.lane(LANE), mapping={"strand:y|i|l": b"{", "subscription:y|l": b'{"schema":"?"}'})
    found = await bus.store.load(LANE)
    assert (set(found.strands), sorted(found.unreadable)) == ({"x|i|l"}, ["strand:y|i|l", "subscription:y|l"])
