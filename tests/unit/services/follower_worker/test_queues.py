"""Closes before opens, each in the order they became ready, nobody twice."""

from services.follower_worker.doubts import Doubt
from services.follower_worker.lane import Lane
from services.follower_worker.phases import Phase
from services.follower_worker.queues import AskQueue, ReadyQueue
from services.follower_worker.strands import Strand
from shared.clock import SystemClock
from shared.domain.outcomes import Accepted
from tests.support.builders import NOON_MS, book, event, instrument, situation
from tests.support.clock import FakeClock
from tests.support.lanes import followers, lane
from tests.support.waiting import until


def ready(count: int) -> tuple[Lane, list[Strand]]:
    taken = lane(*followers(count))
    return taken, sorted(taken.apply(event(0, 10), instrument(), NOON_MS), key=lambda each: each.key)


def test_closes_overtake_opens_and_each_keeps_its_order() -> None:
    queue = ReadyQueue()
    taken, strands = ready(5)
    for strand in (strands[1], strands[3]):
        strand.book = book(0, 10)
    for strand in strands:
        queue.put(taken, strand)
    served = [waiting[1] for _ in strands if (waiting := queue.pop())]
    assert served == [strands[number] for number in (1, 3, 0, 2, 4)]


def test_who_waits_to_open_and_has_to_close_meanwhile_changes_lines() -> None:
    queue = ReadyQueue()
    taken, strands = ready(4)
    strands[3].book = book(0, 10)
    for strand in strands:
        queue.put(taken, strand)
    strands[2].book = book(0, 10)
    queue.put(taken, strands[2])
    assert len(queue) == 4
    served = [waiting[1] for _ in strands if (waiting := queue.pop())]
    assert served == [strands[number] for number in (3, 2, 0, 1)]
    assert len(queue) == 0


def test_nobody_stands_in_line_twice_but_may_come_again() -> None:
    queue = ReadyQueue()
    taken, (strand,) = ready(1)
    queue.put(taken, strand)
    queue.put(taken, strand)
    assert len(queue) == 1
    assert queue.pop() == (taken, strand)
    queue.put(taken, strand)
    assert len(queue) == 1


def test_what_may_not_send_is_not_lined_up() -> None:
    queue = ReadyQueue()
    taken, (first, second) = ready(2)
    first.phase = Phase.FLYING
    second.results += 1
    for strand in (first, second):
        queue.put(taken, strand)
    lost, (third,) = ready(1)
    lost.lost = True
    queue.put(lost, third)
    draining, (fourth,) = ready(1)
    draining.draining = True
    queue.put(draining, fourth)
    assert len(queue) == 0


def test_whoever_is_lined_up_is_announced_once() -> None:
    queue, heard = ReadyQueue(), list[int]()
    queue.on_put = lambda: heard.append(len(queue))
    taken, (first, second) = ready(2)
    for strand in (first, first, second):
        queue.put(taken, strand)
    assert heard == [1, 2]


def test_an_empty_queue_has_nobody() -> None:
    assert ReadyQueue().pop() is None


def unsettled(count: int) -> list[Doubt]:
    """Have orders accepted after which nothing is left to do."""
    doubts = []
    taken, strands = ready(count)
    for strand in strands:
        named, _ = strand.next(situation(book=strand.book))
        assert named
        strand.launch(named, NOON_MS + 1_000, NOON_MS)
        strand.answered(Accepted("order", NOON_MS))
        doubts.append(Doubt(taken, strand))
    return doubts


async def test_what_nothing_waits_for_is_asked_when_the_orders_are_through() -> None:
    queue, waiting = AskQueue(FakeClock()), True
    queue.orders_first = lambda: waiting
    first, second = unsettled(2)
    queue.put(first)
    assert queue.pop() is None
    second.strand.covers = 1
    queue.put(second)
    assert queue.pop() is second, "an event waits for this one"
    assert queue.pop() is None
    waiting = False
    assert queue.pop() is first
    assert queue.pop() is None


async def test_it_is_not_put_off_for_long() -> None:
    clock = FakeClock()
    queue = AskQueue(clock)
    queue.orders_first = lambda: True
    first, second = unsettled(2)
    queue.put(first)
    await clock.advance(2.1)
    queue.put(second)
    assert queue.pop(asked=100) is None, "but not beside so many that orders are held up"
    assert queue.pop(asked=1) is first
    assert queue.pop() is None


async def test_it_is_put_off_no_longer_once_an_event_waits_for_the_answer() -> None:
    queue = AskQueue(FakeClock())
    queue.orders_first = lambda: True
    first, second, third = unsettled(3)
    for doubt in (first, second, third):
        queue.put(doubt)
    queue.hasten(second)
    assert queue.pop() is None, "nothing waits for it yet"
    second.strand.covers = 1
    queue.hasten(second)
    queue.hasten(second)
    assert queue.pop() is second
    assert queue.pop() is None


async def test_whoever_may_be_asked_for_is_announced() -> None:
    queue, heard = AskQueue(FakeClock()), list[Doubt | None]()
    queue.on_put = lambda: heard.append(queue.pop())
    first, second = unsettled(2)
    queue.put(first)
    queue.orders_first = lambda: True
    queue.put(second)
    second.strand.covers = 1
    queue.hasten(second)
    assert heard == [first, second]


async def test_patience_ends_by_itself_where_a_venue_answers_nothing() -> None:
    queue, asked = AskQueue(SystemClock()), list[Doubt]()
    queue.orders_first = lambda: True
    queue.on_put = lambda: asked.extend(each for each in [queue.pop()] if each)
    (doubt,) = unsettled(1)
    queue.put(doubt)
    assert asked == []
    await until(lambda: asked == [doubt])
