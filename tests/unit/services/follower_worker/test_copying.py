"""Entries reach every lane once, in order, and nothing leaves before `begun` says so."""

import asyncio
from collections.abc import Sequence

import pytest

from services.follower_worker import copying
from services.follower_worker.copying import Copier
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.domain.ids import STREAM_START, AccountId, EntryId
from shared.domain.lanes import Lane as LaneNumber
from shared.domain.lanes import Lease, lane_of
from shared.messages.entries import encode, write_subscription, write_trade_event
from shared.messages.lane import LaneRecord
from shared.telemetry.metrics import Meter
from tests.support.builders import NOON_MS, event, instrument, subscription
from tests.support.bus import MemoryBus
from tests.support.clock import FakeClock
from tests.support.surroundings import KnownFollowers, ListedInstruments
from tests.support.waiting import until

LANES = 2


def follower_in(number: int) -> str:
    """Return a follower of a lane."""
    return next(name for name in map(str, range(100)) if lane_of(AccountId(name), LANES) == number)


A, B = follower_in(0), follower_in(1)


class Copying:
    def __init__(self) -> None:
        self.bus, self.clock, self.known = MemoryBus(), FakeClock(auto=True), KnownFollowers()
        self.store = self.bus.store
        self.copier = Copier(
            self.bus.store,
            self.bus.trades,
            ListedInstruments(instrument()),
            self.known,
            self.bus.venue,
            self.clock,
            Metrics(Meter("test")),
            LANES,
        )
        self.ready: list[Strand] = []
        self.doubtful: list[Strand] = []
        self.behind: list[Lane] = []
        self.copier.on_ready = lambda _lane, strand: self.ready.append(strand)
        self.copier.on_doubt = lambda _lane, strand: self.doubtful.append(strand)
        self.copier.on_behind = self.behind.append

    async def take(self, number: int, *followers: str) -> Lane:
        await self.bus.renew_epoch(NOON_MS - 1_000_000)
        lease = await self.bus.leases(lanes=LANES).acquire(LaneNumber(number))
        assert lease
        settings = [write_subscription(subscription(follower=follower)) for follower in followers]
        return Lane.found(lease, LaneRecord(STREAM_START, 0, {}, settings, []))

    def add(self, *numbers: int) -> list[tuple[EntryId, bytes]]:
        """Publish events; returns them as the reader would read them."""
        rows = []
        for number in numbers:
            payload = encode(write_trade_event(event(number - 1, number, number=number)))
            rows.append((self.bus.redis.add(payload), payload))
        return rows

    async def attached(self, number: int, *followers: str) -> Lane:
        taken = await self.take(number, *followers)
        await self.copier.catch_up(taken)
        return taken


def targets(taken: Lane) -> dict[str, int]:
    """Return what each follower should hold, what is still in doubt included."""
    return {
        key.follower: int(strand.book.target + sum(event.opened for event in strand.doubtful))
        for key, strand in taken.strands.items()
    }


async def test_a_batch_reaches_every_lane_it_concerns() -> None:
    desk = Copying()
    first, second = await desk.attached(0, A), await desk.attached(1, B)
    rows = desk.add(1, 2, 3)
    await desk.copier.receive(rows)
    assert (targets(first), targets(second)) == ({A: 3}, {B: 3})
    assert first.position == second.position == rows[-1][0]
    assert {strand.key.follower for strand in desk.ready} == {A, B}


async def test_begun_stands_at_the_batchs_end_before_anybody_is_ready() -> None:
    desk = Copying()
    await desk.attached(0, A)
    begun: list[str | None] = []
    desk.copier.on_ready = lambda lane, _strand: begun.append(desk.bus.redis.lane(lane.lease.lane).begun)
    rows = desk.add(1, 2)
    await desk.copier.receive(rows)
    assert begun == [rows[-1][0]] * 2


async def test_a_lane_whose_begun_is_refused_is_lost_and_gets_nothing() -> None:
    desk = Copying()
    first, second = await desk.attached(0, A), await desk.attached(1, B)
    await desk.bus.leases(lanes=LANES).release(first.lease)
    await desk.copier.receive(desk.add(1))
    assert (first.lost, targets(first), targets(second)) == (True, {}, {B: 1})


