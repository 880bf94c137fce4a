"""When the server is another one, everybody notices and nobody writes before the epoch is renewed."""

import pytest

from shared.domain.ids import STREAM_START, EntryId
from shared.domain.lanes import Lane, Lease
from shared.messages.lane import Commit, Written
from shared.messages.leader import LeaderState, Published
from tests.contract.bus.conftest import MortalBus
from tests.support.builders import LEADER, NOON_MS
from tests.support.bus import Bus

LANE = Lane(0)
ENTRY = EntryId("5-1")


async def held(bus: Bus) -> Lease:
    await bus.renew_epoch(NOON_MS)
    lease = await bus.leases().acquire(LANE)
    assert lease
    return lease


async def published_nothing(bus: Bus, state: LeaderState) -> Published:
    return await bus.publisher.publish(LEADER, state, [], {}, 0, NOON_MS)


@pytest.mark.parametrize("how", ["come_back", "come_back_older", "come_back_empty"])
async def test_a_lease_does_not_survive_the_server(mortal: MortalBus, how: str) -> None:
    bus = mortal.bus
    lease = await held(bus)
    mortal.server.remember()
    getattr(mortal.server, how)()
    assert await bus.store.commit(lease, Commit(1, ENTRY)) is Written.LOST
    bus.venue.at_ms += 1_000
    assert await bus.leases().renew([lease]) == [lease]
    assert await bus.store.raise_begun([lease], ENTRY) == [False]
    again = await bus.leases().acquire(LANE)
    assert again
    assert again.since_ms > NOON_MS + 1_000
    assert again.token != lease.token


async def test_whoever_asks_for_a_lane_first_renews_the_epoch(mortal: MortalBus) -> None:
    bus = mortal.bus
    lease = await held(bus)
    mortal.server.come_back()
    bus.venue.at_ms += 1_000
    assert await bus.leases().acquire(Lane(1)) is None
    assert await bus.leases().renew([lease]) == [lease]
    taken = [await bus.leases().acquire(lane) for lane in (LANE, Lane(1))]
    assert [each.since_ms > NOON_MS + 1_000 for each in taken if each] == [True, True]


async def test_the_epoch_is_renewed_once_per_server(mortal: MortalBus) -> None:
    bus = mortal.bus
    await held(bus)
    mortal.server.come_back()
    await bus.renew_epoch(NOON_MS + 1_000)
    since = (await bus.publisher.state(LEADER)).since_ms
    lease = await bus.leases().acquire(LANE)
    assert lease
    await bus.renew_epoch(NOON_MS + 9_000)
    assert (await bus.publisher.state(LEADER)).since_ms == since
    assert await bus.leases().renew([lease]) == []


async def test_a_publication_from_before_is_refused_even_where_the_version_is_the_same(mortal: MortalBus) -> None:
    bus = mortal.bus
    await held(bus)
    before = await bus.publisher.state(LEADER)
    mortal.server.come_back_empty()
    assert await published_nothing(bus, before) is Published.EPOCH
    await bus.renew_epoch(NOON_MS + 1_000)
    assert await published_nothing(bus, before) is Published.STALE
    assert await published_nothing(bus, await bus.publisher.state(LEADER)) is Published.OK


async def test_a_leader_is_confirmed_anew_on_another_server(mortal: MortalBus) -> None:
    bus = mortal.bus
    await held(bus)
    await published_nothing(bus, await bus.publisher.state(LEADER))
    assert await bus.trades.confirmed(LEADER)
    mortal.server.come_back()
    await bus.renew_epoch(NOON_MS + 1_000)
    assert not await bus.trades.confirmed(LEADER)
    await published_nothing(bus, await bus.publisher.state(LEADER))
    assert await bus.trades.confirmed(LEADER)


async def test_what_was_written_last_is_gone_from_an_older_copy(mortal: MortalBus) -> None:
    bus = mortal.bus
    lease = await held(bus)
    await bus.store.commit(lease, Commit(1, ENTRY))
    mortal.server.remember()
    await bus.store.commit(lease, Commit(2, EntryId("6-0")))
    mortal.server.come_back_older()
    found = await bus.store.load(LANE)
    assert (found.offset, found.seq) == (ENTRY, 1)


async def test_an_empty_server_knows_nothing(mortal: MortalBus) -> None:
    bus = mortal.bus
    lease = await held(bus)
    await bus.store.commit(lease, Commit(1, ENTRY))
    mortal.server.come_back_empty()
    found = await bus.store.load(LANE)
    assert (found.offset, found.seq, await bus.trades.last()) == (STREAM_START, 0, STREAM_START)


async def test_a_lane_that_lost_begun_doubts_everything_in_the_stream(mortal: MortalBus) -> None:
    bus = mortal.bus
    lease = await held(bus)
    await bus.store.raise_begun([lease], ENTRY)
    await bus.leases().release(lease)
    await bus.forget_begun(LANE)
    taken = await bus.leases().acquire(LANE)
    assert taken
    assert taken.begun_found == await bus.trades.last()


async def test_a_clean_mark_of_an_older_copy_counts_for_nothing(mortal: MortalBus) -> None:
    """It was true then; since then somebody may have sent, and died with the server."""
    bus = mortal.bus
    lease = await held(bus)
    await bus.store.commit(lease, Commit(1, ENTRY))
    await bus.leases().release(lease, clean=1)
    mortal.server.remember()
    assert await bus.leases().acquire(LANE)
    mortal.server.come_back_older()
    assert await bus.leases().acquire(LANE) is None
    again = await bus.leases().acquire(LANE)
    assert again
    assert not again.clean
