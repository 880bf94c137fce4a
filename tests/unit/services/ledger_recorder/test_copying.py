"""Copies are made again and again, and one that cannot be made or written is left out without a word lost."""

from dataclasses import dataclass, field

from services.ledger_recorder.copying import Copying
from services.ledger_recorder.metrics import Metrics
from shared.messages.copy import Copy
from shared.telemetry.metrics import Meter
from tests.support.clock import FakeClock


@dataclass
class Server:
    """Gives copies, or nothing, or fails."""

    next: list[Copy | Exception | None] = field(default_factory=list)
    safe: list[int] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    away: bool = False

    async def take(self) -> Copy | None:
        given = self.next.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    def kept(self, copy: Copy) -> None:
        self.safe.append(copy.at_ms)

    async def save(self, copy: Copy) -> None:
        if self.away:
            raise ConnectionError("the database is away")
        self.saved.append(copy.at_ms)


def copying(server: Server, clock: FakeClock, meter: Meter) -> Copying:
    return Copying(server, server.save, clock, Metrics(meter), 5.0, (OSError,))


async def test_a_copy_is_kept_only_once_it_is_written() -> None:
    server, clock = Server([Copy(1), Copy(2)]), FakeClock()
    copier = copying(server, clock, Meter("test"))
    assert await copier.copy()
    server.away = True
    assert not await copier.copy()
    assert (server.saved, server.safe) == ([1], [1])


async def test_a_server_that_cannot_be_trusted_or_reached_is_not_copied() -> None:
    server, clock = Server([None, OSError("away")]), FakeClock()
    copier = copying(server, clock, Meter("test"))
    assert [await copier.copy(), await copier.copy()] == [False, False]
    assert server.saved == []