async def test_what_cannot_be_decoded_is_set_aside_and_the_rest_goes_on() -> None:
    desk = Copying()
    taken = await desk.attached(0, A)
    rows = desk.add(1)
    bad_size = encode(write_trade_event(event(1, 2, number=2))).replace(b'"after":"2"', b'"after":"two"')
    for payload in (b"\xff", b"{}", b'{"schema":"trade_event/9"}', bad_size):
        rows.append((desk.bus.redis.add(payload), payload))
    rows += desk.add(3)
    await desk.copier.receive(rows)
    dead = await desk.bus.dead()
    assert [payload for _, payload, _ in dead] == [payload for _, payload in rows[1:5]]
    assert "expected a plain decimal number" in dead[-1][2]
    assert taken.position == rows[-1][0]
    assert targets(taken) == {A: 2}


async def test_a_change_of_a_subscription_loads_the_account_of_a_follower_of_ours() -> None:
    desk = Copying()
    await desk.attached(0)
    for follower in (A, B):
        await desk.bus.subscriptions.publish([write_subscription(subscription(follower=follower))])
    rows = await desk.bus.trades.after(STREAM_START, await desk.bus.trades.last())
    await desk.copier.receive(rows)
    assert desk.known.ensured == [A]


async def test_so_does_one_read_while_catching_up() -> None:
    desk = Copying()
    for follower in (A, B):
        await desk.bus.subscriptions.publish([write_subscription(subscription(follower=follower))])
    desk.add(1)
    taken = await desk.attached(0)
    assert desk.known.ensured == [A]
    assert targets(taken) == {A: 1}


async def test_a_lane_taken_later_reads_what_it_missed_and_then_follows() -> None:
    desk = Copying()
    missed = desk.add(*range(1, 6))
    desk.copier.regroup(missed[-1][0])
    taken = await desk.attached(0, A)
    assert (taken.position, taken.caught_up, targets(taken)) == (missed[-1][0], True, {A: 5})
    await desk.copier.receive(desk.add(6))
    assert targets(taken) == {A: 6}


async def test_it_reads_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_PAGE", 2)
    desk = Copying()
    desk.add(*range(1, 8))
    assert targets(await desk.attached(0, A)) == {A: 7}


async def test_entries_both_read_and_caught_up_are_folded_once() -> None:
    """The reader passes a batch while a lane is reading the same entries by itself."""
    desk = Copying()
    taken = await desk.take(0, A)
    rows = desk.add(1, 2, 3)
    whole = desk.bus.trades.last
    raced = False

    async def last() -> EntryId:
        nonlocal raced
        found = await whole()
        if not raced:
            raced = True
            await desk.copier.receive(desk.add(4, 5))
        return found

    desk.bus.trades.last = last  # type: ignore[method-assign]  # the reader overtakes between two steps
    await desk.copier.catch_up(taken)
    assert targets(taken) == {A: 5}
    await desk.copier.receive(rows)
    assert targets(taken) == {A: 5}


async def test_a_batch_under_way_while_a_lane_attaches_is_neither_missed_nor_folded_twice() -> None:
    desk = Copying()
    await desk.attached(1, B)
    taken = await desk.take(0, A)
    rows = desk.add(1, 2)
    whole = desk.bus.store.raise_begun
    async with asyncio.TaskGroup() as group:

        async def raise_begun(leases: Sequence[Lease], entry: EntryId) -> list[bool]:
            if [lease.lane for lease in leases] == [1]:
                await group.create_task(desk.copier.catch_up(taken))
            return await whole(leases, entry)

        desk.bus.store.raise_begun = raise_begun  # type: ignore[method-assign]  # the lane attaches in the middle
        await desk.copier.receive(rows)
    assert targets(taken) == {A: 2}
    await desk.copier.receive(desk.add(3))
    assert targets(taken) == {A: 3}


async def test_a_reader_that_fails_half_way_leaves_no_lane_with_a_hole() -> None:
    desk = Copying()
    taken = await desk.attached(0, A)
    whole = desk.bus.store.raise_begun
    failed = False

    async def raise_begun(leases: Sequence[Lease], entry: EntryId) -> list[bool]:
        nonlocal failed
        if not failed:
            failed = True
            raise ConnectionError("away")
        return await whole(leases, entry)

    desk.bus.store.raise_begun = raise_begun  # type: ignore[method-assign]  # fails once
    with pytest.raises(ConnectionError):
        await desk.copier.receive(desk.add(1))
    assert (desk.behind, targets(taken)) == ([taken], {})
    await desk.copier.receive(desk.add(2))
    assert targets(taken) == {}
    await desk.copier.catch_up(taken)
    assert targets(taken) == {A: 2}


