"""Everything at once, many times over: no answer goes astray, no sender hangs, no place is lost."""

import asyncio
from random import Random

import pytest

from shared.clock import SystemClock
from shared.okx.errors import OkxError
from shared.okx.pool import WireLimits
from shared.okx.protocol import GET, Request
from shared.okx.wire import Wire
from tests.contract.okx.raw_servers import Visit, answer, hosting
from tests.support.waiting import until

REQUESTS = 400
CANCELLED = 60
CONNECTIONS = 4
LIMITS = WireLimits(connections=CONNECTIONS, waiting=10, queue_s=0.05, connect_s=1, idle_s=0.05)


class Moody:
    """A host that answers most requests, and does everything else to the others."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    async def __call__(self, visit: Visit) -> None:
        while request := await visit.request():
            if not await self._treat(visit, request.split(b" ")[1]):
                return

    async def _treat(self, visit: Visit, path: bytes) -> bool:
        """Answer with the path or misbehave; return whether the connection goes on."""
        match self.chance.randrange(12):
            case 0:
                visit.reset()
            case 1:
                pass
            case 2:
                await visit.say(answer(path)[: self.chance.randrange(1, 60)])
            case 3:
                await visit.say(answer(path) + b"HTTP/1.1 200")
            case 4:
                await visit.say(answer(path, headers=b"Connection: close\r\n"))
            case 5:
                await asyncio.sleep(0.3)
                return True
            case _:
                await asyncio.sleep(self.chance.random() * 0.003)
                await visit.say(answer(path))
                return True
        return False


@pytest.mark.parametrize("seed", range(5))
async def test_a_storm_leaves_the_wire_as_it_was(seed: int) -> None:
    chance, loop = Random(seed), asyncio.get_running_loop()
    async with hosting(Moody(chance)) as host, Wire(host.origin, SystemClock(), LIMITS) as wire:
        tasks = [asyncio.create_task(_send(wire, number)) for number in range(REQUESTS)]
        for number in chance.sample(range(REQUESTS), CANCELLED):
            loop.call_later(number * 0.001 + chance.random() * 0.02, tasks[number].cancel)
        done = await asyncio.gather(*tasks, return_exceptions=True)

        assert {type(one).__name__ for one in done} == {"Response", "Unanswered", "NotSent", "CancelledError"}
        sent = [request.split(b" ")[1] for request in host.requests]
        assert len(sent) == len(set(sent)), "a request left twice"
        not_sent = {b"/%d" % number for number, one in enumerate(done) if type(one).__name__ == "NotSent"}
        assert not_sent.isdisjoint(sent), "a request that reached the host was called not sent"
        assert wire.waiting == 0
        wire.close()
        await until(lambda: wire.open == 0)


async def _send(wire: Wire, number: int) -> object:
    await asyncio.sleep(number * 0.001)
    try:
        response = await wire.send(Request(GET, f"/{number}"), 0.1)
    except OkxError as error:
        return error
    assert response.body == b"/%d" % number
    return response
