"""Rate gates in the holder's memory: one owner per follower, so nobody else counts.

60 orders in 2 s per follower and instrument, 4 where the follower leads on OKX (okx-api facts, rate limits); no burst
beyond it. A throttled follower waits alone; when many are throttled within a moment, everybody does.
"""

from collections import deque

from services.follower_worker.flights import StrandKey

WINDOW_S = 2.0
_MANY = 20
"""Throttled answers within one window that mean the venue, not a follower, is at its limit."""


class Pace:
    """Says how long a strand must wait before its next order; pure but for the time it is given (monotonic seconds)."""

    def __init__(self, orders_a_window: int, pause_s: float) -> None:
        self._most, self._pause_s = orders_a_window, pause_s
        self._sent: dict[tuple[str, str], deque[float]] = {}
        self._until: dict[str, float] = {}
        self._throttled: deque[float] = deque()
        self._all_until = 0.0

    def delay(self, key: StrandKey, now: float) -> float:
        """Return the seconds to wait, 0 if an order may leave now."""
        until = max(self._until.get(key.follower, 0.0), self._all_until) if self._throttled else 0.0
        sent = self._sent.get((key.follower, key.inst_id))
        if sent and len(sent) >= self._most:
            until = max(until, sent[0] + WINDOW_S)
        return until - now if until > now else 0.0

    def sent(self, key: StrandKey, now: float) -> None:
        """Count an order that leaves now."""
        name = key.follower, key.inst_id
        sent = self._sent.get(name)
        if sent is None:
            sent = self._sent[name] = deque(maxlen=self._most)
        sent.append(now)

    def throttled(self, key: StrandKey, now: float) -> None:
        """Note that the venue told this follower to wait."""
        self._until[key.follower] = now + self._pause_s
        self._throttled.append(now)
        while self._throttled and now - self._throttled[0] > WINDOW_S:
            self._throttled.popleft()
        if len(self._throttled) >= _MANY:
            self._all_until = now + self._pause_s
