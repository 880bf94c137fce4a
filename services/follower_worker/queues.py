"""Who is served next: closes before opens, each in the order they became ready."""

import asyncio
from collections import OrderedDict, deque

from services.follower_worker.lane import Lane
from services.follower_worker.strands import Strand

Waiting = tuple[Lane, Strand]


class ReadyQueue:
    """Strands that may send. Unbounded by count, bounded by followers: a strand waits at most once."""

    def __init__(self) -> None:
        self._closes: deque[Waiting] = deque()
        self._opens: OrderedDict[int, Waiting] = OrderedDict()
        """By the identity of the strand, so that one whose leader closes meanwhile can change lines."""
        self._count = asyncio.Semaphore(0)

    def __len__(self) -> int:
        return len(self._closes) + len(self._opens)

    def put(self, lane: Lane, strand: Strand) -> None:
        """Line a strand up; one that stood in line to open and has something to close by now goes to the closes.

        Does nothing if it stands in the right line already or may not send.
        """
        if not strand.may_send or lane.lost or lane.draining:
            return
        if strand.queued:
            if strand.book.closes and self._opens.pop(id(strand), None):
                self._closes.append((lane, strand))
            return
        strand.queued = True
        if strand.book.closes:
            self._closes.append((lane, strand))
        else:
            self._opens[id(strand)] = (lane, strand)
        self._count.release()

    async def take(self) -> Waiting:
        """Wait for the next strand; closes first."""
        await self._count.acquire()
        lane, strand = self._closes.popleft() if self._closes else self._opens.popitem(last=False)[1]
        strand.queued = False
        return lane, strand
