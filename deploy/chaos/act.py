"""What every strike may touch, and what a run remembers of itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from redis.asyncio import Redis

from deploy.chaos.proxy import Proxy
from deploy.chaos.server import Mortal
from deploy.demo.audit.evidence import Change
from deploy.demo.cast import Cast
from deploy.demo.gathering import Gathering
from deploy.demo.processes import Process
from deploy.demo.stage import Stage
from deploy.demo.tally import Tally


@dataclass(slots=True)
class Theatre:
    """Everything that runs; proxies by the name of the process whose way they are."""

    stage: Stage
    mortal: Mortal
    to_redis: Mapping[str, Proxy]
    to_venue: Mapping[str, Proxy]
    settings: Mapping[str, str]
    folder: Path
    cast: Cast
    redis: Redis

    @property
    def logs(self) -> Path:
        """Return where every process writes."""
        return self.folder / "logs"

    def process(self, name: str) -> Process:
        """Return a service by its name."""
        return next(each for each in self.stage.services if each.name == name)


@dataclass(slots=True)
class Measures:
    """Figures of one run, seconds each."""

    takeovers: list[float] = field(default_factory=list)
    handovers: list[float] = field(default_factory=list)
    detections: list[float] = field(default_factory=list)


class Timeline:
    """What happened, in words, with the second it happened at."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.lines: list[str] = []

    def note(self, who: str, what: str) -> None:
        """Add a line."""
        self.lines.append(f"{time.monotonic() - self._began:7.2f}  {who:<20} {what}")


@dataclass(slots=True)
class Act:
    """One run under way."""

    theatre: Theatre
    gathering: Gathering
    tally: Tally
    timeline: Timeline = field(default_factory=Timeline)
    measures: Measures = field(default_factory=Measures)
    doubts_ms: list[int] = field(default_factory=list)
    """When a service was killed or paused: afterwards something may have to be asked for."""
    dead: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """When each follower's grant was no good: from and until, milliseconds."""
    changes: list[Change] = field(default_factory=list)
    """Subscriptions as they were changed, in order."""
    offset_ms: int = 0
    """How far the venue's clock is ahead of the host's."""
    disturbed: int = 0
    """How many strikes are under way that keep figures from meaning anything."""
    leading: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a leader acts, or must not."""
    consenting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while owners take consent back or give it."""
    _one_look: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> None:
        """Read what the venue has seen since the last look."""
        async with self._one_look:
            self.tally.take(*await self.gathering.gather())

    def doubt(self) -> None:
        """Note that from now on something may be in doubt."""
        self.doubts_ms.append(now_ms())

    @asynccontextmanager
    async def disturbing(self) -> AsyncIterator[None]:
        """Keep others from measuring while this lasts."""
        self.disturbed += 1
        try:
            yield
        finally:
            self.disturbed -= 1


Striking = Callable[[Act, Random], Awaitable[None]]


def now_ms() -> int:
    """Return Unix milliseconds."""
    return time.time_ns() // 1_000_000
