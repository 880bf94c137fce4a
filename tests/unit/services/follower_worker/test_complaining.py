"""A token the venue no longer accepts is reported once in a while, and a bus that is away stops nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.follower_worker.complaining import Complaints
from shared.domain.ids import AccountId
from shared.messages.notices import GrantChange, GrantNotice
from tests.support.clock import FakeClock
from tests.support.waiting import until

ALICE = AccountId("alice")


class Bus:
    """Hears notices, unless it is away."""

    def __init__(self) -> None:
        self.heard: list[GrantNotice] = []
        self.away = False
        self.tried = 0

    async def announce(self, notice: GrantNotice) -> None:
        self.tried += 1
        if self.away:
            raise OSError("the bus is away")
        self.heard.append(notice)


@asynccontextmanager
async def complaining() -> AsyncIterator[tuple[Complaints, Bus, FakeClock]]:
    bus, clock = Bus(), FakeClock()
    complaints = Complaints(bus, clock, (OSError,))
    running = asyncio.ensure_future(complaints.announce_for_ever())
    try:
        yield complaints, bus, clock
    finally:
        running.cancel()


async def test_each_version_is_reported_once_in_a_while() -> None:
    async with complaining() as (complaints, bus, clock):
        for version in (3, 3, 3, 4):
            complaints.rejected(ALICE, version)
        await until(lambda: len(bus.heard) == 2)
        assert bus.heard == [GrantNotice(ALICE, version, GrantChange.REJECTED) for version in (3, 4)]
        await clock.advance(2.1)
        complaints.rejected(ALICE, 4)
        await until(lambda: len(bus.heard) == 3)


async def test_what_cannot_be_reported_is_reported_when_it_happens_again() -> None:
    async with complaining() as (complaints, bus, _):
        bus.away = True
        complaints.rejected(ALICE, 3)
        await until(lambda: bus.tried == 1)
        bus.away = False
        complaints.rejected(ALICE, 3)
        await until(lambda: bus.heard == [GrantNotice(ALICE, 3, GrantChange.REJECTED)])
