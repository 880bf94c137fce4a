"""Who is served next: closes before opens, each in the order they became ready."""

from collections import OrderedDict, deque
from collections.abc import Callable

from services.follower_worker.lane import Lane
from services.follower_worker.strands import Strand

Waiting = tuple[Lane, Strand]


class ReadyQueue:
    """Strands that may send. Unbounded by count, bounded by followers: a strand waits at most once."""

    def __init__(self) -> None:
        self._closes: deque[Waiting] = deque()
        self._opens: OrderedDict[int, Waiting] = OrderedDict()
        """By the identity of the strand, so that one whose leader closes meanwhile can change lines."""
        self.on_put: Callable[[], None] = lambda: None
        """Called when somebody was lined up."""

    def __len__(self) -> int:
        return len(self._closes) + len(self._opens)

    def put(self, lane: Lane, strand: Strand) -> None:
        """Line a strand up; one that stood in line to open and has something to close by now goes to the closes.

        Does nothing if it stands in the right line already or may not send.
        """
        if not strand.may_send or lane.lost or lane.draining:
            return
        if strand.queued:
            if strand.book.closes and id(strand) in self._opens:
                del self._opens[id(strand)]
                self._closes.append((lane, strand))
            return
        strand.queued = True
        if strand.book.closes:
            self._closes.append((lane, strand))
        else:
            self._opens[id(strand)] = (lane, strand)
        self.on_put()

    def pop(self) -> Waiting | None:
        """Take the next strand, closes first; None if nobody waits."""
        if self._closes:
            waiting = self._closes.popleft()
        elif self._opens:
            _, waiting = self._opens.popitem(last=False)
        else:
            return None
        waiting[1].queued = False
        return waiting
