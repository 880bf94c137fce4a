"""OKX's documented rate limits, counted over a sliding window so that it is never kinder than any way OKX may count."""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Literal

from services.okx_simulator.wire.refusals import Refused

Keyed = Literal["user", "user+inst", "ip", "ip+inst"]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` requests (orders, in batches) in `seconds` for one key."""

    name: str
    most: int
    seconds: float = 2.0
    keyed: Keyed = "user"


PLACE: Final = Limit("place", 60, keyed="user+inst")
PLACE_BATCH: Final = Limit("place batch", 300, keyed="user+inst")
CANCEL: Final = Limit("cancel", 60, keyed="user+inst")
SUB_ACCOUNT: Final = Limit("new orders", 1_000)
CONNECT: Final = Limit("connect", 3, 1.0, keyed="ip")


class Throttle:
    """Counts requests; refuses those above their limit with 50011, new orders above the account's cap with 50061."""

    def __init__(self, monotonic: Callable[[], float], *, enabled: bool) -> None:
        self._monotonic = monotonic
        self.enabled = enabled
        self._seen: dict[Hashable, deque[float]] = {}

    def check(self, limit: Limit, *key: str, weight: int = 1) -> None:
        """Count `weight` requests of one key, or refuse them all and count none.

        Raises:
            Refused: 50011, or 50061 for the account's cap on new orders.
        """
        if not self.enabled:
            return
        seen = self._seen.get((limit.name, key))
        if seen is None:
            seen = self._seen[limit.name, key] = deque(maxlen=limit.most)
        now = self._monotonic()
        while seen and now - seen[0] >= limit.seconds:
            seen.popleft()
        if len(seen) + weight > limit.most:
            raise Refused("50061" if limit is SUB_ACCOUNT else "50011")
        seen.extend([now] * weight)
