"""A copy of a server, given back to an empty one, is an older server and nothing else. On a real server only."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from shared.bus.client import open_redis
from shared.bus.copies import Copies
from shared.bus.embedded import EmbeddedServer
from shared.bus.epoch import Epochs
from shared.domain.ids import EntryId
from shared.domain.lanes import Lane
from shared.domain.switches import Action, Scope
from shared.messages.copy import Copy, read_rows, write_rows
from shared.messages.entries import SubscriptionV1, SwitchV1, decode, write_subscription, write_trade_event
from shared.messages.lane import Commit
from shared.messages.leader import Published
from tests.support.builders import LEADER, NOON_MS, event, subscription
from tests.support.bus import Mortal, RealBus

LANE = Lane(0)
LANES = 4


@dataclass
class Remembered:
    """What a database would remember."""

    kept: Copy | None = None
    known: list[SubscriptionV1] = field(default_factory=list)
    thrown: list[SwitchV1] = field(default_factory=list)
    away: bool = False
    asked: int = 0

    async def copy(self) -> Copy | None:
        self.asked += 1
        if self.away:
            raise ConnectionError("the database is away")
        return self.kept

    async def switches(self) -> Sequence[SwitchV1]:
        return self.thrown

    async def subscriptions(self) -> AsyncIterator[Sequence[SubscriptionV1]]:
        if self.away:
            raise ConnectionError("the database is away")
        yield self.known


@dataclass
class House:
    bus: RealBus
    server: Mortal
    memory: Remembered

    def __post_init__(self) -> None:
        self.copies = Copies(self.bus.redis, self.bus.keys)

    async def begin(self) -> None:
        """Install, publish two events, commit a lane up to the first."""
        await self.bus.renew_epoch(NOON_MS)
        await self.bus.leases(LANES).check_installation()
        await self.publish(1)
        lease = await self.bus.leases(LANES).acquire(LANE)
        assert lease
        first = await self.bus.trades.last()
        for number in range(LANES):
            taken = lease if number == 0 else await self.bus.leases(LANES).acquire(Lane(number))
            assert taken
            await self.bus.store.commit(taken, Commit(1, first))
        await self.publish(2)

    async def publish(self, number: int) -> Published:
        state = await self.bus.publisher.state(LEADER)
        made = write_trade_event(event(number - 1, number, number=number))
        return await self.bus.publisher.publish(LEADER, state, [made], {}, NOON_MS + number, NOON_MS)

    async def put_aside(self) -> Copy:
        """Copy, through the spelling of the database."""
        copy = await self.copies.take()
        assert copy
        earlier = self.memory.kept
        self.memory.kept = read_rows(write_rows(copy), copy.at_ms)
        if earlier:
            self.memory.kept.hashes = {**earlier.hashes, **self.memory.kept.hashes}
        self.copies.kept(copy)
        return copy

    async def entries(self) -> list[str]:
        rows = await self.bus.trades.after(EntryId("0-0"), await self.bus.trades.last())
        return [decode(payload).id for _, payload in rows]


@pytest.fixture
async def house(own_redis_server: EmbeddedServer, installation: str) -> AsyncIterator[House]:
    client = open_redis(own_redis_server.url, "", 5.0, 10, tries=10)
    memory = Remembered()
    try:
        yield House(RealBus(client, installation, memory), Mortal(own_redis_server), memory)
    finally:
        await client.aclose()


async def test_an_empty_server_is_given_everything_that_was_copied(house: House) -> None:
    await house.begin()
    await house.put_aside()
    lane, state = await house.bus.store.load(LANE), await house.bus.publisher.state(LEADER)
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    found = await house.bus.publisher.state(LEADER)
    assert await house.bus.store.load(LANE) == lane
    assert (found.version, found.last_ms, found.positions) == (state.version, state.last_ms, state.positions)
    assert found.since_ms > NOON_MS + 5_000
    assert await house.entries() == [event(1, 2, number=2).id], "what every copied lane has passed is not needed"
    await house.bus.leases(LANES).check_installation()


async def test_what_was_published_before_the_copy_is_not_published_again(house: House) -> None:
    await house.begin()
    await house.put_aside()
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    assert await house.publish(2) is Published.STALE
    assert await house.publish(3) is Published.OK


async def test_what_nobody_remembers_publishing_is_not_vouched_for(house: House) -> None:
    await house.begin()
    await house.put_aside()
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    floor_ms = (await house.bus.publisher.state(LEADER)).floor_ms
    assert NOON_MS - 3_600_000 < floor_ms < NOON_MS - 60_000


async def test_a_new_entry_comes_after_those_given_back(house: House) -> None:
    await house.begin()
    await house.put_aside()
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    await house.publish(3)
    assert await house.entries() == [event(1, 2, number=2).id, event(2, 3, number=3).id]


async def test_only_what_changed_is_copied_again(house: House) -> None:
    await house.begin()
    await house.put_aside()
    again = await house.put_aside()
    assert not [name for name in again.hashes if name.startswith("lane:")]
    house.server.come_back()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    anew = await house.put_aside()
    assert len([name for name in anew.hashes if name.startswith("lane:")]) == LANES, "another server counts anew"


async def test_a_server_the_epoch_does_not_name_is_not_copied(house: House) -> None:
    await house.begin()
    house.server.come_back_empty()
    assert await house.copies.take() is None
    await house.bus.redis.hset(house.bus.keys.settled_at_installation, "lanes", "4")
    assert await house.copies.take() is None


async def test_an_empty_server_waits_for_the_database(house: House) -> None:
    """Without its books nothing may trade; with them nothing is lost by waiting."""
    await house.begin()
    await house.put_aside()
    house.server.come_back_empty()
    house.memory.away = True
    with pytest.raises(ConnectionError):
        await house.bus.leases(LANES).acquire(LANE)
    assert await house.publish(3) is Published.EPOCH
    house.memory.away = False
    assert await house.bus.leases(LANES).acquire(LANE) is None
    assert await house.bus.leases(LANES).acquire(LANE) is not None


async def test_a_server_that_only_restarted_does_not_wait_for_the_database(house: House) -> None:
    await house.begin()
    house.server.come_back()
    house.memory.away = True
    await house.bus.renew_epoch(NOON_MS + 5_000)
    assert await house.bus.leases(LANES).acquire(LANE) is not None


async def test_every_subscription_is_announced_before_anything_else(house: House) -> None:
    await house.begin()
    await house.put_aside()
    house.memory.known = [write_subscription(subscription(version=3))]
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    await house.publish(3)
    assert (await house.entries())[1:] == [house.memory.known[0].id, event(2, 3, number=3).id]
    house.server.come_back()
    await house.bus.renew_epoch(NOON_MS + 9_000)
    assert len(await house.entries()) == 3, "what is known already is refused"


async def test_every_kill_switch_is_announced_once(house: House) -> None:
    await house.begin()
    await house.put_aside()
    house.memory.thrown = [SwitchV1(Scope.LEADER, LEADER, Action.FLATTEN, NOON_MS)]
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    house.server.come_back()
    await house.bus.renew_epoch(NOON_MS + 9_000)
    assert (await house.entries())[1:] == [house.memory.thrown[0].id]


async def test_what_somebody_left_half_restored_is_restored_whole(house: House) -> None:
    await house.begin()
    copy = await house.put_aside()
    lane = await house.bus.store.load(LANE)
    house.server.come_back_empty()
    half = Copy(copy.at_ms, dict(list(copy.hashes.items())[:1]), {}, copy.entries)
    await Copies(house.bus.redis, house.bus.keys).give_back(half)
    await house.bus.redis.hset(house.bus.keys.lane(LANE), "offset", "1-1")
    await house.bus.renew_epoch(NOON_MS + 5_000)
    assert await house.bus.store.load(LANE) == lane


async def test_one_at_a_time_restores(house: House) -> None:
    await house.begin()
    house.server.come_back_empty()
    asked = house.memory.asked
    await house.bus.redis.set(house.bus.keys.restoring, "somebody", px=60_000)
    assert await Epochs(house.bus.redis, house.bus.keys, LANES, house.memory).renew(NOON_MS) is False
    assert house.memory.asked == asked


async def test_an_installation_that_never_was_begins_with_nothing(house: House) -> None:
    await house.bus.renew_epoch(NOON_MS)
    assert await house.entries() == []
    assert await house.bus.leases(LANES).acquire(LANE) is not None


async def test_who_was_away_while_others_restored_writes_over_nothing(house: House) -> None:
    """A process that was stopped in the middle goes on with what it believed: the server is in force by then."""
    await house.begin()
    copy = await house.put_aside()
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    await house.publish(3)
    before = await house.entries()
    assert await Copies(house.bus.redis, house.bus.keys).give_back(copy) is False
    assert await house.entries() == before


async def test_many_strands_are_given_back_in_pieces(house: House) -> None:
    await house.begin()
    many = {f"strand:{number}".encode(): b"{}" for number in range(1_234)}
    await house.bus.redis.hset(house.bus.keys.lane(LANE), mapping=many)  # type: ignore[arg-type]  # bytes are fine
    copy = await house.put_aside()
    house.server.come_back_empty()
    await house.bus.renew_epoch(NOON_MS + 5_000)
    found = await house.bus.redis.hgetall(house.bus.keys.lane(LANE))
    assert found == copy.hashes["lane:00"]
    assert len(found) > 1_234
