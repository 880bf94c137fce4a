"""The ceiling: requests built beforehand, written as answers come in, nothing read but that one came.

asyncio.Protocol on uvloop, in the project's own environment: what is left is the loop, the sockets and TLS.
"""

import asyncio
import json
import ssl
import time
from urllib.parse import urlsplit

import uvloop

from tests.bench.contenders.task import body, cpu_s, say, task


class Runner(asyncio.Protocol):
    """One connection: the next request as soon as an answer has come."""

    def __init__(self, requests: list[bytes], done: asyncio.Future[None], left: list[int]) -> None:
        self._requests, self._done, self._left = requests, done, left

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def go(self) -> None:
        """Write the next request if any is left."""
        if self._requests:
            self._transport.write(self._requests.pop())

    def data_received(self, _data: bytes) -> None:
        """Count an answer; the stub sends each in one piece."""
        self._left[0] -= 1
        if not self._left[0]:
            self._done.set_result(None)
        self.go()


async def main() -> None:
    """Measure."""
    told = task()
    place = urlsplit(told.url)
    host, port = str(place.hostname), place.port or 443
    loop, requests, left = asyncio.get_running_loop(), list[bytes](), [0]
    done: asyncio.Future[None] = loop.create_future()
    tls = ssl.create_default_context() if place.scheme == "https" else None
    runners = [
        (await loop.create_connection(lambda: Runner(requests, done, left), host, port, ssl=tls))[1]
        for _ in range(told.connections)
    ]
    requests += [_request(f"{host}:{port}", number) for number in range(told.orders)]
    left[0] = told.orders
    before, began = cpu_s(), time.perf_counter()
    for runner in runners:
        runner.go()
    await done
    say(told.orders, cpu_s() - before, time.perf_counter() - began)


def _request(host: str, number: int) -> bytes:
    told = json.dumps(body(number)).encode()
    head = f"POST /api/v5/trade/order HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {'t' * 300}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(told)}\r\n\r\n".encode() + told


uvloop.run(main())
