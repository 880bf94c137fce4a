"""Closes before opens, each in the order they became ready, nobody twice."""

from services.follower_worker.lane import Lane
from services.follower_worker.phases import Phase
from services.follower_worker.queues import ReadyQueue
from services.follower_worker.strands import Strand
from tests.support.builders import NOON_MS, book, event, instrument
from tests.support.lanes import followers, lane


def ready(count: int) -> tuple[Lane, list[Strand]]:
    taken = lane(*followers(count))
    return taken, sorted(taken.apply(event(0, 10), instrument(), NOON_MS, NOON_MS), key=lambda each: each.key)


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
