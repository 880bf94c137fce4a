"""What was decided becomes durable once, in order, whatever the server does meanwhile."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import pytest

from services.follower_worker.committing import Committer
from services.follower_worker.lane import Lane
from services.follower_worker.metrics import Metrics
from services.follower_worker.phases import Phase
from services.follower_worker.strands import Strand
from shared.domain.lanes import Lease
from shared.messages.lane import Commit, Written
from shared.telemetry.metrics import Meter
from tests.support.builders import NOON_MS, event, instrument, subscription
from tests.support.bus import MemoryBus
from tests.support.clock import FakeClock
from tests.support.lanes import followers, lane, strand_of
from tests.support.memory_bus import MemoryLaneState
from tests.support.waiting import until

AFTER_EVERYTHING_MS = 2 * NOON_MS
"""A fill that no earlier holder can have acted on."""


class FlakyState(MemoryLaneState):
    """Fails before or after it wrote, as told; never runs two commits at once."""

    def __init__(self, bus: MemoryBus) -> None:
        super().__init__(bus.redis)
        self.before: deque[Exception] = deque()
        self.after: deque[Exception] = deque()
        self.commits: list[Commit] = []
        self.busy = False
        self.meanwhile: Callable[[], object] = lambda: None

    async def commit(self, lease: Lease, commit: Commit) -> Written:
        assert not self.busy
        self.busy = True
        await asyncio.sleep(0)
        self.busy = False
        if self.before:
            raise self.before.popleft()
        self.commits.append(commit)
        written = await super().commit(lease, commit)
        if self.after:
            self.meanwhile()
            raise self.after.popleft()
        return written


class Writing:
    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.store = FlakyState(self.bus)
        self.clock = FakeClock(auto=True)
        self.written: list[Strand] = []

    async def take(self) -> Lane:
        await self.bus.renew_epoch(NOON_MS)
        lease = await self.bus.leases(lanes=1).acquire(lane().lease.lane)
        assert lease
        lease.deadline = self.clock.monotonic() + 3
        return lane(*followers(3), held=lease)

    def committer(self, taken: Lane) -> Committer:
        committer = Committer(taken, self.store, self.clock, Metrics(Meter("test")), (ConnectionError,))
        committer.on_written = lambda _lane, strand: self.written.append(strand)
        return committer


def decided(taken: Lane, number: int = 1, at_ms: int | None = None) -> list[Strand]:
    strands = taken.apply(event(10, 0, number=number, at_ms=at_ms), instrument(), NOON_MS)
    for strand in strands:
        strand.postpone()
        taken.touch(strand)
    return strands


async def test_everything_writable_is_written_and_strands_that_may_send_now_are_told() -> None:
    desk = Writing()
    taken = await desk.take()
    strands = decided(taken, at_ms=AFTER_EVERYTHING_MS)
    in_doubt = strands[0]
    in_doubt.doubt(NOON_MS)
    await desk.committer(taken).settle_down()
    assert desk.written == strands[1:]
    assert not in_doubt.dirty
    assert (await desk.bus.facts(taken.lease.lane)).offset == strands[0].cursor


async def test_an_unreachable_server_is_asked_again_with_the_same_step() -> None:
    desk = Writing()
    taken = await desk.take()
    decided(taken)
    desk.store.before += [ConnectionError("away")] * 3
    await desk.committer(taken).settle_down()
    assert (len(desk.store.commits), taken.lost, taken.seq) == (1, False, 1)


async def test_a_reply_that_was_lost_leads_to_a_repeat_that_changes_nothing() -> None:
    desk = Writing()
    taken = await desk.take()
    strands = decided(taken, at_ms=AFTER_EVERYTHING_MS)
    desk.store.after.append(ConnectionError("reply lost"))
    await desk.committer(taken).settle_down()
    first, second = desk.store.commits
    assert first is second
    assert (desk.written, taken.lost, taken.seq) == (strands, False, 1)
    assert (await desk.bus.facts(taken.lease.lane)).seq == 1


async def test_what_changes_between_repeats_goes_into_the_next_step() -> None:
    desk = Writing()
    taken = await desk.take()
    decided(taken)
    desk.store.after.append(ConnectionError("reply lost"))
    desk.store.meanwhile = lambda: decided(taken, number=2)
    await desk.committer(taken).settle_down()
    assert [commit.seq for commit in desk.store.commits] == [1, 1, 2]
    assert (await desk.bus.facts(taken.lease.lane)).offset == event(10, 0, number=2).entry


@pytest.mark.parametrize("how", ["lost", "gap"])
async def test_a_refused_commit_gives_the_lane_up(how: str) -> None:
    desk = Writing()
    taken = await desk.take()
    decided(taken)
    if how == "lost":
        await desk.bus.leases(lanes=1).release(taken.lease)
    else:
        taken.seq += 1
    await asyncio.wait_for(run(desk.committer(taken)), 5)
    assert (taken.lost, desk.written) == (True, [])


async def run(committer: Committer) -> None:
    committer.wake()
    await committer.write_until_lost()


async def test_a_drain_with_the_server_away_ends_with_the_lease() -> None:
    desk = Writing()
    taken = await desk.take()
    decided(taken)
    taken.draining = True
    desk.store.before += [ConnectionError("away")] * 1_000
    await asyncio.wait_for(desk.committer(taken).settle_down(), 5)
    assert taken.lost
    assert desk.clock.monotonic() == pytest.approx(3, abs=0.2)


def has_written(taken: Lane, seq: int) -> bool:
    return taken.seq >= seq


async def test_woken_while_writing_it_writes_again() -> None:
    desk = Writing()
    taken = await desk.take()
    committer = desk.committer(taken)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(committer.write_until_lost())
        for number in (1, 2, 3):
            decided(taken, number)
            committer.wake()
            await until(partial(has_written, taken, number))
        taken.lost = True
        committer.wake()
        await until(writing.done)
    assert not strand_of(taken, "follower-0").dirty


def test_a_lane_with_nothing_to_say_writes_nothing() -> None:
    assert lane(subscription()).prepare() is None


async def test_what_nobody_waits_for_is_gathered_into_one_commit() -> None:
    desk = Writing()
    taken = await desk.take()
    committer = desk.committer(taken)
    committer.linger_s = 0.1
    writing = asyncio.ensure_future(committer.write_until_lost())
    for strand in decided(taken):
        strand.phase = Phase.IDLE
        committer.wake()
        await asyncio.sleep(0.005)
    assert desk.store.commits == []
    await until(lambda: desk.store.commits)
    assert len(desk.store.commits[0].forgotten) == 3
    writing.cancel()


async def test_an_order_that_waits_for_it_is_not_kept_waiting() -> None:
    desk = Writing()
    taken = await desk.take()
    committer = desk.committer(taken)
    committer.linger_s = 30
    writing = asyncio.ensure_future(committer.write_until_lost())
    strand = decided(taken)[0]
    committer.wake()
    await asyncio.sleep(0.01)
    assert desk.store.commits == []
    strand.phase, strand.results = Phase.READY, strand.results + 1
    taken.touch(strand)
    committer.wake()
    await until(lambda: desk.store.commits)
    writing.cancel()