async def test_a_lane_that_cannot_keep_up_is_detached_and_the_reader_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MOST_OPEN_ENTRIES", 4)
    desk = Copying()
    slow, other = await desk.attached(0, A), await desk.attached(1)
    await desk.copier.receive(desk.add(1, 2, 3, 4, 5))
    assert sorted(desk.behind, key=lambda each: each.lease.lane) == [slow, other]
    await desk.copier.receive(desk.add(6))
    assert targets(slow) == {A: 5}


async def test_it_reads_on_once_it_has_decided_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MOST_OPEN_ENTRIES", 4)
    desk = Copying()
    slow = await desk.attached(0, A)
    await desk.copier.receive(desk.add(1, 2, 3, 4, 5, 6))
    async with asyncio.TaskGroup() as group:
        catching_up = group.create_task(desk.copier.catch_up(slow))
        await until(lambda: desk.clock.monotonic() > 1)
        assert not catching_up.done()
        slow.open_entries.clear()
    assert targets(slow) == {A: 6}


async def test_on_a_server_that_forgot_a_lane_attaches_at_its_tail() -> None:
    desk = Copying()
    desk.copier.regroup(EntryId(f"{NOON_MS * 3}-0"))
    taken = await asyncio.wait_for(desk.attached(0, A), 5)
    await desk.copier.receive(desk.add(1))
    assert targets(taken) == {A: 1}


async def test_lanes_catch_up_by_themselves_when_the_reader_starts_anew() -> None:
    desk = Copying()
    taken = await desk.attached(0, A)
    rows = desk.add(1)
    desk.copier.regroup(rows[-1][0])
    assert desk.behind == [taken]
    await desk.copier.receive(desk.add(2))
    assert targets(taken) == {}
    await desk.copier.catch_up(taken)
    assert targets(taken) == {A: 2}


async def test_what_an_earlier_holder_may_have_sent_goes_to_be_asked_for() -> None:
    desk = Copying()
    desk.add(1)
    taken = await desk.attached(0, A)
    assert [strand.phase for strand in desk.doubtful] == [Phase.DOUBTFUL]
    assert desk.ready == []
    assert taken.position == await desk.bus.trades.last()


@pytest.mark.parametrize(
    ("moves", "orders_wait", "order"),
    [
        ([(0, 1)], False, ["folded", "sent"] * 2),
        ([(0, 1)], True, ["folded"] * 2 + ["sent"] * 2),
        ([(1, 0)], False, ["folded", "sent"] * 2),
        ([(0, 3), (3, 1)], False, ["folded"] * 4 + ["sent"] * 4),
        ([(1, -1)], False, ["folded"] * 2 + ["sent"] * 2),
    ],
)
async def test_orders_of_one_lane_leave_before_the_next_is_folded_unless_a_close_could_be_overtaken(
    moves: list[tuple[int, int]], orders_wait: bool, order: list[str]
) -> None:
    desk = Copying()
    desk.copier.orders_wait = lambda: orders_wait
    await desk.attached(0, A)
    await desk.attached(1, B)
    told: list[str] = []

    def ready(_lane: Lane, strand: Strand) -> None:
        told.append("folded")
        asyncio.get_running_loop().call_soon(told.append, f"sent for {strand.key.follower}")

    desk.copier.on_ready = ready
    payloads = [encode(write_trade_event(event(*move, number=at))) for at, move in enumerate(moves, 1)]
    await desk.copier.receive([(desk.bus.redis.add(payload), payload) for payload in payloads])
    await asyncio.sleep(0)
    assert [each.partition(" ")[0] for each in told] == order
    assert {each for each in told if each != "folded"} == {f"sent for {A}", f"sent for {B}"}


async def test_a_reader_stopped_between_two_lanes_leaves_the_second_to_catch_up() -> None:
    desk = Copying()
    lanes = [await desk.attached(0, A), await desk.attached(1, B)]
    reading = asyncio.create_task(desk.copier.receive(desk.add(1)))

    def stop(_lane: Lane, _strand: Strand) -> None:
        reading.cancel()

    desk.copier.on_ready = stop
    with pytest.raises(asyncio.CancelledError):
        await reading
    given = [lane for lane in lanes if targets(lane)]
    assert len(given) == 1
    assert desk.behind == [lane for lane in lanes if lane is not given[0]]
    await desk.copier.catch_up(desk.behind[0])
    assert [targets(lane) for lane in lanes] == [{A: 1}, {B: 1}]
