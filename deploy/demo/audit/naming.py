"""Read an order's name: which leader fill it answers, which leg it is, which try.

The definition is published: the name is the first 32 hexadecimal characters of BLAKE2b-128 over
`event|follower|leg|tries`, where the leg is `close` or `open` and tries count from 0. It cannot be inverted, so every
name that may occur is worked out and looked up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

LEGS = ("close", "open")
_USUAL_TRIES = 3
"""Names worked out ahead; more are only worked out when a name is met that none of these explains."""
_MOST_TRIES = 64


@dataclass(frozen=True, slots=True)
class Name:
    """What a `clOrdId` stands for."""

    event: str
    leg: str
    tries: int


def cl_ord_id(event: str, follower: str, leg: str, tries: int) -> str:
    """Work out a name from its definition."""
    return blake2b(f"{event}|{follower}|{leg}|{tries}".encode(), digest_size=16).hexdigest()[:32]


class Names:
    """The names one follower's orders may have; events may be added as they happen."""

    def __init__(self, follower: str, events: Iterable[str] = ()) -> None:
        self._follower = follower
        self._events: list[str] = []
        self._known: dict[str, Name] = {}
        for event in events:
            self.learn(event)

    def learn(self, event: str) -> None:
        """Add an event orders may be named after."""
        self._events.append(event)
        self._work_out(event, range(_USUAL_TRIES))

    def read(self, name: str) -> Name | None:
        """Return what a name stands for, or None if no known event explains it, whatever the try. Slow for None."""
        found = self._known.get(name)
        if found is None:
            for event in self._events:
                self._work_out(event, range(_USUAL_TRIES, _MOST_TRIES))
            found = self._known.get(name)
        return found

    def glance(self, name: str) -> Name | None:
        """Return what a name stands for if it is one of the first tries of a known event."""
        return self._known.get(name)

    def _work_out(self, event: str, tries: range) -> None:
        for leg in LEGS:
            for number in tries:
                self._known[cl_ord_id(event, self._follower, leg, number)] = Name(event, leg, number)
