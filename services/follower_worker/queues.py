"""Who is served next: closes before opens, each in the order they became ready."""

import asyncio
from collections import deque

from services.follower_worker.lane import Lane
from services.follower_worker.strands import Strand

Waiting = tuple[Lane, Strand]


class ReadyQueue:
    """Strands that may send. Unbounded by count, bounded by followers: a strand waits at most once."""

    def __init__(self) -> None:
        self._closes: deque[Waiting] = deque()
        self._opens: deque[Waiting] = deque()
        self._count = asyncio.Semaphore(0)

    def __len__(self) -> int:
        return len(self._closes) + len(self._opens)

    def put(self, lane: Lane, strand: Strand) -> None:
        """Line a strand up; does nothing if it stands in line already or may not send."""
        if strand.queued or not strand.may_send or lane.lost or lane.draining:
            return
        strand.queued = True
        (self._closes if strand.book.closes else self._opens).append((lane, strand))
        self._count.release()

    async def take(self) -> Waiting:
        """Wait for the next strand; closes first."""
        await self._count.acquire()
        lane, strand = (self._closes or self._opens).popleft()
        strand.queued = False
        return lane, strand
